//! Between the contract's types and the author's: what `export_plugin!` calls.

use serde::Serialize;
use serde_json::Value;

use crate::{
    Artifact, Call, Done, Failure, Finding, Plugin, Reply, log,
    wit::{exports::wardroom::plugin::check, wardroom::plugin::types},
};

pub use check::Finding as WitFinding;
pub use types::{Call as WitCall, Failure as WitFailure, Reply as WitReply};

/// The manifest.
pub fn describe<P: Plugin>() -> String {
    P::describe().manifest().to_string()
}

/// Runs one attempt.
pub fn run<P: Plugin>(call: &WitCall) -> Result<WitReply, WitFailure> {
    log::panics();
    let input = input(call)?;
    P::describe().run(&call.action, input, &Call::from(call))
}

/// Takes an action back.
pub fn undo<P: Plugin>(call: &WitCall) -> Result<WitReply, WitFailure> {
    log::panics();
    let input = input(call)?;
    P::describe().undo(&call.action, input, &Call::from(call))
}

/// Looks whether an action happened.
pub fn check<P: Plugin>(call: &WitCall) -> Result<WitFinding, WitFailure> {
    log::panics();
    let input = input(call)?;
    P::describe().check(&call.action, input, &Call::from(call))
}

fn input(call: &WitCall) -> Result<Value, Failure> {
    serde_json::from_str(&call.input).map_err(|error| Failure::new("invalid_input", format!("The input: {error}.")))
}

pub(crate) fn reply<T: Serialize>(reply: Reply<T>) -> Result<WitReply, Failure> {
    Ok(match reply {
        Reply::Done(done) => WitReply::Done(outcome(done)?),
        Reply::Pending { after_ms, resume, note, undo } => {
            WitReply::Pending(types::Later { after_ms, resume, note, undo: undo.map(|undo| undo.to_string()) })
        }
    })
}

pub(crate) fn finding<T: Serialize>(finding: Finding<T>) -> Result<WitFinding, Failure> {
    Ok(match finding {
        Finding::Applied(done) => WitFinding::Applied(outcome(done)?),
        Finding::Absent => WitFinding::Absent,
        Finding::Unknown => WitFinding::Unknown,
    })
}

fn outcome<T: Serialize>(done: Done<T>) -> Result<types::Outcome, Failure> {
    let output = serde_json::to_string(&done.output)
        .map_err(|error| Failure::new("invalid_output", format!("The output: {error}.")))?;
    let artifact = |artifact: Artifact| types::Artifact {
        kind: artifact.kind,
        label: artifact.label,
        url: artifact.url,
        content: None,
    };
    Ok(types::Outcome {
        output,
        summary: done.summary,
        artifacts: done.artifacts.into_iter().map(artifact).collect(),
        undo: done.undo.map(|undo| undo.to_string()),
    })
}
