//! The parts of a run: `steps`, then `on_failure` after a failure or a timeout, then `finally` in any case. Each has its own
//! time and its own way to come to rest. Part of the run machine.

use std::time::Duration;

use super::{StepError, StepStatus, machine::Machine, slot};
use crate::run::halt::failed;
pub(super) use crate::run::halt::{Halt, halt, holds, is_at_rest};
pub(super) use crate::run::scope::run_scope;
use crate::{timeline::EntryKind, workflow::Section};

/// How long `finally` may take.
const FINALLY: Duration = Duration::from_mins(2);

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
