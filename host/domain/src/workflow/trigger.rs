//! What starts a workflow, as its document says it. Whether an event fits is judged elsewhere.

use super::Position;
use crate::{
    alert::Labels,
    expression::{Expression, Template},
    incident::Stage,
    milestone::MilestoneKind,
    person::AccessRole,
    run::RunStatus,
    schedule::Terms,
};

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

impl Trigger {
    /// When it fires, if it is a schedule.
    pub fn terms(&self) -> Option<&Terms> {
        match &self.kind {
            TriggerKind::Scheduled(terms) => Some(terms),
            _ => None,
        }
    }
}

/// The kinds of trigger.
#[derive(Debug, Clone, PartialEq)]
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
    /// A condition on the incident became true: once for each incident.
    Becomes {
        /// The condition; it sees `incident` alone.
        condition: Expression,
    },
    /// Something happened to a part of an incident, or did not happen in time.
    Event {
        /// Which things: at least one.
        kinds: Vec<MilestoneKind>,
    },
    /// A timer of an incident fired.
    Timer {
        /// Its name.
        name: String,
    },
    /// The runs of a schedule failed so often in a row that people are warned.
    ScheduleFailing {
        /// Only of this schedule.
        schedule: Option<String>,
    },
    /// A time came: the trigger is a schedule that belongs to the workflow.
    Scheduled(Box<Terms>),
    /// A signal came that is meant for no run.
    Signal {
        /// Its name.
        name: String,
    },
    /// A step of another workflow runs it.
    Called,
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
