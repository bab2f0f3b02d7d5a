//! The kill switch: what is held, by whom and why.

use serde::{Deserialize, Serialize};

use super::{person::Actor, time::Timestamp};

/// What a pause holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "scope", content = "name", rename_all = "snake_case")]
pub enum PauseScope {
    /// Everything.
    All,
    /// One workflow.
    Workflow(String),
    /// Every step through one connection.
    Connection(String),
}

/// A hold on automation. What is in flight finishes; nothing new starts until somebody resumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// What it holds.
    #[serde(flatten)]
    pub scope: PauseScope,
    /// Why, 1 to 500 characters.
    pub reason: String,
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

impl Pause {
    /// Whether it holds this workflow, or this connection's steps.
    pub fn holds(&self, workflow: &str, connection: Option<&str>) -> bool {
        match &self.scope {
            PauseScope::All => true,
            PauseScope::Workflow(name) => name == workflow,
            PauseScope::Connection(name) => connection == Some(name.as_str()),
        }
    }
}
