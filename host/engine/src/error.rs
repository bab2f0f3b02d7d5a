//! Why a use case did not happen. Each case says what would be right; nothing here carries a secret or a cause that only
//! the log should know.

use std::fmt::Display;

use crate::{platform::apply::FileFault, runs::trigger::NotAdmitted};
use wardroom_domain::{dossier::task::TaskError, incident::StageError, run::happening::Refused, workflow::Fault};
use wardroom_runtime::RefusedPlugin;
use wardroom_store::StoreError;

/// Why a use case did not happen. The state is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such thing.
    #[error("there is no {noun} {name:?}")]
    NotFound {
        /// The noun.
        noun: &'static str,
        /// What was asked for.
        name: String,
    },
    /// A field is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// The field.
        field: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A workflow document has faults; all of them are here.
    #[error("the workflow document has {} fault(s)", .0.len())]
    Document(Vec<Fault>),
    /// Documents of a set have faults; all of them are here.
    #[error("the documents have {} fault(s): nothing was changed", .0.len())]
    Documents(Vec<FileFault>),
    /// It does not fit the present state.
    #[error("{0}")]
    Conflict(String),
    /// The stage cannot be entered.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The task's status does not change.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The run does not take it.
    #[error(transparent)]
    Run(#[from] Refused),
    /// The workflow does not start.
    #[error("workflow {workflow} does not start: {refusal}")]
    NotAdmitted {
        /// The workflow.
        workflow: String,
        /// Why.
        refusal: NotAdmitted,
    },
    /// It is not known who asks.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// What was sent cannot be read at all.
    #[error("{0}")]
    Malformed(String),
    /// The caller may not.
    #[error("{0}")]
    Forbidden(String),
    /// The thing changed since the caller read it.
    #[error("the {noun} is at revision {actual}: read it again")]
    Stale {
        /// The noun.
        noun: &'static str,
        /// The revision it has.
        actual: i64,
    },
    /// The idempotency key was used with another body.
    #[error("this Idempotency-Key was used within 24 hours with another request")]
    KeyReused,
    /// The component cannot be installed.
    #[error(transparent)]
    Plugin(#[from] RefusedPlugin),
    /// Too much is going on; trying again later helps.
    #[error("too many changes at once: try again in a second")]
    Overloaded,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The database failed. The cause is logged, not told.
    #[error("the database did not answer")]
    Store(#[from] StoreError),
    /// Something that cannot be. The cause is logged, not told.
    #[error("an internal error: {0}")]
    Internal(String),
}

impl EngineError {
    /// There is no such thing.
    pub fn not_found(noun: &'static str, name: impl Display) -> Self {
        Self::NotFound { noun, name: name.to_string().chars().take(100).collect() }
    }

    /// A fault that a test asked for.
    #[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
    pub(crate) fn broken(error: std::io::Error) -> Self {
        Self::Internal(error.to_string())
    }

    /// The same for another who waited for the same thing.
    pub(crate) fn shared(&self) -> Self {
        match self {
            Self::Store(cause) => Self::Store(cause.clone()),
            _ => Self::Overloaded,
        }
    }

    /// A field is wrong, with what would be right.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }
}
