//! Approvals: what waits for a decision, and deciding it.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Listed, Paging, Parameters, Path},
    problem::Problem,
    shapes::ApprovalResponse,
};
use wardroom_domain::run::ApprovalStatus;
use wardroom_engine::Engine;

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
    responses((status = 200, body = Listed<ApprovalResponse>), (status = "4XX", body = Problem)),
)]
async fn list(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Parameters(filter): Parameters<Filter>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Listed<ApprovalResponse>>, Problem> {
    let page = paging.page()?;
    let found = engine.acting_as(&caller).approval_list(filter.status, &page).await?;
    let listed = Listed::cut(found, &page, |approval| approval.id.to_string());
    Ok(Json(Listed { items: listed.items.into_iter().map(ApprovalResponse::from).collect(), next: listed.next }))
}

/// Reads an approval.
#[utoipa::path(
    get, path = "/api/v1/approvals/{id}", tag = "approvals", params(("id" = String, Path)),
    responses((status = 200, body = ApprovalResponse), (status = "4XX", body = Problem)),
)]
async fn show(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<ApprovalResponse>, Problem> {
    Ok(Json(engine.acting_as(&caller).approval(&id).await?.into()))
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideApprovalRequest {
    /// Why, at most 500 characters.
    reason: Option<String>,
}

/// Approves: the gated steps go on.
#[utoipa::path(
    post, path = "/api/v1/approvals/{id}/approve", tag = "approvals", request_body = DecideApprovalRequest, params(("id" = String, Path)),
    responses((status = 200, body = ApprovalResponse), (status = "4XX", body = Problem)),
)]
async fn approve(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<DecideApprovalRequest>,
) -> Result<Json<ApprovalResponse>, Problem> {
    Ok(Json(engine.acting_as(&caller).approval_decide(&id, true, body.value.reason).await?.into()))
}

/// Rejects: the run ends as rejected.
#[utoipa::path(
    post, path = "/api/v1/approvals/{id}/reject", tag = "approvals", request_body = DecideApprovalRequest, params(("id" = String, Path)),
    responses((status = 200, body = ApprovalResponse), (status = "4XX", body = Problem)),
)]
async fn reject(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<DecideApprovalRequest>,
) -> Result<Json<ApprovalResponse>, Problem> {
    Ok(Json(engine.acting_as(&caller).approval_decide(&id, false, body.value.reason).await?.into()))
}
