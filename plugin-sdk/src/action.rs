//! What a plugin author writes: a plugin, its actions, and how they answer.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use crate::plugin::Plugin;
use crate::{Call, Failure};

/// An action: a type whose fields are its input.
pub trait Action: DeserializeOwned + JsonSchema {
    /// Its name in `uses: plugin/action`: 1 to 64 of `a-z 0-9 -`.
    const NAME: &'static str;
    /// One sentence.
    const DESCRIPTION: &'static str;
    /// What it can do to the world.
    const RISK: Risk;
    /// Whether doing it twice under one [`Call::idempotency_key`] equals doing it once. Say `Yes` only where it is true:
    /// after a crash the host repeats such actions without asking.
    const IDEMPOTENT: Idempotency;
    /// Whether [`Action::undo`] takes it back.
    const UNDO: bool = false;
    /// Whether [`Action::check`] can tell if it happened.
    const CHECK: bool = false;
    /// The action that ends what this one begins: the host takes a workflow with this one only if that one is in its
    /// `finally`, which runs however the run ends.
    const ENDED_BY: Option<&'static str> = None;
    /// What it gives to later steps.
    type Output: Serialize + JsonSchema;

    /// Does it. Called for every attempt, and again after [`pending`], each time in a fresh instance.
    fn run(self, call: &Call) -> Result<Reply<Self::Output>, Failure>;

    /// An output that later steps of a simulation see. Needed unless the action only reads.
    fn sample() -> Option<Self::Output> {
        None
    }

    /// Takes it back, with what the outcome left in [`Done::undo`] as [`Call::undo_data`].
    fn undo(self, _call: &Call) -> Result<Reply<Value>, Failure> {
        Err(Failure::new("no_undo", "This action cannot be taken back."))
    }

    /// Looks whether it happened, after a result was lost. It may only read.
    fn check(self, _call: &Call) -> Result<Finding<Self::Output>, Failure> {
        Ok(Finding::Unknown)
    }
}

/// What an action can do to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// Nothing.
    Read,
    /// It adds or changes.
    Write,
    /// It stops or removes: whoever started the run may not approve it alone.
    Destructive,
}

/// Whether doing an action twice under one idempotency key equals doing it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Always.
    Yes,
    /// Never.
    No,
    /// As this boolean option of the connection says.
    WhenConfig(&'static str),
}

/// How an action ends well.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply<T> {
    /// It is done.
    Done(Done<T>),
    /// A job goes on elsewhere: call again with `resume` as [`Call::resume`] after the delay.
    Pending {
        /// The delay in milliseconds: 100 to 3,600,000.
        after_ms: u64,
        /// At most 64 KiB.
        resume: Vec<u8>,
        /// One line that people read while they wait.
        note: String,
        /// What [`Action::undo`] needs if the step is canceled while it waits, at most 64 KiB as JSON.
        undo: Option<Value>,
    },
}

/// A finished action.
#[derive(Debug, Clone, PartialEq)]
pub struct Done<T> {
    /// The output; at most 1 MiB as JSON.
    pub output: T,
    /// One line for the timeline, at most 500 characters.
    pub summary: String,
    /// What is worth keeping with the incident, at most 16.
    pub artifacts: Vec<Artifact>,
    /// What [`Action::undo`] needs, at most 64 KiB as JSON.
    pub undo: Option<Value>,
}

/// Something worth keeping with the incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// `link`, `channel`, `ticket`, `document`, `chart` or `text`.
    pub kind: String,
    /// What a person reads, at most 200 characters.
    pub label: String,
    /// Where it lives.
    pub url: Option<String>,
}

/// What [`Action::check`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding<T> {
    /// It happened; this is its outcome.
    Applied(Done<T>),
    /// It did not happen: trying again is safe.
    Absent,
    /// It cannot be told.
    Unknown,
}

impl<T> Done<T> {
    /// An outcome without artifacts and undo data.
    pub fn new(output: T, summary: impl Into<String>) -> Self {
        Self { output, summary: summary.into(), artifacts: Vec::new(), undo: None }
    }

    /// Adds a link.
    #[must_use]
    pub fn artifact(mut self, kind: &str, label: impl Into<String>, url: impl Into<String>) -> Self {
        self.artifacts.push(Artifact { kind: kind.to_owned(), label: label.into(), url: Some(url.into()) });
        self
    }

    /// Leaves what [`Action::undo`] needs.
    #[must_use]
    pub fn undo(mut self, undo: Value) -> Self {
        self.undo = Some(undo);
        self
    }
}

impl<T> Reply<T> {
    /// Leaves what [`Action::undo`] needs, done or not.
    #[must_use]
    pub fn with_undo(mut self, data: Value) -> Self {
        match &mut self {
            Self::Done(Done { undo, .. }) | Self::Pending { undo, .. } => *undo = Some(data),
        }
        self
    }
}

impl<T> From<Done<T>> for Reply<T> {
    fn from(done: Done<T>) -> Self {
        Self::Done(done)
    }
}

/// The usual end of an action.
pub fn done<T>(output: T, summary: impl Into<String>) -> Result<Reply<T>, Failure> {
    Ok(Done::new(output, summary).into())
}

/// A job goes on elsewhere: the host calls again with `resume` after the delay, and holds no instance meanwhile.
pub fn pending<T>(after_ms: u64, resume: impl Into<Vec<u8>>, note: impl Into<String>) -> Result<Reply<T>, Failure> {
    Ok(Reply::Pending { after_ms, resume: resume.into(), note: note.into(), undo: None })
}
