//! A workflow's steps as its document says them: the nouns. Reading them from text is `steps`' business.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::expression::{Expression, Template};

/// One node of a workflow.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in the workflow: a CEL identifier in `snake_case`.
    pub id: String,
    /// In which part of the document it stands.
    pub section: Section,
    /// Steps that must be satisfied before, resolved: `needs` as written, else the step above.
    pub needs: Vec<String>,
    /// `if`: false skips the step.
    pub condition: Option<Expression>,
    /// What it does.
    pub kind: StepKind,
    /// `foreach`: does it once for each item of a list.
    pub foreach: Option<Foreach>,
    /// How failures are tried again.
    pub retry: RetryPolicy,
    /// `retry_if`: false lets a failure stand that the plugin would have tried again.
    pub retry_if: Option<Expression>,
    /// How long one attempt may take. Default 60 s, at most 10 min.
    pub timeout: Duration,
    /// How long the step may take with all its attempts and pauses; as long as the run without one.
    pub deadline: Option<Duration>,
    /// What its failure means for the run.
    pub on_error: OnError,
}

/// Doing a step once for each item of a list.
#[derive(Debug, Clone)]
pub struct Foreach {
    /// Gives the list: at most [`MAX_ITEMS`] items.
    pub list: Expression,
    /// How many items are under way at once: 1 to 100. Default 10.
    pub max_parallel: u32,
}

/// The most items of a `foreach`.
pub const MAX_ITEMS: usize = 1_000;

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Calls an action of a plugin (`wardroom` offers the built-in ones).
    Action {
        /// The plugin's name.
        plugin: String,
        /// The action's name.
        action: String,
        /// The connection's name.
        connection: Option<String>,
        /// The input: a template of an object.
        with: Template,
    },
    /// Runs another workflow and waits for its end.
    Run {
        /// The workflow's name.
        workflow: String,
        /// Its inputs: a template of an object.
        with: Template,
    },
    /// Takes an action of another run back; no document says so, `undo` of a run does.
    Undo(UndoStep),
    /// Waits for a person.
    Approve(ApproveStep),
    /// Waits for a time.
    Sleep(SleepStep),
    /// Waits for a signal from outside.
    WaitFor(WaitStep),
}

/// An action that is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoStep {
    /// The plugin's name.
    pub plugin: String,
    /// The action's name.
    pub action: String,
    /// The connection's name.
    pub connection: Option<String>,
}

/// A wait for a signal as the document asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitStep {
    /// The signal's name.
    pub signal: String,
    /// How long it waits; as long as the run without one.
    pub timeout: Option<Duration>,
}

/// A pause as the document asks for it.
#[derive(Debug, Clone)]
pub enum SleepStep {
    /// This long: 1 ms to 30 days.
    For(Duration),
    /// Until a time: a template that gives an RFC 3339 text. A time that has passed is no pause.
    Until(Template),
}

/// A part of the document. Each begins when the one before has come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// `steps`.
    Main,
    /// `on_failure`: after a failure or a timeout, not after a cancel or a rejection.
    OnFailure,
    /// `finally`: always.
    Finally,
}

impl Section {
    /// The document's key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "steps",
            Self::OnFailure => "on_failure",
            Self::Finally => "finally",
        }
    }
}

/// An approval as the document asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApproveStep {
    /// The incident role that decides (`commander`); nobody holding it, any responder may, unless `people` are named.
    pub role: Option<String>,
    /// The handles of those who may decide beside the role: at most 20.
    pub people: Vec<String>,
    /// How many different people have to approve: 1 to 10. Default 1. One rejection rejects.
    pub quorum: u32,
    /// How long it waits; for ever without one (the run's own limit still counts).
    pub timeout: Option<Duration>,
    /// What silence means.
    pub on_timeout: OnTimeout,
    /// Who is told.
    pub notify: Notify,
}

/// What an approval's silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTimeout {
    /// It counts as a rejection.
    Reject,
    /// It counts as an approval.
    Approve,
}

/// Who is told of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// Nobody beyond the API and the timeline; written out, so that it is a choice.
    None,
    /// An earlier step that made a channel: its plugin's `post` action is called through its connection.
    Step(String),
    /// A connection whose plugin offers `post`.
    Connection(String),
}

/// How failures are tried again, with full jitter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Tries in all, the first included: 1 to 100. Default 5.
    pub attempts: u32,
    /// The first pause. Default 1 s.
    pub initial: Duration,
    /// What each pause is multiplied by: 1 to 10. Default 2.
    pub factor: f64,
    /// The longest pause. Default 60 s.
    pub max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 5, initial: Duration::from_secs(1), factor: 2.0, max: Duration::from_mins(1) }
    }
}

/// What a step's failure means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The run fails.
    Fail,
    /// The steps after it go on; its output is null.
    Continue,
}
