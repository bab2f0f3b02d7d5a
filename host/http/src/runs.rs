//! Runs: reading, watching, canceling, running again, signals, and settling unknown effects.

use std::convert::Infallible;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Listed, Paging, Parameters, Path},
    problem::Problem,
    shapes::{AttemptResponse, RunResponse, RunSummaryResponse},
};
use wardroom_domain::run::{self, RunStatus, happening::Decision, rerun::From};
use wardroom_engine::{Engine, EngineError, runs::acting::RunQuery};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(attempts))
        .routes(routes!(events))
        .routes(routes!(cancel))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(decide))
        .routes(routes!(signal))
        .routes(routes!(rerun))
        .routes(routes!(undo))
}

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only of this workflow.
    workflow: Option<String>,
    /// Only of this incident, by identifier or number.
    incident: Option<String>,
    /// Only in this status.
    #[param(value_type = Option<String>)]
    status: Option<RunStatus>,
}

/// Lists runs without their steps, the newest first.
#[utoipa::path(
    get, path = "/api/v1/runs", tag = "runs", params(Filter, Paging),
    responses((status = 200, body = Listed<RunSummaryResponse>), (status = "4XX", body = Problem)),
)]
async fn list(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Parameters(filter): Parameters<Filter>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Listed<RunSummaryResponse>>, Problem> {
    let page = paging.page()?;
    let query = RunQuery { workflow: filter.workflow, incident: filter.incident, status: filter.status };
    let found = engine.acting_as(&caller).run_list(query, &page).await?;
    let listed = Listed::cut(found, &page, |run| run.id.to_string());
    Ok(Json(Listed { items: listed.items.iter().map(RunSummaryResponse::from).collect(), next: listed.next }))
}

/// Reads a run with its steps.
#[utoipa::path(
    get, path = "/api/v1/runs/{id}", tag = "runs", params(("id" = String, Path)),
    responses((status = 200, body = RunResponse), (status = "4XX", body = Problem)),
)]
async fn show(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<RunResponse>, Problem> {
    Ok(Json(engine.acting_as(&caller).run(&id).await?.into()))
}

/// Lists every call of a run's steps, those of kept steps in the earlier run included: logs, HTTP calls, and in a simulation what it would have sent.
#[utoipa::path(
    get, path = "/api/v1/runs/{id}/attempts", tag = "runs", params(("id" = String, Path)),
    responses((status = 200, body = Listed<AttemptResponse>), (status = "4XX", body = Problem)),
)]
async fn attempts(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<AttemptResponse>>, Problem> {
    let attempts = engine.acting_as(&caller).run_attempts(&id).await?;
    Ok(Json(Listed::all(attempts.into_iter().map(AttemptResponse::from).collect())))
}

/// Follows a run as server-sent events: an event `run` with the whole run at once and after every change, until it ends.
#[utoipa::path(
    get, path = "/api/v1/runs/{id}/events", tag = "runs", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "text/event-stream"), (status = "4XX", body = Problem)),
)]
async fn events(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let follower = engine.acting_as(&caller).run_follow(&id).await?;
    let stream = stream::unfold(follower, |mut follower| async move {
        let run = follower.next().await?;
        let event = Event::default().event("run").id(run.version.to_string());
        let event = event.json_data(RunResponse::from(run::Run::clone(&run))).unwrap_or_default();
        Some((Ok(event), follower))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRunRequest {
    /// At most 500 characters.
    reason: Option<String>,
}

/// How to stop.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRunRequest {
    /// Why: at most 500 characters.
    reason: Option<String>,
    /// Whether another run then takes back what this one did.
    #[serde(default)]
    undo: bool,
}

/// Stops a run: nothing new starts, what is in flight settles.
#[utoipa::path(
    post, path = "/api/v1/runs/{id}/cancel", tag = "runs", request_body = CancelRunRequest, params(("id" = String, Path)),
    responses((status = 202, body = RunResponse), (status = "4XX", body = Problem)),
)]
async fn cancel(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<CancelRunRequest>,
) -> Result<(StatusCode, Json<RunResponse>), Problem> {
    let run = engine.acting_as(&caller).run_cancel(&id, body.value.reason, body.value.undo).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// Holds a run: what is in flight finishes, nothing new is called. Its time goes on.
#[utoipa::path(
    post, path = "/api/v1/runs/{id}/pause", tag = "runs", request_body = PauseRunRequest, params(("id" = String, Path)),
    responses((status = 200, body = RunResponse), (status = "4XX", body = Problem)),
)]
async fn pause(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<PauseRunRequest>,
) -> Result<Json<RunResponse>, Problem> {
    Ok(Json(engine.acting_as(&caller).run_pause(&id, body.value.reason).await?.into()))
}

/// Lets a held run go on.
#[utoipa::path(
    post, path = "/api/v1/runs/{id}/resume", tag = "runs", params(("id" = String, Path)),
    responses((status = 200, body = RunResponse), (status = "4XX", body = Problem)),
)]
async fn resume(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
) -> Result<Json<RunResponse>, Problem> {
    Ok(Json(engine.acting_as(&caller).run_resume(&id).await?.into()))
}

/// What became of an unknown effect.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionOutcome {
    /// It happened: the step counts as done.
    Applied,
    /// It did not: try again.
    Retry,
    /// Let the step fail.
    Fail,
}

/// A decision about an unknown effect.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideEffectRequest {
    /// What became of it.
    outcome: DecisionOutcome,
    /// The item of a `foreach`, from 0.
    item: Option<u32>,
}

/// Settles a step in `needs_decision`: a person says what became of it.
#[utoipa::path(
    post, path = "/api/v1/runs/{id}/decisions/{step}", tag = "runs", request_body = DecideEffectRequest,
    params(("id" = String, Path), ("step" = String, Path)),
    responses((status = 200, body = RunResponse), (status = "4XX", body = Problem)),
)]
async fn decide(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, step)): Path<(String, String)>,
    body: Body<DecideEffectRequest>,
) -> Result<Json<RunResponse>, Problem> {
    let decision = match body.value.outcome {
        DecisionOutcome::Applied => Decision::Applied,
        DecisionOutcome::Retry => Decision::Retry,
        DecisionOutcome::Fail => Decision::Fail,
    };
    Ok(Json(engine.acting_as(&caller).run_decide(&id, &step, body.value.item, decision).await?.into()))
}

/// From where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RerunRequest {
    /// The step to begin with: it is done anew, with what needs it and what had not succeeded; the others keep their
    /// outputs. Without it everything is done anew.
    from: Option<String>,
    /// Only this item of the step's `foreach`, from 0; the others keep what they gave.
    item: Option<u32>,
}

/// Starts a run that has ended again, on the same revision and plugins: a new run. An approval in front of a step that is
/// done anew is asked for again.
#[utoipa::path(
    post, path = "/api/v1/runs/{id}/rerun", tag = "runs", request_body = RerunRequest, params(("id" = String, Path)),
    responses((status = 202, body = RunResponse), (status = "4XX", body = Problem)),
)]
async fn rerun(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<RerunRequest>,
) -> Result<(StatusCode, Json<RunResponse>), Problem> {
    let once = body.once(&caller);
    let from = match (body.value.from, body.value.item) {
        (None, None) => From::Beginning,
        (Some(step), None) => From::Step(step),
        (Some(step), Some(item)) => From::Item(step, item),
        (None, Some(_)) => return Err(EngineError::invalid("item", "`from` has to name its step").into()),
    };
    let run = engine.acting_as(&caller).once(once).run_rerun(&id, &from).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// A body without fields.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoRunRequest {}

/// Takes a run that has ended back: a new run on the same plugins calls `undo` of what it did, the newest first. A run is
/// taken back once; where that failed, run the new run again.
#[utoipa::path(
    post, path = "/api/v1/runs/{id}/undo", tag = "runs", params(("id" = String, Path)),
    responses((status = 202, body = RunResponse), (status = "4XX", body = Problem)),
)]
async fn undo(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<UndoRunRequest>,
) -> Result<(StatusCode, Json<RunResponse>), Problem> {
    let once = body.once(&caller);
    let run = engine.acting_as(&caller).once(once).run_undo(&id).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// A signal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalRunRequest {
    /// What comes with it, at most 64 KiB.
    #[serde(default)]
    #[schema(value_type = Object)]
    payload: Value,
}

/// Tells a run something that a step waits for, or will.
#[utoipa::path(
    post, path = "/api/v1/runs/{id}/signals/{name}", tag = "runs", request_body = SignalRunRequest,
    params(("id" = String, Path), ("name" = String, Path)),
    responses((status = 202, body = RunResponse), (status = "4XX", body = Problem)),
)]
async fn signal(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, name)): Path<(String, String)>,
    body: Body<SignalRunRequest>,
) -> Result<(StatusCode, Json<RunResponse>), Problem> {
    let once = body.once(&caller);
    let run = engine.acting_as(&caller).once(once).run_signal(&id, &name, body.value.payload).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}
