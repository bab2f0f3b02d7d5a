//! The one shape of errors: `application/problem+json` (RFC 9457). The cause of a server's own failure is logged, never
//! sent.

use axum::{
    Json,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use wardroom_domain::{incident::StageError, workflow::Fault};
use wardroom_engine::{EngineError, StoreError, platform::apply::FileFault};

/// An error, for people and machines.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// A URN that stands for the kind of problem, such as `urn:wardroom:problem:not-found`.
    pub r#type: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, and what would be right.
    pub detail: String,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// A field that is wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, or the part of a workflow document.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// The file, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in a workflow document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in a workflow document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl Problem {
    /// A problem without fields. The kind is a word such as `not-found`.
    pub fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("urn:wardroom:problem:{kind}"),
            title: kind.replace('-', " "),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// A problem of one field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        let detail = format!("{field}: {message}");
        let errors = vec![FieldError { field, message, file: None, line: None, column: None }];
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail) }
    }

    /// The faults of a workflow document.
    pub fn document(faults: &[Fault]) -> Self {
        let detail = match faults {
            [one] => one.to_string(),
            all => format!("the document has {} faults", all.len()),
        };
        Self {
            errors: faults.iter().map(FieldError::from).collect(),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-document", detail)
        }
    }
}

impl From<&FileFault> for FieldError {
    fn from(fault: &FileFault) -> Self {
        Self { file: Some(fault.file.clone()), ..Self::from(&fault.fault) }
    }
}

impl From<&Fault> for FieldError {
    fn from(fault: &Fault) -> Self {
        Self {
            field: fault.path.clone(),
            message: fault.message.clone(),
            file: None,
            line: Some(fault.at.line),
            column: Some(fault.at.column),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(self)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
        let passes = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE, StatusCode::INSUFFICIENT_STORAGE];
        if passes.contains(&status) {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let text = error.to_string();
        match error {
            EngineError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not-found", text),
            EngineError::Invalid { field, message } => Self::invalid(field, message),
            EngineError::Document(faults) => Self::document(&faults),
            EngineError::Documents(faults) => Self {
                errors: faults.iter().map(FieldError::from).collect(),
                ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-document", text)
            },
            EngineError::Conflict(_) | EngineError::Task(_) => Self::new(StatusCode::CONFLICT, "conflict", text),
            EngineError::Stage(StageError::Unmet(_)) => Self::new(StatusCode::CONFLICT, "unmet-criteria", text),
            EngineError::Stage(_) => Self::new(StatusCode::CONFLICT, "illegal-stage", text),
            EngineError::Run(wardroom_domain::run::happening::Refused::OwnDestructive) => {
                Self::new(StatusCode::FORBIDDEN, "forbidden", text)
            }
            EngineError::Run(wardroom_domain::run::happening::Refused::UnknownStep { .. }) => {
                Self::new(StatusCode::NOT_FOUND, "not-found", text)
            }
            EngineError::Run(wardroom_domain::run::happening::Refused::KeyReused) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", text)
            }
            EngineError::Run(_) => Self::new(StatusCode::CONFLICT, "run-refuses", text),
            EngineError::NotAdmitted { .. } => Self::new(StatusCode::CONFLICT, "not-admitted", text),
            EngineError::Unauthenticated(_) => Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", text),
            EngineError::Malformed(_) => Self::new(StatusCode::BAD_REQUEST, "malformed", text),
            EngineError::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "forbidden", text),
            EngineError::Stale { .. } => Self::new(StatusCode::PRECONDITION_FAILED, "stale", text),
            EngineError::KeyReused => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", text),
            EngineError::Plugin(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unfit-plugin", text),
            EngineError::Overloaded => Self::new(StatusCode::TOO_MANY_REQUESTS, "overloaded", text),
            EngineError::Stopping => Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", text),
            EngineError::Store(cause) if cause.is_full() => {
                tracing::error!(error = %cause, "the database has no room for a request");
                let detail = "the database's disk takes no more: nothing was changed; try again when it has room";
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage-full", detail)
            }
            EngineError::Store(StoreError::Unanswered) => {
                tracing::error!("the database did not say whether a request was written");
                let detail = "the database did not say whether this was written: look, or repeat it with the same \
                              Idempotency-Key";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", detail)
            }
            EngineError::Store(cause) if cause.is_busy() => EngineError::Overloaded.into(),
            EngineError::Store(cause) => {
                tracing::error!(error = %cause, "the database failed a request");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "database", text)
            }
            EngineError::Internal(cause) => {
                tracing::error!(error = %cause, "a request failed in a way that should not be possible");
                let detail = "an internal error; the server's log says more";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
            }
        }
    }
}

/// No such route.
pub(super) async fn no_route(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(StatusCode::NOT_FOUND, "no-route", format!("there is no {path}: /openapi.json lists what there is"))
}

/// The route does not take the method.
pub(super) async fn no_method(method: Method, uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "no-method", format!("{path} does not take {method}"))
}
