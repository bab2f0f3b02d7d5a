//! The parts of a run: `steps`, then `on_failure` after a failure or a timeout, then `finally` in any case. Each has its own
//! time and its own way to come to rest. Part of the run machine.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Ending, Run, RunStatus, StepError, StepStatus, happening::Context, machine::Machine, progress::is_satisfied, slot,
};
use crate::{
    timeline::EntryKind,
    workflow::{Section, Workflow},
};

/// How long `finally` may take.
const FINALLY: Duration = Duration::from_mins(2);

/// Why nothing new starts in the section.
pub(super) struct Halt {
    /// The code of steps that are not run for it.
    pub(super) code: &'static str,
    /// One sentence.
    pub(super) message: &'static str,
    /// What becomes of steps that wait; without it they go on.
    pub(super) prompt: Option<StepStatus>,
}

/// Whether nothing new starts in the run's section, and why.
pub(super) fn halt(run: &Run, context: &Context<'_>) -> Option<Halt> {
    let halt = |code, message, prompt| Some(Halt { code, message, prompt });
    match (run.section, &run.ending) {
        (Section::Main, None) => None,
        (Section::Main, Some(Ending::Failed | Ending::Rejected)) if context.now >= run.deadline => {
            halt("timed_out", "the run ran out of time", Some(StepStatus::TimedOut))
        }
        (Section::Main, Some(Ending::Failed)) => halt("upstream_failed", "an earlier step failed", None),
        (Section::Main, Some(Ending::Rejected)) => halt("rejected", "an approval was rejected", None),
        (Section::Main, Some(Ending::TimedOut)) => {
            halt("timed_out", "the run ran out of time", Some(StepStatus::TimedOut))
        }
        (Section::Main | Section::OnFailure, Some(Ending::Canceled { .. })) => {
            halt("canceled", "the run was canceled", Some(StepStatus::Canceled))
        }
        _ if context.now >= run.deadline => {
            halt("timed_out", "its section ran out of time", Some(StepStatus::TimedOut))
        }
        _ => {
            let ended_badly = |status| {
                matches!(
                    status,
                    StepStatus::Failed | StepStatus::TimedOut | StepStatus::Rejected | StepStatus::Canceled
                )
            };
            let mut states = run
                .steps
                .iter()
                .enumerate()
                .filter(|(index, state)| state.item.is_none() && holds(run, context.workflow, *index));
            let broken = states.any(|(_, state)| ended_badly(state.status) && !is_satisfied(context.workflow, state));
            if broken { halt("upstream_failed", "an earlier step failed", None) } else { None }
        }
    }
}

/// Whether a step stands in the section the run is in.
pub(super) fn holds(run: &Run, workflow: &Workflow, index: usize) -> bool {
    workflow.step(&run.steps[index].step).is_some_and(|step| step.section == run.section)
}

/// Whether every step of the run's section has settled.
pub(super) fn is_at_rest(run: &Run, workflow: &Workflow) -> bool {
    (0..run.steps.len()).all(|index| run.steps[index].status.is_settled() || !holds(run, workflow, index))
}

/// Enters the next section that has something to do; `false` when there is none and the run ends.
pub(super) fn enter_next(machine: &mut Machine<'_>) -> bool {
    let workflow = machine.context.workflow;
    if slot::waits(machine.run) {
        slot::give_up(machine);
        return false;
    }
    while let Some(next) = after(machine.run.section) {
        machine.run.section = next;
        let wanted = next == Section::Finally || failed(machine.run);
        if wanted && workflow.section(next).next().is_some() {
            let time = if next == Section::Finally { FINALLY } else { workflow.timeout };
            machine.run.deadline = machine.context.now.plus(time);
            let text = format!("{}: its `{}` steps begin", workflow.name, next.as_str());
            machine.tell(EntryKind::Run, None, text);
            return true;
        }
        for index in 0..machine.run.steps.len() {
            if holds(machine.run, workflow, index) {
                let error = StepError::new("not_needed", "the run did not fail");
                machine.run.steps[index].error = Some(error);
                machine.settle(index, StepStatus::Skipped);
            }
        }
    }
    false
}

fn after(section: Section) -> Option<Section> {
    match section {
        Section::Main => Some(Section::OnFailure),
        Section::OnFailure => Some(Section::Finally),
        Section::Finally => None,
    }
}

fn failed(run: &Run) -> bool {
    matches!(run.ending, Some(Ending::Failed | Ending::TimedOut))
}

/// The run as expressions see it; how its steps ended once they have.
pub(super) fn run_scope(run: &Run) -> Value {
    let mut seen = json!({ "id": run.id, "workflow": run.workflow, "mode": run.mode });
    if let Some(seen) = seen.as_object_mut().filter(|_| run.section != Section::Main) {
        let outcome = run.ending.as_ref().map_or(RunStatus::Succeeded, Ending::outcome);
        seen.insert("outcome".to_owned(), json!(outcome));
        seen.insert("failure".to_owned(), failure(run));
    }
    seen
}

/// The first failure, as `{step, code, message}`; null when no step failed.
fn failure(run: &Run) -> Value {
    let failed = |status| matches!(status, StepStatus::Failed | StepStatus::TimedOut);
    let first = run
        .steps
        .iter()
        .filter(|state| state.item.is_none() && failed(state.status))
        .min_by_key(|state| state.finished_at);
    first.map_or(Value::Null, |state| {
        let error = state.error.as_ref();
        json!({
            "step": state.step,
            "code": error.map(|error| &error.code),
            "message": error.map(|error| &error.message),
        })
    })
}
