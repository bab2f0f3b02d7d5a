//! Steps that wait for a signal: beginning to, getting it, missing it.

use serde_json::json;

use crate::run::signal::{MAX_SIGNALS, Signal};
use crate::{
    run::{Mode, Phase, StepError, StepStatus, happening::Refused, machine::Machine},
    timeline::EntryKind,
    workflow::{StepKind, WaitStep},
};

/// Begins to wait, unless the signal has come already.
pub(crate) fn wait_for(machine: &mut Machine<'_>, index: usize, wait: &WaitStep) {
    let now = machine.context.now;
    machine.run.steps[index].started_at = Some(now);
    let early = machine.run.signals.iter().position(|signal| signal.name == wait.signal && signal.taken_by.is_none());
    if let Some(signal) = early {
        return take(machine, index, signal);
    }
    if machine.run.mode == Mode::Simulated {
        // What would send it was not asked to do anything.
        let summary = format!("simulated: would have waited for {}", wait.signal);
        return machine.succeed(index, StepStatus::Simulated, json!({ "payload": null }), summary, None);
    }
    let state = &mut machine.run.steps[index];
    state.status = StepStatus::Waiting;
    state.phase = Phase::Signal;
    state.wake_at = wait.timeout.map(|timeout| now.plus(timeout));
    state.summary = Some(format!("waits for {}", wait.signal));
}

/// A signal comes: the first step that waits for it takes it, else it is kept.
pub(crate) fn came(machine: &mut Machine<'_>, signal: Signal) -> Result<(), Refused> {
    if let Some(known) = machine.run.signal_of_key(signal.key.as_deref()) {
        let same = known.name == signal.name && known.payload == signal.payload;
        return if same { Ok(()) } else { Err(Refused::KeyReused) };
    }
    if machine.run.signals.len() >= MAX_SIGNALS {
        return Err(Refused::TooManySignals);
    }
    let waits = (0..machine.run.steps.len()).find(|index| wanted(machine, *index) == Some(signal.name.as_str()));
    let text = format!("{} was told {}", machine.run.workflow, signal.name);
    machine.effects.push(crate::run::happening::Effect::Entry {
        kind: EntryKind::Run,
        step: None,
        by: Some(signal.by.clone()),
        text,
        data: json!({ "signal": signal.name }),
    });
    machine.run.signals.push(signal);
    if let Some(index) = waits {
        take(machine, index, machine.run.signals.len() - 1);
    }
    Ok(())
}

/// The signal a step waits for now.
pub(crate) fn wanted<'a>(machine: &Machine<'a>, index: usize) -> Option<&'a str> {
    let state = &machine.run.steps[index];
    match &machine.context.workflow.step(&state.step)?.kind {
        StepKind::WaitFor(wait) if state.phase == Phase::Signal => Some(&wait.signal),
        _ => None,
    }
}

pub(crate) fn take(machine: &mut Machine<'_>, index: usize, signal: usize) {
    let step = machine.run.steps[index].step.clone();
    let signal = &mut machine.run.signals[signal];
    signal.taken_by = Some(step);
    let output = json!({ "payload": signal.payload, "by": signal.by, "at": signal.at });
    let summary = format!("{} came", signal.name);
    machine.succeed(index, StepStatus::Succeeded, output, summary, None);
}

/// It did not come in time.
pub(crate) fn missed(machine: &mut Machine<'_>, index: usize) {
    let name = wanted(machine, index).unwrap_or_default().to_owned();
    machine.fail(index, StepStatus::TimedOut, StepError::new("no_signal", format!("{name} did not come in time")));
}
