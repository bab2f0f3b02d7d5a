//! A workflow as the engine runs it: the parsed, checked document. [`parse()`] makes it from YAML or JSON with a place for
//! every fault, [`mod@check`] compares it with what is installed.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    alert::Labels,
    expression::{Expression, Template},
    incident::Stage,
    person::AccessRole,
    run::RunStatus,
    schema::Schema,
};

pub mod builtin;
pub mod check;
mod node;
mod parse;
mod reader;
mod scope;
mod steps;
#[cfg(test)]
mod tests;

pub use node::{MAX_SOURCE, Position};
pub use parse::parse;
pub use steps::{MAX_STEPS, is_identifier};

/// Something wrong in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where.
    #[serde(flatten, with = "PositionFields")]
    pub at: Position,
    /// In which part, such as `steps[2].retry`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

#[derive(Serialize)]
#[serde(remote = "Position")]
struct PositionFields {
    line: usize,
    column: usize,
}

impl Fault {
    /// A fault at a place.
    pub fn new(at: Position, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at, path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "{}: {}", self.at, self.message)
        } else {
            write!(f, "{}: {}: {}", self.at, self.path, self.message)
        }
    }
}

/// A checked workflow document. Its source text is what is stored; this is parsed from it again when a run needs it.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Unique name: 1 to 64 of `a-z 0-9 -`, beginning with a letter.
    pub name: String,
    /// One paragraph.
    pub description: String,
    /// What starts it: at least one.
    pub on: Vec<Trigger>,
    /// `if`: whether a trigger really starts it.
    pub condition: Option<Expression>,
    /// JSON Schemas of the inputs, by name.
    pub inputs: BTreeMap<String, Schema>,
    /// How long a run may take, waiting included. Default 24 h.
    pub timeout: Duration,
    /// The steps in the order they are written, those of `on_failure` and `finally` behind the others: 1 to 200.
    pub steps: Vec<Step>,
    /// Where the parts of each step stand in the source, by `step.part/field`.
    pub positions: BTreeMap<String, Position>,
}

/// What starts a workflow.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The event or request.
    pub kind: TriggerKind,
    /// The inputs it gives: a template of an object.
    pub with: Option<Template>,
    /// Where it stands in the source.
    pub at: Position,
}

/// The kinds of trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerKind {
    /// An incident entered a stage.
    Stage {
        /// The stage.
        stage: Stage,
        /// Only the first time, or any time.
        entry: Entry,
    },
    /// An incident left a stage.
    Left {
        /// The stage.
        stage: Stage,
    },
    /// An incident's severity changed.
    Severity {
        /// In which direction.
        direction: Direction,
    },
    /// A role was given to somebody.
    Role {
        /// The role.
        role: String,
    },
    /// Another workflow's run ended.
    RunFinished {
        /// Only of this workflow.
        workflow: Option<String>,
        /// Only when it ended in one of these; in any when empty.
        status: Vec<RunStatus>,
    },
    /// An alert's status changed.
    Alert {
        /// Only when it became this.
        status: Option<AlertChange>,
        /// Labels that must all be there with these values.
        labels: Labels,
    },
    /// Somebody asked.
    Manual {
        /// The least roles that may; never less than responder.
        allow: Vec<AccessRole>,
    },
}

/// What an alert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertChange {
    /// It began, or joined its incident.
    Firing,
    /// It stopped.
    Resolved,
    /// It fired again while its incident was in `resolution`.
    Refired,
}

/// Which changes of severity count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To a more severe one.
    Raised,
    /// To a less severe one.
    Lowered,
    /// Both.
    Changed,
}

/// Which entries into a stage count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The first.
    First,
    /// Every one.
    Any,
}

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
    /// Waits for a person.
    Approve(ApproveStep),
    /// Waits for a time.
    Sleep(SleepStep),
    /// Waits for a signal from outside.
    WaitFor(WaitStep),
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
    /// The incident role that decides (`commander`); nobody holding it, any responder may.
    pub role: Option<String>,
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

impl Workflow {
    /// The step of this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The steps of a section.
    pub fn section(&self, section: Section) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.section == section)
    }

    /// Whether it listens to the ends of runs.
    pub fn follows_runs(&self) -> bool {
        self.on.iter().any(|trigger| matches!(trigger.kind, TriggerKind::RunFinished { .. }))
    }

    /// Whether a step calls this plugin.
    pub fn uses(&self, name: &str) -> bool {
        self.steps.iter().any(|step| matches!(&step.kind, StepKind::Action { plugin, .. } if plugin == name))
    }

    /// Where a part stands; the part above it when it has no place of its own.
    fn position(&self, path: &str) -> Position {
        let mut path = path;
        loop {
            if let Some(at) = self.positions.get(path) {
                return *at;
            }
            match path.rfind(['/', '.']) {
                Some(cut) => path = &path[..cut],
                None => return Position { line: 1, column: 1 },
            }
        }
    }
}
