//! What is found out during an incident: causes, answers, artifacts, deadlines that are met.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Expected, Listed, Path, tagged},
    problem::Problem,
    shapes::{ArtifactResponse, CauseResponse, IncidentResponse},
};
use wardroom_domain::dossier::{
    cause::{CauseStatus, Evidence},
    update::ArtifactKind,
};
use wardroom_engine::{
    Engine,
    incidents::findings::{CauseEdit, NewArtifact},
};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(causes, suspect))
        .routes(routes!(judge))
        .routes(routes!(artifacts, attach))
        .routes(routes!(detach))
        .routes(routes!(answer))
        .routes(routes!(meet))
}

/// Lists the causes of an incident.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/causes", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Listed<CauseResponse>), (status = "4XX", body = Problem)),
)]
async fn causes(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<CauseResponse>>, Problem> {
    let parts = engine.acting_as(&caller).incident_parts(&id).await?;
    Ok(Json(Listed::all(parts.causes.iter().map(CauseResponse::from).collect())))
}

/// Something that speaks for or against a cause.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceItem {
    /// What it shows: 1 to 200 characters.
    label: String,
    /// Where it is.
    url: Option<String>,
}

fn evidence(proofs: Vec<EvidenceItem>) -> Vec<Evidence> {
    proofs.into_iter().map(|EvidenceItem { label, url }| Evidence { label, url }).collect()
}

/// A cause to suspect.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCauseRequest {
    /// What it would be: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    text: String,
    /// What speaks for it.
    #[serde(default)]
    evidence: Vec<EvidenceItem>,
}

/// Names a cause that is suspected.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/causes", tag = "incidents", request_body = CreateCauseRequest,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = CauseResponse), (status = "4XX", body = Problem)),
)]
async fn suspect(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<CreateCauseRequest>,
) -> Result<Response, Problem> {
    let once = body.once(&caller);
    let CreateCauseRequest { text, evidence: proofs } = body.value;
    let cause = engine.acting_as(&caller).once(once).cause_suspect(&id, &text, &evidence(proofs)).await?;
    Ok(tagged(StatusCode::CREATED, cause.head.revision, CauseResponse::from(&cause)))
}

/// What is thought of a cause now; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCauseRequest {
    /// `suspected`, `confirmed` or `ruled_out`.
    #[schema(value_type = Option<String>)]
    status: Option<CauseStatus>,
    /// Why: at most 2,000 characters.
    why: Option<String>,
    /// More that speaks for or against it.
    #[serde(default)]
    evidence: Vec<EvidenceItem>,
}

/// Confirms a cause, rules it out, suspects it again, or adds evidence.
#[utoipa::path(
    patch, path = "/api/v1/incidents/{id}/causes/{number}", tag = "incidents", request_body = UpdateCauseRequest,
    params(("id" = String, Path), ("number" = u32, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = CauseResponse), (status = "4XX", body = Problem)),
)]
async fn judge(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, number)): Path<(String, u32)>,
    Expected(expected): Expected,
    body: Body<UpdateCauseRequest>,
) -> Result<Response, Problem> {
    let UpdateCauseRequest { status, why, evidence: proofs } = body.value;
    let edit = CauseEdit { status, why, evidence: evidence(proofs), expected };
    let cause = engine.acting_as(&caller).cause_edit(&id, number, &edit).await?;
    Ok(tagged(StatusCode::OK, cause.head.revision, CauseResponse::from(&cause)))
}

/// Lists what is kept with an incident.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/artifacts", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Listed<ArtifactResponse>), (status = "4XX", body = Problem)),
)]
async fn artifacts(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<ArtifactResponse>>, Problem> {
    let parts = engine.acting_as(&caller).incident_parts(&id).await?;
    Ok(Json(Listed::all(parts.artifacts.iter().map(ArtifactResponse::from).collect())))
}

/// Something to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateArtifactRequest {
    /// `channel`, `bridge`, `ticket`, `document`, `dashboard`, `chart`, `text` or `link`.
    #[schema(value_type = String)]
    kind: ArtifactKind,
    /// What it is: 1 to 200 characters.
    label: String,
    /// Where it is: an http or https address.
    url: Option<String>,
}

/// Keeps something with an incident.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/artifacts", tag = "incidents", request_body = CreateArtifactRequest,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = ArtifactResponse), (status = "4XX", body = Problem)),
)]
async fn attach(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<CreateArtifactRequest>,
) -> Result<(StatusCode, Json<ArtifactResponse>), Problem> {
    let once = body.once(&caller);
    let CreateArtifactRequest { kind, label, url } = body.value;
    let new = NewArtifact { kind, label, url };
    let artifact = engine.acting_as(&caller).once(once).artifact_attach(&id, &new).await?;
    Ok((StatusCode::CREATED, Json(ArtifactResponse::from(&artifact))))
}

/// Takes something off an incident; the timeline keeps that it was there.
#[utoipa::path(
    delete, path = "/api/v1/incidents/{id}/artifacts/{number}", tag = "incidents",
    params(("id" = String, Path), ("number" = u32, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn detach(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, number)): Path<(String, u32)>,
) -> Result<StatusCode, Problem> {
    engine.acting_as(&caller).artifact_detach(&id, number).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerQuestionRequest {
    /// At most 2,000 characters, one of the choices where there are some; empty: takes the answer back.
    answer: String,
}

/// Answers a question of the playbook.
#[utoipa::path(
    put, path = "/api/v1/incidents/{id}/answers/{question}", tag = "incidents", request_body = AnswerQuestionRequest,
    params(("id" = String, Path), ("question" = String, Path)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn answer(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, question)): Path<(String, String)>,
    body: Body<AnswerQuestionRequest>,
) -> Result<Response, Problem> {
    let incident = engine.acting_as(&caller).question_answer(&id, &question, &body.value.answer).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}

/// How a deadline was met.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeetDeadlineRequest {
    /// Who was told what, and how: 1 to 2,000 characters.
    note: String,
}

/// Marks a deadline whose clock runs as met.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/deadlines/{deadline}/met", tag = "incidents", request_body = MeetDeadlineRequest,
    params(("id" = String, Path), ("deadline" = String, Path)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn meet(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, deadline)): Path<(String, String)>,
    body: Body<MeetDeadlineRequest>,
) -> Result<Response, Problem> {
    let incident = engine.acting_as(&caller).deadline_meet(&id, &deadline, &body.value.note).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}
