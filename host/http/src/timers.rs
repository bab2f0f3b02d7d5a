//! Timers of incidents: reminders that come again, and deadlines.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Listed, Path},
    problem::Problem,
    schedules::shown,
    shapes::ScheduleResponse,
};
use wardroom_domain::{
    incident::Stage,
    time::{Timestamp, parse_duration},
};
use wardroom_engine::{
    Engine,
    schedules::{TimerCadence, TimerRequest},
};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(list, start)).routes(routes!(stop))
}

/// A timer: one of `every`, `at` and `in` says when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTimerRequest {
    /// 1 to 64 of `a-z 0-9 -`, beginning with a letter; unique within the incident.
    name: String,
    /// Again and again, such as `30m`; the first time after that long.
    every: Option<String>,
    /// Once, then: RFC 3339.
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
    /// Once, after this long, such as `72h`.
    #[serde(rename = "in")]
    after: Option<String>,
    /// What the timeline says, 1 to 500 characters.
    text: String,
    /// The stages in which it is over, beside `closed` and `canceled`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    until: Vec<Stage>,
}

/// Lists the timers of an incident.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/timers", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Listed<ScheduleResponse>), (status = "4XX", body = Problem)),
)]
async fn list(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<ScheduleResponse>>, Problem> {
    let timers = engine.acting_as(&caller).timer_list(&id).await?;
    Ok(Json(Listed::all(timers.into_iter().map(|view| shown(&engine, view)).collect())))
}

/// Starts a timer of an incident: each time it comes the timeline says its text, and the event `timer` is raised.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/timers", tag = "incidents", request_body = CreateTimerRequest,
    params(("id" = String, Path)),
    responses((status = 201, body = ScheduleResponse), (status = "4XX", body = Problem)),
)]
async fn start(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<CreateTimerRequest>,
) -> Result<(StatusCode, Json<ScheduleResponse>), Problem> {
    let CreateTimerRequest { name, every, at, after, text, until } = body.value;
    let cadence = match (every, at, after) {
        (Some(every), None, None) => TimerCadence::Every(duration("every", &every)?),
        (None, Some(at), None) => TimerCadence::At(at),
        (None, None, Some(after)) => TimerCadence::In(duration("in", &after)?),
        _ => return Err(Problem::invalid("every", "one of `every`, `at` and `in` is wanted")),
    };
    let view = engine.acting_as(&caller).timer_start(&id, &TimerRequest { name, cadence, text, until }).await?;
    Ok((StatusCode::CREATED, Json(shown(&engine, view))))
}

/// Removes a timer.
#[utoipa::path(
    delete, path = "/api/v1/incidents/{id}/timers/{name}", tag = "incidents",
    params(("id" = String, Path), ("name" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn stop(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    engine.acting_as(&caller).timer_stop(&id, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn duration(field: &str, text: &str) -> Result<std::time::Duration, Problem> {
    parse_duration(text).ok_or_else(|| Problem::invalid(field, "a duration is wanted, such as 30m or 72h"))
}
