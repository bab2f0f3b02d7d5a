//! Plugins: their versions, what they were given, going back to an earlier one.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Admin, Engineer, Viewer},
    extract::{Body, Listed, Parameters, Path, Raw},
    problem::Problem,
    shapes::{PluginResponse, value},
};
use wardroom_domain::grant::{Ask, PluginGrant};
use wardroom_engine::{COMPONENT_BYTES, Engine, plugins::install::Installing};

/// The header that carries a signature: a `.minisig` file in base64.
const SIGNATURE: &str = "wardroom-signature";
/// The longest source that is noted, in characters.
const SOURCE_CHARS: usize = 500;
/// The longest signature, in bytes.
const SIGNATURE_BYTES: usize = 4 << 10;

pub(super) fn routes() -> OpenApiRouter<Engine> {
    let install = OpenApiRouter::new().routes(routes!(plugins, install)).layer(DefaultBodyLimit::max(COMPONENT_BYTES));
    OpenApiRouter::new()
        .merge(install)
        .routes(routes!(plugin, remove))
        .routes(routes!(versions))
        .routes(routes!(roll_back))
        .routes(routes!(grant, set_grant))
}

/// Lists the plugins in use.
#[utoipa::path(
    get, path = "/api/v1/plugins", tag = "platform",
    responses((status = 200, body = Listed<PluginResponse>), (status = "4XX", body = Problem)),
)]
async fn plugins(State(engine): State<Engine>, _: Viewer) -> Result<Json<Listed<PluginResponse>>, Problem> {
    let found = engine.plugin_list().await?;
    Ok(Json(Listed::all(found.into_iter().map(PluginResponse::from).collect())))
}

/// How a component is to be installed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct How {
    /// `true` gives whatever it newly asks for at once; for administrators.
    #[serde(default)]
    grant: bool,
    /// Where it comes from, for the audit log: a URL or an OCI reference, at most 500 characters.
    source: Option<String>,
}

/// What came of installing a component.
#[derive(Debug, Serialize, ToSchema)]
struct InstallPluginResponse {
    /// The version.
    #[serde(flatten)]
    plugin: PluginResponse,
    /// What it asks for beyond what had been given, in words.
    newly: Vec<String>,
    /// The grant request it waits for; null: it is in use.
    waits_for: Option<String>,
}

/// Installs a component, at most 32 MiB. It comes into use at once when it asks for nothing that its plugin was not given
/// before, when an administrator installs the first version of a plugin, or with `grant=true`. Otherwise the version before
/// it serves until an administrator approves the request in `waits_for`.
#[utoipa::path(
    post, path = "/api/v1/plugins", tag = "platform",
    params(How, ("wardroom-signature" = Option<String>, Header, description = "A minisign signature (a .minisig file) in base64.")),
    request_body(content = Vec<u8>, description = "A WebAssembly component.", content_type = "application/wasm"),
    responses(
        (status = 201, body = InstallPluginResponse), (status = 202, body = InstallPluginResponse, description = "It waits for a grant."),
        (status = "4XX", body = Problem),
    ),
)]
async fn install(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Parameters(how): Parameters<How>,
    headers: HeaderMap,
    Raw(component): Raw,
) -> Result<(StatusCode, Json<InstallPluginResponse>), Problem> {
    if how.source.as_ref().is_some_and(|source| source.is_empty() || source.chars().count() > SOURCE_CHARS) {
        return Err(Problem::invalid("source", "1 to 500 characters are wanted"));
    }
    let how = Installing { grant: how.grant, source: how.source, signature: signature(&headers)? };
    let installed = engine.plugin_install(&caller, component.to_vec(), how).await?;
    let status = if installed.waits_for.is_some() { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let answer = InstallPluginResponse {
        plugin: installed.plugin.into(),
        newly: installed.newly.iter().map(ToString::to_string).collect(),
        waits_for: installed.waits_for.map(|request| request.id),
    };
    Ok((status, Json(answer)))
}

fn signature(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(header) = headers.get(SIGNATURE) else { return Ok(None) };
    let text = STANDARD.decode(header.as_bytes()).ok().filter(|bytes| bytes.len() <= SIGNATURE_BYTES);
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or_else(|| Problem::invalid("signature", "a .minisig file in base64 is wanted"))
}

/// Reads the active version of a plugin.
#[utoipa::path(
    get, path = "/api/v1/plugins/{name}", tag = "platform", params(("name" = String, Path)),
    responses((status = 200, body = PluginResponse), (status = "4XX", body = Problem)),
)]
async fn plugin(
    State(engine): State<Engine>,
    _: Viewer,
    Path(name): Path<String>,
) -> Result<Json<PluginResponse>, Problem> {
    Ok(Json(engine.plugin(&name).await?.into()))
}

/// Takes a plugin out of use; runs pinned to it go on.
#[utoipa::path(
    delete, path = "/api/v1/plugins/{name}", tag = "platform", params(("name" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn remove(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    engine.plugin_delete(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the versions of a plugin that are kept: the active one first, then the one used last.
#[utoipa::path(
    get, path = "/api/v1/plugins/{name}/versions", tag = "platform", params(("name" = String, Path)),
    responses((status = 200, body = Listed<PluginResponse>), (status = "4XX", body = Problem)),
)]
async fn versions(
    State(engine): State<Engine>,
    _: Viewer,
    Path(name): Path<String>,
) -> Result<Json<Listed<PluginResponse>>, Problem> {
    let found = engine.plugin_versions(&name).await?;
    Ok(Json(Listed::all(found.into_iter().map(PluginResponse::from).collect())))
}

/// Which version to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RollBackPluginRequest {
    /// Its version or its digest; without it the one used before the active one.
    #[serde(default)]
    to: Option<String>,
}

/// Brings an earlier version into use again. Runs pinned to another go on with it.
#[utoipa::path(
    post, path = "/api/v1/plugins/{name}/rollback", tag = "platform", request_body = RollBackPluginRequest,
    params(("name" = String, Path)),
    responses((status = 200, body = PluginResponse), (status = "4XX", body = Problem)),
)]
async fn roll_back(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    Path(name): Path<String>,
    body: Body<RollBackPluginRequest>,
) -> Result<Json<PluginResponse>, Problem> {
    Ok(Json(engine.plugin_roll_back(&caller, &name, body.value.to.as_deref()).await?.into()))
}

/// What a plugin was given, for every version of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetPluginGrantRequest {
    /// Each `{"request": "METHOD URL"}`, `{"read": "METHOD PATH"}`, `{"host": ORIGIN}` or `{"secret": WORD}`.
    #[schema(value_type = Vec<Object>)]
    asks: BTreeSet<Ask>,
}

/// Reads what a plugin was given.
#[utoipa::path(
    get, path = "/api/v1/plugins/{name}/grant", tag = "platform", params(("name" = String, Path)),
    responses((status = 200, body = SetPluginGrantRequest), (status = "4XX", body = Problem)),
)]
async fn grant(State(engine): State<Engine>, _: Viewer, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(value(&engine.plugin_grant(&name).await?)))
}

/// Sets what a plugin was given, from now on and for every version: as much as it asks for, or less.
#[utoipa::path(
    put, path = "/api/v1/plugins/{name}/grant", tag = "platform", request_body = SetPluginGrantRequest,
    params(("name" = String, Path)),
    responses((status = 200, body = SetPluginGrantRequest), (status = "4XX", body = Problem)),
)]
async fn set_grant(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    body: Body<SetPluginGrantRequest>,
) -> Result<Json<SetPluginGrantRequest>, Problem> {
    let PluginGrant { asks } = engine.plugin_set_grant(&caller, &name, body.value.asks).await?;
    Ok(Json(SetPluginGrantRequest { asks }))
}
