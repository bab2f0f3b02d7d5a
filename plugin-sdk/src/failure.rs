//! How an action fails: a word, a sentence, whether to try again, and what happened all the same.

use std::fmt;

use serde_json::Value;

use crate::wit::wardroom::plugin::types;

/// A typed failure.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// A stable word for machines: `rate_limited`, `not_found`, …
    pub code: String,
    /// One sentence for people: what failed and what would help. Never a secret.
    pub message: String,
    /// Whether to try again. The default is never.
    pub retry: Retry,
    /// What happened although it failed. The default is nothing.
    pub effect: Effect,
    /// More for machines.
    pub details: Option<Value>,
    /// What [`Action::undo`](crate::Action::undo) needs to take back a part that was applied.
    pub undo: Option<Value>,
}

/// Whether and when to try again; the step's own policy bounds how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It cannot help.
    Never,
    /// After the policy's own pause.
    Backoff,
    /// After this many milliseconds, as the third party asked.
    AfterMs(u64),
}

/// What happened at the third party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing was changed.
    None,
    /// The change was made.
    Applied,
    /// It cannot be known from here.
    Unknown,
}

impl Failure {
    /// A failure that happened before anything changed and that trying again cannot mend.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let (retry, effect) = (Retry::Never, Effect::None);
        Self { code: code.into(), message: message.into(), retry, effect, details: None, undo: None }
    }

    /// Says whether to try again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Says what happened.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Leaves what undo needs to take back the part that was applied.
    #[must_use]
    pub fn undo(mut self, undo: Value) -> Self {
        self.undo = Some(undo);
        self
    }

    /// Adds details.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
            retry: match failure.retry {
                Retry::Never => types::Retry::Never,
                Retry::Backoff => types::Retry::Backoff,
                Retry::AfterMs(ms) => types::Retry::AfterMs(ms),
            },
            effect: match failure.effect {
                Effect::None => types::Effect::None,
                Effect::Applied => types::Effect::Applied,
                Effect::Unknown => types::Effect::Unknown,
            },
            details: failure.details.map(|details| details.to_string()),
            artifacts: Vec::new(),
            undo: failure.undo.map(|undo| undo.to_string()),
        }
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
            retry: match failure.retry {
                types::Retry::Never => Retry::Never,
                types::Retry::Backoff => Retry::Backoff,
                types::Retry::AfterMs(ms) => Retry::AfterMs(ms),
            },
            effect: match failure.effect {
                types::Effect::None => Effect::None,
                types::Effect::Applied => Effect::Applied,
                types::Effect::Unknown => Effect::Unknown,
            },
            details: failure.details.and_then(|details| serde_json::from_str(&details).ok()),
            undo: failure.undo.and_then(|undo| serde_json::from_str(&undo).ok()),
        }
    }
}
