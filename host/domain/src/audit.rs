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

/// Which entries; what is absent admits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The handle of who did it.
    pub actor: Option<String>,
    /// The action, or with a dot at its end all of that kind, such as `connection.`.
    pub action: Option<String>,
    /// The name of what was changed.
    pub target: Option<String>,
    /// At or after this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}
