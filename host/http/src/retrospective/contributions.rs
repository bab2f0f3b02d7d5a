//! What participants contribute: asked for, written by the API or by a link of their own, merged.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::shown;
use crate::{
    auth::Responder,
    extract::{Body, Path},
    problem::Problem,
    shapes::{ContributionResponse, RetrospectiveResponse, value},
};
use wardroom_engine::Engine;

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(ask))
        .routes(routes!(contribute))
        .routes(routes!(link))
        .routes(routes!(merge))
        .routes(routes!(merge_all))
        .routes(routes!(asked, contribute_by_link))
}

/// Whom to ask.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateContributionRequest {
    /// Their handle.
    person: String,
}

/// Asks somebody more for a contribution. Those who held a role were asked when the retrospective opened.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/retrospective/contributions", tag = "retrospective", request_body = CreateContributionRequest,
    params(("id" = String, Path)),
    responses((status = 201, body = ContributionResponse), (status = "4XX", body = Problem)),
)]
async fn ask(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<CreateContributionRequest>,
) -> Result<(StatusCode, Json<ContributionResponse>), Problem> {
    let asked = engine.acting_as(&caller).contribution_ask(&id, &body.value.person).await?;
    Ok((StatusCode::CREATED, Json(ContributionResponse::from(&asked))))
}

/// What somebody writes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WriteContributionRequest {
    /// By section of the template: each at most 5,000 characters, at least one with a text.
    sections: BTreeMap<String, String>,
}

/// Writes the caller's own contribution; writing again replaces it until it is merged.
#[utoipa::path(
    put, path = "/api/v1/incidents/{id}/retrospective/contributions/{number}", tag = "retrospective",
    request_body = WriteContributionRequest, params(("id" = String, Path), ("number" = u32, Path)),
    responses((status = 200, body = ContributionResponse), (status = "4XX", body = Problem)),
)]
async fn contribute(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, number)): Path<(String, u32)>,
    body: Body<WriteContributionRequest>,
) -> Result<Json<ContributionResponse>, Problem> {
    let written = engine.acting_as(&caller).contribution_write(&id, number, &body.value.sections).await?;
    Ok(Json(ContributionResponse::from(&written)))
}

/// A link for one person.
#[derive(Debug, Serialize, ToSchema)]
struct ContributionLinkResponse {
    /// The handle of the person.
    person: String,
    /// Where it leads: whoever has it may write that person's contribution, and nothing else.
    url: String,
    /// Until when it is good: RFC 3339.
    expires_at: String,
}

/// Makes the link by which somebody contributes without a token.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/retrospective/contributions/{number}/link", tag = "retrospective",
    params(("id" = String, Path), ("number" = u32, Path)),
    responses((status = 200, body = ContributionLinkResponse), (status = "4XX", body = Problem)),
)]
async fn link(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Json<ContributionLinkResponse>, Problem> {
    let link = engine.acting_as(&caller).contribution_link(&id, number).await?;
    Ok(Json(ContributionLinkResponse {
        person: link.person,
        url: format!("{}{}", engine.public_url(), link.path),
        expires_at: link.expires_at.to_string(),
    }))
}

/// Takes what somebody wrote over into the draft, once.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/retrospective/contributions/{number}/merge", tag = "retrospective",
    params(("id" = String, Path), ("number" = u32, Path)),
    responses((status = 200, body = RetrospectiveResponse), (status = "4XX", body = Problem)),
)]
async fn merge(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Response, Problem> {
    shown(StatusCode::OK, &engine.acting_as(&caller).contribution_merge(&id, Some(number)).await?)
}

/// Takes everything that was contributed over into the draft, each once.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/retrospective/merge", tag = "retrospective", params(("id" = String, Path)),
    responses((status = 200, body = RetrospectiveResponse), (status = "4XX", body = Problem)),
)]
async fn merge_all(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    shown(StatusCode::OK, &engine.acting_as(&caller).contribution_merge(&id, None).await?)
}

/// What somebody with a link is asked.
#[derive(Debug, Serialize, ToSchema)]
struct ContributionInvitationResponse {
    /// The incident's number and title.
    incident: String,
    /// The handle of who is asked.
    person: String,
    /// By when: RFC 3339.
    due_at: String,
    /// The sections: `{id, title, hint}`.
    #[schema(value_type = Vec<Object>)]
    template: Value,
    /// What they wrote so far, by section.
    sections: BTreeMap<String, String>,
}

/// Tells what the person of a link is asked. Needs no token: the link is signed.
#[utoipa::path(
    get, path = "/api/v1/contributions/{token}", tag = "retrospective", params(("token" = String, Path)),
    responses((status = 200, body = ContributionInvitationResponse), (status = "4XX", body = Problem)),
)]
async fn asked(
    State(engine): State<Engine>,
    Path(token): Path<String>,
) -> Result<Json<ContributionInvitationResponse>, Problem> {
    let asked = engine.contribution_asked(&token).await?;
    Ok(Json(ContributionInvitationResponse {
        incident: asked.incident,
        person: asked.contribution.person,
        due_at: asked.contribution.due_at.to_string(),
        template: value(&asked.retrospective.template),
        sections: asked.contribution.sections,
    }))
}

/// Writes the contribution of the person of a link. Needs no token: the link is signed.
#[utoipa::path(
    post, path = "/api/v1/contributions/{token}", tag = "retrospective", request_body = WriteContributionRequest,
    params(("token" = String, Path)),
    responses((status = 200, body = ContributionResponse), (status = "4XX", body = Problem)),
)]
async fn contribute_by_link(
    State(engine): State<Engine>,
    Path(token): Path<String>,
    body: Body<WriteContributionRequest>,
) -> Result<Json<ContributionResponse>, Problem> {
    let written = engine.contribution_write_by_link(&token, &body.value.sections).await?;
    Ok(Json(ContributionResponse::from(&written)))
}
