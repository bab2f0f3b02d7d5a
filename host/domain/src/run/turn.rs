//! A run's turn in its slot: waiting for it, getting it, giving it up.

use crate::{
    run::{Run, StepError, StepStatus, happening::Refused, machine::Machine},
    timeline::EntryKind,
};

/// Whether the run still waits for its turn.
pub(crate) fn waits(run: &Run) -> bool {
    run.slot.as_ref().is_some_and(|slot| !slot.held)
}

/// It is the run's turn: its time begins.
pub(crate) fn granted(machine: &mut Machine<'_>) -> Result<(), Refused> {
    let slot = machine.run.slot.as_mut().filter(|slot| !slot.held).ok_or(Refused::NotQueued)?;
    slot.held = true;
    machine.run.deadline = machine.context.now.plus(machine.context.workflow.timeout);
    machine.tell(EntryKind::Run, None, format!("{} begins: it is its turn", machine.run.workflow));
    Ok(())
}

/// Ends a run whose turn never came: it has nothing to clean up.
pub(crate) fn give_up(machine: &mut Machine<'_>) {
    for index in 0..machine.run.steps.len() {
        if !machine.run.steps[index].status.is_settled() {
            let error = StepError::new("never_began", "the run ended before it was its turn");
            machine.run.steps[index].error = Some(error);
            machine.settle(index, StepStatus::Skipped);
        }
    }
}
