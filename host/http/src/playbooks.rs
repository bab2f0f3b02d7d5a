//! Playbooks.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Engineer, Viewer},
    extract::{Expected, Listed, Path, Raw, tagged},
    problem::{FieldError, Problem},
    shapes::RevisionResponse,
    workflows::{ValidationResponse, text},
};
use wardroom_engine::{Engine, platform::playbooks::PlaybookView};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(validate))
        .routes(routes!(show, save, delete))
        .routes(routes!(revisions))
        .routes(routes!(revision))
        .routes(routes!(review))
}

/// A playbook in use.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlaybookResponse {
    /// Its newest revision.
    #[serde(flatten)]
    revision: RevisionResponse,
    /// When the newest incident that followed it was opened: RFC 3339.
    last_used_at: Option<String>,
    /// When somebody last looked at it, saved or reviewed it: RFC 3339.
    reviewed_at: String,
    /// Why it is stale; null when it is not.
    stale: Option<String>,
}

impl From<PlaybookView> for PlaybookResponse {
    fn from(view: PlaybookView) -> Self {
        Self {
            revision: view.revision.into(),
            last_used_at: view.last_used_at.map(|at| at.to_string()),
            reviewed_at: view.reviewed_at.to_string(),
            stale: view.stale,
        }
    }
}

/// Lists playbooks by name, each with why it is stale, if it is.
#[utoipa::path(
    get, path = "/api/v1/playbooks", tag = "playbooks",
    responses((status = 200, body = Listed<PlaybookResponse>), (status = "4XX", body = Problem)),
)]
async fn list(State(engine): State<Engine>, _: Viewer) -> Result<Json<Listed<PlaybookResponse>>, Problem> {
    Ok(Json(Listed::all(engine.playbook_list().await?.into_iter().map(PlaybookResponse::from).collect())))
}

/// Checks a document without saving it.
#[utoipa::path(
    post, path = "/api/v1/playbooks/validate", tag = "playbooks",
    request_body(content = String, description = "YAML or JSON.", content_type = "application/yaml"),
    responses((status = 200, body = ValidationResponse), (status = "4XX", body = Problem)),
)]
async fn validate(
    State(engine): State<Engine>,
    _: Viewer,
    Raw(bytes): Raw,
) -> Result<Json<ValidationResponse>, Problem> {
    let errors = match engine.playbook_validate(text(&bytes)?).await? {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(FieldError::from).collect(),
    };
    Ok(Json(ValidationResponse { valid: errors.is_empty(), errors }))
}

/// Reads a playbook's newest revision.
#[utoipa::path(
    get, path = "/api/v1/playbooks/{name}", tag = "playbooks", params(("name" = String, Path)),
    responses((status = 200, body = PlaybookResponse), (status = "4XX", body = Problem)),
)]
async fn show(State(engine): State<Engine>, _: Viewer, Path(name): Path<String>) -> Result<Response, Problem> {
    let view = engine.playbook(&name).await?;
    Ok(tagged(StatusCode::OK, view.revision.revision, PlaybookResponse::from(view)))
}

/// Saves a document under its name as a new revision; the same text again changes nothing. Incidents keep the revision they
/// began with.
#[utoipa::path(
    put, path = "/api/v1/playbooks/{name}", tag = "playbooks",
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
    let saved = engine.playbook_save(&caller, &name, text(&bytes)?, expected).await?;
    Ok(tagged(StatusCode::OK, saved.revision, RevisionResponse::from(saved)))
}

/// Takes a playbook out of use; incidents that follow it go on.
#[utoipa::path(
    delete, path = "/api/v1/playbooks/{name}", tag = "playbooks", params(("name" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn delete(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    engine.playbook_delete(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists all revisions, the newest first.
#[utoipa::path(
    get, path = "/api/v1/playbooks/{name}/revisions", tag = "playbooks", params(("name" = String, Path)),
    responses((status = 200, body = Listed<RevisionResponse>), (status = "4XX", body = Problem)),
)]
async fn revisions(
    State(engine): State<Engine>,
    _: Viewer,
    Path(name): Path<String>,
) -> Result<Json<Listed<RevisionResponse>>, Problem> {
    let found = engine.playbook_revisions(&name).await?;
    Ok(Json(Listed::all(found.into_iter().map(RevisionResponse::from).collect())))
}

/// Reads one revision.
#[utoipa::path(
    get, path = "/api/v1/playbooks/{name}/revisions/{number}", tag = "playbooks",
    params(("name" = String, Path), ("number" = i64, Path)),
    responses((status = 200, body = RevisionResponse), (status = "4XX", body = Problem)),
)]
async fn revision(
    State(engine): State<Engine>,
    _: Viewer,
    Path((name, number)): Path<(String, i64)>,
) -> Result<Json<RevisionResponse>, Problem> {
    Ok(Json(engine.playbook_source(&name, number).await?.into()))
}

/// Notes that somebody looked at a playbook and found it good: it is not stale for another while.
#[utoipa::path(
    post, path = "/api/v1/playbooks/{name}/review", tag = "playbooks", params(("name" = String, Path)),
    responses((status = 200, body = PlaybookResponse), (status = "4XX", body = Problem)),
)]
async fn review(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
) -> Result<Json<PlaybookResponse>, Problem> {
    Ok(Json(engine.playbook_review(&caller, &name).await?.into()))
}
