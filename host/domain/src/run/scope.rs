//! What expressions see of a run.

use serde_json::{Value, json};

use crate::{
    run::{Ending, Run, RunStatus, StepStatus},
    workflow::Section,
};

/// The run as expressions see it; how its steps ended once they have.
pub(crate) fn run_scope(run: &Run) -> Value {
    let mut seen = json!({ "id": run.id, "workflow": run.workflow, "mode": run.mode });
    if let Some(seen) = seen.as_object_mut().filter(|_| run.section != Section::Main) {
        let outcome = run.ending.as_ref().map_or(RunStatus::Succeeded, Ending::outcome);
        seen.insert("outcome".to_owned(), json!(outcome));
        seen.insert("failure".to_owned(), failure(run));
    }
    seen
}

/// The first failure, as `{step, code, message}`; null when no step failed.
pub(crate) fn failure(run: &Run) -> Value {
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
