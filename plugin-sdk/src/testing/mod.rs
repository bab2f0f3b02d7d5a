//! Runs actions natively under `cargo test`, against a host that answers from a script.
//!
//! ```
//! use wardroom_plugin_sdk::{prelude::*, testing::Host};
//! # #[derive(Deserialize, JsonSchema)] struct Ping { path: String }
//! # #[derive(Serialize, JsonSchema)] struct Pong { status: u16 }
//! # impl Action for Ping {
//! #     const NAME: &'static str = "ping";
//! #     const DESCRIPTION: &'static str = "Asks.";
//! #     const RISK: Risk = Risk::Read;
//! #     const IDEMPOTENT: Idempotency = Idempotency::Yes;
//! #     type Output = Pong;
//! #     fn run(self, _: &Call) -> Result<Reply<Pong>, Failure> {
//! #         let response = http::get(&self.path).send()?;
//! #         done(Pong { status: response.status() }, "")
//! #     }
//! # }
//! # struct Pinger;
//! # impl Plugin for Pinger {
//! #     fn describe() -> Description { Description::new("pinger", "1.0.0", "Asks.").connection::<NoConfig>(&[]).action::<Ping>() }
//! # }
//! let host = Host::new().answer("GET", "/health", 200, json!({}));
//! let ran = host.run::<Pinger>("ping", &json!({ "path": "/health" }));
//! assert_eq!(ran.output(), json!({ "status": 200 }));
//! assert_eq!(ran.requests[0].url, "/health");
//! ```

use serde_json::{Value, json};

pub use crate::testing::script::Request;
use crate::testing::script::{Answer, HOST, Script, scripted};
use crate::{
    Effect, Failure, Plugin, export,
    wit::{
        exports::wardroom::plugin::check,
        wardroom::plugin::{mail, types},
    },
};

pub(crate) mod script;
pub(crate) mod sys;

/// A host that answers from a script.
#[derive(Debug, Clone)]
pub struct Host {
    script: Script,
    call: Value,
}

/// What an action did.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub result: Result<Ended, Failure>,
    /// What it sent, in order.
    pub requests: Vec<Request>,
    /// The mails it sent.
    pub mails: Vec<mail::Message>,
    /// Its log.
    pub log: Vec<String>,
    /// What it put on the timeline.
    pub timeline: Vec<String>,
}

/// How an action ended well.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// Done.
    Done {
        /// The output.
        output: Value,
        /// The line for the timeline.
        summary: String,
        /// What undo needs.
        undo: Option<Value>,
        /// Artifacts: kind, label and URL of each.
        artifacts: Vec<(String, String, Option<String>)>,
    },
    /// A job goes on elsewhere.
    Pending {
        /// The delay in milliseconds.
        after_ms: u64,
        /// What it left for then.
        resume: Vec<u8>,
        /// What undo needs.
        undo: Option<Value>,
    },
    /// `check` found that it had not happened.
    Absent,
    /// `check` cannot tell.
    Unknown,
}

impl Ran {
    /// The output of a finished action.
    ///
    /// # Panics
    /// When it did not finish.
    pub fn output(&self) -> Value {
        match &self.result {
            Ok(Ended::Done { output, .. }) => output.clone(),
            other => panic!("it is not done: {other:?}"),
        }
    }

    /// The failure of an action that failed.
    ///
    /// # Panics
    /// When it did not fail.
    pub fn failure(&self) -> &Failure {
        match &self.result {
            Err(failure) => failure,
            Ok(ended) => panic!("it did not fail: {ended:?}"),
        }
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A host with no answers, no secrets and an empty connection. Its clock stands at 1,700,000,000,000 ms.
    pub fn new() -> Self {
        let script = Script { now_ms: 1_700_000_000_000, ..Script::default() };
        Self { script, call: json!({ "config": {}, "mode": "real" }) }
    }

    /// Answers requests of this method and URL. Several answers for one are given in turn; the last stays.
    #[must_use]
    pub fn answer(self, method: &str, url: &str, status: u16, body: Value) -> Self {
        self.answer_with(method, url, status, &[], body)
    }

    /// Answers with headers.
    #[must_use]
    pub fn answer_with(mut self, method: &str, url: &str, status: u16, headers: &[(&str, &str)], body: Value) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.script.answers.push(Answer { method: method.to_owned(), url: url.to_owned(), status, headers, body });
        self
    }

    /// The connection's options.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.call["config"] = config;
        self
    }

    /// Grants a secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.script.secrets.insert(name.to_owned(), value.as_bytes().to_vec());
        self
    }

    /// Lets mail fail.
    #[must_use]
    pub fn mail_fails(mut self, code: &str, effect: Effect) -> Self {
        self.script.mail_fails = Some((code.to_owned(), effect));
        self
    }

    /// The run's incident.
    #[must_use]
    pub fn incident(mut self, snapshot: Value) -> Self {
        self.script.snapshot = Some(snapshot);
        self
    }

    /// What an earlier `pending` left.
    #[must_use]
    pub fn resume(mut self, resume: &[u8]) -> Self {
        self.call["resume"] = json!(resume);
        self
    }

    /// The try, from 1.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.call["attempt"] = json!(attempt);
        self
    }

    /// What the outcome left for undo.
    #[must_use]
    pub fn undo_data(mut self, data: &Value) -> Self {
        self.call["undo_data"] = json!(data.to_string());
        self
    }

    /// Runs an action.
    pub fn run<P: Plugin>(&self, action: &str, input: &Value) -> Ran {
        self.within(|| export::run::<P>(&self.wit_call(action, input)).map(ended))
    }

    /// Takes an action back.
    pub fn undo<P: Plugin>(&self, action: &str, input: &Value) -> Ran {
        self.within(|| export::undo::<P>(&self.wit_call(action, input)).map(ended))
    }

    /// Lets an action look whether it happened.
    pub fn check<P: Plugin>(&self, action: &str, input: &Value) -> Ran {
        self.within(|| export::check::<P>(&self.wit_call(action, input)).map(found))
    }

    fn within(&self, run: impl FnOnce() -> Result<Ended, types::Failure>) -> Ran {
        HOST.with_borrow_mut(|host| *host = Some(self.script.clone()));
        let result = run().map_err(Failure::from);
        let script = HOST.with_borrow_mut(Option::take).unwrap_or_default();
        Ran { result, requests: script.requests, mails: script.mails, log: script.log, timeline: script.timeline }
    }

    fn wit_call(&self, action: &str, input: &Value) -> types::Call {
        let bytes = |value: &Value| serde_json::from_value::<Vec<u8>>(value.clone()).ok();
        types::Call {
            action: action.to_owned(),
            input: input.to_string(),
            run_id: "0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10".to_owned(),
            step_id: "step".to_owned(),
            item: None,
            attempt: serde_json::from_value(self.call["attempt"].clone()).unwrap_or(1),
            incident_id: None,
            connection_name: Some("connection".to_owned()),
            connection_config: self.call["config"].to_string(),
            idempotency_key: "0123456789abcdef".repeat(4),
            remaining_ms: 10_000,
            mode: types::Mode::Real,
            resume: bytes(&self.call["resume"]),
            undo_data: self.call["undo_data"].as_str().map(str::to_owned),
            callback_url: None,
            extra: "{}".to_owned(),
        }
    }
}

fn ended(reply: types::Reply) -> Ended {
    match reply {
        types::Reply::Done(outcome) => done(outcome),
        types::Reply::Pending(later) => Ended::Pending {
            after_ms: later.after_ms,
            resume: later.resume,
            undo: later.undo.and_then(|undo| serde_json::from_str(&undo).ok()),
        },
    }
}

fn done(outcome: types::Outcome) -> Ended {
    Ended::Done {
        output: serde_json::from_str(&outcome.output).unwrap_or_default(),
        summary: outcome.summary,
        undo: outcome.undo.and_then(|undo| serde_json::from_str(&undo).ok()),
        artifacts: outcome.artifacts.into_iter().map(|one| (one.kind, one.label, one.url)).collect(),
    }
}

fn found(finding: check::Finding) -> Ended {
    match finding {
        check::Finding::Applied(outcome) => done(outcome),
        check::Finding::Absent => Ended::Absent,
        check::Finding::Unknown => Ended::Unknown,
    }
}
