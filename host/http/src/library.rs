//! Connections, secrets and the kill switch.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Admin, Responder, Viewer},
    extract::{Body, Expected, Listed, Path, tagged},
    limits::PluginLimits,
    problem::Problem,
    shapes::value,
};
use wardroom_domain::{
    connection::{Auth, Connection, Grant, Tls},
    pause::PauseScope,
};
use wardroom_engine::{Engine, plugins::connections::NewConnection};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(connections))
        .routes(routes!(connection, set_connection))
        .routes(routes!(secrets))
        .routes(routes!(set_secret))
        .routes(routes!(pauses))
        .routes(routes!(pause))
        .routes(routes!(resume))
}

/// A connection: an account at a third party, for one plugin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetConnectionRequest {
    /// The plugin that may use it.
    plugin: String,
    /// `http(s)://host[:port][/path]`, or `smtp(s)://host:port` for mail.
    base_url: String,
    /// How the host authenticates: `{"bearer": SECRET}`, `{"basic": {"user", "password": SECRET}}`,
    /// `{"header": {"name", "value": SECRET}}` or `{"query": {"name", "value": SECRET}}`. Secrets by name.
    #[schema(value_type = Option<Object>)]
    auth: Option<Auth>,
    /// `{"ca": PEM, "client": {"certificate": PEM, "key": SECRET}}`, each optional: authorities that alone are believed at
    /// `base_url`, and a certificate that is shown there, its key by the name of a secret. Certificates are always verified.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    tls: Option<Tls>,
    /// The plugin's options.
    #[serde(default = "no_options")]
    #[schema(value_type = Object)]
    config: Value,
    /// What is allowed beyond the URL's own host: `networks`, `hosts`, `secrets`, `accept_reads`.
    #[serde(default)]
    #[schema(value_type = Object)]
    grant: Grant,
    /// Whether drills really call it. Dry runs never do.
    #[serde(default)]
    real_in_drills: bool,
    /// Whether what is asked and answered through it is kept with each call, where whoever may read the run reads it: known
    /// secrets masked, 256 KiB a call. `wardroom plugin cassette` makes a cassette of it.
    #[serde(default)]
    record: bool,
    /// What calls through it may use.
    #[serde(default)]
    limits: PluginLimits,
}

fn no_options() -> Value {
    json!({})
}

/// A connection as it is, and how its third parties do.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionResponse {
    /// Name, plugin, `base_url` and whatever else it was set with, its revision and when it was changed.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    connection: Connection,
    /// Third parties that failed lately through it, as this host found.
    breakers: Vec<BreakerResponse>,
}

/// A third party that failed lately, as this host found.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakerResponse {
    /// `https://host[:port]`.
    origin: String,
    /// `closed`: requests are sent; `open`: they are held back; `half_open`: one finds out whether it is back.
    state: &'static str,
    /// Failures since the last answer.
    failures: u32,
    /// How long requests are still held back.
    retry_after_ms: u64,
}

impl ConnectionResponse {
    fn new(engine: &Engine, connection: Connection) -> Self {
        let breakers = engine.connection_breakers(&connection).into_iter().map(|one| BreakerResponse {
            origin: one.origin,
            state: one.standing.as_str(),
            failures: one.failures,
            retry_after_ms: u64::try_from(one.held_for.as_millis()).unwrap_or(u64::MAX),
        });
        Self { breakers: breakers.collect(), connection }
    }
}

/// Lists connections. Secrets appear by name only.
#[utoipa::path(
    get, path = "/api/v1/connections", tag = "platform",
    responses((status = 200, body = Listed<ConnectionResponse>), (status = "4XX", body = Problem)),
)]
async fn connections(State(engine): State<Engine>, _: Admin) -> Result<Json<Listed<ConnectionResponse>>, Problem> {
    let found = engine.connection_list().await?;
    Ok(Json(Listed::all(found.into_iter().map(|one| ConnectionResponse::new(&engine, one)).collect())))
}

/// Reads a connection.
#[utoipa::path(
    get, path = "/api/v1/connections/{name}", tag = "platform", params(("name" = String, Path)),
    responses((status = 200, body = ConnectionResponse), (status = "4XX", body = Problem)),
)]
async fn connection(State(engine): State<Engine>, _: Admin, Path(name): Path<String>) -> Result<Response, Problem> {
    let found = engine.connection(&name).await?;
    Ok(tagged(StatusCode::OK, found.revision, ConnectionResponse::new(&engine, found)))
}

/// Creates or replaces a connection.
#[utoipa::path(
    put, path = "/api/v1/connections/{name}", tag = "platform", request_body = SetConnectionRequest,
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem)),
)]
async fn set_connection(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Expected(expected): Expected,
    body: Body<SetConnectionRequest>,
) -> Result<Response, Problem> {
    let SetConnectionRequest { plugin, base_url, auth, tls, config, grant, real_in_drills, record, limits } =
        body.value;
    let new =
        NewConnection { plugin, base_url, auth, tls, config, grant, real_in_drills, record, limits: limits.into() };
    let connection = engine.connection_set(&caller, &name, new, expected).await?;
    Ok(tagged(StatusCode::OK, connection.revision, connection))
}

/// A secret, without its value.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretResponse {
    /// Its name.
    name: String,
    /// RFC 3339.
    updated_at: String,
    /// The handle of who set it.
    updated_by: String,
}

/// Lists the names of secrets. No route gives a value back.
#[utoipa::path(
    get, path = "/api/v1/secrets", tag = "platform",
    responses((status = 200, body = Listed<SecretResponse>), (status = "4XX", body = Problem)),
)]
async fn secrets(State(engine): State<Engine>, _: Admin) -> Result<Json<Listed<SecretResponse>>, Problem> {
    let found = engine.secret_list().await?.into_iter().map(|secret| SecretResponse {
        name: secret.name,
        updated_at: secret.updated_at.to_string(),
        updated_by: secret.updated_by,
    });
    Ok(Json(Listed::all(found.collect())))
}

/// A secret's value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSecretRequest {
    /// 1 byte to 16 KiB.
    #[schema(value_type = String)]
    value: SecretString,
}

/// Creates or replaces a secret.
#[utoipa::path(
    put, path = "/api/v1/secrets/{name}", tag = "platform", request_body = SetSecretRequest, params(("name" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn set_secret(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    body: Body<SetSecretRequest>,
) -> Result<StatusCode, Problem> {
    engine.secret_set(&caller, &name, &body.value.value).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a hold is on.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PauseScopeKind {
    /// Everything.
    All,
    /// One workflow.
    Workflow,
    /// Every step through one connection.
    Connection,
}

/// A hold to place or to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseAutomationRequest {
    /// What it is on.
    scope: PauseScopeKind,
    /// The workflow's or connection's name.
    name: Option<String>,
    /// Why, 1 to 500 characters; needed to place one.
    reason: Option<String>,
}

impl PauseAutomationRequest {
    fn scope(&self) -> Result<PauseScope, Problem> {
        match (self.scope, &self.name) {
            (PauseScopeKind::All, None) => Ok(PauseScope::All),
            (PauseScopeKind::All, Some(_)) => Err(Problem::invalid("name", "scope `all` takes no name")),
            (PauseScopeKind::Workflow, Some(name)) => Ok(PauseScope::Workflow(name.clone())),
            (PauseScopeKind::Connection, Some(name)) => Ok(PauseScope::Connection(name.clone())),
            (PauseScopeKind::Workflow | PauseScopeKind::Connection, None) => {
                Err(Problem::invalid("name", "is missing"))
            }
        }
    }
}

/// Lists what is held.
#[utoipa::path(
    get, path = "/api/v1/automation", tag = "platform",
    responses((status = 200, body = Listed<Object>), (status = "4XX", body = Problem)),
)]
async fn pauses(State(engine): State<Engine>, _: Viewer) -> Result<Json<Listed<Value>>, Problem> {
    let found = engine.pause_list().await?;
    Ok(Json(Listed::all(found.iter().map(value).collect())))
}

/// Holds automation: the kill switch. What is in flight finishes, nothing new starts.
#[utoipa::path(
    post, path = "/api/v1/automation/pause", tag = "platform", request_body = PauseAutomationRequest,
    responses((status = 200, body = Object), (status = "4XX", body = Problem)),
)]
async fn pause(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    body: Body<PauseAutomationRequest>,
) -> Result<Json<Value>, Problem> {
    let reason = body.value.reason.clone().unwrap_or_default();
    let pause = engine.automation_pause(&caller, body.value.scope()?, &reason).await?;
    Ok(Json(value(&pause)))
}

/// Ends a hold: runs that were held go on.
#[utoipa::path(
    post, path = "/api/v1/automation/resume", tag = "platform", request_body = PauseAutomationRequest,
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn resume(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    body: Body<PauseAutomationRequest>,
) -> Result<StatusCode, Problem> {
    engine.automation_resume(&caller, &body.value.scope()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
