//! The run machine: the one function that changes a run. It takes what happened and gives the new state with its effects;
//! it calls nothing and remembers nothing, so every interleaving can be tested. Its words are in `happening`, what may
//! start next in `progress`, approvals in `approval`, calls that ended without a result in `unknown`.

use serde_json::Value;

use super::{
    Ending, Hold, Phase, Run, StepError, StepStatus, approval,
    happening::{Context, Effect, Ended, Happening, Refused, Returned},
    progress, signal, slot,
};
pub(super) use crate::run::change::Machine;
pub use crate::run::change::step_deadline;
use crate::{person::Actor, timeline::EntryKind, workflow::Section};

/// Applies what happened. On success the run is changed, its version is one higher, and the effects tell what to write
/// and do; on refusal it is untouched.
pub fn apply(run: &mut Run, happening: Happening, context: &Context<'_>) -> Result<Vec<Effect>, Refused> {
    if run.status.is_terminal() {
        return Err(Refused::Ended(run.status.as_str()));
    }
    let mut machine = Machine { run, context, effects: Vec::new() };
    match happening {
        Happening::Due => machine.due(),
        Happening::SlotGranted => slot::granted(&mut machine)?,
        Happening::Returned(returned) => machine.returned(returned)?,
        Happening::Orphaned { in_flight } => machine.orphaned(&in_flight),
        Happening::ApprovalDecided { step, approve, by, reason } => {
            approval::decide(&mut machine, &step, approve, &by, reason.as_deref())?;
        }
        Happening::EffectDecided { step, item, decision, by } => machine.effect_decided(&step, item, decision, by)?,
        Happening::Signaled(signal) => signal::came(&mut machine, signal)?,
        Happening::ChildEnded { step, item } => machine.child_ended(&step, item)?,
        Happening::CancelRequested { by, reason, undo } => machine.cancel(by, reason, undo)?,
        Happening::PauseRequested(hold) => machine.pause(hold)?,
        Happening::ResumeRequested { by } => machine.resume(by)?,
    }
    progress::advance(&mut machine);
    machine.run.version += 1;
    Ok(machine.effects)
}

impl Machine<'_> {
    pub(crate) fn due(&mut self) {
        let now = self.context.now;
        let waits = slot::waits(self.run);
        if now >= self.run.deadline && !waits && self.run.ending.is_none() && self.run.section == Section::Main {
            self.run.ending = Some(Ending::TimedOut);
            self.tell(EntryKind::Run, None, format!("{} ran out of time", self.run.workflow));
        }
        if self.is_stopping() || self.run.is_held() {
            return;
        }
        for index in 0..self.run.steps.len() {
            let step = &self.run.steps[index];
            if step.status != StepStatus::Waiting || step.wake_at.is_none_or(|at| at > now) {
                continue;
            }
            let late = self.deadline(index).is_some_and(|deadline| deadline <= now);
            // A look at what became of a try is not given up: its call tells that nobody knows.
            if late && step.phase != Phase::Check {
                self.fail(index, StepStatus::TimedOut, StepError::new("deadline", "its `deadline` has passed"));
                continue;
            }
            match step.phase {
                Phase::Backoff => self.call(index, Phase::Attempt, step.attempt + 1),
                Phase::Resume => self.call(index, Phase::Attempt, step.attempt),
                Phase::Approval => approval::silent(self, index),
                Phase::Signal => signal::missed(self, index),
                Phase::Sleep => self.succeed(index, StepStatus::Succeeded, Value::Null, String::new(), None),
                // Put off before: it was not its turn.
                Phase::Check | Phase::Notify => self.call(index, step.phase, step.attempt),
                Phase::Idle | Phase::Attempt | Phase::Items => {}
            }
        }
    }

    fn returned(&mut self, returned: Returned) -> Result<(), Refused> {
        let index = self.index(&returned.step, returned.item)?;
        let step = &self.run.steps[index];
        if step.status != StepStatus::Running || step.attempt != returned.attempt || step.phase != returned.phase {
            return Err(Refused::Stale { step: returned.step });
        }
        if let Ended::PutOff { after, why } = returned.ended {
            self.come_back(index, after, why);
            return Ok(());
        }
        self.record(index, &returned);
        for told in &returned.told {
            self.tell_step(index, told.kind, &told.text, told.data.clone());
        }
        match returned.phase {
            Phase::Notify => approval::notified(self, index, &returned.ended),
            Phase::Check => self.checked(index, returned.ended),
            _ => self.attempted(index, returned.ended),
        }
        Ok(())
    }

    /// Looks at a run that a step made; too early when the call that made it has not come back.
    fn child_ended(&mut self, step: &str, item: Option<u32>) -> Result<(), Refused> {
        let index = self.index(step, item)?;
        let state = &mut self.run.steps[index];
        if state.phase != Phase::Resume {
            return Err(Refused::Stale { step: step.to_owned() });
        }
        state.wake_at = Some(self.context.now);
        self.due();
        Ok(())
    }

    fn cancel(&mut self, by: Actor, reason: Option<String>, undo: bool) -> Result<(), Refused> {
        if matches!(self.run.ending, Some(Ending::Canceled { .. })) {
            return Err(Refused::AlreadyCanceling);
        }
        if self.run.section == Section::Finally {
            return Err(Refused::Finishing);
        }
        let why = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        self.tell_of_run(by.clone(), format!("{} was canceled{why}", self.run.workflow));
        self.run.ending = Some(Ending::Canceled { by, reason, undo });
        Ok(())
    }

    fn pause(&mut self, hold: Hold) -> Result<(), Refused> {
        if self.run.hold.is_some() {
            return Err(Refused::Paused);
        }
        let why = hold.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        self.tell_of_run(hold.by.clone(), format!("{} was paused{why}", self.run.workflow));
        self.run.hold = Some(hold);
        Ok(())
    }

    fn resume(&mut self, by: Actor) -> Result<(), Refused> {
        self.run.hold.take().ok_or(Refused::NotPaused)?;
        self.tell_of_run(by, format!("{} goes on", self.run.workflow));
        self.due();
        Ok(())
    }

    /// Tells what a person did to the run.
    fn tell_of_run(&mut self, by: Actor, text: String) {
        let (kind, by) = (EntryKind::Run, Some(by));
        self.effects.push(Effect::Entry { kind, step: None, by, text, data: Value::Null });
    }
}
