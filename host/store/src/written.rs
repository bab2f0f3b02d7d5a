//! How much the journal wrote.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much was written, for the benchmarks and the metrics.
#[derive(Debug, Default)]
pub struct Written {
    rows: AtomicU64,
    commits: AtomicU64,
}

impl Written {
    /// Rows inserted or updated since the start.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Transactions committed since the start.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
    /// Counts a commit and its rows.
    pub(super) fn add(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }
}
