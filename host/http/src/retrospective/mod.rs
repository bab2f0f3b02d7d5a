//! The retrospective of an incident: reading, editing, publishing, waiving, and what came of it.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Expected, Path, tagged},
    problem::Problem,
    shapes::{PublicationResponse, RetrospectiveResponse},
};
use crate::retrospective::shown::shown;
use wardroom_domain::time::Timestamp;
use wardroom_engine::{Engine, EngineError, retrospectives::RetrospectiveEdit};

mod contributions;
mod outcome;
pub(crate) mod shown;

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(show, edit))
        .routes(routes!(publish))
        .routes(routes!(version))
        .routes(routes!(waive))
        .merge(contributions::routes())
        .merge(outcome::routes())
}

fn markdown(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response()
}

fn wants_markdown(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/markdown"))
}

/// Reads the retrospective: its parts, or the document as it would be published now when `Accept` asks for `text/markdown`.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/retrospective", tag = "retrospective", params(("id" = String, Path)),
    responses((status = 200, body = RetrospectiveResponse), (status = "4XX", body = Problem)),
)]
async fn show(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let acting = engine.acting_as(&caller);
    if wants_markdown(&headers) {
        return Ok(markdown(acting.retrospective_text(&id).await?));
    }
    shown(StatusCode::OK, &acting.incident_view(&id).await?.loaded.dossier)
}

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRetrospectiveRequest {
    /// Sections to write anew, by identifier: each at most 20,000 characters; empty: takes it away.
    #[serde(default)]
    sections: BTreeMap<String, String>,
    /// The handle of who owns it.
    owner: Option<String>,
    /// The handle of who steps in.
    backup: Option<String>,
    /// By when people are asked to contribute.
    #[schema(value_type = Option<String>, format = DateTime)]
    contribute_by: Option<Timestamp>,
}

/// Edits the retrospective. After it was published, editing goes on to the next version.
#[utoipa::path(
    patch, path = "/api/v1/incidents/{id}/retrospective", tag = "retrospective", request_body = UpdateRetrospectiveRequest,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = RetrospectiveResponse), (status = "4XX", body = Problem)),
)]
async fn edit(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Expected(expected): Expected,
    body: Body<UpdateRetrospectiveRequest>,
) -> Result<Response, Problem> {
    let UpdateRetrospectiveRequest { sections, owner, backup, contribute_by } = body.value;
    let edit = RetrospectiveEdit { sections, owner, backup, contribute_by, expected };
    shown(StatusCode::OK, &engine.acting_as(&caller).retrospective_edit(&id, &edit).await?)
}

/// Publishes the document as the next version; the same text again makes none.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/retrospective/publish", tag = "retrospective", params(("id" = String, Path)),
    responses((status = 200, body = PublicationResponse), (status = "4XX", body = Problem)),
)]
async fn publish(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let published = engine.acting_as(&caller).retrospective_publish(&id).await?;
    Ok(tagged(StatusCode::OK, published.head.revision, PublicationResponse::from(&published)))
}

/// Reads a published version, as Markdown.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/retrospective/versions/{number}", tag = "retrospective",
    params(("id" = String, Path), ("number" = u32, Path)),
    responses((status = 200, body = String, content_type = "text/markdown"), (status = "4XX", body = Problem)),
)]
async fn version(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Response, Problem> {
    let parts = engine.acting_as(&caller).incident_parts(&id).await?;
    let found = parts.publications.into_iter().find(|one| one.head.number == number);
    let missing = || EngineError::NotFound { noun: "version", name: number.to_string() };
    Ok(markdown(found.ok_or_else(missing)?.text))
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiveRetrospectiveRequest {
    /// Why there is no retrospective: 1 to 500 characters.
    reason: String,
}

/// Says why the incident may be closed without a published retrospective.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/retrospective/waive", tag = "retrospective", request_body = WaiveRetrospectiveRequest,
    params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn waive(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<WaiveRetrospectiveRequest>,
) -> Result<StatusCode, Problem> {
    engine.acting_as(&caller).retrospective_waive(&id, &body.value.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
