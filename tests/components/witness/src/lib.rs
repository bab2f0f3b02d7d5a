//! A guest that uses every function of the contract and gives back every case of it. A compiled one of each released version
//! is kept in `tests/abi`, and has to run for as long as that major version is spoken. It is built without the SDK, so that it
//! means the contract alone.

use serde_json::{Value, json};

mod imports;
mod wit;

use wit::{
    exports::wardroom::plugin::{
        check::{Finding, Guest as Check},
        plugin::Guest as Plugin,
        undo::Guest as Undo,
    },
    wardroom::plugin::types::{Artifact, Call, Content, Effect, Failure, Later, Outcome, Reply, Retry},
};

/// The component.
#[derive(Debug)]
pub struct Witness;

impl Plugin for Witness {
    fn describe() -> String {
        let action = |name: &str| {
            json!({
                "name": name, "description": "Bears witness.", "risk": "write", "idempotent": { "when_config": "repeats" },
                "input": { "type": "object" }, "output": { "type": "object" }, "sample_output": {},
                "undo": true, "check": true,
            })
        };
        json!({
            "api": "1.0",
            "name": "witness",
            "version": "1.0.0",
            "description": "Uses every function and every case of the contract.",
            "actions": (["imports", "done", "pending", "fail"].map(action)),
            "connection": {
                "schema": { "type": "object", "properties": { "repeats": { "type": "boolean" } } },
                "auth": ["bearer", "basic", "header", "query"],
            },
            "requests": ["GET /seen/**", "POST /seen/*"],
            "hosts": ["https://elsewhere.example"],
            "secrets": [{ "name": "key", "description": "Signs.", "optional": true }],
            "reads": [{ "method": "POST", "path": "/search" }],
            "notify": { "action": "done", "text": "text", "from_output": { "to": "to" } },
        })
        .to_string()
    }

    fn run(call: Call) -> Result<Reply, Failure> {
        let input: Value = serde_json::from_str(&call.input).unwrap_or_default();
        match call.action.as_str() {
            "imports" => Ok(Reply::Done(outcome(&imports::every()))),
            "pending" => Ok(pending(&call)),
            "fail" => Err(failure(&input)),
            _ => Ok(Reply::Done(outcome(&told(&call)))),
        }
    }
}

impl Undo for Witness {
    fn undo(call: Call) -> Result<Reply, Failure> {
        Ok(Reply::Done(outcome(&json!({ "undone": call.undo_data }))))
    }
}

impl Check for Witness {
    fn check(call: Call) -> Result<Finding, Failure> {
        match call.attempt {
            1 => Ok(Finding::Applied(outcome(&json!({ "found": call.undo_data })))),
            2 => Ok(Finding::Absent),
            3 => Ok(Finding::Unknown),
            _ => Err(failure(&json!({}))),
        }
    }
}

/// What a call is told.
fn told(call: &Call) -> Value {
    json!({
        "action": call.action, "input": call.input, "item": call.item, "attempt": call.attempt,
        "connection_config": call.connection_config, "idempotency_key": call.idempotency_key.len(),
        "mode": format!("{:?}", call.mode), "resume": call.resume.is_some(), "undo_data": call.undo_data,
        "callback_url": call.callback_url, "extra": call.extra, "incident_id": call.incident_id, "run_id": call.run_id,
        "step_id": call.step_id, "has_time": call.remaining_ms > 0, "connection_name": call.connection_name,
    })
}

fn outcome(output: &Value) -> Outcome {
    let artifact = |kind: &str, url: Option<&str>, content: Option<Content>| Artifact {
        kind: kind.to_owned(),
        label: format!("A {kind}."),
        url: url.map(str::to_owned),
        content,
    };
    Outcome {
        output: output.to_string(),
        summary: "Seen.".to_owned(),
        artifacts: vec![
            artifact("link", Some("https://example.com/a"), None),
            artifact("chart", None, Some(Content::Json("[1,2]".to_owned()))),
            artifact("text", None, Some(Content::Bytes(("text/plain".to_owned(), b"bytes".to_vec())))),
        ],
        undo: Some(json!({ "was": "there" }).to_string()),
    }
}

fn pending(call: &Call) -> Reply {
    match &call.resume {
        Some(resume) => Reply::Done(outcome(&json!({ "resumed": String::from_utf8_lossy(resume) }))),
        None => Reply::Pending(Later {
            after_ms: 250,
            resume: b"half".to_vec(),
            note: "Half way.".to_owned(),
            undo: Some(json!({ "begun": true }).to_string()),
        }),
    }
}

fn failure(input: &Value) -> Failure {
    let text = |key: &str| input[key].as_str().unwrap_or_default().to_owned();
    Failure {
        code: "witnessed".to_owned(),
        message: "It failed as asked.".to_owned(),
        retry: match text("retry").as_str() {
            "backoff" => Retry::Backoff,
            "after" => Retry::AfterMs(1_500),
            _ => Retry::Never,
        },
        effect: match text("effect").as_str() {
            "applied" => Effect::Applied,
            "unknown" => Effect::Unknown,
            _ => Effect::None,
        },
        details: Some(json!({ "why": "asked" }).to_string()),
        artifacts: outcome(&json!({})).artifacts,
        undo: Some(json!({ "part": 1 }).to_string()),
    }
}

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "generated")]
mod exported {
    use crate::{Witness, wit};

    wit::export_component!(Witness);
}
