//! Alert intake: reads a source's request, proves whose it is, and answers what became of it.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::bearer,
    extract::{Path, Raw},
    problem::Problem,
};
use wardroom_domain::intake::{SourceKind, Wrong};
use wardroom_engine::{
    Engine,
    alerts::intake::{IngestReport, SourceRequest},
};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(hook))
}

/// What became of a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct IngestResponse {
    /// The incident it opened or joined, the first of several; null when resolved alerts met no open incident.
    incident: Option<String>,
    /// Whether it opened one.
    opened: bool,
    /// How many alerts were new or changed their status; a redelivery changes none.
    changed: usize,
    /// How many were silenced.
    #[serde(skip_serializing_if = "is_none")]
    silenced: usize,
    /// Every incident it opened or joined, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incidents: Vec<String>,
    /// The alerts that cannot be read, each with what is wrong; the others were taken in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wrong: Vec<WrongAlert>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// An alert that cannot be read.
#[derive(Debug, Serialize, ToSchema)]
pub struct WrongAlert {
    /// The field.
    field: String,
    /// What is wrong and what would be right.
    message: String,
}

/// Takes in a request of an alert source.
///
/// The source proves who it is by an API token of role responder, or as its settings say: by a token or a signature. Without
/// settings the secret named `source-<source>` is its token. A source of kind `pagerduty` may send it as `routing_key`, and is
/// answered as PagerDuty does.
#[utoipa::path(
    post, path = "/api/v1/hooks/{source}", tag = "hooks",
    params(("source" = String, Path, description = "`alertmanager`, `grafana`, `pagerduty`, `opsgenie`, `cloudevents`, or one of your own")),
    request_body(content = Object, description = "The source's own body.", content_type = "application/json"),
    responses((status = 200, body = IngestResponse), (status = 202, body = Object), (status = "4XX", body = Problem)),
)]
async fn hook(State(engine): State<Engine>, Path(source): Path<String>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let token = bearer(&parts).map(str::to_owned);
    let admitted = engine.source_admit(SourceRequest { source, token, headers: lower(&parts) }).await?;
    let Raw(bytes) = Raw::from_request(Request::from_parts(parts, body), &engine).await?;
    Ok(answer(engine.alert_ingest(&admitted, &bytes).await?))
}

fn answer(report: IngestReport) -> Response {
    let IngestReport { kind, incidents, opened, changed, silenced, wrong, dedup_key } = report;
    if kind == SourceKind::Pagerduty {
        let body = json!({ "status": "success", "message": "Event processed", "dedup_key": dedup_key });
        return (StatusCode::ACCEPTED, Json(body)).into_response();
    }
    let incident = incidents.first().cloned();
    let incidents = if incidents.len() < 2 { Vec::new() } else { incidents };
    let wrong = wrong.into_iter().map(|Wrong { field, message }| WrongAlert { field, message }).collect();
    Json(IngestResponse { incident, opened, changed, silenced, incidents, wrong }).into_response()
}

/// The headers a body may be understood by, their names in lower case.
fn lower(parts: &Parts) -> BTreeMap<String, String> {
    let secret = [header::AUTHORIZATION, header::COOKIE];
    let named = parts.headers.iter().filter(|(name, _)| !secret.contains(name));
    named.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}
