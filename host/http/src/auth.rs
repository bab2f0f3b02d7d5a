//! Who asks: every token names a person, and each route says which role it wants.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
};

use super::problem::Problem;
use wardroom_domain::person::AccessRole;
use wardroom_engine::{Caller, Engine};

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Caller);

        impl FromRequestParts<Engine> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, engine: &Engine) -> Result<Self, Problem> {
                let caller = authenticate(parts, engine).await?;
                caller.demand(AccessRole::$name)?;
                Ok(Self(caller))
            }
        }
    )*};
}

roles! {
    /// Somebody who may read.
    Viewer;
    /// Somebody who may handle incidents, runs and approvals.
    Responder;
    /// Somebody who may write workflows and plugins.
    Engineer;
    /// Somebody who may hold connections, secrets, people and tokens.
    Admin;
}

/// The bearer token of a request.
pub(super) fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub(super) async fn authenticate(parts: &Parts, engine: &Engine) -> Result<Caller, Problem> {
    let Some(token) = bearer(parts) else {
        let detail = "a token is wanted: send `Authorization: Bearer wrd_…`";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail));
    };
    let caller = engine.authenticate(token).await?;
    caller.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "this token is unknown or revoked"))
}
