//! Why a section of a run ends, and whether it has come to rest.

use crate::{
    run::{Ending, Run, StepStatus, happening::Context, progress::is_satisfied},
    workflow::{Section, Workflow},
};

/// Why nothing new starts in the section.
pub(crate) struct Halt {
    /// The code of steps that are not run for it.
    pub(crate) code: &'static str,
    /// One sentence.
    pub(crate) message: &'static str,
    /// What becomes of steps that wait; without it they go on.
    pub(crate) prompt: Option<StepStatus>,
}

/// Whether nothing new starts in the run's section, and why.
pub(crate) fn halt(run: &Run, context: &Context<'_>) -> Option<Halt> {
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
pub(crate) fn holds(run: &Run, workflow: &Workflow, index: usize) -> bool {
    workflow.step(&run.steps[index].step).is_some_and(|step| step.section == run.section)
}

/// Whether every step of the run's section has settled.
pub(crate) fn is_at_rest(run: &Run, workflow: &Workflow) -> bool {
    (0..run.steps.len()).all(|index| run.steps[index].status.is_settled() || !holds(run, workflow, index))
}

pub(crate) fn failed(run: &Run) -> bool {
    matches!(run.ending, Some(Ending::Failed | Ending::TimedOut))
}
