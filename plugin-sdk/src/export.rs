//! Between the contract's types and the author's: what `export_plugin!` calls.

use serde_json::Value;

use crate::{
    Call, Failure, Plugin, log,
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
