//! Incidents: opening, reading, editing, their stage, alerts, and what their events meant for workflows.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Expected, Listed, Paging, Parameters, Path, given, tagged},
    problem::Problem,
    shapes::{AlertResponse, AutomationResponse, IncidentResponse, RunResponse},
    words,
};
use wardroom_domain::{
    incident::{IncidentKind, Injection, Severity, Stage},
    time::{Timestamp, parse_duration},
};
use wardroom_engine::{
    Engine,
    incidents::{acting::IncidentQuery, edit::Edit, open::NewIncident, stage::StageRequest, verbs::PageRequest},
};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(list, open))
        .routes(routes!(show, edit))
        .routes(routes!(stage))
        .routes(routes!(acknowledge))
        .routes(routes!(mitigate))
        .routes(routes!(set_severity))
        .routes(routes!(page))
        .routes(routes!(alerts))
        .routes(routes!(automations))
}

/// An incident to open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateIncidentRequest {
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
    /// The playbook to follow; absent: the one that fits best, if any does.
    playbook: Option<String>,
    /// The handles of those who may see it, the caller always among them; absent: everybody.
    visible_to: Option<BTreeSet<String>>,
    /// What happens in the exercise, instead of the playbook's script: for drills, at most 50.
    #[serde(default)]
    script: Vec<DrillInjection>,
}

/// Something that happens in an exercise.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillInjection {
    /// How long after the drill was opened, such as `5m`.
    after: String,
    /// What happens: 1 to 500 characters.
    text: String,
    /// A signal that workflows hear.
    signal: Option<String>,
}

impl DrillInjection {
    fn injection(self, index: usize) -> Result<Injection, Problem> {
        let after = parse_duration(&self.after).and_then(|after| u64::try_from(after.as_millis()).ok());
        let after_ms = after.ok_or_else(|| {
            Problem::invalid(format!("script[{index}].after"), "a duration such as 30s, 5m or 2h is wanted")
        })?;
        Ok(Injection { after_ms, text: self.text, signal: self.signal })
    }
}

fn real() -> IncidentKind {
    IncidentKind::Incident
}

/// Opens an incident in stage `alerting`.
#[utoipa::path(
    post, path = "/api/v1/incidents", tag = "incidents", request_body = CreateIncidentRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request open one incident.")),
    responses((status = 201, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn open(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    body: Body<CreateIncidentRequest>,
) -> Result<Response, Problem> {
    let once = body.once(&caller);
    let CreateIncidentRequest { title, severity, kind, labels, playbook, visible_to, script } = body.value;
    let script = script.into_iter().enumerate().map(|(index, one)| one.injection(index)).collect::<Result<_, _>>()?;
    let new = NewIncident { title, severity, kind, labels, playbook, visible_to, script };
    let incident = engine.acting_as(&caller).once(once).incident_open(new).await?;
    Ok(tagged(StatusCode::CREATED, incident.revision, IncidentResponse::from(incident)))
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
    responses((status = 200, body = Listed<IncidentResponse>), (status = "4XX", body = Problem)),
)]
async fn list(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Parameters(filter): Parameters<Filter>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Listed<IncidentResponse>>, Problem> {
    let page = paging.numbered()?;
    let query = IncidentQuery { stage: filter.stage, severity: filter.severity, kind: filter.kind };
    let found = engine.acting_as(&caller).incident_list(query, &page).await?;
    let listed = Listed::cut(found, &page, |incident| incident.number.to_string());
    Ok(Json(Listed { items: listed.items.into_iter().map(IncidentResponse::from).collect(), next: listed.next }))
}

/// Reads an incident; the identifier may be its number, `INC-42`.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn show(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let incident = engine.acting_as(&caller).incident(&id).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}

/// What to edit; what is absent stays, a time given as null is cleared.
#[expect(clippy::option_option, reason = "absent, null and a time mean three things")]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateIncidentRequest {
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
    /// Custom fields to set, at most 50 on an incident: texts, numbers or truth values; null takes one away.
    #[serde(default)]
    #[schema(value_type = Object)]
    fields: BTreeMap<String, Value>,
}

/// Edits title, severity, labels, times and custom fields.
#[utoipa::path(
    patch, path = "/api/v1/incidents/{id}", tag = "incidents", request_body = UpdateIncidentRequest,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn edit(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Expected(expected): Expected,
    body: Body<UpdateIncidentRequest>,
) -> Result<Response, Problem> {
    let UpdateIncidentRequest {
        title,
        severity,
        labels,
        impact_started_at,
        detected_at,
        acknowledged_at,
        mitigated_at,
        fields,
    } = body.value;
    let reason = None;
    let edit =
        Edit { title, severity, labels, impact_started_at, detected_at, acknowledged_at, mitigated_at, fields, reason };
    let incident = engine.acting_as(&caller).expecting(expected).incident_edit(&id, &edit).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}

/// A stage to enter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeStageRequest {
    /// `alerting`, `triage`, `investigate`, `resolution`, `retrospective`, `closed` or `canceled`.
    #[schema(value_type = words::Stage)]
    to: Stage,
    /// Why; going back and canceling need one.
    reason: Option<String>,
    /// Why the playbook's exit criteria do not count this time.
    r#override: Option<String>,
}

/// Enters a stage.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/stage", tag = "incidents", request_body = ChangeStageRequest,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn stage(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Expected(expected): Expected,
    body: Body<ChangeStageRequest>,
) -> Result<Response, Problem> {
    let once = body.once(&caller);
    let ChangeStageRequest { to, reason, r#override } = body.value;
    let request = StageRequest { to, reason, override_reason: r#override };
    let acting = engine.acting_as(&caller).expecting(expected).once(once);
    let incident = acting.incident_change_stage(&id, &request).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}

/// Something to say with it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeIncidentRequest {
    /// At most 2,000 characters, for the timeline.
    note: Option<String>,
}

/// Acknowledges an incident: the caller has taken it in hand. Neither stage nor role changes; a second time changes nothing.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/acknowledge", tag = "incidents", request_body = AcknowledgeIncidentRequest,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn acknowledge(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<AcknowledgeIncidentRequest>,
) -> Result<Response, Problem> {
    let acting = engine.acting_as(&caller).once(body.once(&caller));
    let incident = acting.incident_acknowledge(&id, body.value.note.as_deref()).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}

/// Something to say with it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MitigateIncidentRequest {
    /// At most 2,000 characters, for the timeline.
    note: Option<String>,
}

/// Says that people are no longer affected. The stage stays, because the fix is not confirmed; a second time changes nothing.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/mitigate", tag = "incidents", request_body = MitigateIncidentRequest,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn mitigate(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<MitigateIncidentRequest>,
) -> Result<Response, Problem> {
    let acting = engine.acting_as(&caller).once(body.once(&caller));
    let incident = acting.incident_mitigate(&id, body.value.note.as_deref()).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}

/// A severity.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSeverityRequest {
    /// `sev1` to `sev4`.
    #[schema(value_type = words::Severity)]
    severity: Severity,
    /// Why: at most 2,000 characters, for the timeline.
    reason: Option<String>,
}

/// Changes the severity of an incident.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/severity", tag = "incidents", request_body = SetSeverityRequest,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn set_severity(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Expected(expected): Expected,
    body: Body<SetSeverityRequest>,
) -> Result<Response, Problem> {
    let acting = engine.acting_as(&caller).expecting(expected).once(body.once(&caller));
    let SetSeverityRequest { severity, reason } = body.value;
    let incident = acting.incident_set_severity(&id, severity, reason.as_deref()).await?;
    Ok(tagged(StatusCode::OK, incident.revision, IncidentResponse::from(incident)))
}

/// Whom to page.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PageIncidentRequest {
    /// Whom: a word that the paging workflow takes as its input `who`, 1 to 100 characters.
    who: Option<String>,
    /// What they are told: the workflow's input `message`, 1 to 500 characters.
    message: Option<String>,
}

/// Asks for people to be paged: starts the workflow that the incident's playbook names under `page`.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/page", tag = "incidents", request_body = PageIncidentRequest,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, body = RunResponse), (status = "4XX", body = Problem)),
)]
async fn page(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<PageIncidentRequest>,
) -> Result<(StatusCode, Json<RunResponse>), Problem> {
    let acting = engine.acting_as(&caller).once(body.once(&caller));
    let PageIncidentRequest { who, message } = body.value;
    let run = acting.incident_page(&id, &PageRequest { who, message }).await?;
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// Lists the alerts of an incident.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/alerts", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Listed<AlertResponse>), (status = "4XX", body = Problem)),
)]
async fn alerts(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<AlertResponse>>, Problem> {
    let alerts = engine.acting_as(&caller).incident_alerts(&id).await?;
    Ok(Json(Listed::all(alerts.into_iter().map(AlertResponse::from).collect())))
}

/// Tells for each event of an incident what started, what did not, and why.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/automations", tag = "incidents", params(("id" = String, Path)),
    responses((status = 200, body = Listed<AutomationResponse>), (status = "4XX", body = Problem)),
)]
async fn automations(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
) -> Result<Json<Listed<AutomationResponse>>, Problem> {
    let (events, outcomes) = engine.acting_as(&caller).incident_automations(&id).await?;
    Ok(Json(Listed::all(events.into_iter().map(|event| AutomationResponse::new(&event, &outcomes)).collect())))
}
