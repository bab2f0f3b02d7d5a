//! What comes of a retrospective: follow-ups, and changes of playbooks.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::{Engineer, Responder, Viewer},
    extract::{Body, Expected, Listed, Path, tagged},
    problem::Problem,
    shapes::{FollowUpResponse, ProposalResponse},
};
use wardroom_domain::time::Timestamp;
use wardroom_engine::{
    Engine,
    retrospectives::follow_ups::{FollowUpEdit, NewFollowUp},
};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(follow_ups, add))
        .routes(routes!(edit))
        .routes(routes!(propose))
        .routes(routes!(apply))
        .routes(routes!(refuse))
}

/// Lists the follow-ups of an incident.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/follow-ups", tag = "retrospective", params(("id" = String, Path)),
    responses((status = 200, body = Listed<FollowUpResponse>), (status = "4XX", body = Problem)),
)]
async fn follow_ups(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<FollowUpResponse>>, Problem> {
    let parts = engine.acting_as(&caller).incident_parts(&id).await?;
    Ok(Json(Listed::all(parts.follow_ups.iter().map(FollowUpResponse::from).collect())))
}

/// A follow-up to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateFollowUpRequest {
    /// What to do: 1 to 500 characters.
    text: String,
    /// The handle of the owner.
    owner: Option<String>,
    /// When it is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Timestamp>,
    /// Where it is worked on: at most 500 characters.
    ticket: Option<String>,
}

/// Makes a follow-up: work that a retrospective produced.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/follow-ups", tag = "retrospective", request_body = CreateFollowUpRequest,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = FollowUpResponse), (status = "4XX", body = Problem)),
)]
async fn add(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<CreateFollowUpRequest>,
) -> Result<Response, Problem> {
    let once = body.once(&caller);
    let CreateFollowUpRequest { text, owner, due_at, ticket } = body.value;
    let new = NewFollowUp { text, owner, due_at, ticket };
    let created = engine.acting_as(&caller).once(once).follow_up_create(&id, &new).await?;
    Ok(tagged(StatusCode::CREATED, created.head.revision, FollowUpResponse::from(&created)))
}

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateFollowUpRequest {
    /// What to do.
    text: Option<String>,
    /// The handle of the owner.
    owner: Option<String>,
    /// When it is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Timestamp>,
    /// Where it is worked on.
    ticket: Option<String>,
    /// Whether it is done.
    done: Option<bool>,
}

/// Changes a follow-up, also after its incident is closed.
#[utoipa::path(
    patch, path = "/api/v1/incidents/{id}/follow-ups/{number}", tag = "retrospective", request_body = UpdateFollowUpRequest,
    params(("id" = String, Path), ("number" = u32, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = FollowUpResponse), (status = "4XX", body = Problem)),
)]
async fn edit(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, number)): Path<(String, u32)>,
    Expected(expected): Expected,
    body: Body<UpdateFollowUpRequest>,
) -> Result<Response, Problem> {
    let UpdateFollowUpRequest { text, owner, due_at, ticket, done } = body.value;
    let edit = FollowUpEdit { text, owner, due_at, ticket, done, expected };
    let edited = engine.acting_as(&caller).follow_up_edit(&id, number, &edit).await?;
    Ok(tagged(StatusCode::OK, edited.head.revision, FollowUpResponse::from(&edited)))
}

/// A change of a playbook.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateProposalRequest {
    /// The playbook's whole new document.
    source: String,
    /// Why: 1 to 2,000 characters.
    reason: String,
}

/// Proposes a change of a playbook; the answer shows the difference from its newest revision.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/retrospective/proposals", tag = "retrospective", request_body = CreateProposalRequest,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = ProposalResponse), (status = "4XX", body = Problem)),
)]
async fn propose(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<CreateProposalRequest>,
) -> Result<(StatusCode, Json<ProposalResponse>), Problem> {
    let acting = engine.acting_as(&caller).once(body.once(&caller));
    let proposal = acting.proposal_create(&id, &body.value.source, &body.value.reason).await?;
    Ok((StatusCode::CREATED, Json(ProposalResponse::from(&proposal))))
}

/// Makes a proposal the playbook's new revision; 412 when the playbook has changed since.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/retrospective/proposals/{number}/apply", tag = "retrospective",
    params(("id" = String, Path), ("number" = u32, Path)),
    responses((status = 200, body = ProposalResponse), (status = "4XX", body = Problem)),
)]
async fn apply(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Json<ProposalResponse>, Problem> {
    let proposal = engine.acting_as(&caller).proposal_apply(&id, number).await?;
    Ok(Json(ProposalResponse::from(&proposal)))
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefuseProposalRequest {
    /// Why not: 1 to 500 characters.
    reason: String,
}

/// Refuses a proposal.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/retrospective/proposals/{number}/refuse", tag = "retrospective",
    request_body = RefuseProposalRequest, params(("id" = String, Path), ("number" = u32, Path)),
    responses((status = 200, body = ProposalResponse), (status = "4XX", body = Problem)),
)]
async fn refuse(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path((id, number)): Path<(String, u32)>,
    body: Body<RefuseProposalRequest>,
) -> Result<Json<ProposalResponse>, Problem> {
    let proposal = engine.acting_as(&caller).proposal_refuse(&id, number, &body.value.reason).await?;
    Ok(Json(ProposalResponse::from(&proposal)))
}
