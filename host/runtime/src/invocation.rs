//! What goes into a call and what comes out of it: shapes only.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    error::PluginError,
    ports::{StateEntry, StateScope},
};
pub use crate::artifact::{Artifact, Content};
use wardroom_domain::{
    connection::Connection,
    grant::{GrantSubject, PluginGrant},
    limits::CallLimits,
    plugin::Manifest,
    run::Mode,
};

/// One call of an action: everything the guest is told and everything it is judged by.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// SHA-256 of the component, in hexadecimal; it must have been loaded.
    pub digest: String,
    /// Which export.
    pub function: Function,
    /// The plugin's manifest as it was when the plugin was installed.
    pub manifest: Arc<Manifest>,
    /// The action; the manifest must have it.
    pub action: String,
    /// The step's resolved `with`, checked against the action's input schema; at most 1 MiB as JSON.
    pub input: Value,
    /// The run, a UUID.
    pub run: String,
    /// The step's id.
    pub step: String,
    /// The index of the `foreach` item.
    pub item: Option<u32>,
    /// The try, from 1.
    pub attempt: u32,
    /// The incident's UUID, when there is one.
    pub incident: Option<String>,
    /// The incident as expressions see it.
    pub snapshot: Option<Arc<Value>>,
    /// What the plugin was given, whatever the connection.
    pub given: Arc<PluginGrant>,
    /// What the plugin and the connection may use.
    pub limits: Allowance,
    /// The account to work through.
    pub connection: Option<Arc<Connection>>,
    /// 64 hexadecimal characters.
    pub idempotency_key: String,
    /// Whether unsafe requests are sent or recorded.
    pub mode: Mode,
    /// What an earlier `pending` left.
    pub resume: Option<Vec<u8>>,
    /// What the outcome left for `undo` and `check`.
    pub undo_data: Option<Value>,
    /// A single-use link for a third party.
    pub callback_url: Option<String>,
    /// How long the call may take, waiting in line included.
    pub deadline: Duration,
    /// Until when this host may send, as its heartbeat goes on; none inside: no longer. Without a receiver no lease is
    /// needed.
    pub lease: Option<watch::Receiver<Option<Instant>>>,
    /// State written in a simulation, shared by the steps of the run; unused in a real call.
    pub overlay: Overlay,
}

/// The limits that hold for a call beside the host's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowance {
    /// The plugin's, whatever the connection.
    pub plugin: CallLimits,
    /// The connection's, as they are now.
    pub connection: CallLimits,
}

/// Which export is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// An attempt.
    Run,
    /// Takes a finished action back.
    Undo,
    /// Looks whether a lost attempt happened. It runs simulated, so that it can only read.
    Check,
}

/// State as a simulation left it: a value, or none where it was deleted.
#[derive(Debug, Clone, Default)]
pub struct Overlay(pub(super) Arc<Mutex<Written>>);

/// What a simulation wrote, by scope and key.
pub(super) type Written = BTreeMap<(StateScope, String), Option<StateEntry>>;

/// What a call gave back.
#[derive(Debug, Clone)]
pub struct Called {
    /// How it ended. Known secrets are masked in every text of it.
    pub result: Result<Outcome, PluginError>,
    /// What was seen while it ran, known secrets masked.
    pub trace: Trace,
}

/// How a call ends well.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The action is finished.
    Done(Done),
    /// A job goes on elsewhere; call again.
    Pending(Pending),
    /// The first unsafe request of a simulation, recorded instead of sent: `{"http": {…}}` or `{"mail": {…}}`, secrets as
    /// `{{secret:name}}`.
    Simulated {
        /// The request.
        request: Value,
    },
    /// What `check` found.
    Finding(Finding),
}

/// A finished action.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// Fits the action's output schema; at most 1 MiB.
    pub output: Value,
    /// One line, at most 500 characters.
    pub summary: String,
    /// At most 16.
    pub artifacts: Vec<Artifact>,
    /// What `undo` needs, at most 64 KiB.
    pub undo: Option<Value>,
    /// Notes for the timeline; they commit with the result.
    pub timeline: Vec<Note>,
}

/// A job that goes on elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// The delay, 100 ms to 1 h.
    pub after: Duration,
    /// Handed back; at most 64 KiB. It is kept as it is, not masked: the plugin alone reads it.
    pub resume: Vec<u8>,
    /// One line, at most 500 characters.
    pub note: String,
    /// What `undo` needs if the step is canceled while it waits, at most 64 KiB.
    pub undo: Option<Value>,
    /// Notes for the timeline.
    pub timeline: Vec<Note>,
}

/// What `check` found.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// It happened.
    Applied(Done),
    /// It did not: trying again is safe.
    Absent,
    /// It cannot be told.
    Unknown,
}

/// A note for the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// At most 2,000 characters.
    pub text: String,
    /// At most 64 KiB.
    pub data: Option<Value>,
}

/// What was seen while a call ran.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Trace {
    /// The component.
    pub digest: String,
    /// Log lines, 256 KiB together.
    pub log: Vec<LogLine>,
    /// Lines that were dropped because the log was full.
    pub log_dropped: u64,
    /// The last progress the guest told, 0 to 100, with its note.
    pub progress: Option<(u8, String)>,
    /// Requests, in order.
    pub http: Vec<HttpCall>,
    /// The call as a case of a cassette, where its connection says that it is recorded: `{"connection", "case", "dropped"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Value>,
    /// Grants that were missing, in order, at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Denial>,
    /// CPU time: how long a thread was busy with it.
    pub cpu_ms: u64,
    /// Linear memory at its peak, in bytes.
    pub peak_memory_bytes: usize,
    /// From asking for an instance until the end.
    pub duration_ms: u64,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// The text.
    pub message: String,
    /// Names and values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
}

/// A grant that was missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Denial {
    /// By which it can be given: the same for the same thing.
    pub id: String,
    /// What was missing, and what would help.
    pub text: String,
    /// The same for machines.
    pub subject: GrantSubject,
}

/// A request, without headers, query and bodies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpCall {
    /// The method.
    pub method: String,
    /// `host[:port]`; empty when the request was refused before it had one.
    pub host: String,
    /// The path.
    pub path: String,
    /// The status, if an answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why none came: the contract's word for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
    /// The answer's body, in bytes.
    pub bytes: usize,
}
