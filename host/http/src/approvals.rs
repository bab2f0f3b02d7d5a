//! Approvals: what waits for a decision, and deciding it.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Listed, Paging, Parameters, Path},
    problem::Problem,
    shapes::Approval,
};
use wardroom_domain::{id::ApprovalId, run::ApprovalStatus};
use wardroom_engine::{Caller, Engine, EngineError};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(approve)).routes(routes!(reject))
}

/// Which approvals.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only `pending`, `approved`, `rejected` or `canceled`.
    #[param(value_type = Option<String>)]
    status: Option<ApprovalStatus>,
}

/// Lists approvals, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/approvals", tag = "approvals", params(Filter, Paging),
    responses((status = 200, body = Listed<Approval>), (status = "4XX", body = Problem)),
)]
async fn list(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Parameters(filter): Parameters<Filter>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Listed<Approval>>, Problem> {
    let page = paging.page()?;
    let found = engine.store().approvals(filter.status, &caller.person.handle, &page).await?;
    let listed = Listed::cut(found, &page, |approval| approval.id.to_string());
    Ok(Json(Listed { items: listed.items.into_iter().map(Approval::from).collect(), next: listed.next }))
}

/// Reads an approval.
#[utoipa::path(
    get, path = "/api/v1/approvals/{id}", tag = "approvals", params(("id" = String, Path)),
    responses((status = 200, body = Approval), (status = "4XX", body = Problem)),
)]
async fn show(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<Approval>, Problem> {
    Ok(Json(find(&engine, &caller, &id).await?.into()))
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deciding {
    /// Why, at most 500 characters.
    reason: Option<String>,
}

/// Approves: the gated steps go on.
#[utoipa::path(
    post, path = "/api/v1/approvals/{id}/approve", tag = "approvals", request_body = Deciding, params(("id" = String, Path)),
    responses((status = 200, body = Approval), (status = "4XX", body = Problem)),
)]
async fn approve(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<Deciding>,
) -> Result<Json<Approval>, Problem> {
    decide(&engine, &caller, &id, true, body.value).await
}

/// Rejects: the run ends as rejected.
#[utoipa::path(
    post, path = "/api/v1/approvals/{id}/reject", tag = "approvals", request_body = Deciding, params(("id" = String, Path)),
    responses((status = 200, body = Approval), (status = "4XX", body = Problem)),
)]
async fn reject(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<Deciding>,
) -> Result<Json<Approval>, Problem> {
    decide(&engine, &caller, &id, false, body.value).await
}

async fn decide(
    engine: &Engine,
    caller: &Caller,
    id: &str,
    approve: bool,
    deciding: Deciding,
) -> Result<Json<Approval>, Problem> {
    let id = find(engine, caller, id).await?.id;
    Ok(Json(engine.decide_approval(caller, id, approve, deciding.reason).await?.into()))
}

/// The approval, if the caller may see the incident it belongs to. One they may not see does not exist for them.
async fn find(engine: &Engine, caller: &Caller, id: &str) -> Result<wardroom_domain::run::Approval, Problem> {
    let found = engine.store().approval(parse(id)?).await?.ok_or_else(|| not_found(id))?;
    if engine.may_see(caller, found.incident).await? { Ok(found) } else { Err(not_found(id)) }
}

fn parse(id: &str) -> Result<ApprovalId, Problem> {
    id.parse().map_err(|_| not_found(id))
}

fn not_found(id: &str) -> Problem {
    EngineError::NotFound { noun: "approval", name: id.chars().take(100).collect() }.into()
}
