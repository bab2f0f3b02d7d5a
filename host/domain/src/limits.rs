//! What calls may use of a connection, or a plugin whatever the connection. Counted on each host. Without a number: as much
//! as the host gives every call.

use serde::{Deserialize, Serialize};

/// The limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallLimits {
    /// Calls at a time, 1 to 1,000; further ones wait for their turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
    /// Calls that begin within any 60 seconds, 1 to 100,000; further ones wait for their turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// Bytes of requests, answers and mails within any 60 seconds, 1,024 to 2^40; who used them up is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_minute: Option<u64>,
    /// CPU time within any 60 seconds, 100 to 3,600,000 ms; who used it up is called later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms_per_minute: Option<u64>,
    /// Linear memory of one call, 1 MiB to 256 MiB; beyond it the call ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

/// A limit that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{least} to {most} is wanted; leave it out for no limit")]
pub struct WrongLimit {
    /// Which.
    pub field: &'static str,
    /// What is allowed at least.
    pub least: u64,
    /// What is allowed at most.
    pub most: u64,
}

impl CallLimits {
    /// Whether each limit makes sense.
    pub fn check(&self) -> Result<(), WrongLimit> {
        let asked = [
            ("in_flight", self.in_flight.map(u64::from), 1, 1_000),
            ("per_minute", self.per_minute.map(u64::from), 1, 100_000),
            ("bytes_per_minute", self.bytes_per_minute, 1_024, 1 << 40),
            ("cpu_ms_per_minute", self.cpu_ms_per_minute, 100, 3_600_000),
            ("memory_bytes", self.memory_bytes, 1 << 20, 256 << 20),
        ];
        for (field, limit, least, most) in asked {
            if limit.is_some_and(|limit| !(least..=most).contains(&limit)) {
                return Err(WrongLimit { field, least, most });
            }
        }
        Ok(())
    }
}
