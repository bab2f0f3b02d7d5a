//! A change of a run in the making: the moves that every part of the machine makes.

use serde_json::{Value, json};

use crate::run::StepRun;
use crate::{
    plugin::Risk,
    run::{
        AttemptRecord, Ending, Phase, Retry, Run, SideEffect, StepError, StepStatus,
        happening::{Context, Effect, Ended, InDrills, Refused, Returned, StepFacts},
        items, progress, section,
    },
    time::Timestamp,
    timeline::EntryKind,
    workflow::{Step, StepKind},
};

/// A change in the making.
pub(crate) struct Machine<'a> {
    pub(crate) run: &'a mut Run,
    pub(crate) context: &'a Context<'a>,
    pub(crate) effects: Vec<Effect>,
}

impl Machine<'_> {
    /// Whether the section ends promptly: what waits is stopped, and nothing is called any more. (After a failure or a
    /// rejection the steps that have begun still finish, their retries included.)
    pub(crate) fn is_stopping(&self) -> bool {
        section::halt(self.run, self.context).is_some_and(|halt| halt.prompt.is_some())
    }

    /// When the step has to have settled.
    pub(crate) fn deadline(&self, index: usize) -> Option<Timestamp> {
        let state = &self.run.steps[index];
        step_deadline(self.context.workflow.step(&state.step)?, state)
    }

    /// Starts a call of a step, unless another host drives the run: that host starts it when it sees the change.
    pub(crate) fn call(&mut self, index: usize, phase: Phase, attempt: u32) {
        if !self.may_start() {
            return;
        }
        let step = &mut self.run.steps[index];
        step.status = StepStatus::Running;
        step.phase = phase;
        step.attempt = attempt;
        step.calls = step.calls.saturating_add(1);
        step.wake_at = None;
        step.started_at.get_or_insert(self.context.now);
        self.effects.push(Effect::Call { step: step.step.clone(), item: step.item });
    }

    /// Whether calls may be started from here.
    pub(crate) fn may_start(&self) -> bool {
        !self.context.stopping && self.run.lease.is_none_or(|lease| lease == self.context.lease)
    }

    pub(crate) fn record(&mut self, index: usize, returned: &Returned) {
        let (outcome, error) = match &returned.ended {
            Ended::Done { .. } => ("done", None),
            Ended::Simulated { .. } => ("simulated", None),
            Ended::Pending { .. } => ("pending", None),
            Ended::PutOff { .. } => ("put_off", None),
            Ended::Failed { error, .. } => ("failed", Some(error.clone())),
            Ended::NoResult { error, .. } => ("no_result", Some(error.clone())),
            Ended::Absent => ("absent", None),
            Ended::CannotTell => ("cannot_tell", None),
        };
        let mut trace = returned.trace.clone();
        if let (Ended::Simulated { request, .. }, Some(trace)) = (&returned.ended, trace.as_object_mut()) {
            trace.insert("would_have_sent".to_owned(), request.clone());
        }
        let step = &self.run.steps[index];
        self.effects.push(Effect::Attempted(AttemptRecord {
            run: self.run.id,
            step: step.step.clone(),
            item: step.item,
            generation: step.generation,
            attempt: step.attempt,
            phase: returned.phase,
            call: step.calls,
            started_at: returned.started_at,
            finished_at: self.context.now,
            outcome: outcome.to_owned(),
            error,
            trace,
        }));
    }

    pub(crate) fn attempted(&mut self, index: usize, ended: Ended) {
        match ended {
            Ended::Done { output, summary, undo } => self.succeed(index, StepStatus::Succeeded, output, summary, undo),
            Ended::Simulated { output, request } => {
                let summary = "simulated: nothing was sent".to_owned();
                if self.run.steps[index].item.is_none() {
                    self.tell_step(index, EntryKind::Step, "was simulated", json!({ "would_have_sent": request }));
                }
                self.succeed(index, StepStatus::Simulated, output, summary, None);
            }
            Ended::Pending { after, resume, note, undo } => {
                let step = &mut self.run.steps[index];
                step.resume = Some(resume);
                step.summary = Some(note);
                // What was begun can be taken back even if the run is canceled before it is done.
                step.undo = undo.or_else(|| step.undo.take());
                self.wait(index, Phase::Resume, self.context.now.plus(after));
            }
            Ended::PutOff { after, why } => self.come_back(index, after, why),
            Ended::Failed { error, retry, effect, undo } => {
                if undo.is_some() {
                    self.run.steps[index].undo = undo;
                }
                match effect {
                    SideEffect::Unknown if !self.repeatable(index) => self.unknown(index, error),
                    SideEffect::Applied => self.fail(index, StepStatus::Failed, error),
                    SideEffect::None | SideEffect::Unknown => self.retry_or_fail(index, error, retry),
                }
            }
            Ended::NoResult { error, nothing_sent } => {
                if nothing_sent || self.repeatable(index) {
                    self.retry_or_fail(index, error, Retry::Backoff);
                } else {
                    self.unknown(index, error);
                }
            }
            // Only `check` answers so; from an attempt it would be an answer without a result.
            Ended::Absent | Ended::CannotTell => {
                self.unknown(index, StepError::new("no_result", "the plugin did not say what it did"));
            }
        }
    }

    /// Whether trying again is harmless whatever the lost try did.
    pub(crate) fn repeatable(&self, index: usize) -> bool {
        let Some(facts) = self.facts(index) else { return true };
        let simulated = self.run.mode.records(facts.in_drills == InDrills::Sent);
        simulated || facts.idempotent || facts.risk == Risk::Read
    }

    /// Lets a step wait for a time, its deadline at most.
    pub(crate) fn wait(&mut self, index: usize, phase: Phase, until: Timestamp) {
        let until = self.deadline(index).map_or(until, |deadline| deadline.min(until));
        let step = &mut self.run.steps[index];
        step.status = StepStatus::Waiting;
        step.phase = phase;
        step.wake_at = Some(until);
    }

    pub(crate) fn retry_or_fail(&mut self, index: usize, error: StepError, retry: Retry) {
        let stopped = section::halt(self.run, self.context).and_then(|halt| halt.prompt);
        let late = self.deadline(index).is_some_and(|deadline| deadline <= self.context.now);
        let stopped = stopped.or(late.then_some(StepStatus::TimedOut));
        let attempt = self.run.steps[index].attempt;
        let policy = self.context.workflow.step(&self.run.steps[index].step).map(|step| step.retry).unwrap_or_default();
        if stopped.is_some() || retry == Retry::Never || attempt >= policy.attempts {
            self.fail(index, stopped.unwrap_or(StepStatus::Failed), error);
            return;
        }
        match progress::worth_retrying(self.run, self.context, index, &error) {
            Ok(true) => {}
            Ok(false) => return self.fail(index, StepStatus::Failed, error),
            Err(broken) => {
                let message = format!("{} (and its `retry_if`: {broken})", error.message);
                return self.fail(index, StepStatus::Failed, StepError { message, ..error });
            }
        }
        let pause = match retry {
            Retry::After(pause) => pause,
            Retry::Backoff | Retry::Never => {
                progress::backoff(&policy, attempt, &self.run.steps[index].step, self.context.seed)
            }
        };
        self.run.steps[index].error = Some(error);
        self.wait(index, Phase::Backoff, self.context.now.plus(pause));
    }

    pub(crate) fn succeed(
        &mut self,
        index: usize,
        status: StepStatus,
        output: Value,
        summary: String,
        undo: Option<Value>,
    ) {
        let state = &self.run.steps[index];
        if state.item.is_some()
            && let Err(error) = items::fits(self.run, &state.step, &output)
        {
            self.run.steps[index].undo = undo;
            return self.fail(index, StepStatus::Failed, error);
        }
        let step = &mut self.run.steps[index];
        step.output = output;
        step.undo = undo.or_else(|| step.undo.take());
        step.error = None;
        step.summary = Some(summary).filter(|summary| !summary.is_empty());
        self.settle(index, status);
        // A step without a line for people says nothing, or has said it itself; items are told of as one.
        if status == StepStatus::Succeeded
            && self.run.steps[index].item.is_none()
            && let Some(text) = self.run.steps[index].summary.clone()
        {
            self.tell_step(index, EntryKind::Step, &text, Value::Null);
        }
    }

    pub(crate) fn fail(&mut self, index: usize, status: StepStatus, error: StepError) {
        let text = format!("failed: {}", error.message);
        let data = json!({ "code": error.code });
        self.run.steps[index].error = Some(error);
        self.settle(index, status);
        self.tell_step(index, EntryKind::Step, &text, data);
        // An item's failure is its step's business once all items have settled.
        let state = &self.run.steps[index];
        if self.run.ending.is_none() && state.item.is_none() && !progress::is_satisfied(self.context.workflow, state) {
            self.run.ending = Some(Ending::Failed);
        }
    }

    /// Nothing more will happen to the step.
    pub(crate) fn settle(&mut self, index: usize, status: StepStatus) {
        let step = &self.run.steps[index];
        let kind = self.context.workflow.step(&step.step).map(|step| &step.kind);
        // Settled while it waits, and not by what its run gave.
        let unwanted = step.phase == Phase::Resume && matches!(status, StepStatus::Canceled | StepStatus::TimedOut);
        if unwanted && matches!(kind, Some(StepKind::Run { .. })) {
            self.effects.push(Effect::CancelChild { step: step.step.clone(), item: step.item });
        }
        let step = &mut self.run.steps[index];
        step.status = status;
        step.phase = Phase::Idle;
        step.wake_at = None;
        step.resume = None;
        step.finished_at = Some(self.context.now);
    }

    pub(crate) fn facts(&self, index: usize) -> Option<&StepFacts> {
        self.context.facts.get(&self.run.steps[index].step)
    }

    pub(crate) fn index(&self, step: &str, item: Option<u32>) -> Result<usize, Refused> {
        let found = self.run.steps.iter().position(|state| state.item == item && state.step == step);
        let name = || item.map_or_else(|| step.to_owned(), |item| format!("{step}[{item}]"));
        found.ok_or_else(|| Refused::UnknownStep { step: name().chars().take(80).collect() })
    }

    pub(crate) fn tell(&mut self, kind: EntryKind, step: Option<String>, text: String) {
        self.effects.push(Effect::Entry { kind, step, by: None, text, data: Value::Null });
    }

    pub(crate) fn tell_step(&mut self, index: usize, kind: EntryKind, text: &str, data: Value) {
        let state = &self.run.steps[index];
        let step = state.step.clone();
        let text = match state.item {
            Some(item) => format!("{step}[{item}]: {text}"),
            None => format!("{step}: {text}"),
        };
        self.effects.push(Effect::Entry { kind, step: Some(step), by: None, text, data });
    }
}

/// When a step that has begun has to have settled with all its attempts, if it has a `deadline`.
pub fn step_deadline(step: &Step, state: &StepRun) -> Option<Timestamp> {
    Some(state.started_at?.plus(step.deadline?))
}
