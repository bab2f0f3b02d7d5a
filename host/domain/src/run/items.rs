//! `foreach`: a step that is done once for each item of a list. Its items are frozen before the first begins; it settles
//! when all of them have. Part of the run machine.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Mode, Phase, Run, StepError, StepRun, StepStatus, machine::Machine, section};
pub(super) use crate::run::output_limits::fits;
use crate::{
    excerpt,
    expression::{Expression, Scope, Template},
    workflow::{MAX_ITEMS, Step},
};

/// How many items of each step have begun and not settled: one whose effect is unknown keeps its place.
pub(super) fn under_way(run: &Run) -> BTreeMap<&str, u32> {
    let mut counts = BTreeMap::new();
    for state in &run.steps {
        if state.item.is_some() && state.status != StepStatus::Pending && !state.status.is_settled() {
            *counts.entry(state.step.as_str()).or_default() += 1;
        }
    }
    counts
}

/// The resolved `with` of each item.
pub(super) fn inputs(list: &Expression, with: &Template, scope: &Scope) -> Result<Vec<Value>, String> {
    let items = match list.evaluate(scope).map_err(|error| format!("`foreach`: {error}"))? {
        Value::Array(items) => items,
        other => return Err(format!("`foreach`: a list is wanted, not {}", excerpt(&other))),
    };
    if items.len() > MAX_ITEMS {
        return Err(format!("`foreach`: {} items are more than {MAX_ITEMS}", items.len()));
    }
    let mut scope = scope.clone();
    let resolve = |(index, item)| {
        scope.names.insert("item", item);
        with.resolve(&scope).map_err(|error| format!("`with` of item {index}: {error}"))
    };
    items.into_iter().enumerate().map(resolve).collect()
}

/// Begins a step with its items: all of them are frozen before the first is called.
pub(super) fn spread(machine: &mut Machine<'_>, index: usize, step: &Step, with: &Template, scope: &Scope) {
    let Some(foreach) = &step.foreach else { return };
    let inputs = match machine.run.steps[index].input.take() {
        Some(Value::Array(frozen)) => Ok(frozen),
        _ => inputs(&foreach.list, with, scope),
    };
    let inputs = match inputs {
        Ok(inputs) => inputs,
        Err(message) => return machine.fail(index, StepStatus::Failed, StepError::new("expression", message)),
    };
    machine.run.steps[index].started_at = Some(machine.context.now);
    if inputs.is_empty() {
        let summary = "the list is empty".to_owned();
        return machine.succeed(index, StepStatus::Succeeded, json!([]), summary, None);
    }
    let revision = machine.facts(index).and_then(|facts| facts.connection_revision);
    let state = &mut machine.run.steps[index];
    state.status = StepStatus::Waiting;
    state.phase = Phase::Items;
    let (generation, id) = (state.generation, state.step.clone());
    let item = |(item, input)| StepRun {
        item: u32::try_from(item).ok(),
        generation,
        input: Some(input),
        connection_revision: revision,
        ..StepRun::pending(&id)
    };
    machine.run.steps.extend(inputs.into_iter().enumerate().map(item));
}

/// Settles the steps whose items all have.
pub(super) fn join(machine: &mut Machine<'_>) {
    for index in 0..machine.run.steps.len() {
        let state = &machine.run.steps[index];
        if state.phase == Phase::Items && machine.run.items(&state.step).all(|item| item.status.is_settled()) {
            settle(machine, index);
        }
    }
}

fn settle(machine: &mut Machine<'_>, index: usize) {
    let state = &machine.run.steps[index];
    let items: Vec<&StepRun> = machine.run.items(&state.step).collect();
    let output: Value = items.iter().map(|item| item.output.clone()).collect();
    let good = |item: &&StepRun| matches!(item.status, StepStatus::Succeeded | StepStatus::Simulated);
    let bad: Vec<&StepRun> = items.iter().copied().filter(|item| !good(item)).collect();
    let (all, failed) = (items.len(), bad.len());
    let error = bad.first().map(|first| {
        let why = first.error.as_ref().map_or_else(String::new, |error| format!(": {}", error.message));
        let place = first.item.unwrap_or_default();
        let message = format!("{failed} of {all} items did not succeed, the first is item {place}{why}");
        let places: Vec<Option<u32>> = bad.iter().map(|item| item.item).collect();
        StepError { code: "items_failed".to_owned(), message, details: json!({ "items": places }) }
    });
    // Later steps see what there is, whatever became of the rest.
    machine.run.steps[index].output = output.clone();
    match error {
        None => {
            let simulated = machine.run.mode != Mode::Real;
            let status = if simulated { StepStatus::Simulated } else { StepStatus::Succeeded };
            machine.succeed(index, status, output, format!("{all} items done"), None);
        }
        Some(error) => {
            let stopped = section::halt(machine.run, machine.context).and_then(|halt| halt.prompt);
            machine.fail(index, stopped.unwrap_or(StepStatus::Failed), error);
        }
    }
}
