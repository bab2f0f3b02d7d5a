//! Taking a run back: the steps that left what `undo` needs, in the reverse order of their ends, as a run of its own. The run
//! that is taken back stays as it ended.

use std::collections::{BTreeMap, BTreeSet};

use super::{Run, StepRun, happening::Refused};
use crate::workflow::{OnError, Section, Step, StepKind, UndoStep, Workflow};

/// A step to take back: its new identifier, and where it stands in the run that is taken back.
struct Undone<'a> {
    id: String,
    state: &'a StepRun,
    kind: UndoStep,
}

/// The document of the run that takes `original` back: one step after the other.
pub fn workflow(original: &Run, document: &Workflow) -> Workflow {
    let mut above: Option<String> = None;
    let steps = undone(original, document).into_iter().map(|undone| {
        let step = document.step(&undone.state.step);
        let needs = above.replace(undone.id.clone()).into_iter().collect();
        Step {
            id: undone.id,
            section: Section::Main,
            needs,
            condition: None,
            foreach: None,
            retry: step.map(|step| step.retry).unwrap_or_default(),
            retry_if: None,
            timeout: step.map_or(std::time::Duration::from_mins(1), |step| step.timeout),
            deadline: None,
            on_error: OnError::Fail,
            kind: StepKind::Undo(undone.kind),
        }
    });
    Workflow {
        steps: steps.collect(),
        condition: None,
        inputs: BTreeMap::new(),
        concurrency: None,
        undo: false,
        positions: BTreeMap::new(),
        ..document.clone()
    }
}

/// The steps of that run, each with what its action was given and left.
pub fn steps(original: &Run, document: &Workflow) -> Result<Vec<StepRun>, Refused> {
    if !original.status.is_terminal() {
        return Err(Refused::GoesOn(original.status.as_str()));
    }
    let steps: Vec<StepRun> = undone(original, document)
        .into_iter()
        .map(|undone| StepRun {
            input: undone.state.input.clone(),
            undo: undone.state.undo.clone(),
            ..StepRun::pending(undone.id)
        })
        .collect();
    if steps.is_empty() { Err(Refused::NothingToUndo) } else { Ok(steps) }
}

/// What a run did itself and left something to take it back with, the newest first. What it kept of an earlier run is that
/// run's to take back.
fn undone<'a>(original: &'a Run, document: &Workflow) -> Vec<Undone<'a>> {
    let mut states: Vec<&StepRun> =
        original.steps.iter().filter(|state| state.undo.is_some() && state.attempt > 0).collect();
    states.sort_by_key(|state| std::cmp::Reverse(state.finished_at));
    let mut taken = BTreeSet::new();
    let mut undone = Vec::with_capacity(states.len());
    for state in states {
        let Some(Step { kind: StepKind::Action { plugin, action, connection, .. }, .. }) = document.step(&state.step)
        else {
            continue;
        };
        let mut id = state.item.map_or_else(|| state.step.clone(), |item| format!("{}_{item}", state.step));
        while !taken.insert(id.clone()) {
            id.push('_');
        }
        let kind = UndoStep { plugin: plugin.clone(), action: action.clone(), connection: connection.clone() };
        undone.push(Undone { id, state, kind });
    }
    undone
}
