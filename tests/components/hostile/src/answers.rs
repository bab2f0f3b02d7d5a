//! The answers that every habit gives.

use serde_json::Value;

use crate::wit::wardroom::plugin::types::{Effect, Failure, Outcome, Reply, Retry};

pub(crate) fn outcome(output: &Value) -> Outcome {
    Outcome { output: output.to_string(), summary: "Done.".to_owned(), artifacts: Vec::new(), undo: None }
}

pub(crate) fn done(output: &Value) -> Reply {
    Reply::Done(outcome(output))
}

pub(crate) fn failure(code: &str, message: String, effect: Effect) -> Failure {
    Failure {
        code: code.to_owned(),
        message,
        retry: Retry::Never,
        effect,
        details: None,
        artifacts: Vec::new(),
        undo: None,
    }
}
