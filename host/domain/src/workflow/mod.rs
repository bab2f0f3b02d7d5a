//! A workflow as the engine runs it: the parsed, checked document. [`parse()`] makes it from YAML or JSON with a place for
//! every fault, [`mod@check`] compares it with what is installed, [`document`] describes it to editors.

use std::{collections::BTreeMap, time::Duration};

use super::{
    expression::{Expression, Template},
    run::SlotPolicy,
    schedule::Terms,
    schema::Schema,
};

pub mod builtin;
pub mod check;
pub mod document;
pub(crate) mod limits;
mod parse;
pub mod scheduled;
mod scope;
mod step;
mod steps;
#[cfg(test)]
mod tests;
mod trigger;
mod triggers;

pub use super::document::{Fault, MAX_SOURCE, Position};
pub use parse::parse;
pub use step::{
    ApproveStep, Foreach, MAX_ITEMS, Notify, OnError, OnTimeout, RetryPolicy, Section, SleepStep, Step, StepKind,
    UndoStep, WaitStep,
};
pub(crate) use steps::signal_name;
pub use steps::{MAX_STEPS, is_identifier};
pub use trigger::{AlertChange, Direction, Entry, Trigger, TriggerKind};
pub use triggers::MAX_SCHEDULED;

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
    /// `concurrency`: of the runs of one key, one goes on at a time.
    pub concurrency: Option<Concurrency>,
    /// `undo`: whether a run that failed takes back what its steps did.
    pub undo: bool,
    /// How long a run may take, waiting included. Default 24 h.
    pub timeout: Duration,
    /// The steps in the order they are written, those of `on_failure` and `finally` behind the others: 1 to 200.
    pub steps: Vec<Step>,
    /// Where the parts of each step stand in the source, by `step.part/field`.
    pub positions: BTreeMap<String, Position>,
}

/// What keeps runs of a workflow apart.
#[derive(Debug, Clone)]
pub struct Concurrency {
    /// Gives the key: a template of a text, a number or a truth value, 1 to 200 characters.
    pub key: Template,
    /// What becomes of a run that would start while another of its key goes on.
    pub policy: SlotPolicy,
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

    /// Whether a condition on the incident starts it.
    pub fn has_condition_trigger(&self) -> bool {
        self.on.iter().any(|trigger| matches!(trigger.kind, TriggerKind::Becomes { .. }))
    }

    /// Whether a run is not made while another of its key goes on.
    pub fn skips(&self) -> bool {
        self.concurrency.as_ref().is_some_and(|concurrency| concurrency.policy == SlotPolicy::Skip)
    }

    /// The schedules among its triggers, in the order written.
    pub fn schedules(&self) -> impl Iterator<Item = (&Trigger, &Terms)> {
        self.on.iter().filter_map(|trigger| Some((trigger, trigger.terms()?)))
    }

    /// Whether other workflows may run it as a step.
    pub fn is_callable(&self) -> bool {
        self.on.iter().any(|trigger| trigger.kind == TriggerKind::Called)
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
