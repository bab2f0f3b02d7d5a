//! Whether a settled step lets those that need it start.

use crate::{
    run::{StepRun, StepStatus},
    workflow::{OnError, Workflow},
};

/// Whether steps that need this one may start.
pub(crate) fn is_satisfied(workflow: &Workflow, state: &StepRun) -> bool {
    match state.status {
        StepStatus::Succeeded | StepStatus::Simulated | StepStatus::Skipped => true,
        StepStatus::Failed | StepStatus::TimedOut => {
            workflow.step(&state.step).is_some_and(|step| step.on_error == OnError::Continue)
        }
        _ => false,
    }
}
