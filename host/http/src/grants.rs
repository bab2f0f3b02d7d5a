//! What waits for an administrator's grant: versions that ask for more than was given, and what calls were denied for.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Admin, Viewer},
    extract::{Body, Listed, Parameters, Path},
    problem::Problem,
    shapes::value,
};
use wardroom_domain::grant::{GrantRequest, GrantStatus, GrantSubject};
use wardroom_engine::Engine;

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(requests)).routes(routes!(approve)).routes(routes!(reject))
}

/// A grant request.
#[derive(Debug, Serialize, ToSchema)]
struct GrantRequestResponse {
    /// 10 hexadecimal characters.
    id: String,
    /// The plugin.
    plugin: String,
    /// `open`, `approved` or `rejected`.
    #[schema(value_type = String)]
    status: GrantStatus,
    /// What is asked for, in words.
    asks: Vec<String>,
    /// For a version its number and digest, for a denied call its connection and what was missing.
    #[schema(value_type = Object)]
    subject: Value,
    /// When it was first asked, RFC 3339.
    at: String,
    /// When it was decided, RFC 3339.
    decided_at: Option<String>,
    /// Who decided.
    #[schema(value_type = Option<Object>)]
    decided_by: Option<Value>,
}

impl From<GrantRequest> for GrantRequestResponse {
    fn from(request: GrantRequest) -> Self {
        let asks = match &request.subject {
            GrantSubject::Version { asks, .. } => asks.iter().map(ToString::to_string).collect(),
            GrantSubject::Denial { missing, .. } => vec![missing.to_string()],
        };
        Self {
            asks,
            subject: value(&request.subject),
            at: request.at.to_string(),
            decided_at: request.decided.as_ref().map(|(at, _)| at.to_string()),
            decided_by: request.decided.as_ref().map(|(_, by)| value(by)),
            id: request.id,
            plugin: request.plugin,
            status: request.status,
        }
    }
}

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// `open` (the default), `approved` or `rejected`.
    #[param(value_type = Option<String>)]
    status: Option<GrantStatus>,
}

/// Lists grant requests, the newest first, at most 200.
#[utoipa::path(
    get, path = "/api/v1/grants", tag = "platform", params(Wanted),
    responses((status = 200, body = Listed<GrantRequestResponse>), (status = "4XX", body = Problem)),
)]
async fn requests(
    State(engine): State<Engine>,
    _: Viewer,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Listed<GrantRequestResponse>>, Problem> {
    let found = engine.grant_request_list(wanted.status.unwrap_or(GrantStatus::Open)).await?;
    Ok(Json(Listed::all(found.into_iter().map(GrantRequestResponse::from).collect())))
}

/// How a request is approved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApproveGrantRequest {
    /// For a missing secret the name of the stored one.
    #[serde(default)]
    secret: Option<String>,
}

/// Gives what is asked for and nothing more: a version comes into use, or a connection's or a plugin's grant grows by what
/// was missing. Calls that begin later have it.
#[utoipa::path(
    post, path = "/api/v1/grants/{id}/approve", tag = "platform", request_body = ApproveGrantRequest,
    params(("id" = String, Path)),
    responses((status = 200, body = GrantRequestResponse), (status = "4XX", body = Problem)),
)]
async fn approve(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    body: Body<ApproveGrantRequest>,
) -> Result<Json<GrantRequestResponse>, Problem> {
    Ok(Json(engine.grant_approve(&caller, &id, body.value.secret.as_deref()).await?.into()))
}

/// Notes that it is not given; it can still be approved later.
#[utoipa::path(
    post, path = "/api/v1/grants/{id}/reject", tag = "platform", params(("id" = String, Path)),
    responses((status = 200, body = GrantRequestResponse), (status = "4XX", body = Problem)),
)]
async fn reject(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    Path(id): Path<String>,
) -> Result<Json<GrantRequestResponse>, Problem> {
    Ok(Json(engine.grant_reject(&caller, &id).await?.into()))
}
