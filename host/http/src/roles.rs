//! The roles of an incident: who is given one, who takes it, who hands it over.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Responder,
    extract::{Body, Expected, Path, tagged},
    problem::Problem,
    shapes::IncidentResponse,
};
use wardroom_domain::time::parse_duration;
use wardroom_engine::{Engine, incidents::roles::Assignment};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(assign)).routes(routes!(take))
}

/// Who holds a role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignRoleRequest {
    /// The handle of the person who acts; null: nobody.
    primary: Option<String>,
    /// The handle of the person who acts when the primary is away or silent.
    backup: Option<String>,
    /// How long the primary may be silent before the backup steps in, such as `5m`; absent: what the playbook says.
    answer_within: Option<String>,
    /// What the next one has to know: at most 2,000 characters.
    handover: Option<String>,
}

/// Gives a role to people, or takes it from them.
#[utoipa::path(
    put, path = "/api/v1/incidents/{id}/roles/{role}", tag = "incidents", request_body = AssignRoleRequest,
    params(("id" = String, Path), ("role" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn assign(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, role)): Path<(String, String)>,
    Expected(expected): Expected,
    body: Body<AssignRoleRequest>,
) -> Result<Response, Problem> {
    let AssignRoleRequest { primary, backup, answer_within, handover } = body.value;
    let within = answer_within.as_deref().map(|text| {
        let within = parse_duration(text).and_then(|within| u64::try_from(within.as_millis()).ok());
        within.ok_or_else(|| Problem::invalid("answer_within", "a duration such as 5m is wanted"))
    });
    let assignment = Assignment { primary, backup, answer_within_ms: within.transpose()?, handover };
    let incident = engine.acting_as(&caller).expecting(expected).role_assign(&id, &role, &assignment).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}

/// Takes a role that was given to the caller, or steps in as its backup.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/roles/{role}/take", tag = "incidents",
    params(("id" = String, Path), ("role" = String, Path)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn take(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, role)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let incident = engine.acting_as(&caller).role_take(&id, &role).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}
