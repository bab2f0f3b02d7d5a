//! Running again: which steps of a run that has ended are done anew, and which keep what they gave.

use std::collections::BTreeSet;

use super::{Phase, Run, StepRun, StepStatus, happening::Refused};
use crate::{
    time::Timestamp,
    workflow::{Section, Step, StepKind, Workflow},
};

/// Where a run begins again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// At its beginning: everything is done anew.
    Beginning,
    /// At a step.
    Step(String),
    /// At one item of a step with `foreach`.
    Item(String, u32),
}

/// The steps of a new run after `original`. Without `from` all are done anew. With it that step is, whatever needs it, and
/// what had not succeeded; an approval in front of such a step is asked for again, because it was given for the first time.
///
/// With an item only that one of `from`'s is done anew, frozen as it was; the others keep what they gave.
pub fn steps(original: &Run, workflow: &Workflow, from: &From, now: Timestamp) -> Result<Vec<StepRun>, Refused> {
    if !original.status.is_terminal() {
        return Err(Refused::GoesOn(original.status.as_str()));
    }
    let fresh = || workflow.steps.iter().map(|step| fresh(original, step));
    let (from, item) = match from {
        From::Beginning => return Ok(fresh().collect()),
        From::Step(step) => (step, None),
        From::Item(step, item) => (step, Some(*item)),
    };
    let known = workflow.step(from).filter(|step| step.section == Section::Main);
    let known = known.ok_or_else(|| Refused::UnknownStep { step: from.chars().take(64).collect() })?;
    if let Some(item) = item
        && original.step_or_item(from, Some(item)).is_none()
    {
        return Err(Refused::UnknownStep { step: format!("{}[{item}]", known.id) });
    }
    let anew = anew(original, workflow, &known.id);
    let mut steps: Vec<StepRun> = fresh()
        .map(|step| if anew.contains(step.step.as_str()) { step } else { kept(original.step(&step.step), step) })
        .collect();
    let items = original.steps.iter().filter(|item| item.item.is_some() && !anew.contains(item.step.as_str()));
    steps.extend(items.map(|item| kept(Some(item), StepRun::pending(&item.step))));
    if let Some(item) = item {
        one_item(original, &mut steps, &known.id, item, now);
    }
    Ok(steps)
}

/// Lets a step go on with its items, of which one is done anew.
fn one_item(original: &Run, steps: &mut Vec<StepRun>, id: &str, anew: u32, now: Timestamp) {
    for step in steps.iter_mut().filter(|step| step.step == id) {
        step.status = StepStatus::Waiting;
        step.phase = Phase::Items;
        step.started_at = Some(now);
    }
    steps.extend(original.items(id).map(|state| {
        let fresh = StepRun { item: state.item, input: state.input.clone(), ..StepRun::pending(id) };
        if state.item == Some(anew) { fresh } else { kept(Some(state), fresh) }
    }));
}

/// A step that has not begun. What takes an action back was given its input from the beginning.
fn fresh(original: &Run, step: &Step) -> StepRun {
    let given = original.step(&step.id).filter(|_| matches!(step.kind, StepKind::Undo(_)));
    given.map_or_else(
        || StepRun::pending(&step.id),
        |given| StepRun { input: given.input.clone(), undo: given.undo.clone(), ..StepRun::pending(&step.id) },
    )
}

/// A step that keeps what it gave; it was not called in this run.
fn kept(before: Option<&StepRun>, fresh: StepRun) -> StepRun {
    before.map_or(fresh, |before| StepRun { attempt: 0, calls: 0, ..before.clone() })
}

fn anew<'a>(original: &Run, workflow: &'a Workflow, from: &'a str) -> BTreeSet<&'a str> {
    let good = |id: &str| {
        let status = original.step(id).map(|step| step.status);
        matches!(status, Some(StepStatus::Succeeded | StepStatus::Simulated))
    };
    let bad = workflow.steps.iter().filter(|step| step.section != Section::Main || !good(&step.id));
    let mut anew: BTreeSet<&str> = bad.map(|step| step.id.as_str()).chain([from]).collect();
    loop {
        let before = anew.len();
        for step in workflow.section(Section::Main) {
            if step.needs.iter().any(|need| anew.contains(need.as_str())) {
                anew.insert(&step.id);
            }
            if anew.contains(step.id.as_str()) {
                let asked = step.needs.iter().filter_map(|need| workflow.step(need));
                anew.extend(
                    asked.filter(|need| matches!(need.kind, StepKind::Approve(_))).map(|need| need.id.as_str()),
                );
            }
        }
        if anew.len() == before {
            return anew;
        }
    }
}
