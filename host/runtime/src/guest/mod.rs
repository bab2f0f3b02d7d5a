//! A guest in the middle of a call: what it was told, what it did, and the interfaces through which it may ask the host.
//! Each interface is a file or, where small, stands below.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    bindings::wardroom::plugin::{clock, incident, log, types},
    host::{milliseconds, wit_mode},
    invocation::{LogLine, Note, Trace},
    lane::Computed,
    limits::{self, Limits, Meter},
    outcome::cut,
    stop::Stop,
};
use wardroom_base::clock::monotonic_now;
use wardroom_domain::{MAX_DEPTH, cassette::Exchange, is_too_deep, run::Mode};

mod http;
mod mail;
pub(super) use crate::session::Session;
use crate::session::real_in_drills;
pub(super) use crate::session::simulates;
pub(super) use mail::failure as mail_failure;
mod redirect;
mod secrets;
mod state;

/// The data of a store: one call's.
pub(super) struct Guest {
    /// None while the plugin describes itself: then nothing is granted.
    pub(super) session: Option<Session>,
    pub(super) meter: Meter,
    pub(super) computed: Arc<Computed>,
    pub(super) trace: Trace,
    /// Timeline notes; they commit with the result.
    pub(super) notes: Vec<Note>,
    /// Unsafe requests that may have reached a third party.
    pub(super) unsafe_sent: u32,
    /// The unsafe request of a simulation.
    pub(super) simulated: Option<Value>,
    /// What was asked and answered, where the connection says that it is recorded.
    pub(super) exchanges: Exchanges,
    log_bytes: usize,
    http_calls: u32,
    state_calls: u32,
    mails: u32,
}

/// What is kept of a call's exchanges.
#[derive(Default)]
pub(super) struct Exchanges {
    pub(super) kept: Vec<Exchange>,
    /// Those for which there was no room.
    pub(super) dropped: u32,
    bytes: usize,
}

impl Guest {
    pub(super) fn new(session: Option<Session>, limits: &Limits, trace: Trace) -> Self {
        let memory_bytes = session.as_ref().and_then(|session| session.account.memory_bytes());
        Self {
            session,
            meter: Meter::new(limits, memory_bytes),
            computed: Arc::default(),
            trace,
            notes: Vec::new(),
            unsafe_sent: 0,
            simulated: None,
            exchanges: Exchanges::default(),
            log_bytes: 0,
            http_calls: 0,
            state_calls: 0,
            mails: 0,
        }
    }

    /// What the guest is told.
    pub(super) fn arguments(&self, remaining_ms: u64) -> types::Call {
        let Some(session) = &self.session else { return empty_call() };
        let invocation = &session.invocation;
        let connection = invocation.connection.as_ref();
        types::Call {
            action: invocation.action.clone(),
            input: invocation.input.to_string(),
            run_id: invocation.run.clone(),
            step_id: invocation.step.clone(),
            item: invocation.item,
            attempt: invocation.attempt,
            incident_id: invocation.incident.clone(),
            connection_name: connection.map(|connection| connection.name.clone()),
            connection_config: connection.map_or_else(|| "{}".to_owned(), |connection| connection.config.to_string()),
            idempotency_key: invocation.idempotency_key.clone(),
            remaining_ms,
            mode: wit_mode(invocation.mode, real_in_drills(invocation)),
            resume: invocation.resume.clone(),
            undo_data: invocation.undo_data.as_ref().map(ToString::to_string),
            callback_url: invocation.callback_url.clone(),
            ..empty_call()
        }
    }
}

fn empty_call() -> types::Call {
    types::Call {
        action: String::new(),
        input: "{}".to_owned(),
        run_id: String::new(),
        step_id: String::new(),
        item: None,
        attempt: 0,
        incident_id: None,
        connection_name: None,
        connection_config: "{}".to_owned(),
        idempotency_key: String::new(),
        remaining_ms: 0,
        mode: wit_mode(Mode::Simulated, false),
        resume: None,
        undo_data: None,
        callback_url: None,
        extra: "{}".to_owned(),
    }
}

impl types::Host for Guest {}

impl log::Host for Guest {
    async fn emit(
        &mut self,
        level: log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let text: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.log_bytes =
            self.log_bytes.saturating_add(message.len() + text + limits::LOG_LINE_COST * (1 + fields.len()));
        if self.log_bytes > limits::LOG_FLOOD_BYTES {
            return Err(Stop::Log { limit_bytes: limits::LOG_FLOOD_BYTES }.into());
        }
        if self.log_bytes > limits::LOG_BYTES {
            self.trace.log_dropped += 1;
            return Ok(());
        }
        let level = match level {
            log::Level::Debug => "debug",
            log::Level::Info => "info",
            log::Level::Warn => "warn",
            log::Level::Error => "error",
        };
        self.trace.log.push(LogLine { level, message, fields });
        Ok(())
    }

    async fn progress(&mut self, percent: u8, note: String) -> wasmtime::Result<()> {
        let note = match &self.session {
            Some(session) => cut(&note, limits::SUMMARY_CHARS, &session.redactor),
            None => String::new(),
        };
        self.trace.progress = Some((percent.min(100), note));
        Ok(())
    }
}

impl clock::Host for Guest {
    async fn now_ms(&mut self) -> wasmtime::Result<u64> {
        let now = self.session.as_ref().map_or(0, |session| session.shared.clock.now().unix_ms());
        Ok(u64::try_from(now).unwrap_or_default())
    }

    async fn sleep_ms(&mut self, ms: u32) -> wasmtime::Result<()> {
        if self.session.is_some() {
            tokio::time::sleep(Duration::from_millis(u64::from(ms)).min(limits::SLEEP)).await;
        }
        Ok(())
    }
}

impl incident::Host for Guest {
    async fn snapshot(&mut self) -> wasmtime::Result<Result<String, incident::Error>> {
        let snapshot = self.session.as_ref().and_then(|session| session.invocation.snapshot.as_ref());
        Ok(snapshot.map(std::string::ToString::to_string).ok_or(incident::Error::None))
    }

    async fn add_timeline(
        &mut self,
        text: String,
        data: Option<String>,
    ) -> wasmtime::Result<Result<(), incident::Error>> {
        let (entries, chars, bytes) = limits::TIMELINE;
        let invalid = |message: String| Ok(Err(incident::Error::Invalid(message)));
        if self.session.as_ref().is_none_or(|session| session.invocation.snapshot.is_none()) {
            return Ok(Err(incident::Error::None));
        }
        if self.notes.len() >= entries {
            return Ok(Err(incident::Error::Denied(format!("A call may add {entries} entries."))));
        }
        if text.trim().is_empty() || text.chars().count() > chars {
            return invalid(format!("The text has to have 1 to {chars} characters."));
        }
        let data = match data {
            Some(data) if data.len() > bytes => return invalid(format!("The data may have {bytes} bytes.")),
            Some(data) => match serde_json::from_str::<Value>(&data) {
                Ok(data) if is_too_deep(&data) => {
                    return invalid(format!("The data is nested deeper than {MAX_DEPTH} levels."));
                }
                Ok(data) => Some(data),
                Err(error) => return invalid(format!("The data is no JSON: {error}.")),
            },
            None => None,
        };
        self.notes.push(Note { text, data });
        Ok(Ok(()))
    }
}

/// How long something took, for the trace.
fn elapsed(since: Instant) -> u64 {
    milliseconds(monotonic_now().saturating_duration_since(since))
}
