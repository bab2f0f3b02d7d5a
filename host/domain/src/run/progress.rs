//! What a run does next: which steps may start, when it sleeps, and how it ends. Part of the run machine.

use std::time::Duration;

use serde_json::Value;

use super::{
    Ending, Mode, Phase, Run, RunStatus, StepError, StepStatus, approval,
    happening::{Context, Effect},
    items,
    machine::Machine,
    section::{self, Halt},
    signal, slot,
};
use crate::run::retry::scope;
pub(super) use crate::run::retry::{backoff, draw, worth_retrying};
pub(super) use crate::run::satisfied::is_satisfied;
use crate::{
    expression::Scope,
    time::Timestamp,
    timeline::EntryKind,
    workflow::{Section, SleepStep, StepKind},
};

/// How soon a run is looked at that only people can move on.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// How soon a run is looked at that waits for its turn, should the end of the one before it not have been noticed.
const LOOK_FOR_TURN: Duration = Duration::from_secs(15);

/// Moves the run as far as it goes without anything new happening.
pub(super) fn advance(machine: &mut Machine<'_>) {
    loop {
        items::join(machine);
        let held = begin(machine);
        if let Some(halt) = section::halt(machine.run, machine.context) {
            stop(machine, &halt);
            items::join(machine);
            // Up to here the run may have gone well: what went wrong in `finally` fails it.
            if machine.run.section == Section::Finally {
                machine.run.ending.get_or_insert(Ending::Failed);
            }
        }
        if !section::is_at_rest(machine.run, machine.context.workflow) {
            return conclude(machine, held);
        }
        if !section::enter_next(machine) {
            return end(machine);
        }
    }
}

/// Starts what may start; whether the kill switch holds something.
fn begin(machine: &mut Machine<'_>) -> bool {
    if machine.run.is_held() {
        return true;
    }
    if slot::waits(machine.run) {
        return false;
    }
    let mut held = false;
    while section::halt(machine.run, machine.context).is_none() && machine.may_start() {
        let startable = startable(machine.run, machine.context);
        held = startable.held;
        let Some(index) = startable.ready else { break };
        start(machine, index);
    }
    held
}

struct Startable {
    /// The first step that may start.
    ready: Option<usize>,
    /// Whether the kill switch holds another.
    held: bool,
}

fn startable(run: &Run, context: &Context<'_>) -> Startable {
    let mut found = Startable { ready: None, held: false };
    let under_way = items::under_way(run);
    for (index, state) in run.steps.iter().enumerate() {
        if state.status != StepStatus::Pending {
            continue;
        }
        let step = context.workflow.step(&state.step).filter(|step| step.section == run.section);
        let Some(step) = step else { continue };
        let satisfied = |need: &String| run.step(need).is_some_and(|state| is_satisfied(context.workflow, state));
        let has_room = match (&step.foreach, state.item) {
            (Some(foreach), Some(_)) => {
                under_way.get(state.step.as_str()).is_none_or(|count| *count < foreach.max_parallel)
            }
            _ => true,
        };
        // Items too: one that is done anew may stand behind steps that are.
        if !has_room || !step.needs.iter().all(satisfied) {
            continue;
        }
        if context.facts.get(&state.step).is_some_and(|facts| facts.held.is_some()) {
            found.held = true;
        } else if found.ready.is_none() {
            found.ready = Some(index);
        }
    }
    found
}

fn start(machine: &mut Machine<'_>, index: usize) {
    let context = machine.context;
    if machine.run.steps[index].item.is_some() {
        return machine.call(index, Phase::Attempt, 1);
    }
    let Some(step) = context.workflow.step(&machine.run.steps[index].step) else { return };
    let scope = scope(machine.run, context, step);
    match step.condition.as_ref().map_or(Ok(true), |condition| condition.holds(&scope)) {
        Ok(true) => {}
        Ok(false) => {
            machine.run.steps[index].error = Some(StepError::new("condition", "its `if` was false"));
            machine.settle(index, StepStatus::Skipped);
            return;
        }
        Err(error) => {
            let error = StepError::new("expression", format!("`if`: {error}"));
            machine.fail(index, StepStatus::Failed, error);
            return;
        }
    }
    match &step.kind {
        StepKind::Approve(approve) => approval::ask(machine, index, step, approve, &scope),
        StepKind::Sleep(pause) => sleep(machine, index, pause, &scope),
        StepKind::WaitFor(wait) => signal::wait_for(machine, index, wait),
        // Its input has been there from the beginning.
        StepKind::Undo(_) => {
            let revision = context.facts.get(&step.id).and_then(|facts| facts.connection_revision);
            machine.run.steps[index].connection_revision = revision;
            machine.call(index, Phase::Attempt, 1);
        }
        StepKind::Action { with, .. } | StepKind::Run { with, .. } if step.foreach.is_some() => {
            items::spread(machine, index, step, with, &scope);
        }
        StepKind::Action { with, .. } | StepKind::Run { with, .. } => {
            let frozen = machine.run.steps[index].input.take();
            match frozen.map_or_else(|| with.resolve(&scope), Ok) {
                Ok(input) => {
                    let state = &mut machine.run.steps[index];
                    state.input = Some(input);
                    state.connection_revision = context.facts.get(&step.id).and_then(|facts| facts.connection_revision);
                    machine.call(index, Phase::Attempt, 1);
                }
                Err(error) => {
                    let error = StepError::new("expression", format!("`with`: {error}"));
                    machine.fail(index, StepStatus::Failed, error);
                }
            }
        }
    }
}

fn sleep(machine: &mut Machine<'_>, index: usize, pause: &SleepStep, scope: &Scope) {
    let now = machine.context.now;
    let until = match pause {
        SleepStep::For(pause) => Ok(now.plus(*pause)),
        SleepStep::Until(until) => until.resolve(scope).map_err(|error| error.to_string()).and_then(|until| {
            let text =
                until.as_str().ok_or_else(|| format!("a time such as 2026-11-23T04:09:06Z is wanted, not {until}"))?;
            text.parse::<Timestamp>().map_err(|error| error.to_string())
        }),
    };
    let until = match until {
        Ok(until) => until,
        Err(error) => {
            let error = StepError::new("expression", format!("`sleep`: {error}"));
            return machine.fail(index, StepStatus::Failed, error);
        }
    };
    let state = &mut machine.run.steps[index];
    state.started_at = Some(now);
    if machine.run.mode == Mode::Simulated {
        let summary = format!("simulated: would have slept until {until}");
        return machine.succeed(index, StepStatus::Simulated, Value::Null, summary, None);
    }
    state.summary = Some(format!("sleeps until {until}"));
    machine.wait(index, Phase::Sleep, until);
}

/// Brings the section to rest: what has not begun is skipped, what waits is stopped, what is in flight settles.
fn stop(machine: &mut Machine<'_>, halt: &Halt) {
    let Halt { code, message, prompt } = *halt;
    for index in 0..machine.run.steps.len() {
        let state = &machine.run.steps[index];
        // A step whose items are under way comes to rest with them.
        if !section::holds(machine.run, machine.context.workflow, index) || state.phase == Phase::Items {
            continue;
        }
        // What only waits, and did nothing yet, has nothing to finish.
        let only_waits = matches!(state.phase, Phase::Approval | Phase::Signal | Phase::Sleep);
        match (state.status, prompt) {
            (StepStatus::Pending, _) => {
                machine.run.steps[index].error = Some(StepError::new(code, message));
                machine.settle(index, StepStatus::Skipped);
            }
            (StepStatus::Waiting, None) if only_waits => {
                approval::withdraw(machine, index);
                machine.run.steps[index].error = Some(StepError::new(code, message));
                machine.settle(index, StepStatus::Canceled);
            }
            (StepStatus::Waiting, Some(status)) => {
                approval::withdraw(machine, index);
                machine.run.steps[index].error.get_or_insert(StepError::new(code, message));
                machine.settle(index, status);
            }
            (StepStatus::NeedsDecision, Some(status)) => {
                let unknown = StepError::new("effect_unknown", format!("{message}; whether it happened is not known"));
                machine.fail(index, status, unknown);
            }
            _ => {}
        }
    }
}

/// Reads the run's own state off its steps'.
fn conclude(machine: &mut Machine<'_>, held: bool) {
    let now = machine.context.now;
    let run = &mut *machine.run;
    let any = |status: StepStatus| run.steps.iter().any(|step| step.status == status);
    let running = any(StepStatus::Running);
    let waiting = run.steps.iter().any(|step| step.status == StepStatus::Waiting && step.phase != Phase::Items);
    run.status = match &run.ending {
        Some(Ending::Canceled { .. }) => RunStatus::Canceling,
        _ if running => RunStatus::Running,
        _ if run.is_held() => RunStatus::Paused,
        _ if any(StepStatus::NeedsDecision) => RunStatus::NeedsDecision,
        _ if waiting => RunStatus::Waiting,
        _ if held => RunStatus::Paused,
        _ => RunStatus::Queued,
    };
    let next = run.steps.iter().filter_map(|step| step.wake_at).filter(|_| !run.is_held()).min();
    // What is held may go on without this run being told.
    let look = held.then(|| now.plus(LOOK_AGAIN));
    let turn = slot::waits(run).then(|| now.plus(LOOK_FOR_TURN));
    run.wake_at = match run.status {
        _ if turn.is_some() => turn,
        // Left to the host that drives it, which looks again at once.
        RunStatus::Queued => Some(now),
        _ => [next, Some(run.deadline), look].into_iter().flatten().min(),
    };
    if machine.run.lease.is_none_or(|lease| lease == machine.context.lease) {
        machine.run.lease = running.then_some(machine.context.lease);
    }
}

fn end(machine: &mut Machine<'_>) {
    let run = &mut *machine.run;
    run.status = run.ending.as_ref().map_or(RunStatus::Succeeded, Ending::outcome);
    run.finished_at = Some(machine.context.now);
    run.wake_at = None;
    run.lease = None;
    let text = format!("{} {}", run.workflow, run.status.as_str().replace('_', " "));
    machine.tell(EntryKind::Run, None, text);
    machine.effects.push(Effect::Ended);
}
