//! Limits as they are written and read: of a connection, and of a plugin whatever the connection.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Admin, Viewer},
    extract::{Body, Path},
    problem::Problem,
};
use wardroom_domain::limits::CallLimits;
use wardroom_engine::Engine;

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(plugin_limits, set_plugin_limits))
}

/// What calls may use, counted on each host; what is left out has no limit.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Limits)]
pub struct PluginLimits {
    /// Calls at a time, 1 to 1000. Further ones wait for their turn, incidents in turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<u32>,
    /// Calls that begin within any 60 seconds, 1 to 100000. Further ones wait for their turn, incidents in turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_minute: Option<u32>,
    /// Bytes of requests, answers and mails within any 60 seconds, 1024 to 1099511627776. Then requests are held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_minute: Option<u64>,
    /// CPU time within any 60 seconds, 100 to 3600000 ms. Then calls come back later.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_ms_per_minute: Option<u64>,
    /// Linear memory of one call, 1048576 to 268435456. Beyond it the call ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
}

impl From<PluginLimits> for CallLimits {
    fn from(limits: PluginLimits) -> Self {
        let PluginLimits { in_flight, per_minute, bytes_per_minute, cpu_ms_per_minute, memory_bytes } = limits;
        Self { in_flight, per_minute, bytes_per_minute, cpu_ms_per_minute, memory_bytes }
    }
}

impl From<CallLimits> for PluginLimits {
    fn from(limits: CallLimits) -> Self {
        let CallLimits { in_flight, per_minute, bytes_per_minute, cpu_ms_per_minute, memory_bytes } = limits;
        Self { in_flight, per_minute, bytes_per_minute, cpu_ms_per_minute, memory_bytes }
    }
}

/// Reads what a plugin may use, whatever the connection.
#[utoipa::path(
    get, path = "/api/v1/plugins/{name}/limits", tag = "platform", params(("name" = String, Path)),
    responses((status = 200, body = PluginLimits), (status = "4XX", body = Problem)),
)]
async fn plugin_limits(
    State(engine): State<Engine>,
    _: Viewer,
    Path(name): Path<String>,
) -> Result<Json<PluginLimits>, Problem> {
    Ok(Json(engine.plugin_limits(&name).await?.into()))
}

/// Sets what a plugin may use, whatever the connection, from now on and for every version.
#[utoipa::path(
    put, path = "/api/v1/plugins/{name}/limits", tag = "platform", request_body = PluginLimits,
    params(("name" = String, Path)),
    responses((status = 200, body = PluginLimits), (status = "4XX", body = Problem)),
)]
async fn set_plugin_limits(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    body: Body<PluginLimits>,
) -> Result<Json<PluginLimits>, Problem> {
    Ok(Json(engine.plugin_set_limits(&caller, &name, body.value.into()).await?.into()))
}
