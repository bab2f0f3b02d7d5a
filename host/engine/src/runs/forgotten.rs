//! How much was forgotten.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much was forgotten since the start, for the metrics.
#[derive(Debug, Default)]
pub struct Forgotten {
    pub(crate) runs: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) ticks: AtomicU64,
}

impl Forgotten {
    /// Runs.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Events.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Rows of what became of schedules' times.
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }
}
