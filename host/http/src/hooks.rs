//! Alert intake: reads a source's request, proves whose it is, and answers what became of it.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{authenticate, bearer, demand},
    extract::{Path, Raw},
    problem::Problem,
};
use wardroom_domain::{
    intake::{self, SourceKind, Taken, Wrong, source::Proof},
    is_too_deep,
    person::AccessRole,
};
use wardroom_engine::Engine;

/// The most groups of one request.
const MAX_GROUPS: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(hook))
}

/// What became of a request.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Outcome {
    /// The incident it opened or joined, the first of several; null when resolved alerts met no open incident.
    incident: Option<String>,
    /// Whether it opened one.
    opened: bool,
    /// How many alerts were new or changed their status; a redelivery changes none.
    changed: usize,
    /// How many were silenced.
    #[serde(skip_serializing_if = "is_none")]
    silenced: usize,
    /// Every incident it opened or joined, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incidents: Vec<String>,
    /// The alerts that cannot be read, each with what is wrong; the others were taken in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wrong: Vec<WrongAlert>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// An alert that cannot be read.
#[derive(Debug, Serialize, ToSchema)]
pub struct WrongAlert {
    /// The field.
    field: String,
    /// What is wrong and what would be right.
    message: String,
}

/// Takes in a request of an alert source.
///
/// The source proves who it is by an API token of role responder, or as its settings say: by a token or a signature. Without
/// settings the secret named `source-<source>` is its token. A source of kind `pagerduty` may send it as `routing_key`, and is
/// answered as PagerDuty does.
#[utoipa::path(
    post, path = "/api/v1/hooks/{source}", tag = "hooks",
    params(("source" = String, Path, description = "`alertmanager`, `grafana`, `pagerduty`, `opsgenie`, `cloudevents`, or one of your own")),
    request_body(content = Object, description = "The source's own body.", content_type = "application/json"),
    responses((status = 200, body = Outcome), (status = 202, body = Object), (status = "4XX", body = Problem)),
)]
async fn hook(State(engine): State<Engine>, Path(source): Path<String>, request: Request) -> Result<Response, Problem> {
    let source = engine.catalog().await?.source(&source)?;
    let (parts, body) = request.into_parts();
    let headers = lower(&parts);
    let Raw(bytes) = Raw::from_request(Request::from_parts(parts.clone(), body), &engine).await?;
    let body = json_body(&bytes, source.kind, &headers);
    let routing_key = body.as_ref().ok().and_then(|body| body.get("routing_key")).and_then(Value::as_str);
    let proof = bearer(&parts).or(routing_key.filter(|_| source.kind == SourceKind::Pagerduty));
    if !engine.is_proven(&source, proof, &headers, &bytes).await? {
        if matches!(source.auth, Some(Proof::Hmac(_))) && bearer(&parts).is_none() {
            let detail = "the signature is missing, wrong or too old";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail));
        }
        demand(&authenticate(&parts, &engine).await?, AccessRole::Responder)?;
    }
    let body = body?;
    let request = intake::Request { source: &source.name, headers: &headers, body: &body, now: engine.now() };
    let taken = intake::read(source.kind, source.mapping.as_ref(), &request).map_err(refused)?;
    if taken.deliveries.len() > MAX_GROUPS {
        return Err(Problem::invalid("body", format!("at most {MAX_GROUPS} groups of alerts are wanted at once")));
    }
    let mut outcome = Outcome::default();
    for delivery in &taken.deliveries {
        let ingested = engine.ingest(&source, delivery).await?;
        if let Some(incident) = ingested.incident.map(|incident| incident.reference()) {
            outcome.incident.get_or_insert_with(|| incident.clone());
            if !outcome.incidents.contains(&incident) {
                outcome.incidents.push(incident);
            }
        }
        outcome.opened |= ingested.opened;
        outcome.changed += ingested.changed;
        outcome.silenced += ingested.silenced;
    }
    Ok(answer(source.kind, taken, outcome))
}

fn answer(kind: SourceKind, taken: Taken, mut outcome: Outcome) -> Response {
    if kind == SourceKind::Pagerduty {
        let body = json!({ "status": "success", "message": "Event processed", "dedup_key": taken.dedup_key });
        return (StatusCode::ACCEPTED, Json(body)).into_response();
    }
    if outcome.incidents.len() < 2 {
        outcome.incidents.clear();
    }
    let wrong = |Wrong { field, message }: Wrong| WrongAlert { field, message };
    outcome.wrong = taken.wrong.into_iter().map(wrong).collect();
    Json(outcome).into_response()
}

fn refused(Wrong { field, message }: Wrong) -> Problem {
    Problem::invalid(field, message)
}

/// The headers a body may be understood by, their names in lower case.
fn lower(parts: &Parts) -> BTreeMap<String, String> {
    let secret = [header::AUTHORIZATION, header::COOKIE];
    let named = parts.headers.iter().filter(|(name, _)| !secret.contains(name));
    named.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

/// The body as JSON. That of a binary event may be anything, or nothing.
fn json_body(bytes: &[u8], kind: SourceKind, headers: &BTreeMap<String, String>) -> Result<Value, Problem> {
    let binary = kind == SourceKind::Cloudevents && headers.contains_key("ce-specversion");
    match serde_json::from_slice::<Value>(bytes) {
        Ok(body) if is_too_deep(&body) => Err(Problem::invalid("body", "at most 64 levels of nesting are wanted")),
        Ok(body) => Ok(body),
        Err(_) if binary => Ok(Value::Null),
        Err(error) => Err(Problem::new(StatusCode::BAD_REQUEST, "malformed", format!("the body is no JSON: {error}"))),
    }
}
