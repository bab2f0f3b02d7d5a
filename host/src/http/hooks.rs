//! Alert intake: each source has its own body, and all are brought to one shape.

use axum::{
    Json,
    extract::{FromRequest, Path, Request, State},
    http::request::Parts,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{authenticate, bearer, demand},
    extract::{Raw, json},
    problem::Problem,
};
use crate::{
    domain::person::AccessRole,
    engine::{Engine, EngineError},
};

mod alertmanager;

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(hook))
}

/// What became of a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct Taken {
    /// The incident it opened or joined; null when resolved alerts met no open incident.
    incident: Option<String>,
    /// Whether it opened the incident.
    opened: bool,
    /// How many alerts were new or changed their status; a redelivery changes none.
    changed: usize,
}

/// Takes in a delivery of an alert source.
///
/// The source authenticates with an API token of role responder, or with its own: the secret named `source-<source>`.
#[utoipa::path(
    post, path = "/api/v1/hooks/{source}", tag = "hooks", params(("source" = String, Path, description = "alertmanager")),
    request_body(content = Object, description = "The source's own body.", content_type = "application/json"),
    responses((status = 200, body = Taken), (status = "4XX", body = Problem)),
)]
async fn hook(
    State(engine): State<Engine>,
    Path(source): Path<String>,
    request: Request,
) -> Result<Json<Taken>, Problem> {
    let (parts, body) = request.into_parts();
    if source != alertmanager::NAME {
        return Err(EngineError::NotFound { noun: "source", name: source }.into());
    }
    may_deliver(&parts, &engine, &source).await?;
    let Raw(bytes) = Raw::from_request(Request::from_parts(parts, body), &engine).await?;
    let delivery = alertmanager::delivery(json(&bytes)?)?;
    let taken = engine.ingest(&delivery).await?;
    let incident = taken.incident.map(|incident| incident.reference());
    Ok(Json(Taken { incident, opened: taken.opened, changed: taken.changed }))
}

async fn may_deliver(parts: &Parts, engine: &Engine, source: &str) -> Result<(), Problem> {
    if let Some(token) = bearer(parts)
        && engine.is_secret(&format!("source-{source}"), token).await?
    {
        return Ok(());
    }
    demand(&authenticate(parts, engine).await?, AccessRole::Responder)
}
