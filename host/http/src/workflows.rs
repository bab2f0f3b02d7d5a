//! Workflow definitions, and starting one.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Engineer, Responder, Viewer},
    extract::{Body, Expected, Listed, Path, Raw, tagged},
    problem::{FieldError, Problem},
    shapes::{RevisionResponse, RunResponse},
};
use wardroom_engine::{Engine, runs::start::StartRequest};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(validate))
        .routes(routes!(show, save, delete))
        .routes(routes!(revisions))
        .routes(routes!(start))
}

/// Lists the workflows in use.
#[utoipa::path(
    get, path = "/api/v1/workflows", tag = "workflows",
    responses((status = 200, body = Listed<RevisionResponse>), (status = "4XX", body = Problem)),
)]
async fn list(State(engine): State<Engine>, _: Viewer) -> Result<Json<Listed<RevisionResponse>>, Problem> {
    let found = engine.workflow_list().await?;
    Ok(Json(Listed::all(found.into_iter().map(RevisionResponse::from).collect())))
}

/// Whether a document can be saved.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidationResponse {
    /// Whether it can.
    pub(super) valid: bool,
    /// Every fault, with line and column.
    pub(super) errors: Vec<FieldError>,
}

/// Checks a document without saving it; every fault is told.
#[utoipa::path(
    post, path = "/api/v1/workflows/validate", tag = "workflows",
    request_body(content = String, description = "YAML or JSON.", content_type = "application/yaml"),
    responses((status = 200, body = ValidationResponse), (status = "4XX", body = Problem)),
)]
async fn validate(
    State(engine): State<Engine>,
    _: Viewer,
    Raw(bytes): Raw,
) -> Result<Json<ValidationResponse>, Problem> {
    let errors = match engine.workflow_validate(text(&bytes)?).await? {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(FieldError::from).collect(),
    };
    Ok(Json(ValidationResponse { valid: errors.is_empty(), errors }))
}

/// Reads the newest revision.
#[utoipa::path(
    get, path = "/api/v1/workflows/{name}", tag = "workflows", params(("name" = String, Path)),
    responses((status = 200, body = RevisionResponse), (status = "4XX", body = Problem)),
)]
async fn show(State(engine): State<Engine>, _: Viewer, Path(name): Path<String>) -> Result<Response, Problem> {
    let found = engine.workflow(&name).await?;
    Ok(tagged(StatusCode::OK, found.revision, RevisionResponse::from(found)))
}

/// Saves a document under its name as a new revision; the same text again changes nothing.
#[utoipa::path(
    put, path = "/api/v1/workflows/{name}", tag = "workflows",
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body(content = String, description = "YAML or JSON.", content_type = "application/yaml"),
    responses((status = 200, body = RevisionResponse), (status = "4XX", body = Problem)),
)]
async fn save(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
    Expected(expected): Expected,
    Raw(bytes): Raw,
) -> Result<Response, Problem> {
    let saved = engine.workflow_save(&caller, &name, text(&bytes)?, expected).await?;
    Ok(tagged(StatusCode::OK, saved.revision, RevisionResponse::from(saved)))
}

/// Takes a workflow out of use; its runs go on.
#[utoipa::path(
    delete, path = "/api/v1/workflows/{name}", tag = "workflows", params(("name" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn delete(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    engine.workflow_delete(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists all revisions, the newest first.
#[utoipa::path(
    get, path = "/api/v1/workflows/{name}/revisions", tag = "workflows", params(("name" = String, Path)),
    responses((status = 200, body = Listed<RevisionResponse>), (status = "4XX", body = Problem)),
)]
async fn revisions(
    State(engine): State<Engine>,
    _: Viewer,
    Path(name): Path<String>,
) -> Result<Json<Listed<RevisionResponse>>, Problem> {
    let found = engine.workflow_revisions(&name).await?;
    Ok(Json(Listed::all(found.into_iter().map(RevisionResponse::from).collect())))
}

/// What to start.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRunRequest {
    /// The incident, by identifier or number.
    incident: Option<String>,
    /// The inputs.
    #[serde(default)]
    #[schema(value_type = Object)]
    inputs: Value,
    /// Whether to record requests that change something instead of sending them.
    #[serde(default)]
    dry_run: bool,
}

/// Starts a workflow; the run is durable when this answers.
#[utoipa::path(
    post, path = "/api/v1/workflows/{name}/runs", tag = "workflows", request_body = StartRunRequest,
    params(("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, body = RunResponse), (status = "4XX", body = Problem)),
)]
async fn start(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(name): Path<String>,
    body: Body<StartRunRequest>,
) -> Result<(StatusCode, Json<RunResponse>), Problem> {
    let once = body.once(&caller);
    let StartRunRequest { incident, inputs, dry_run } = body.value;
    let request = StartRequest { workflow: name, incident, inputs, dry_run };
    let run = engine.acting_as(&caller).once(once).run_start(&request).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, "malformed", format!("the document is no UTF-8: {error}"))
    })
}
