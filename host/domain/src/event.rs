//! Domain events: facts that triggers read, written in the same transaction as the change they tell of.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    alert::{AlertStatus, Labels},
    id::{EventId, IncidentId, RunId},
    incident::{Severity, Stage},
    milestone::Milestone,
    run::RunStatus,
    time::Timestamp,
};

/// The longest chain of events that cause runs that cause events.
pub const MAX_DEPTH: u8 = 8;

/// What happened. `type` is the word that expressions see in `trigger.type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Fact {
    /// An incident entered a stage (opening one enters `alerting`).
    #[serde(rename = "stage.entered")]
    StageEntered {
        /// The stage it left; absent when the incident was opened.
        from: Option<Stage>,
        /// The stage.
        stage: Stage,
        /// Whether it had never been there.
        first: bool,
        /// Why, when a reason was given.
        reason: Option<String>,
    },
    /// An incident's severity changed.
    #[serde(rename = "severity.changed")]
    SeverityChanged {
        /// What it was.
        from: Severity,
        /// What it is.
        to: Severity,
    },
    /// A role of an incident was given to people, or taken from them.
    #[serde(rename = "role.assigned")]
    RoleAssigned {
        /// The role, such as `commander`.
        role: String,
        /// The handle of the primary; null when nobody holds it.
        primary: Option<String>,
        /// The handle of the backup.
        backup: Option<String>,
    },
    /// An incident was edited otherwise.
    #[serde(rename = "incident.edited")]
    Edited {
        /// Which fields: `title`, `labels` or `times`.
        fields: Vec<String>,
    },
    /// A signal came that is meant for no run.
    #[serde(rename = "signal")]
    Signaled {
        /// Its name.
        name: String,
        /// What came with it.
        payload: Value,
        /// The handle of who sent it.
        by: String,
    },
    /// A run ended.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// The run.
        run: RunId,
        /// Its workflow.
        workflow: String,
        /// How it ended.
        status: RunStatus,
    },
    /// A timer of an incident fired.
    #[serde(rename = "timer")]
    TimerFired {
        /// The timer's name.
        name: String,
        /// The time it was set for.
        tick: Timestamp,
        /// What it says, for people.
        text: String,
    },
    /// The runs of a schedule have failed so often in a row that people are warned.
    #[serde(rename = "schedule.failing")]
    ScheduleFailing {
        /// The schedule's name.
        schedule: String,
        /// The workflow it starts.
        workflow: String,
        /// How many have failed since the last that did not.
        failures: u32,
    },
    /// An alert's status changed.
    #[serde(rename = "alert.changed")]
    AlertChanged {
        /// The alert.
        alert: AlertFact,
    },
    /// An alert fired again in an incident that is in `resolution`.
    #[serde(rename = "alert.refired")]
    AlertRefired {
        /// The alert.
        alert: AlertFact,
    },
    /// Something happened to a part of an incident, or did not happen in time.
    #[serde(untagged)]
    Milestone(Milestone),
}

impl Fact {
    /// The word in `trigger.type`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::StageEntered { .. } => "stage.entered",
            Self::SeverityChanged { .. } => "severity.changed",
            Self::RoleAssigned { .. } => "role.assigned",
            Self::Edited { .. } => "incident.edited",
            Self::Signaled { .. } => "signal",
            Self::RunFinished { .. } => "run.finished",
            Self::TimerFired { .. } => "timer",
            Self::ScheduleFailing { .. } => "schedule.failing",
            Self::AlertChanged { .. } => "alert.changed",
            Self::AlertRefired { .. } => "alert.refired",
            Self::Milestone(milestone) => milestone.kind.as_str(),
        }
    }
}

/// The part of an alert that is frozen into an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertFact {
    /// Whether the condition holds.
    pub status: AlertStatus,
    /// The source's name.
    pub source: String,
    /// What makes two alerts the same.
    pub fingerprint: String,
    /// Labels.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
}

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Identifier; sorts by time.
    pub id: EventId,
    /// The incident it concerns.
    pub incident: Option<IncidentId>,
    /// When it happened.
    pub at: Timestamp,
    /// How many runs stand between it and an outside cause; at [`MAX_DEPTH`] it starts nothing.
    pub depth: u8,
    /// What happened.
    pub fact: Fact,
    /// The incident as it was, in the shape expressions see; null without one.
    pub snapshot: Value,
}

/// What became of one event for one candidate workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerOutcome {
    /// The event.
    pub event: EventId,
    /// The workflow.
    pub workflow: String,
    /// The run it started.
    pub run: Option<RunId>,
    /// Why it started none.
    pub why_not: Option<String>,
    /// When this was decided.
    pub at: Timestamp,
}
