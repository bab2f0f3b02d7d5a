//! A step in a run, and how it failed: the nouns. What happens to it is the machine's business.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Phase, StepStatus, Vote};
use crate::{id::ApprovalId, time::Timestamp};

/// A failure as people and machines read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepError {
    /// A stable word: the plugin's own, or one of the host's (`timeout`, `trap`, `denied`, `upstream_failed`, …).
    pub code: String,
    /// One sentence.
    pub message: String,
    /// More for machines.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl StepError {
    /// An error without details.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: Value::Null }
    }
}

/// One step, or one item of a `foreach`, in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRun {
    /// The step's id in the document.
    pub step: String,
    /// Which item of a `foreach` it is, from 0; none for the step itself.
    pub item: Option<u32>,
    /// Where it stands.
    pub status: StepStatus,
    /// What it is about while running or waiting.
    pub phase: Phase,
    /// Counts reruns, from 0.
    pub generation: u32,
    /// The newest try; 0 before the first.
    pub attempt: u32,
    /// Calls made over all tries: attempts, checks, notifications.
    pub calls: u32,
    /// The resolved `with`, frozen before the first try. For an approval: what it froze for the steps it gates, by step.
    pub input: Option<Value>,
    /// The connection's revision at the first try.
    pub connection_revision: Option<i64>,
    /// The output; null until it succeeds.
    pub output: Value,
    /// One line for people.
    pub summary: Option<String>,
    /// Why it failed, was skipped or waits for a decision.
    pub error: Option<StepError>,
    /// When its first try started.
    pub started_at: Option<Timestamp>,
    /// When it settled.
    pub finished_at: Option<Timestamp>,
    /// When time alone moves it on.
    pub wake_at: Option<Timestamp>,
    /// What a job that goes on elsewhere left.
    pub resume: Option<Vec<u8>>,
    /// What `undo` needs.
    pub undo: Option<Value>,
    /// The approval it waits for.
    pub approval: Option<ApprovalId>,
    /// Who has approved so far.
    pub votes: Vec<Vote>,
}

impl StepRun {
    /// A step that has not begun.
    pub fn pending(step: impl Into<String>) -> Self {
        Self {
            step: step.into(),
            item: None,
            status: StepStatus::Pending,
            phase: Phase::Idle,
            generation: 0,
            attempt: 0,
            calls: 0,
            input: None,
            connection_revision: None,
            output: Value::Null,
            summary: None,
            error: None,
            started_at: None,
            finished_at: None,
            wake_at: None,
            resume: None,
            undo: None,
            approval: None,
            votes: Vec::new(),
        }
    }

    /// Whether it has settled without a call of this run: it keeps what an earlier run gave, or needed none.
    pub fn is_kept(&self) -> bool {
        self.calls == 0 && self.attempt == 0 && self.status.is_settled() && self.status != StepStatus::Skipped
    }
}
