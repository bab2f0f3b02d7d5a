//! Silences: for a time, alerts that match open no incident and join none as new. They are counted, not hidden.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{alert::Signal, id::SilenceId, time::Timestamp};

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Identifier.
    pub id: SilenceId,
    /// Labels that all have to be there with these values: 1 to 20; `*` stands for any value.
    pub labels: BTreeMap<String, String>,
    /// Only alerts of this source; none: of all.
    pub source: Option<String>,
    /// From when on.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// Why: 1 to 500 characters.
    pub reason: String,
    /// The handle of who made it.
    pub by: String,
}

impl Silence {
    /// Whether it silences an alert at a time.
    pub fn holds(&self, source: &str, signal: &Signal, now: Timestamp) -> bool {
        let fits = |(name, wanted): (&String, &String)| {
            signal.labels.get(name).is_some_and(|value| wanted == "*" || wanted == value)
        };
        self.starts_at <= now
            && now < self.ends_at
            && self.source.as_ref().is_none_or(|only| only == source)
            && self.labels.iter().all(fits)
    }
}
