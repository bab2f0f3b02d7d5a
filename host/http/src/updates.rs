//! Status updates, the brief for people who join late, duplicates, and who may see an incident.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Listed, Path, tagged},
    problem::Problem,
    shapes::{IncidentResponse, UpdateResponse, value},
};
use wardroom_domain::{playbook::Audience, time::parse_duration};
use wardroom_engine::{Engine, incidents::updates::NewUpdate};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(read_brief))
        .routes(routes!(merge))
        .routes(routes!(access))
}

/// Lists the status updates of an incident, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/updates", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Listed<UpdateResponse>), (status = "4XX", body = Problem)),
)]
async fn list(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<UpdateResponse>>, Problem> {
    let parts = engine.acting_as(&caller).incident_parts(&id).await?;
    Ok(Json(Listed::all(parts.updates.iter().map(UpdateResponse::from).collect())))
}

/// An update to post.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUpdateRequest {
    /// `internal` (the default), `stakeholder` or `public`.
    #[schema(value_type = Option<String>)]
    audience: Option<Audience>,
    /// What people are told: 1 to 4,000 characters.
    text: Option<String>,
    /// The playbook's template that makes the text.
    template: Option<String>,
    /// When the next one comes, such as `30m`; absent: by the cadence of the severity.
    next_in: Option<String>,
}

/// Posts a status update, and promises the next one.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/updates", tag = "incidents", request_body = CreateUpdateRequest,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = UpdateResponse), (status = "4XX", body = Problem)),
)]
async fn post(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<CreateUpdateRequest>,
) -> Result<(StatusCode, Json<UpdateResponse>), Problem> {
    let once = body.once(&caller);
    let CreateUpdateRequest { audience, text, template, next_in } = body.value;
    let next_in = next_in.as_deref().map(|text| {
        parse_duration(text).ok_or_else(|| Problem::invalid("next_in", "a duration such as 30m is wanted"))
    });
    let new = NewUpdate { audience, text, template, next_in: next_in.transpose()? };
    let update = engine.acting_as(&caller).once(once).update_post(&id, &new).await?;
    Ok((StatusCode::CREATED, Json(UpdateResponse::from(&update))))
}

/// A brief for people who join late, made from the incident and its timeline: as JSON, or as Markdown when `Accept` asks
/// for `text/markdown`.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/brief", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem)),
)]
async fn read_brief(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let made = engine.acting_as(&caller).incident_brief(&id).await?;
    let wants = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if wants.contains("text/markdown") {
        return Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], made.markdown()).into_response());
    }
    let body: Value = value(&made);
    Ok(Json(body).into_response())
}

/// The incident that a duplicate is one of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeIncidentRequest {
    /// Its identifier or number.
    into: String,
}

/// Merges a duplicate into another incident, which is answered: the duplicate is canceled, and its alerts join the other
/// from now on.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/merge", tag = "incidents", request_body = MergeIncidentRequest,
    params(("id" = String, Path)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn merge(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<MergeIncidentRequest>,
) -> Result<Response, Problem> {
    let incident = engine.acting_as(&caller).incident_merge(&id, &body.value.into).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}

/// Who may see an incident.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAccessRequest {
    /// Their handles, 1 to 200; null: everybody.
    visible_to: Option<BTreeSet<String>>,
}

/// Says who may see an incident. Whoever may see it may say so, and an administrator; the timeline and the audit log keep it.
#[utoipa::path(
    put, path = "/api/v1/incidents/{id}/access", tag = "incidents", request_body = SetAccessRequest,
    params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn access(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<SetAccessRequest>,
) -> Result<StatusCode, Problem> {
    engine.acting_as(&caller).incident_set_access(&id, body.value.visible_to.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
