//! The audit log: who changed what in the platform. Append-only; never holds a secret.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{person::Actor, time::Timestamp};

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Identifier; sorts by time.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What, such as `connection.set`.
    pub action: String,
    /// To what: its name.
    pub target: String,
    /// Details: an object.
    pub data: Value,
}
