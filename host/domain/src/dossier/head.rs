//! What every part of an incident begins with.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What every part begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Counts the parts of a kind within their incident, from 1.
    pub number: u32,
    /// Counts its changes, from 1: the `ETag`.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
