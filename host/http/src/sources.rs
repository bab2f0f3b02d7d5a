//! Sources of alerts, and silences.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Admin, Responder, Viewer},
    extract::{Body, Expected, Listed, Path, tagged},
    problem::Problem,
    shapes::value,
};
use wardroom_domain::{
    id::SilenceId,
    intake::{
        Mapping, SourceKind,
        source::{Proof, Storm},
    },
    time::Timestamp,
};
use wardroom_engine::{
    Engine, EngineError, StoredSilence,
    alerts::sources::{NewSilence, NewSource},
};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(sources))
        .routes(routes!(source, set_source, remove_source))
        .routes(routes!(silences, add_silence))
        .routes(routes!(end_silence))
}

/// A source to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSourceRequest {
    /// `alertmanager`, `grafana`, `pagerduty`, `opsgenie`, `cloudevents` or `generic`.
    #[schema(value_type = String)]
    kind: SourceKind,
    /// `{"token": SECRET}` or `{"hmac": {"secret": SECRET, "header", "prefix", "timestamp_header"}}`. Secrets by name. Absent:
    /// the secret `source-NAME`.
    #[schema(value_type = Option<Object>)]
    auth: Option<Proof>,
    /// For generic sources: CEL expressions `items`, `status`, `fingerprint`, `group_key`, `title`, `severity`, `labels`,
    /// `annotations`, `starts_at` over `body`, `headers` and `item`.
    #[schema(value_type = Option<Object>)]
    mapping: Option<Mapping>,
    /// `{"incidents", "window_seconds"}`: how many incidents it may open in a while; further groups join one umbrella
    /// incident. By default 20 in 300 seconds.
    #[serde(default)]
    #[schema(value_type = Object)]
    storm: Storm,
}

/// Lists the sources that have settings. Secrets appear by name only.
#[utoipa::path(
    get, path = "/api/v1/sources", tag = "platform",
    responses((status = 200, body = Listed<Object>), (status = "4XX", body = Problem)),
)]
async fn sources(State(engine): State<Engine>, _: Admin) -> Result<Json<Listed<Value>>, Problem> {
    let found = engine.source_list().await?;
    Ok(Json(Listed::all(found.iter().map(value).collect())))
}

/// Reads a source; those that are there from the start have defaults.
#[utoipa::path(
    get, path = "/api/v1/sources/{name}", tag = "platform", params(("name" = String, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem)),
)]
async fn source(State(engine): State<Engine>, _: Admin, Path(name): Path<String>) -> Result<Response, Problem> {
    let found = engine.source(&name).await?;
    Ok(tagged(StatusCode::OK, found.revision, value(&*found)))
}

/// Sets a source, new or replaced.
#[utoipa::path(
    put, path = "/api/v1/sources/{name}", tag = "platform", request_body = SetSourceRequest,
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem)),
)]
async fn set_source(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Expected(expected): Expected,
    body: Body<SetSourceRequest>,
) -> Result<Response, Problem> {
    let SetSourceRequest { kind, auth, mapping, storm } = body.value;
    let source = engine.source_set(&caller, &name, NewSource { kind, auth, mapping, storm }, expected).await?;
    Ok(tagged(StatusCode::OK, source.revision, value(&source)))
}

/// Takes a source's settings away; one that is there from the start goes on without.
#[utoipa::path(
    delete, path = "/api/v1/sources/{name}", tag = "platform", params(("name" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn remove_source(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    engine.source_delete(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A silence to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSilenceRequest {
    /// Labels that an alert has to have, 1 to 20; `*` stands for any value.
    labels: BTreeMap<String, String>,
    /// Only alerts of this source.
    source: Option<String>,
    /// From when on; absent: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// Until when: at most 30 days after the beginning.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// Why: 1 to 500 characters.
    reason: String,
}

fn shown(stored: &StoredSilence) -> Value {
    let mut shown = value(&stored.silence);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("alerts".to_owned(), json!(stored.alerts));
        shown.insert("last_alert_at".to_owned(), json!(stored.last_alert_at));
    }
    shown
}

/// Lists the silences that are not over, each with how many alerts it silenced.
#[utoipa::path(
    get, path = "/api/v1/silences", tag = "hooks",
    responses((status = 200, body = Listed<Object>), (status = "4XX", body = Problem)),
)]
async fn silences(State(engine): State<Engine>, _: Viewer) -> Result<Json<Listed<Value>>, Problem> {
    Ok(Json(Listed::all(engine.silence_list().await?.iter().map(shown).collect())))
}

/// Makes a silence: alerts that match open no incident and join none as new; they are counted. What still fires afterwards
/// opens its incident when it is delivered again.
#[utoipa::path(
    post, path = "/api/v1/silences", tag = "hooks", request_body = CreateSilenceRequest,
    responses((status = 201, body = Object), (status = "4XX", body = Problem)),
)]
async fn add_silence(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    body: Body<CreateSilenceRequest>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let CreateSilenceRequest { labels, source, starts_at, ends_at, reason } = body.value;
    let silence = engine.silence_create(&caller, NewSilence { labels, source, starts_at, ends_at, reason }).await?;
    let stored = StoredSilence { silence, alerts: 0, last_alert_at: None };
    Ok((StatusCode::CREATED, Json(shown(&stored))))
}

/// Ends a silence now.
#[utoipa::path(
    delete, path = "/api/v1/silences/{id}", tag = "hooks", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn end_silence(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let missing = || EngineError::NotFound { noun: "silence", name: id.chars().take(64).collect() };
    let silence: SilenceId = id.parse().map_err(|_| missing())?;
    engine.silence_end(&caller, silence).await?;
    Ok(StatusCode::NO_CONTENT)
}
