//! What an action is told of its call.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Failure, wit::wardroom::plugin::types};

/// Whether calls may change the world. The host enforces it; a plugin may read it to say so in its summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They may.
    Real,
    /// The first request that could change something is recorded instead of sent, and ends the call.
    Simulated,
}

/// One call of an action: an attempt of a step.
#[derive(Debug, Clone)]
pub struct Call {
    /// The run, a UUID.
    pub run_id: String,
    /// The step's id.
    pub step_id: String,
    /// The try, from 1.
    pub attempt: u32,
    /// 64 hexadecimal characters: the same over every attempt and restart of this step.
    pub idempotency_key: String,
    /// What is left of the deadline when the call starts, in milliseconds.
    pub remaining_ms: u64,
    /// Real or simulated.
    pub mode: Mode,
    /// What an earlier [`pending`](crate::pending) left.
    pub resume: Option<Vec<u8>>,
    /// In `undo` and `check`: what the outcome left for undo.
    pub undo_data: Option<Value>,
    config: Value,
}

impl Call {
    /// The connection's options.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_value(self.config.clone())
            .map_err(|error| Failure::new("invalid_config", format!("The connection's config: {error}.")))
    }
}

impl From<&types::Call> for Call {
    fn from(call: &types::Call) -> Self {
        Self {
            run_id: call.run_id.clone(),
            step_id: call.step_id.clone(),
            attempt: call.attempt,
            idempotency_key: call.idempotency_key.clone(),
            remaining_ms: call.remaining_ms,
            mode: match call.mode {
                types::Mode::Real => Mode::Real,
                types::Mode::Simulated => Mode::Simulated,
            },
            resume: call.resume.clone(),
            undo_data: call.undo_data.as_ref().and_then(|data| serde_json::from_str(data).ok()),
            config: serde_json::from_str(&call.connection_config).unwrap_or_default(),
        }
    }
}
