//! A retrospective as the API answers with it.

use axum::{http::StatusCode, response::Response};
use wardroom_domain::dossier::Dossier;
use wardroom_engine::EngineError;

use crate::{extract::tagged, problem::Problem, shapes::RetrospectiveResponse};

pub(crate) fn shown(status: StatusCode, dossier: &Dossier) -> Result<Response, Problem> {
    let one = dossier.parts.retrospective.first().ok_or_else(|| missing(dossier))?;
    Ok(tagged(status, one.head.revision, RetrospectiveResponse::new(dossier, one)))
}

pub(crate) fn missing(dossier: &Dossier) -> EngineError {
    EngineError::NotFound { noun: "retrospective", name: dossier.incident.reference() }
}
