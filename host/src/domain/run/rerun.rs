//! Running again: which steps of a run that has ended are done anew, and which keep what they gave.

use std::collections::BTreeSet;

use super::{Run, StepRun, StepStatus, happening::Refused};
use crate::domain::workflow::{Section, StepKind, Workflow};

/// The steps of a new run after `original`. Without `from` all are done anew. With it that step is, whatever needs it, and
/// what had not succeeded; an approval in front of such a step is asked for again, because it was given for the first time.
pub fn steps(original: &Run, workflow: &Workflow, from: Option<&str>) -> Result<Vec<StepRun>, Refused> {
    if !original.status.is_terminal() {
        return Err(Refused::GoesOn(original.status.as_str()));
    }
    let fresh = || workflow.steps.iter().map(|step| StepRun::pending(&step.id));
    let Some(from) = from else { return Ok(fresh().collect()) };
    let known = workflow.step(from).filter(|step| step.section == Section::Main);
    let known = known.ok_or_else(|| Refused::UnknownStep { step: from.chars().take(64).collect() })?;
    let anew = anew(original, workflow, &known.id);
    let mut steps: Vec<StepRun> = fresh()
        .map(|step| if anew.contains(step.step.as_str()) { step } else { kept(original.step(&step.step), step) })
        .collect();
    let items = original.steps.iter().filter(|item| item.item.is_some() && !anew.contains(item.step.as_str()));
    steps.extend(items.map(|item| kept(Some(item), StepRun::pending(&item.step))));
    Ok(steps)
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
