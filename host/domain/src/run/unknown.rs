//! Effects nobody knows of: calls that ended without a result, the looking that follows, and what people decide; and calls
//! that were not made. Part of the run machine.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Phase, Retry, StepError, StepStatus, approval,
    happening::{Decision, Effect, Ended, Refused, Returned},
    machine::Machine,
    section,
};
use crate::{person::Actor, timeline::EntryKind};

/// A step that takes its host down each time must not do so for ever.
const MAX_LOST_TRIES: u32 = 100;

impl Machine<'_> {
    pub(super) fn checked(&mut self, index: usize, ended: Ended) {
        match ended {
            Ended::Done { output, summary, undo } => self.succeed(index, StepStatus::Succeeded, output, summary, undo),
            Ended::Absent => {
                let error = StepError::new("lost", "the try was lost; the plugin found that nothing had happened");
                self.retry_or_fail(index, error, Retry::Backoff);
            }
            _ => self.needs_decision(index),
        }
    }

    /// The effect of a lost try is not known: ask the plugin to look, else a person.
    pub(super) fn unknown(&mut self, index: usize, error: StepError) {
        let can_check = self.facts(index).is_some_and(|facts| facts.can_check);
        self.run.steps[index].error = Some(error);
        if can_check && section::halt(self.run, self.context).is_none() && self.may_start() {
            let attempt = self.run.steps[index].attempt;
            self.call(index, Phase::Check, attempt);
        } else {
            self.needs_decision(index);
        }
    }

    /// Lets a call that was not made be made later: the same try.
    pub(super) fn come_back(&mut self, index: usize, after: Duration, why: String) {
        let step = &mut self.run.steps[index];
        step.summary = Some(why);
        let phase = if step.phase == Phase::Attempt { Phase::Resume } else { step.phase };
        self.wait(index, phase, self.context.now.plus(after));
    }

    fn needs_decision(&mut self, index: usize) {
        let step = &mut self.run.steps[index];
        step.status = StepStatus::NeedsDecision;
        step.phase = Phase::Idle;
        let why = step.error.as_ref().map_or_else(String::new, |error| format!(" ({})", error.message));
        let text = format!("may or may not have happened{why}: somebody has to say which");
        self.tell_step(index, EntryKind::Step, &text, Value::Null);
    }

    pub(super) fn orphaned(&mut self, in_flight: &[(String, Option<u32>)]) {
        for index in 0..self.run.steps.len() {
            let step = &self.run.steps[index];
            let under_way = in_flight.iter().any(|(id, item)| *id == step.step && *item == step.item);
            if step.status != StepStatus::Running || under_way {
                continue;
            }
            let lost = StepError::new("lost", "the host stopped before the result was recorded");
            let returned = Returned {
                step: step.step.clone(),
                item: step.item,
                attempt: step.attempt,
                phase: step.phase,
                started_at: step.started_at.unwrap_or(self.run.created_at),
                ended: Ended::NoResult { error: lost, nothing_sent: false },
                trace: json!({}),
                told: Vec::new(),
            };
            self.record(index, &returned);
            let again = returned.attempt < MAX_LOST_TRIES && section::halt(self.run, self.context).is_none();
            match returned.phase {
                // Looking twice and telling twice (under one key) are harmless.
                Phase::Check | Phase::Notify if again => self.call(index, returned.phase, returned.attempt + 1),
                // A crash is no fault of the step's: tried again without a pause, past the policy's tries.
                Phase::Attempt if again && self.repeatable(index) => {
                    self.call(index, Phase::Attempt, returned.attempt + 1);
                }
                Phase::Notify => approval::notified(self, index, &returned.ended),
                _ => self.attempted(index, returned.ended),
            }
        }
    }

    pub(super) fn effect_decided(
        &mut self,
        step: &str,
        item: Option<u32>,
        decision: Decision,
        by: Actor,
    ) -> Result<(), Refused> {
        let index = self.index(step, item)?;
        let status = self.run.steps[index].status;
        if status != StepStatus::NeedsDecision {
            return Err(Refused::NoDecision { step: step.to_owned(), status: status.as_str() });
        }
        let text = match decision {
            Decision::Applied => "it happened",
            Decision::Retry => "it did not happen, try again",
            Decision::Fail => "let it fail",
        };
        self.effects.push(Effect::Entry {
            kind: EntryKind::Step,
            step: Some(step.to_owned()),
            by: Some(by),
            text: format!("{step}: decided that {text}"),
            data: Value::Null,
        });
        match decision {
            Decision::Applied => {
                let summary = "a person says it happened".to_owned();
                self.succeed(index, StepStatus::Succeeded, Value::Null, summary, None);
            }
            Decision::Retry => {
                let step = &mut self.run.steps[index];
                step.status = StepStatus::Waiting;
                step.phase = Phase::Backoff;
                step.wake_at = Some(self.context.now);
                self.due();
            }
            Decision::Fail => {
                let error = self.run.steps[index].error.clone();
                let error = error.unwrap_or_else(|| StepError::new("decided", "a person let it fail"));
                self.fail(index, StepStatus::Failed, error);
            }
        }
        Ok(())
    }
}
