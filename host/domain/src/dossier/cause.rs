//! Causes: the shared list of what may be the reason, struck off as it is ruled out.

use serde::{Deserialize, Serialize};

use super::Head;

/// The most evidence of a cause.
pub const MAX_EVIDENCE: usize = 50;

/// What is thought of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseStatus {
    /// It may be.
    Suspected,
    /// It is.
    Confirmed,
    /// It is not.
    RuledOut,
}

impl CauseStatus {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Confirmed => "confirmed",
            Self::RuledOut => "ruled out",
        }
    }
}

/// What may be the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Number and revision.
    #[serde(flatten)]
    pub head: Head,
    /// What it would be: 1 to 500 characters.
    pub text: String,
    /// What is thought of it.
    pub status: CauseStatus,
    /// Why that is thought: at most 2,000 characters.
    pub why: Option<String>,
    /// What speaks for or against it: at most [`MAX_EVIDENCE`].
    pub evidence: Vec<Evidence>,
    /// The handle of who named it.
    pub by: String,
}

/// Something that speaks for or against a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it shows: 1 to 200 characters.
    pub label: String,
    /// Where it is: an `http` or `https` address.
    pub url: Option<String>,
}
