//! Signals that are meant for no run: events that workflows may listen to.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Responder,
    extract::{Body, Path},
    problem::Problem,
};
use wardroom_engine::Engine;

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(send))
}

/// A signal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendSignalRequest {
    /// What comes with it, at most 64 KiB.
    #[serde(default)]
    #[schema(value_type = Object)]
    payload: Value,
    /// The incident it is about, by identifier or number.
    incident: Option<String>,
}

/// The event it became.
#[derive(Debug, Serialize, ToSchema)]
pub struct SendSignalResponse {
    /// A UUID.
    event: String,
}

/// Sends a signal to whichever workflows listen to it (`on: [{ signal: NAME }]`). For a run that waits, see
/// `/runs/{id}/signals/{name}`.
#[utoipa::path(
    post, path = "/api/v1/signals/{name}", tag = "runs", request_body = SendSignalRequest, params(("name" = String, Path)),
    responses((status = 202, body = SendSignalResponse), (status = "4XX", body = Problem)),
)]
async fn send(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(name): Path<String>,
    body: Body<SendSignalRequest>,
) -> Result<(StatusCode, Json<SendSignalResponse>), Problem> {
    let once = body.once(&caller);
    let SendSignalRequest { payload, incident } = body.value;
    let event = engine.acting_as(&caller).once(once).signal_send(&name, payload, incident.as_deref()).await?;
    Ok((StatusCode::ACCEPTED, Json(SendSignalResponse { event: event.to_string() })))
}
