//! The run machine's words: what may happen to a run, what follows from it, and why it can be refused.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{Approval, AttemptRecord, Hold, Lease, MAX_SIGNALS, Phase, Retry, SideEffect, Signal, StepError};
use crate::{person::Actor, plugin::Risk, time::Timestamp, timeline::EntryKind, workflow::Workflow};

/// What the machine may know of the world while it decides.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time.
    pub now: Timestamp,
    /// Whether this host stops: what is in flight settles here, the rest is left to others.
    pub stopping: bool,
    /// The run's pinned workflow revision.
    pub workflow: &'a Workflow,
    /// What is known of each step's action, by step id.
    pub facts: &'a BTreeMap<String, StepFacts>,
    /// The incident as expressions see it; null without one.
    pub incident: &'a Value,
    /// The host that asks: it drives the run if an attempt starts.
    pub lease: Lease,
    /// Random bytes: jitter and new identifiers are drawn from them.
    pub seed: [u8; 16],
}

/// What is known of a step's action when the machine decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFacts {
    /// What it can do to the world.
    pub risk: Risk,
    /// Whether trying it twice equals trying it once.
    pub idempotent: bool,
    /// Whether the plugin can look if it happened.
    pub can_check: bool,
    /// Whether an approval tells people through a plugin.
    pub notifies: bool,
    /// What a simulation does with its unsafe calls.
    pub in_drills: InDrills,
    /// The connection's revision now.
    pub connection_revision: Option<i64>,
    /// Why the kill switch holds it.
    pub held: Option<String>,
}

/// What a simulated run does with a step's unsafe calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InDrills {
    /// It records them.
    Recorded,
    /// It sends them: the connection is real in drills.
    Sent,
}

/// What happened to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// Time passed: whatever is due goes on. Also how a new run begins.
    Due,
    /// The run before it has ended: it is this one's turn.
    SlotGranted,
    /// A call came back.
    Returned(Returned),
    /// The host that had calls in flight is gone: their results are lost.
    Orphaned {
        /// The calls that are under way here all the same, by step and item: they are not lost.
        in_flight: Vec<(String, Option<u32>)>,
    },
    /// A person decided an approval.
    ApprovalDecided {
        /// The approval's step.
        step: String,
        /// Yes or no.
        approve: bool,
        /// Who.
        by: Actor,
        /// Why.
        reason: Option<String>,
    },
    /// A person said what became of an unknown effect.
    EffectDecided {
        /// The step.
        step: String,
        /// The item of a `foreach`.
        item: Option<u32>,
        /// What.
        decision: Decision,
        /// Who.
        by: Actor,
    },
    /// A signal came from outside.
    Signaled(Signal),
    /// The run that a step made has ended: the step looks at it at once.
    ChildEnded {
        /// The step.
        step: String,
        /// The item of a `foreach`.
        item: Option<u32>,
    },
    /// A person holds the run: nothing new is called until somebody resumes it.
    PauseRequested(Hold),
    /// A person lets it go on.
    ResumeRequested {
        /// Who.
        by: Actor,
    },
    /// Somebody stops the run.
    CancelRequested {
        /// Who.
        by: Actor,
        /// Why.
        reason: Option<String>,
        /// Whether what it did is taken back afterwards.
        undo: bool,
    },
}

/// A call that came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Returned {
    /// The step.
    pub step: String,
    /// The item of a `foreach`.
    pub item: Option<u32>,
    /// The try it belongs to.
    pub attempt: u32,
    /// What was called.
    pub phase: Phase,
    /// When it started.
    pub started_at: Timestamp,
    /// How it ended.
    pub ended: Ended,
    /// What was seen while it ran.
    pub trace: Value,
    /// What the call itself puts on the timeline; it commits with the result.
    pub told: Vec<Told>,
}

/// A timeline entry that a call leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What it tells.
    pub kind: EntryKind,
    /// One line.
    pub text: String,
    /// More for machines.
    pub data: Value,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// The action is done.
    Done {
        /// Its output.
        output: Value,
        /// One line for people.
        summary: String,
        /// What `undo` needs.
        undo: Option<Value>,
    },
    /// It would have changed the world; nothing was sent.
    Simulated {
        /// The action's sample output.
        output: Value,
        /// What it would have sent.
        request: Value,
    },
    /// A job goes on elsewhere.
    Pending {
        /// When to ask again.
        after: Duration,
        /// What the plugin left for then.
        resume: Vec<u8>,
        /// One line for people who wait.
        note: String,
        /// What `undo` needs to take back what was begun.
        undo: Option<Value>,
    },
    /// The plugin says it failed.
    Failed {
        /// Why.
        error: StepError,
        /// Whether to try again.
        retry: Retry,
        /// What happened although it failed.
        effect: SideEffect,
        /// What `undo` needs.
        undo: Option<Value>,
    },
    /// It was not called: its turn did not come. The try is not counted.
    PutOff {
        /// When to come back.
        after: Duration,
        /// One line for people who wait.
        why: String,
    },
    /// It ended without an answer of the plugin's.
    NoResult {
        /// Why.
        error: StepError,
        /// Whether it is proven that nothing unsafe was sent.
        nothing_sent: bool,
    },
    /// `check` looked: it had not happened.
    Absent,
    /// `check` looked and cannot tell.
    CannotTell,
}

impl Ended {
    /// A failure that another try would only meet again, with nothing done.
    pub fn refused(code: &str, message: impl Into<String>) -> Self {
        let error = StepError::new(code, message.into());
        Self::Failed { error, retry: Retry::Never, effect: SideEffect::None, undo: None }
    }
}

/// What a person says of an unknown effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It happened: the step counts as done.
    Applied,
    /// It did not: try again.
    Retry,
    /// Let the step fail.
    Fail,
}

/// What follows from a change; written in the same transaction, calls started after it.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Start a call for this step; its phase says which.
    Call {
        /// The step.
        step: String,
        /// The item of a `foreach`.
        item: Option<u32>,
    },
    /// Keep how a call ended.
    Attempted(AttemptRecord),
    /// An approval was asked for or changed.
    Approval(Approval),
    /// Tell it on the timeline.
    Entry {
        /// What it tells.
        kind: EntryKind,
        /// The step it is about.
        step: Option<String>,
        /// The person behind it, when one is.
        by: Option<Actor>,
        /// One line.
        text: String,
        /// More for machines.
        data: Value,
    },
    /// The run that a step made is not wanted any more.
    CancelChild {
        /// The step.
        step: String,
        /// The item of a `foreach`.
        item: Option<u32>,
    },
    /// The run has ended.
    Ended,
}

/// Why something cannot happen to the run now. The run is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has ended.
    #[error("the run has ended: it is {0}")]
    Ended(&'static str),
    /// The call is not the one in flight.
    #[error("step {step} is not waiting for this result")]
    Stale {
        /// The step.
        step: String,
    },
    /// There is no such step.
    #[error("the run has no step {step:?}")]
    UnknownStep {
        /// The step.
        step: String,
    },
    /// The step waits for no approval.
    #[error("step {step} waits for no approval: it is {status}")]
    NoApproval {
        /// The step.
        step: String,
        /// Its status.
        status: &'static str,
    },
    /// The step waits for no decision.
    #[error("step {step} waits for no decision: it is {status}")]
    NoDecision {
        /// The step.
        step: String,
        /// Its status.
        status: &'static str,
    },
    /// The starter may not approve alone.
    #[error("whoever started the run may not approve its destructive steps alone: somebody else has to")]
    OwnDestructive,
    /// One person counts once.
    #[error("you have approved this already: somebody else has to")]
    VotedAlready,
    /// It has not ended.
    #[error("the run goes on: it is {0}; cancel it, or wait until it has ended")]
    GoesOn(&'static str),
    /// Somebody holds it already.
    #[error("the run is paused already")]
    Paused,
    /// Nobody holds it.
    #[error("the run is not paused")]
    NotPaused,
    /// The idempotency key came with another signal before.
    #[error("this idempotency key came with another signal before")]
    KeyReused,
    /// It has been told too much.
    #[error("the run has {MAX_SIGNALS} signals already: it takes no more")]
    TooManySignals,
    /// None of its steps left what `undo` needs.
    #[error("none of the run's steps left anything to take it back with")]
    NothingToUndo,
    /// It waits for no turn.
    #[error("the run does not wait for its turn")]
    NotQueued,
    /// Its steps have come to rest.
    #[error("the run is in its `finally` steps, which are not canceled: they end within 2 minutes")]
    Finishing,
    /// It is being canceled.
    #[error("the run is already being canceled")]
    AlreadyCanceling,
}
