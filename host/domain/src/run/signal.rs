//! `wait_for`: a step that waits until the run is told something from outside. What came early counts. Part of the run
//! machine.

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use crate::run::wait_for::{came, missed, wait_for};
use crate::{person::Actor, time::Timestamp};

/// Something a run was told from outside, perhaps before a step waits for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Its name: `snake_case`.
    pub name: String,
    /// What came with it, at most 64 KiB.
    pub payload: Value,
    /// Who sent it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Makes it count once, however often it is sent.
    pub key: Option<String>,
    /// The step that took it.
    pub taken_by: Option<String>,
}

/// The most signals of a run.
pub const MAX_SIGNALS: usize = 100;
