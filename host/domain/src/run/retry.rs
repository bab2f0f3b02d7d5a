//! Whether and when a step is tried again.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};
use sha2::Digest as _;
use sha2::Sha256;

use crate::{
    expression::{EvaluationError, Scope},
    run::{Run, StepError, StepRun, happening::Context, section},
    workflow::{RetryPolicy, Section, Step},
};

/// Whether the document lets a failure be tried again.
pub(crate) fn worth_retrying(
    run: &Run,
    context: &Context<'_>,
    index: usize,
    error: &StepError,
) -> Result<bool, EvaluationError> {
    let state = &run.steps[index];
    let Some(step) = context.workflow.step(&state.step) else { return Ok(true) };
    let Some(condition) = &step.retry_if else { return Ok(true) };
    let mut scope = scope(run, context, step);
    let seen = json!({
        "code": error.code, "message": error.message, "details": error.details, "attempt": state.attempt,
    });
    scope.names.insert("error", seen);
    condition.holds(&scope)
}

/// The names a step's expressions see.
pub(crate) fn scope(run: &Run, context: &Context<'_>, step: &Step) -> Scope {
    let mut names = BTreeMap::from([
        ("incident", context.incident.clone()),
        ("trigger", run.trigger.clone()),
        ("inputs", run.inputs.clone()),
        ("run", section::run_scope(run)),
    ]);
    if !step.needs.is_empty() || step.section != Section::Main {
        let steps = run.steps.iter().filter(|state| state.item.is_none());
        let steps: Map<String, Value> = steps.map(|state| (state.step.clone(), seen(state))).collect();
        names.insert("steps", Value::Object(steps));
    }
    Scope { names }
}

pub(crate) fn seen(state: &StepRun) -> Value {
    json!({ "status": state.status, "output": state.output })
}

/// The pause before the try after `attempt`: exponential, capped, with full jitter.
pub(crate) fn backoff(policy: &RetryPolicy, attempt: u32, step: &str, seed: [u8; 16]) -> Duration {
    let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let ceiling = (policy.initial.as_secs_f64() * policy.factor.powi(exponent)).min(policy.max.as_secs_f64());
    let drawn = draw(seed, step, attempt);
    let fraction = f64::from(u32::from_be_bytes([drawn[0], drawn[1], drawn[2], drawn[3]])) / f64::from(u32::MAX);
    Duration::from_secs_f64((ceiling * fraction).clamp(0.0, policy.max.as_secs_f64()))
}

/// Bytes that differ for each step and try, drawn from the seed.
pub(crate) fn draw(seed: [u8; 16], step: &str, attempt: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed);
    hash.update(attempt.to_be_bytes());
    hash.update(step.as_bytes());
    hash.finalize().into()
}
