//! A run that a tick starts.

use crate::{schedule::TickKind, time::Timestamp};

/// A time that starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The time.
    pub nominal: Timestamp,
    /// What brought it about.
    pub kind: TickKind,
}
