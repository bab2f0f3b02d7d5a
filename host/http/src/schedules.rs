//! Schedules: what starts by the clock, what will, and what became of each time.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Engineer, Responder, Viewer},
    extract::{Body, Expected, Listed, Paging, Parameters, Path, Raw, tagged},
    problem::{FieldError, Problem},
    shapes::{ScheduleResponse, ScheduledTimeResponse, TickResponse},
    workflows::{ValidationResponse, text},
};
use wardroom_domain::{schedule::TickKind, time::Timestamp};
use wardroom_engine::{
    Engine,
    schedules::{MAX_PREVIEW, ScheduleView},
};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(validate))
        .routes(routes!(show, save, delete))
        .routes(routes!(preview))
        .routes(routes!(ticks))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(trigger))
        .routes(routes!(backfill))
}

/// Which schedules.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only those of `people`, of a `workflow`'s triggers, or of an `incident`.
    owner: Option<ScheduleOwnerKind>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ScheduleOwnerKind {
    People,
    Workflow,
    Incident,
}

impl ScheduleOwnerKind {
    fn word(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Workflow => "workflow",
            Self::Incident => "incident",
        }
    }
}

/// Lists schedules by name.
#[utoipa::path(
    get, path = "/api/v1/schedules", tag = "schedules", params(Filter, Paging),
    responses((status = 200, body = Listed<ScheduleResponse>), (status = "4XX", body = Problem)),
)]
async fn list(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Parameters(filter): Parameters<Filter>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Listed<ScheduleResponse>>, Problem> {
    let page = paging.page()?;
    let found = engine.acting_as(&caller).schedule_list(filter.owner.map(ScheduleOwnerKind::word), &page).await?;
    let listed = Listed::cut(found, &page, |view| view.schedule.name.clone());
    let items = listed.items.into_iter().map(|view| shown(&engine, view)).collect();
    Ok(Json(Listed { items, next: listed.next }))
}

/// Checks a document without saving it; every fault is told.
#[utoipa::path(
    post, path = "/api/v1/schedules/validate", tag = "schedules",
    request_body(content = String, description = "YAML or JSON.", content_type = "application/yaml"),
    responses((status = 200, body = ValidationResponse), (status = "4XX", body = Problem)),
)]
async fn validate(
    State(engine): State<Engine>,
    _: Viewer,
    Raw(bytes): Raw,
) -> Result<Json<ValidationResponse>, Problem> {
    let errors = match engine.schedule_validate(text(&bytes)?).await? {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(FieldError::from).collect(),
    };
    Ok(Json(ValidationResponse { valid: errors.is_empty(), errors }))
}

/// Reads a schedule.
#[utoipa::path(
    get, path = "/api/v1/schedules/{name}", tag = "schedules", params(("name" = String, Path)),
    responses((status = 200, body = ScheduleResponse), (status = "4XX", body = Problem)),
)]
async fn show(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let view = engine.acting_as(&caller).schedule(&name).await?;
    Ok(tagged(StatusCode::OK, view.revision, shown(&engine, view)))
}

/// Saves a schedule under its name; the same document again changes nothing. What it did so far stays.
#[utoipa::path(
    put, path = "/api/v1/schedules/{name}", tag = "schedules",
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body(content = String, description = "YAML or JSON.", content_type = "application/yaml"),
    responses(
        (status = 200, body = ScheduleResponse), (status = 201, body = ScheduleResponse, description = "It is new."),
        (status = "4XX", body = Problem),
    ),
)]
async fn save(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
    Expected(expected): Expected,
    Raw(bytes): Raw,
) -> Result<Response, Problem> {
    let (view, new) = engine.acting_as(&caller).expecting(expected).schedule_save(&name, text(&bytes)?).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(tagged(status, view.revision, shown(&engine, view)))
}

/// Deletes a schedule; its runs go on.
#[utoipa::path(
    delete, path = "/api/v1/schedules/{name}", tag = "schedules", params(("name" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn delete(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    engine.acting_as(&caller).schedule_delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which times to come.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Previewing {
    /// How many, 1 to 1,000. Default 10.
    #[param(minimum = 1, maximum = 1000, default = 10)]
    count: Option<u32>,
    /// After when, RFC 3339; now when it is not said.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
}

/// Tells the next times of a schedule, in its zone and in UTC, with what clocks and blackouts do to them.
#[utoipa::path(
    get, path = "/api/v1/schedules/{name}/preview", tag = "schedules", params(("name" = String, Path), Previewing),
    responses((status = 200, body = Listed<ScheduledTimeResponse>), (status = "4XX", body = Problem)),
)]
async fn preview(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(name): Path<String>,
    Parameters(Previewing { count, from }): Parameters<Previewing>,
) -> Result<Json<Listed<ScheduledTimeResponse>>, Problem> {
    let count = count.unwrap_or(10);
    if !(1..=MAX_PREVIEW).contains(&count) {
        return Err(Problem::invalid("count", "1 to 1000 are wanted"));
    }
    let coming = engine.acting_as(&caller).schedule_preview(&name, from, count).await?;
    Ok(Json(Listed::all(coming.into_iter().map(ScheduledTimeResponse::from).collect())))
}

/// Lists what became of a schedule's times, the newest first.
#[utoipa::path(
    get, path = "/api/v1/schedules/{name}/ticks", tag = "schedules", params(("name" = String, Path), Paging),
    responses((status = 200, body = Listed<TickResponse>), (status = "4XX", body = Problem)),
)]
async fn ticks(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(name): Path<String>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Listed<TickResponse>>, Problem> {
    let page = paging.page()?;
    let wrong = || Problem::invalid("after", "`next` of an earlier page is wanted");
    let after = page.after.as_deref().map(|cursor| place(cursor).ok_or_else(wrong)).transpose()?;
    let found = engine.acting_as(&caller).schedule_ticks(&name, after, page.limit).await?;
    let listed = Listed::cut(found, &page, |tick| format!("{}_{}", tick.nominal, tick.kind.word()));
    Ok(Json(Listed { items: listed.items.into_iter().map(TickResponse::from).collect(), next: listed.next }))
}

/// Where a page of ticks ended: the last one's time and kind.
fn place(cursor: &str) -> Option<(Timestamp, TickKind)> {
    let (nominal, kind) = cursor.split_once('_')?;
    let kind = TickKind::ALL.into_iter().find(|one| one.word() == kind);
    Some((nominal.parse().ok()?, kind?))
}

/// Why a schedule is held.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseScheduleRequest {
    /// 1 to 500 characters.
    reason: String,
    /// It resumes by itself then, RFC 3339; without it somebody has to.
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
}

/// Holds a schedule: nothing starts by itself. The times it holds back are recorded when it is resumed.
#[utoipa::path(
    post, path = "/api/v1/schedules/{name}/pause", tag = "schedules", request_body = PauseScheduleRequest,
    params(("name" = String, Path)),
    responses((status = 200, body = ScheduleResponse), (status = "4XX", body = Problem)),
)]
async fn pause(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
    body: Body<PauseScheduleRequest>,
) -> Result<Json<ScheduleResponse>, Problem> {
    let PauseScheduleRequest { reason, until } = body.value;
    let view = engine.acting_as(&caller).schedule_pause(&name, &reason, until).await?;
    Ok(Json(shown(&engine, view)))
}

/// Lets a schedule go on.
#[utoipa::path(
    post, path = "/api/v1/schedules/{name}/resume", tag = "schedules", params(("name" = String, Path)),
    responses((status = 200, body = ScheduleResponse), (status = "4XX", body = Problem)),
)]
async fn resume(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
) -> Result<Json<ScheduleResponse>, Problem> {
    let view = engine.acting_as(&caller).schedule_resume(&name).await?;
    Ok(Json(shown(&engine, view)))
}

/// Nothing.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TriggerScheduleRequest {}

/// Starts a schedule now, whatever holds it and beside whatever goes on; the run is durable when this answers.
#[utoipa::path(
    post, path = "/api/v1/schedules/{name}/trigger", tag = "schedules", request_body = TriggerScheduleRequest,
    params(("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, body = TickResponse), (status = "4XX", body = Problem)),
)]
async fn trigger(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(name): Path<String>,
    body: Body<TriggerScheduleRequest>,
) -> Result<(StatusCode, Json<TickResponse>), Problem> {
    let tick = engine.acting_as(&caller).once(body.once(&caller)).schedule_trigger(&name).await?;
    Ok((StatusCode::ACCEPTED, Json(tick.into())))
}

/// Which times of the past.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackfillScheduleRequest {
    /// From, RFC 3339, included.
    #[schema(value_type = String)]
    from: Timestamp,
    /// To, RFC 3339, included; not after now.
    #[schema(value_type = String)]
    until: Timestamp,
    /// Whether only to tell which times it would be. Default true.
    #[serde(default = "yes")]
    dry_run: bool,
}

fn yes() -> bool {
    true
}

/// The times.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackfillScheduleResponse {
    /// Whether they wait for their turn now; false for a dry run.
    started: bool,
    /// The times that started nothing, RFC 3339.
    times: Vec<String>,
}

/// Makes up for times of the past that started nothing: at most 100, one after the other where runs may not overlap.
#[utoipa::path(
    post, path = "/api/v1/schedules/{name}/backfill", tag = "schedules", request_body = BackfillScheduleRequest,
    params(("name" = String, Path)),
    responses((status = 200, body = BackfillScheduleResponse), (status = "4XX", body = Problem)),
)]
async fn backfill(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
    body: Body<BackfillScheduleRequest>,
) -> Result<Json<BackfillScheduleResponse>, Problem> {
    let BackfillScheduleRequest { from, until, dry_run } = body.value;
    let times = engine.acting_as(&caller).schedule_backfill(&name, from, until, dry_run).await?;
    Ok(Json(BackfillScheduleResponse { started: !dry_run, times: times.iter().map(ToString::to_string).collect() }))
}

/// A schedule as it is shown, with the time it comes next.
pub(super) fn shown(engine: &Engine, view: ScheduleView) -> ScheduleResponse {
    let next = engine.schedule_next(&view);
    ScheduleResponse::of(view, next)
}
