//! The tasks of an incident.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Expected, Listed, Path, given, tagged},
    problem::Problem,
    shapes::TaskResponse,
    words,
};
use wardroom_domain::{dossier::task::TaskStatus, incident::Stage, time::Timestamp};
use wardroom_engine::{
    Engine, EngineError,
    incidents::{
        acting::IncidentView,
        tasks::{NewTask, TaskEdit},
    },
};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(edit))
}

/// Lists the tasks of an incident in the order of their numbers.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/tasks", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Listed<TaskResponse>), (status = "4XX", body = Problem)),
)]
async fn list(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<TaskResponse>>, Problem> {
    Ok(Json(Listed::all(shown(&engine.acting_as(&caller).incident_view(&id).await?))))
}

fn shown(view: &IncidentView) -> Vec<TaskResponse> {
    let around = view.loaded.around(view.at);
    let (incident, tasks) = (&view.loaded.dossier.incident, &view.loaded.dossier.parts.tasks);
    tasks.iter().map(|task| TaskResponse::new(task, incident, tasks, &around)).collect()
}

fn one(status: StatusCode, view: &IncidentView, number: u32) -> Result<Response, Problem> {
    let found = shown(view).into_iter().find(|task| task.number == number);
    let task = found.ok_or_else(|| EngineError::not_found("task", number))?;
    Ok(tagged(status, task.revision, task))
}

/// A task to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTaskRequest {
    /// What to do: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    text: String,
    /// The stage it belongs to; absent: any.
    #[schema(value_type = Option<words::Stage>)]
    stage: Option<Stage>,
    /// The role that owns it.
    role: Option<String>,
    /// The handle of the owner.
    owner: Option<String>,
    /// The handle of the backup owner.
    backup: Option<String>,
    /// When it is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Timestamp>,
    /// The numbers of the tasks that have to be done before.
    #[serde(default)]
    needs: Vec<u32>,
}

/// Makes a task.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/tasks", tag = "incidents", request_body = CreateTaskRequest,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = TaskResponse), (status = "4XX", body = Problem)),
)]
async fn add(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<CreateTaskRequest>,
) -> Result<Response, Problem> {
    let once = body.once(&caller);
    let CreateTaskRequest { text, stage, role, owner, backup, due_at, needs } = body.value;
    let new = NewTask { text, stage, role, owner, backup, due_at, needs };
    let (view, number) = engine.acting_as(&caller).once(once).task_create(&id, &new).await?;
    one(StatusCode::CREATED, &view, number)
}

/// What to change; what is absent stays, null clears.
#[expect(clippy::option_option, reason = "absent, null and a value mean three things")]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTaskRequest {
    /// What to do.
    text: Option<String>,
    /// The handle of the owner.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    owner: Option<Option<String>>,
    /// The handle of the backup owner.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    backup: Option<Option<String>>,
    /// When it is due.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Option<Timestamp>>,
    /// The numbers of the tasks that have to be done before.
    needs: Option<Vec<u32>>,
    /// `open`, `done` or `dropped`.
    #[schema(value_type = Option<String>)]
    status: Option<TaskStatus>,
    /// What came of it, with a status.
    note: Option<String>,
}

/// Gives a task to somebody, changes it, ends it or opens it again. A task whose `needs` are open is not done.
#[utoipa::path(
    patch, path = "/api/v1/incidents/{id}/tasks/{number}", tag = "incidents", request_body = UpdateTaskRequest,
    params(("id" = String, Path), ("number" = u32, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = TaskResponse), (status = "4XX", body = Problem)),
)]
async fn edit(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, number)): Path<(String, u32)>,
    Expected(expected): Expected,
    body: Body<UpdateTaskRequest>,
) -> Result<Response, Problem> {
    let UpdateTaskRequest { text, owner, backup, due_at, needs, status, note } = body.value;
    if note.is_some() && status.is_none() {
        return Err(Problem::invalid("note", "belongs to `status`"));
    }
    let status = status.map(|status| (status, note));
    let edit = TaskEdit { text, owner, backup, due_at, needs, status, expected };
    one(StatusCode::OK, &engine.acting_as(&caller).task_edit(&id, number, &edit).await?, number)
}
