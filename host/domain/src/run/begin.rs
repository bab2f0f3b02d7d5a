//! Runs that have not begun: of a workflow, or after an earlier run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Mode, Run, RunStatus, StepRun};
use crate::{
    id::RunId,
    person::Actor,
    time::Timestamp,
    workflow::{Section, Workflow},
};

impl Run {
    /// A run of a workflow's revision with nothing done: of no incident, without inputs and pins, started by the system.
    pub fn new(id: RunId, workflow: &Workflow, revision: i64, now: Timestamp) -> Self {
        Self {
            id,
            workflow: workflow.name.clone(),
            revision,
            status: RunStatus::Queued,
            mode: Mode::Real,
            incident: None,
            event: None,
            rerun_of: None,
            undo_of: None,
            parent: None,
            becomes_of: None,
            trigger: Value::Null,
            inputs: json!({}),
            depth: 0,
            pins: BTreeMap::new(),
            started_by: Actor::System,
            created_at: now,
            finished_at: None,
            deadline: now.plus(workflow.timeout),
            ending: None,
            section: Section::Main,
            hold: None,
            signals: Vec::new(),
            slot: None,
            version: 0,
            lease: None,
            wake_at: Some(now),
            steps: workflow.steps.iter().map(|step| StepRun::pending(&step.id)).collect(),
        }
    }

    /// A run that follows this one: for the same incident, with the same trigger, inputs and pins, in the same mode and at
    /// the same depth. What brought this one about, where it stood and how it ended stay behind.
    #[must_use]
    pub fn following(&self, id: RunId, workflow: &Workflow, now: Timestamp) -> Self {
        Self {
            incident: self.incident,
            mode: self.mode,
            trigger: self.trigger.clone(),
            inputs: self.inputs.clone(),
            pins: self.pins.clone(),
            depth: self.depth,
            ..Self::new(id, workflow, self.revision, now)
        }
    }
}
