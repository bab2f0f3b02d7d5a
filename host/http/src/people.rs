//! People and their tokens.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Admin, Viewer},
    extract::{Body, Expected, Listed, Paging, Parameters, Path, given, tagged},
    problem::Problem,
    shapes::PersonResponse,
    words,
};
use wardroom_domain::person::{AccessRole, Away, Token};
use wardroom_engine::{
    Engine, EngineError,
    access::people::{NewPerson, PersonEdit},
};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new()
        .routes(routes!(people, add))
        .routes(routes!(change))
        .routes(routes!(me))
        .routes(routes!(tokens, create_token))
        .routes(routes!(revoke_token))
}

/// Lists people.
#[utoipa::path(
    get, path = "/api/v1/people", tag = "people",
    responses((status = 200, body = Listed<PersonResponse>), (status = "4XX", body = Problem)),
)]
async fn people(State(engine): State<Engine>, _: Viewer) -> Result<Json<Listed<PersonResponse>>, Problem> {
    Ok(Json(Listed::all(engine.person_list().await?.into_iter().map(PersonResponse::from).collect())))
}

/// Somebody to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePersonRequest {
    /// Unique short name: 1 to 64 of `a-z 0-9 . _ -`.
    #[schema(pattern = "^[a-z0-9._-]{1,64}$")]
    handle: String,
    /// Full name.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Address for mail.
    email: Option<String>,
}

/// Adds a person.
#[utoipa::path(
    post, path = "/api/v1/people", tag = "people", request_body = CreatePersonRequest,
    responses((status = 201, body = PersonResponse), (status = "4XX", body = Problem)),
)]
async fn add(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    body: Body<CreatePersonRequest>,
) -> Result<(StatusCode, Json<PersonResponse>), Problem> {
    let CreatePersonRequest { handle, name, email } = body.value;
    let person = engine.person_create(&caller, NewPerson { handle, name, email }).await?;
    Ok((StatusCode::CREATED, Json(person.into())))
}

/// What to change of a person; what is absent stays, null clears.
#[expect(clippy::option_option, reason = "absent, null and a value mean three things")]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePersonRequest {
    /// Full name; administrators only.
    name: Option<String>,
    /// Address for mail; administrators only.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    /// An IANA time zone such as `Europe/Berlin`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    time_zone: Option<Option<String>>,
    /// Who they are in chat, by connection, all anew: at most 20.
    chat: Option<BTreeMap<String, String>>,
    /// When they are away, all anew: at most 50 of `{from, until, reason}`. Roles go to backups meanwhile.
    #[schema(value_type = Option<Vec<Object>>)]
    away: Option<Vec<Away>>,
}

/// Changes a person. People set their own time zone, chat and absences; the rest is an administrator's.
#[utoipa::path(
    patch, path = "/api/v1/people/{handle}", tag = "people", request_body = UpdatePersonRequest,
    params(("handle" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = PersonResponse), (status = "4XX", body = Problem)),
)]
async fn change(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(handle): Path<String>,
    Expected(expected): Expected,
    body: Body<UpdatePersonRequest>,
) -> Result<Response, Problem> {
    let UpdatePersonRequest { name, email, time_zone, chat, away } = body.value;
    let edit = PersonEdit { name, email, time_zone, chat, away };
    let person = engine.person_edit(&caller, &handle, &edit, expected).await?;
    Ok(tagged(StatusCode::OK, person.revision, PersonResponse::from(person)))
}

/// Who a token stands for.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeResponse {
    /// The person.
    person: PersonResponse,
    /// The token's role.
    role: String,
}

/// Tells who the caller is.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "people", responses((status = 200, body = MeResponse), (status = "4XX", body = Problem)),
)]
async fn me(Viewer(caller): Viewer) -> Json<MeResponse> {
    Json(MeResponse { role: caller.role.as_str().to_owned(), person: caller.person.into() })
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTokenRequest {
    /// The handle of its person.
    person: String,
    /// `viewer`, `responder`, `engineer` or `admin`.
    #[schema(value_type = words::AccessRole)]
    role: AccessRole,
    /// What it is for, at most 100 characters.
    #[serde(default)]
    name: String,
}

/// A new token.
#[derive(Serialize, ToSchema)]
pub struct CreatedTokenResponse {
    /// A UUID.
    id: String,
    /// The token. It is shown this once.
    token: String,
    /// Its role.
    role: String,
}

/// Makes a token. Its text is shown this once; the platform keeps a hash.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "people", request_body = CreateTokenRequest,
    responses((status = 201, body = CreatedTokenResponse), (status = "4XX", body = Problem)),
)]
async fn create_token(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    body: Body<CreateTokenRequest>,
) -> Result<(StatusCode, Json<CreatedTokenResponse>), Problem> {
    let CreateTokenRequest { person, role, name } = body.value;
    let (token, text) = engine.token_create(&caller, &person, role, &name).await?;
    let made = CreatedTokenResponse {
        id: token.id.to_string(),
        token: text.expose_secret().to_owned(),
        role: token.role.as_str().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// A token as it is kept: without its text.
#[derive(Serialize, ToSchema)]
pub struct TokenResponse {
    /// A UUID.
    id: String,
    /// The handle of its person.
    person: String,
    /// Its role.
    role: String,
    /// What it is for.
    name: String,
    /// When it was made.
    created_at: String,
    /// Since when it is refused.
    revoked_at: Option<String>,
}

/// Lists tokens, the newest first, revoked ones included.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "people", params(Paging),
    responses((status = 200, body = Listed<TokenResponse>), (status = "4XX", body = Problem)),
)]
async fn tokens(
    State(engine): State<Engine>,
    _: Admin,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Listed<TokenResponse>>, Problem> {
    let page = paging.page()?;
    let listed = Listed::cut(engine.token_list(&page).await?, &page, |(token, _)| token.id.to_string());
    let shape = |(token, person): (Token, wardroom_domain::person::Person)| TokenResponse {
        id: token.id.to_string(),
        person: person.handle,
        role: token.role.as_str().to_owned(),
        name: token.name,
        created_at: token.created_at.to_string(),
        revoked_at: token.revoked_at.map(|at| at.to_string()),
    };
    Ok(Json(Listed { items: listed.items.into_iter().map(shape).collect(), next: listed.next }))
}

/// Revokes a token: it is refused from now on.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn revoke_token(
    State(engine): State<Engine>,
    Admin(caller): Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = id.parse().map_err(|_| EngineError::not_found("live token", id))?;
    engine.token_revoke(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
