//! Incidents: opening, reading, editing, their stage, roles, timeline, alerts, and what their events meant for workflows.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Expected, Listed, Paging, Parameters, tagged},
    problem::Problem,
    shapes::{Alert, Automation, Entry, Incident},
    words,
};
use crate::{
    domain::{
        id::PersonId,
        incident::{Holders, IncidentKind, Severity, Stage},
        time::Timestamp,
    },
    engine::{
        Engine, EngineError,
        edit::{Asking, Edit},
        open::NewIncident,
        stage::StageRequest,
    },
    store::IncidentFilter,
};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(list, open))
        .routes(routes!(show, edit))
        .routes(routes!(stage))
        .routes(routes!(timeline, note))
        .routes(routes!(role))
        .routes(routes!(alerts))
        .routes(routes!(automations))
}

/// An incident to open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    /// `sev1` to `sev4`.
    #[schema(value_type = words::Severity)]
    severity: Severity,
    /// `incident` (the default) or `drill`.
    #[serde(default = "real")]
    #[schema(value_type = Option<words::IncidentKind>)]
    kind: IncidentKind,
    /// At most 64.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

fn real() -> IncidentKind {
    IncidentKind::Incident
}

/// Opens an incident in stage `alerting`.
#[utoipa::path(
    post, path = "/api/v1/incidents", tag = "incidents", request_body = Opening,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request open one incident.")),
    responses((status = 201, body = Incident), (status = "4XX", body = Problem)),
)]
async fn open(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    body: Body<Opening>,
) -> Result<Response, Problem> {
    let once = body.once(&caller);
    let Opening { title, severity, kind, labels } = body.value;
    let incident = engine.open_incident(&caller, NewIncident { title, severity, kind, labels }, once).await?;
    Ok(tagged(StatusCode::CREATED, incident.revision, Incident::from(incident)))
}

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only in this stage.
    #[param(value_type = Option<words::Stage>)]
    stage: Option<Stage>,
    /// Only of this severity.
    #[param(value_type = Option<words::Severity>)]
    severity: Option<Severity>,
    /// Only `incident`, or only `drill`.
    #[param(value_type = Option<words::IncidentKind>)]
    kind: Option<IncidentKind>,
}

/// Lists incidents, the newest first.
#[utoipa::path(
    get, path = "/api/v1/incidents", tag = "incidents", params(Filter, Paging),
    responses((status = 200, body = Listed<Incident>), (status = "4XX", body = Problem)),
)]
async fn list(
    State(engine): State<Engine>,
    _: Viewer,
    Parameters(filter): Parameters<Filter>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Listed<Incident>>, Problem> {
    let page = paging.page()?;
    let filter = IncidentFilter { stage: filter.stage, severity: filter.severity, kind: filter.kind };
    let found = engine.store().incidents(&filter, &page).await?;
    let listed = Listed::cut(found, &page, |incident| incident.number.to_string());
    Ok(Json(Listed { items: listed.items.into_iter().map(Incident::from).collect(), next: listed.next }))
}

/// Reads an incident; the identifier may be its number, `INC-42`.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Incident), (status = "4XX", body = Problem)),
)]
async fn show(State(engine): State<Engine>, _: Viewer, Path(id): Path<String>) -> Result<Response, Problem> {
    let incident = engine.incident_by_reference(&id).await?;
    Ok(tagged(StatusCode::OK, incident.revision, Incident::from(incident)))
}

/// What to edit; what is absent stays, a time given as null is cleared.
#[expect(clippy::option_option, reason = "absent, null and a time mean three things")]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Editing {
    /// A new title.
    title: Option<String>,
    /// A new severity.
    #[schema(value_type = Option<words::Severity>)]
    severity: Option<Severity>,
    /// All labels anew.
    labels: Option<BTreeMap<String, String>>,
    /// When people began to be affected.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    impact_started_at: Option<Option<Timestamp>>,
    /// When it was noticed.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    detected_at: Option<Option<Timestamp>>,
    /// When somebody took it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    acknowledged_at: Option<Option<Timestamp>>,
    /// When people stopped being affected.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    mitigated_at: Option<Option<Timestamp>>,
}

/// Tells null from absent.
#[expect(clippy::option_option, reason = "absent, null and a time mean three things")]
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Timestamp>>, D::Error> {
    Option::<Timestamp>::deserialize(deserializer).map(Some)
}

/// Edits title, severity, labels and times.
#[utoipa::path(
    patch, path = "/api/v1/incidents/{id}", tag = "incidents", request_body = Editing,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = Incident), (status = "4XX", body = Problem)),
)]
async fn edit(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Expected(expected): Expected,
    body: Body<Editing>,
) -> Result<Response, Problem> {
    let incident = engine.incident_by_reference(&id).await?;
    let Editing { title, severity, labels, impact_started_at, detected_at, acknowledged_at, mitigated_at } = body.value;
    let edit = Edit { title, severity, labels, impact_started_at, detected_at, acknowledged_at, mitigated_at };
    let incident = engine.edit_incident(&Asking::person(&caller, expected), incident.id, &edit).await?;
    Ok(tagged(StatusCode::OK, incident.revision, Incident::from(incident)))
}

/// A stage to enter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Entering {
    /// `alerting`, `triage`, `investigate`, `resolution`, `retrospective`, `closed` or `canceled`.
    #[schema(value_type = words::Stage)]
    to: Stage,
    /// Why; going back and canceling need one.
    reason: Option<String>,
}

/// Enters a stage.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/stage", tag = "incidents", request_body = Entering,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = Incident), (status = "4XX", body = Problem)),
)]
async fn stage(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Expected(expected): Expected,
    body: Body<Entering>,
) -> Result<Response, Problem> {
    let incident = engine.incident_by_reference(&id).await?;
    let once = body.once(&caller);
    let Entering { to, reason } = body.value;
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > 500) {
        return Err(
            EngineError::Invalid { field: "reason".to_owned(), message: "at most 500 characters".to_owned() }.into()
        );
    }
    let request = StageRequest { to, reason, actor: caller.actor(), depth: 0, expected, once };
    let incident = engine.change_stage(incident.id, request).await?;
    Ok(tagged(StatusCode::OK, incident.revision, Incident::from(incident)))
}

/// Reads the timeline, the oldest entry first.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/timeline", tag = "incidents", params(("id" = String, Path), Paging),
    responses((status = 200, body = Listed<Entry>), (status = "4XX", body = Problem)),
)]
async fn timeline(
    State(engine): State<Engine>,
    _: Viewer,
    Path(id): Path<String>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Listed<Entry>>, Problem> {
    let page = paging.page()?;
    let incident = engine.incident_by_reference(&id).await?;
    let listed = Listed::cut(engine.store().timeline(incident.id, &page).await?, &page, |entry| entry.seq.to_string());
    Ok(Json(Listed { items: listed.items.into_iter().map(Entry::from).collect(), next: listed.next }))
}

/// A note.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// 1 to 2,000 characters.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

/// Adds a note to the timeline.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/timeline", tag = "incidents", request_body = Note,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = Incident), (status = "4XX", body = Problem)),
)]
async fn note(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<Note>,
) -> Result<Response, Problem> {
    let incident = engine.incident_by_reference(&id).await?;
    let once = body.once(&caller);
    let incident = engine.note(&caller, incident.id, &body.value.text, once.as_ref()).await?;
    Ok(tagged(StatusCode::CREATED, incident.revision, Incident::from(incident)))
}

/// Who holds a role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The handle of the person who acts; null: nobody.
    primary: Option<String>,
    /// The handle of the person who acts when the primary is away or silent.
    backup: Option<String>,
}

/// Gives a role to people, or takes it from them.
#[utoipa::path(
    put, path = "/api/v1/incidents/{id}/roles/{role}", tag = "incidents", request_body = Assignment,
    params(("id" = String, Path), ("role" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = Incident), (status = "4XX", body = Problem)),
)]
async fn role(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, role)): Path<(String, String)>,
    Expected(expected): Expected,
    body: Body<Assignment>,
) -> Result<Response, Problem> {
    let incident = engine.incident_by_reference(&id).await?;
    let holders = Holders {
        primary: person(&engine, "primary", body.value.primary).await?,
        backup: person(&engine, "backup", body.value.backup).await?,
    };
    let incident = engine.assign_role(&Asking::person(&caller, expected), incident.id, &role, &holders).await?;
    Ok(tagged(StatusCode::OK, incident.revision, Incident::from(incident)))
}

async fn person(engine: &Engine, field: &str, handle: Option<String>) -> Result<Option<PersonId>, Problem> {
    let Some(handle) = handle else { return Ok(None) };
    match engine.store().person_by_handle(&handle).await? {
        Some(person) => Ok(Some(person.id)),
        None => Err(Problem::invalid(field, format!("there is no person {handle:?}"))),
    }
}

/// Lists the alerts of an incident.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/alerts", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Listed<Alert>), (status = "4XX", body = Problem)),
)]
async fn alerts(
    State(engine): State<Engine>,
    _: Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<Alert>>, Problem> {
    let incident = engine.incident_by_reference(&id).await?;
    let alerts = engine.store().alerts(incident.id).await?;
    Ok(Json(Listed::all(alerts.into_iter().map(Alert::from).collect())))
}

/// Tells for each event of an incident what started, what did not, and why.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/automations", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Listed<Automation>), (status = "4XX", body = Problem)),
)]
async fn automations(
    State(engine): State<Engine>,
    _: Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<Automation>>, Problem> {
    let incident = engine.incident_by_reference(&id).await?;
    let events = engine.store().events(incident.id).await?;
    let outcomes = engine.store().outcomes(incident.id).await?;
    Ok(Json(Listed::all(events.into_iter().map(|event| Automation::new(&event, &outcomes)).collect())))
}
