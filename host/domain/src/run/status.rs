//! Where runs and steps stand, and the words for it.

use serde::{Deserialize, Serialize};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Accepted, not begun.
    Queued,
    /// An attempt is in flight.
    Running,
    /// It waits for a person, a pause between tries or a job elsewhere.
    Waiting,
    /// The kill switch holds it.
    Paused,
    /// Asked to stop; what is in flight settles.
    Canceling,
    /// A person must say whether an effect happened.
    NeedsDecision,
    /// Ended well.
    Succeeded,
    /// A step failed.
    Failed,
    /// An approval was rejected.
    Rejected,
    /// Stopped by a person.
    Canceled,
    /// Its time ran out.
    TimedOut,
}

impl RunStatus {
    /// Whether nothing can happen any more.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Rejected | Self::Canceled | Self::TimedOut)
    }

    /// The word the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Canceling => "canceling",
            Self::NeedsDecision => "needs_decision",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Canceled => "canceled",
            Self::TimedOut => "timed_out",
        }
    }
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    Pending,
    /// An attempt, a check or a notification is in flight.
    Running,
    /// It waits; [`Phase`] says for what.
    Waiting,
    /// Done.
    Succeeded,
    /// Done without touching the world.
    Simulated,
    /// Failed for good.
    Failed,
    /// Not run; its error says why.
    Skipped,
    /// Its approval was rejected.
    Rejected,
    /// Stopped.
    Canceled,
    /// Its time ran out.
    TimedOut,
    /// A person must say whether its effect happened.
    NeedsDecision,
}

impl StepStatus {
    /// Whether nothing can happen to it any more.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Waiting | Self::NeedsDecision)
    }

    /// The word the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Simulated => "simulated",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Rejected => "rejected",
            Self::Canceled => "canceled",
            Self::TimedOut => "timed_out",
            Self::NeedsDecision => "needs_decision",
        }
    }
}

/// What a running or waiting step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Neither running nor waiting.
    Idle,
    /// An attempt is in flight.
    Attempt,
    /// `check` is asked whether the lost attempt happened.
    Check,
    /// People are being told of an approval.
    Notify,
    /// The pause before the next try.
    Backoff,
    /// A job goes on elsewhere; called again when due.
    Resume,
    /// A person decides.
    Approval,
    /// A pause that the document asks for.
    Sleep,
    /// A signal from outside has to come.
    Signal,
    /// Its items are under way.
    Items,
}

/// Whether a run may change the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It may.
    Real,
    /// A drill: unsafe calls are recorded, not sent, except through a connection that is real in drills. Time passes, and
    /// people and signals are waited for.
    Practice,
    /// A dry run: unsafe calls are recorded, not sent, and nothing is waited for.
    Simulated,
}

impl Mode {
    /// The mode of a run that somebody starts.
    pub fn of(drill: bool, dry_run: bool) -> Self {
        match (dry_run, drill) {
            (true, _) => Self::Simulated,
            (false, true) => Self::Practice,
            (false, false) => Self::Real,
        }
    }

    /// Whether unsafe calls are recorded instead of sent, through a connection that is `real_in_drills` or not.
    pub fn records(self, real_in_drills: bool) -> bool {
        match self {
            Self::Real => false,
            Self::Practice => !real_in_drills,
            Self::Simulated => true,
        }
    }
}
