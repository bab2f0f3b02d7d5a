//! People, their tokens' roles, and who is behind a change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    id::{AlertId, PersonId, RunId, TokenId},
    time::Timestamp,
};

/// What a token may do; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessRole {
    /// Reads.
    Viewer,
    /// Handles incidents, runs and approvals.
    Responder,
    /// Writes workflows, plugins, playbooks and schedules.
    Engineer,
    /// Holds connections, secrets, grants, people, tokens and the audit log.
    Admin,
}

impl AccessRole {
    /// The word the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Responder => "responder",
            Self::Engineer => "engineer",
            Self::Admin => "admin",
        }
    }
}

/// Somebody the platform knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Identifier.
    pub id: PersonId,
    /// Unique short name: 1 to 64 of `a-z 0-9 . _ -`, such as `ada`.
    pub handle: String,
    /// Full name.
    pub name: String,
    /// Address for mail, when known.
    pub email: Option<String>,
    /// When they were added.
    pub created_at: Timestamp,
    /// How to reach them, and when not.
    #[serde(default)]
    pub profile: Profile,
    /// Counts changes, from 1: the `ETag`.
    #[serde(default)]
    pub revision: i64,
}

/// How to reach somebody, and when not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Their time zone, an IANA name such as `Europe/Berlin`.
    pub time_zone: Option<String>,
    /// Who they are in chat, by connection: at most 20.
    pub chat: BTreeMap<String, String>,
    /// When they are away: at most 50, in the order of their beginning.
    pub away: Vec<Away>,
}

/// A time in which somebody is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Away {
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Why: at most 200 characters.
    #[serde(default)]
    pub reason: String,
}

impl Person {
    /// Whether they are away at a time.
    pub fn is_away(&self, at: Timestamp) -> bool {
        self.away_until(at).is_some()
    }

    /// Until when they are away, if they are at a time.
    pub fn away_until(&self, at: Timestamp) -> Option<Timestamp> {
        let now = self.profile.away.iter().filter(|away| away.from <= at && at < away.until);
        now.map(|away| away.until).max()
    }
}

/// A bearer token as the platform keeps it: the secret itself only as a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Identifier.
    pub id: TokenId,
    /// Whose it is.
    pub person: PersonId,
    /// What it is for, in the owner's words.
    pub name: String,
    /// What it may do.
    pub role: AccessRole,
    /// SHA-256 of the token, in hexadecimal.
    pub hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub revoked_at: Option<Timestamp>,
}

/// Who or what is behind a change: timeline entries name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Actor {
    /// A person.
    Person {
        /// Identifier.
        id: PersonId,
        /// Handle at the time.
        handle: String,
    },
    /// A run's step, or the run itself.
    Run {
        /// The run.
        id: RunId,
        /// Its workflow.
        workflow: String,
        /// The step, when one did it.
        step: Option<String>,
    },
    /// An alert source.
    Source {
        /// Its name, such as `alertmanager`.
        name: String,
        /// The alert.
        alert: Option<AlertId>,
    },
    /// Wardroom itself (a timeout, a recovery).
    System,
}

impl Actor {
    /// Whether it is a person.
    pub fn is_person(&self) -> bool {
        matches!(self, Self::Person { .. })
    }

    /// Who or what it is, in a word or two: a handle, a workflow's step, a source.
    pub fn name(&self) -> String {
        match self {
            Self::Person { handle, .. } => handle.clone(),
            Self::Run { workflow, step: Some(step), .. } => format!("{workflow}/{step}"),
            Self::Run { workflow, step: None, .. } => workflow.clone(),
            Self::Source { name, .. } => name.clone(),
            Self::System => "wardroom".to_owned(),
        }
    }
}
