//! A run: one execution of one workflow revision, kept as rows of state. What may happen to it is decided by
//! [`machine::apply`] alone; this file holds the nouns.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    id::{ApprovalId, EventId, HostId, IncidentId, RunId},
    person::Actor,
    time::Timestamp,
    workflow::Section,
};

mod approval;
mod begin;
pub(crate) mod change;
pub(crate) mod halt;
pub mod happening;
mod items;
pub mod machine;
pub(crate) mod output_limits;
mod progress;
pub mod rerun;
pub(crate) mod retry;
pub(crate) mod satisfied;
pub(crate) mod scope;
mod section;
mod signal;
mod slot;
mod status;
mod step;
#[cfg(test)]
mod tests;
pub(crate) mod turn;
pub mod undo;
mod unknown;
pub mod vote;
pub(crate) mod wait_for;

pub use crate::run::vote::Vote;
pub use approval::deciders;
pub use signal::{MAX_SIGNALS, Signal};
pub use slot::{MAX_QUEUED, Occupant, Slot, SlotPolicy, Turn, next as next_turn};
pub use status::{Mode, Phase, RunStatus, StepStatus};
pub use step::{StepError, StepRun};

/// A host's claim of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// The host.
    pub host: HostId,
    /// The host's epoch: higher after each restart, so that what an older life sends late is refused.
    pub epoch: i64,
}

/// A plugin as a run is pinned to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginPin {
    /// The version, for people.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
}

/// Why no further step starts, and how the run will end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Ending {
    /// A step failed.
    Failed,
    /// An approval was rejected.
    Rejected,
    /// Somebody stopped it.
    Canceled {
        /// Who.
        by: Actor,
        /// Why.
        reason: Option<String>,
        /// Whether what it did is taken back.
        #[serde(default)]
        undo: bool,
    },
    /// Its time ran out.
    TimedOut,
}

impl Ending {
    /// How the run will end.
    pub fn outcome(&self) -> RunStatus {
        match self {
            Self::Failed => RunStatus::Failed,
            Self::Rejected => RunStatus::Rejected,
            Self::Canceled { .. } => RunStatus::Canceled,
            Self::TimedOut => RunStatus::TimedOut,
        }
    }
}

/// A person's hold on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Identifier.
    pub id: RunId,
    /// The workflow.
    pub workflow: String,
    /// Its revision, pinned.
    pub revision: i64,
    /// Where it stands.
    pub status: RunStatus,
    /// Whether it may change the world.
    pub mode: Mode,
    /// The incident it belongs to.
    pub incident: Option<IncidentId>,
    /// The event that started it.
    pub event: Option<EventId>,
    /// The run it does again.
    pub rerun_of: Option<RunId>,
    /// The run it takes back.
    pub undo_of: Option<RunId>,
    /// The step of another run that this one is done for.
    pub parent: Option<Parent>,
    /// The incident whose condition became true and started it.
    pub becomes_of: Option<IncidentId>,
    /// The frozen event, as expressions see it in `trigger`.
    pub trigger: Value,
    /// The checked inputs.
    pub inputs: Value,
    /// How many runs stand between it and an outside cause.
    pub depth: u8,
    /// The plugins it is pinned to, by name.
    pub pins: BTreeMap<String, PluginPin>,
    /// Who or what started it.
    pub started_by: Actor,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When the time of its section runs out.
    pub deadline: Timestamp,
    /// Why no further step of `steps` starts, and how the run will end.
    pub ending: Option<Ending>,
    /// The part of the document it is in.
    pub section: Section,
    /// Who holds it, if somebody does.
    pub hold: Option<Hold>,
    /// What it was told from outside, in the order it came: at most [`MAX_SIGNALS`].
    pub signals: Vec<Signal>,
    /// Its place among the runs of its concurrency key, if its workflow has one.
    pub slot: Option<Slot>,
    /// Counts every change: what writers compare and set.
    pub version: i64,
    /// The host that drives it; none while it waits.
    pub lease: Option<Lease>,
    /// When it wants to be driven next; none once it has ended.
    pub wake_at: Option<Timestamp>,
    /// The steps in the document's order, and behind them the items of those that have begun.
    pub steps: Vec<StepRun>,
}

impl Run {
    /// The step of this id.
    pub fn step(&self, id: &str) -> Option<&StepRun> {
        self.step_or_item(id, None)
    }

    /// The step of this id, or one of its items.
    pub fn step_or_item(&self, id: &str, item: Option<u32>) -> Option<&StepRun> {
        self.steps.iter().find(|step| step.item == item && step.step == id)
    }

    /// Whether a person holds it. A run that is being stopped is not held: it has to clean up.
    pub fn is_held(&self) -> bool {
        let stops = matches!(self.ending, Some(Ending::Canceled { .. } | Ending::TimedOut));
        self.hold.is_some() && !stops
    }

    /// The signal that came with this idempotency key.
    pub fn signal_of_key(&self, key: Option<&str>) -> Option<&Signal> {
        self.signals.iter().find(|signal| key.is_some() && signal.key.as_deref() == key)
    }

    /// The items of a step, in their order.
    pub fn items<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a StepRun> {
        self.steps.iter().filter(move |step| step.item.is_some() && step.step == id)
    }
}

/// How one try ended, kept for ever: the rows behind the run's waterfall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: String,
    /// The item of a `foreach`.
    pub item: Option<u32>,
    /// Counts reruns, from 0.
    pub generation: u32,
    /// The try, from 1.
    pub attempt: u32,
    /// What was tried: an attempt, a check or a notification.
    pub phase: Phase,
    /// Which call of the step it was, from 1; a job that goes on elsewhere is called several times within one try.
    pub call: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How it ended: `done`, `simulated`, `pending`, `failed` or `no_result`.
    pub outcome: String,
    /// Why it failed.
    pub error: Option<StepError>,
    /// What was seen while it ran: log lines, HTTP calls, the plugin's digest. An object.
    pub trace: Value,
}

/// A decision a run waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Identifier.
    pub id: ApprovalId,
    /// The run.
    pub run: RunId,
    /// The step that waits.
    pub step: String,
    /// The incident, if any.
    pub incident: Option<IncidentId>,
    /// The incident role that decides.
    pub role: Option<String>,
    /// The handles of those who may decide beside the role.
    pub people: Vec<String>,
    /// How many different people have to approve.
    pub quorum: u32,
    /// Who has approved so far.
    pub votes: Vec<Vote>,
    /// Where it stands.
    pub status: ApprovalStatus,
    /// What is approved: the frozen `with` of the gated steps, by step id.
    pub shows: Value,
    /// Whether a gated step is destructive.
    pub destructive: bool,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When silence decides.
    pub expires_at: Option<Timestamp>,
    /// Who decided.
    pub decided_by: Option<Actor>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
}

/// The workflow step that runs another workflow, seen from the run it made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: String,
    /// The item of a `foreach`.
    pub item: Option<u32>,
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// Nobody has decided.
    Pending,
    /// Yes.
    Approved,
    /// No.
    Rejected,
    /// The run ended before anybody decided.
    Canceled,
}

/// What the idempotency key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Running the action.
    Run,
    /// Telling people of an approval.
    Notify,
    /// Naming the run that a step makes.
    Child,
    /// Taking the action back.
    Undo,
}

/// 64 hexadecimal characters: the same over every attempt and restart, new for a rerun or another purpose.
pub fn idempotency_key(run: RunId, step: &str, item: Option<u32>, generation: u32, purpose: Purpose) -> String {
    let mut hash = Sha256::new();
    hash.update(run.0.as_bytes());
    // Lengths go in first, so that no two tuples share a text.
    hash.update(u64::try_from(step.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(step.as_bytes());
    hash.update(item.map_or(-1, i64::from).to_be_bytes());
    hash.update(generation.to_be_bytes());
    hash.update(match purpose {
        Purpose::Run => b"run".as_slice(),
        Purpose::Notify => b"notify",
        Purpose::Child => b"child",
        Purpose::Undo => b"undo",
    });
    super::hex(&hash.finalize())
}

/// Whether and when a failure is worth another try, as the plugin says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// It cannot help.
    Never,
    /// After the policy's pause.
    Backoff,
    /// After the pause that the third party named.
    After(Duration),
}

/// What happened at the third party although the call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideEffect {
    /// Nothing.
    None,
    /// It happened.
    Applied,
    /// It cannot be known from here.
    Unknown,
}
