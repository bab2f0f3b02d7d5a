//! What a call was told, asked and gave back, in the shape of a cassette's case: recorded where a connection says so, so that
//! what happened in production can be played again on a laptop.

use serde_json::{Value, json};

use super::{
    error::{PluginError, PluginErrorKind},
    guest,
    invocation::{Done, Finding, Function, Invocation, Outcome},
    redact::Redactor,
};
use wardroom_domain::{
    cassette::{Case, CaseFunction, Exchange},
    run::{Retry, SideEffect},
};

/// The case of a call, known secrets masked.
pub(super) fn case(
    invocation: &Invocation,
    exchanges: Vec<Exchange>,
    result: &Result<Outcome, PluginError>,
    redactor: &Redactor,
) -> Value {
    let case = Case {
        name: format!("{} {}, try {}", invocation.run, invocation.step, invocation.attempt),
        function: match invocation.function {
            Function::Run => CaseFunction::Run,
            Function::Undo => CaseFunction::Undo,
            Function::Check => CaseFunction::Check,
        },
        dry_run: guest::simulates(invocation),
        attempt: invocation.attempt,
        idempotency_key: Some(invocation.idempotency_key.clone()),
        resume: invocation.resume.as_ref().map(|resume| String::from_utf8_lossy(resume).into_owned()),
        undo_data: invocation.undo_data.clone(),
        exchanges,
        outcome: outcome(result),
        ..Case::of(&invocation.action, invocation.input.clone())
    };
    redactor.value(json!(case))
}

/// An outcome, as a cassette writes it.
pub fn outcome(result: &Result<Outcome, PluginError>) -> Value {
    let done = |done: &Done| {
        let artifacts: Vec<Value> =
            done.artifacts.iter().map(|one| json!({ "kind": one.kind, "label": one.label, "url": one.url })).collect();
        let timeline: Vec<&str> = done.timeline.iter().map(|note| note.text.as_str()).collect();
        json!({ "output": done.output, "summary": done.summary, "undo": done.undo, "artifacts": artifacts,
            "timeline": timeline })
    };
    match result {
        Ok(Outcome::Done(one)) => json!({ "done": done(one) }),
        Ok(Outcome::Pending(pending)) => json!({ "pending": {
            "after_ms": u64::try_from(pending.after.as_millis()).unwrap_or(u64::MAX), "note": pending.note,
            "resume": String::from_utf8_lossy(&pending.resume), "undo": pending.undo,
        } }),
        Ok(Outcome::Simulated { request }) => json!({ "simulated": request }),
        Ok(Outcome::Finding(Finding::Applied(one))) => json!({ "applied": done(one) }),
        Ok(Outcome::Finding(Finding::Absent)) => json!("absent"),
        Ok(Outcome::Finding(Finding::Unknown)) => json!("unknown"),
        Err(error) => {
            let mut failed = json!({ "code": error.kind.code(), "message": error.message });
            if let PluginErrorKind::Failed(failure) = &error.kind {
                failed["retry"] = match failure.retry {
                    Retry::Never => json!("never"),
                    Retry::Backoff => json!("backoff"),
                    Retry::After(pause) => json!({ "after_ms": u64::try_from(pause.as_millis()).unwrap_or(u64::MAX) }),
                };
                failed["effect"] = match failure.effect {
                    SideEffect::None => json!("none"),
                    SideEffect::Applied => json!("applied"),
                    SideEffect::Unknown => json!("unknown"),
                };
            }
            json!({ "failed": failed })
        }
    }
}
