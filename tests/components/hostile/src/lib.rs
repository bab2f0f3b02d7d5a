//! A guest that misbehaves on request: each action of its manifest is one bad habit (or, for comparison, none). It knows
//! the contract only, and is built without the SDK so that it can break what the SDK would keep whole.

use serde_json::{Value, json};

pub(crate) mod answers;
mod floods;
mod habits;
pub(crate) mod requests;
mod smuggle;
mod wit;

use crate::answers::{done, failure, outcome};
use wit::{
    exports::wardroom::plugin::{
        check::{Finding, Guest as Check},
        plugin::Guest as Plugin,
        undo::Guest as Undo,
    },
    wardroom::plugin::types::{Call, Failure, Reply},
};

/// The component.
#[derive(Debug)]
pub struct Hostile;

impl Plugin for Hostile {
    fn describe() -> String {
        let actions: Vec<Value> = habits::NAMES.iter().map(|name| action(name)).collect();
        json!({
            "api": "1.0",
            "name": "hostile",
            "version": "0.1.0",
            "description": "Misbehaves on request.",
            "actions": actions,
            "connection": {"schema": {"type": "object"}, "auth": ["bearer", "basic", "header", "query"]},
            "hosts": ["http://127.0.0.2:9"],
            "secrets": [{"name": "canary", "description": "Must never be seen."}],
            "reads": [{"method": "POST", "path": "/search"}],
        })
        .to_string()
    }

    fn run(call: Call) -> Result<Reply, Failure> {
        let input: Value = serde_json::from_str(&call.input).unwrap_or_default();
        habits::run(&call.action, &input, &call)
    }
}

impl Undo for Hostile {
    fn undo(call: Call) -> Result<Reply, Failure> {
        if call.action == "mark" {
            return habits::unmark(&call);
        }
        Ok(done(&json!({"undone": call.undo_data})))
    }
}

impl Check for Hostile {
    fn check(call: Call) -> Result<Finding, Failure> {
        if call.attempt > 1 {
            return Ok(Finding::Absent);
        }
        Ok(Finding::Applied(outcome(&json!({"found": true}))))
    }
}

fn action(name: &str) -> Value {
    json!({
        "name": name,
        "description": "A habit.",
        "risk": "write",
        "idempotent": false,
        "input": {"type": "object"},
        "output": {"type": "object", "properties": {"status": {"type": "integer"}}},
        "sample_output": {"status": 200},
        "undo": name == "ok" || name == "mark",
        "check": name == "ok",
    })
}

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "generated")]
mod exported {
    use crate::{Hostile, wit};

    wit::export_component!(Hostile);
}
