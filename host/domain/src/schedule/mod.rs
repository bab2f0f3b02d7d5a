//! Schedules: what runs at which times, and what became of each of those times. The nouns; [`document`] reads them, [`cadence`]
//! computes the times, [`tick`] decides what becomes of them. Reads no clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    id::{IncidentId, RunId, ScheduleId},
    person::Actor,
    time::Timestamp,
};

mod blackout;
pub mod cadence;
mod cron;
mod describe;
pub mod document;
mod due;
pub mod fault;
mod fire;
mod hold;
pub mod start;
mod syntax;
pub(super) mod terms;
#[cfg(test)]
mod tests;
pub mod tick;
mod zone;

pub use cadence::{Cadence, CadenceFault};
pub use due::{ComingTick, ON_TIME, between, coming, is_over, offset, run_id};
pub use fire::Fire;
pub use hold::Unwilling;
pub use zone::is_time_zone;

/// A schedule as it was defined. What it has done so far is its [`State`].
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Identifier: drawn when it is made; one that is deleted and made again under the same name is another.
    pub id: ScheduleId,
    /// Unique name. A schedule of its own: 1 to 64 of `a-z 0-9 -`, beginning with a letter. One of a workflow's trigger:
    /// `<workflow>.<n>`, where `n` counts the workflow's scheduled triggers from 1. A timer: `<INC-n>.<name>`.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// What a tick does.
    pub target: Target,
    /// When, and under which rules.
    pub terms: Terms,
    /// Since when it is defined like this.
    pub since: Timestamp,
}

/// Who made a schedule, and so who may change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Owner {
    /// People, by `PUT /schedules/{name}`.
    People,
    /// A workflow's document: it comes and goes with the trigger.
    Workflow {
        /// The workflow.
        name: String,
    },
    /// An incident: its timers.
    Incident {
        /// The incident.
        id: IncidentId,
    },
}

/// What a tick does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Target {
    /// It starts a workflow.
    Workflow {
        /// Its name.
        name: String,
        /// The inputs as they were written: an object, whose texts may hold `${{ trigger.… }}`.
        inputs: Value,
    },
    /// It raises the event `timer` on its incident.
    Timer {
        /// The timer's name: `a-z 0-9 -`.
        name: String,
        /// What the timeline says, at most 500 characters.
        text: String,
        /// The stages in which it is over; none means `closed` and `canceled`.
        until: Vec<super::incident::Stage>,
    },
}

/// When a schedule fires, and under which rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// When.
    pub cadence: Cadence,
    /// No tick before this.
    pub starts: Option<Timestamp>,
    /// No tick after this.
    pub ends: Option<Timestamp>,
    /// Each tick comes up to this much later, always by the same for one schedule. At most 1 h.
    pub jitter: Duration,
    /// What becomes of a tick while an earlier run goes on.
    pub overlap: Overlap,
    /// What becomes of ticks that nobody was there for.
    pub catch_up: CatchUp,
    /// When nothing may start: at most 20.
    pub blackouts: Vec<Blackout>,
    /// After how many failed runs in a row people are warned. Default 3; 0: never.
    pub warn_after: u32,
}

impl Terms {
    /// What its times follow from, as a text that is another when they may be others.
    pub fn times(&self) -> String {
        format!("{:?} in {} from {:?}", self.cadence.written(), self.cadence.zone(), self.starts)
    }
}

/// What becomes of a tick while an earlier run of the schedule goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// It is skipped.
    #[default]
    Skip,
    /// It waits for the earlier run: at most [`MAX_QUEUED`] wait.
    Queue,
    /// The earlier run is canceled; the tick starts when that run has ended.
    CancelRunning,
    /// It starts beside it.
    Allow,
}

/// What becomes of ticks that are late because nobody was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatchUp {
    /// Which of them start.
    pub mode: CatchUpMode,
    /// Only those not later than this. Default 1 h, at most 30 d.
    pub window: Duration,
    /// With [`CatchUpMode::All`]: at most so many, the newest. Default and most: [`MAX_CAUGHT_UP`].
    pub most: u32,
}

/// Which late ticks start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUpMode {
    /// None.
    None,
    /// The newest.
    Latest,
    /// All.
    All,
}

/// A stretch of time in which a schedule starts nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Blackout {
    /// When.
    pub when: Stretch,
    /// What becomes of the ticks in it.
    pub then: BlackoutPolicy,
    /// Why, for people; at most 200 characters.
    pub reason: Option<String>,
}

/// When a blackout holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Stretch {
    /// From each time of a cadence for so long. At most 31 d.
    Again {
        /// Its beginnings.
        from: Cadence,
        /// How long.
        lasts: Duration,
    },
    /// Once: from the first time until just before the second.
    Once(Timestamp, Timestamp),
}

/// What becomes of a tick in a blackout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlackoutPolicy {
    /// The newest of them starts when it ends.
    Hold,
    /// It is skipped.
    Skip,
}

/// What a schedule has done so far: one row, changed by compare-and-set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct State {
    /// The times it follows, as [`Terms::times`] writes them.
    pub times: String,
    /// The high-water mark: every time up to it has been decided. A clock that jumps back never fires it again.
    pub mark: Timestamp,
    /// The next time of the cadence; none when there is no further one.
    pub next: Option<Timestamp>,
    /// When the schedule wants to be looked at; none when never again by itself.
    pub due: Option<Timestamp>,
    /// Times that wait for a blackout's end or for an earlier run: at most [`MAX_QUEUED`].
    pub waiting: Vec<Waiting>,
    /// Its runs whose end has not been seen, oldest first: at most [`MAX_RUNNING`].
    pub running: Vec<RunId>,
    /// How many of its runs have failed since the last that did not.
    pub failures: u32,
    /// A person's hold on it.
    pub paused: Option<Paused>,
    /// Times that a hold kept back and that are not decided yet.
    pub lapsed: Option<Lapsed>,
    /// Why nothing comes of it any more, when it was ended before its time.
    pub ended: Option<String>,
}

/// Times that a hold kept back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapsed {
    /// Up to this one.
    pub until: Timestamp,
    /// Why.
    pub why: String,
}

/// A time that was decided to start, and could not yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The time.
    pub nominal: Timestamp,
    /// What brought it about.
    pub kind: TickKind,
    /// Until when at the least; none: until the earlier run has ended.
    pub until: Option<Timestamp>,
}

/// A person's hold on a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Who.
    pub by: Actor,
    /// Why, 1 to 500 characters.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// It resumes by itself then.
    pub until: Option<Timestamp>,
}

/// One time of a schedule, or a row of neighbours that fared alike, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// The time of the cadence; of several, the first. For a tick by hand: when it was asked for.
    pub nominal: Timestamp,
    /// Of several, the last.
    pub last: Timestamp,
    /// How many.
    pub count: u64,
    /// What brought it about.
    pub kind: TickKind,
    /// What became of it.
    pub outcome: TickOutcome,
    /// Why, in words, where it did not simply start.
    pub why: Option<String>,
    /// When that was decided.
    pub at: Timestamp,
    /// The run it started.
    pub run: Option<RunId>,
}

impl Tick {
    /// A tick of one time, without a run.
    pub fn new(nominal: Timestamp, kind: TickKind, outcome: TickOutcome, why: Option<String>, at: Timestamp) -> Self {
        Self { nominal, last: nominal, count: 1, kind, outcome, why, at, run: None }
    }
}

/// What brought a tick about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TickKind {
    /// The cadence.
    Regular,
    /// A person, now.
    Manual,
    /// A person, for a time in the past.
    Backfill,
}

impl TickKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Regular, Self::Manual, Self::Backfill];

    /// The word for it, as it is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Manual => "manual",
            Self::Backfill => "backfill",
        }
    }
}

/// What became of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TickOutcome {
    /// It started its run, or raised its event, in time.
    Started,
    /// The same, but late: nobody was there.
    CaughtUp,
    /// It waits for a blackout's end.
    Held,
    /// It waits for an earlier run.
    Queued,
    /// Skipped: an earlier run went on.
    Overlapped,
    /// Skipped: a later tick took its place.
    Merged,
    /// Skipped: nobody was there, and it was too late to catch up.
    Missed,
    /// Skipped: a blackout.
    BlackedOut,
    /// Skipped: the schedule was paused.
    Paused,
    /// Skipped: the workflow could not be started. `why` says why not.
    Refused,
    /// None: a timer came to its end.
    Ended,
}

/// The most ticks that wait.
pub const MAX_QUEUED: usize = 100;
/// The most ticks that are caught up at once.
pub const MAX_CAUGHT_UP: u32 = 100;
/// The most runs that are waited for.
pub const MAX_RUNNING: usize = 100;
