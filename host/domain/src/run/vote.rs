//! A vote on an approval.

use serde::{Deserialize, Serialize};

use crate::{person::Actor, time::Timestamp};

/// One person's yes to an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}
