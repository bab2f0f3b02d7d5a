//! Retention: forgets runs that ended long ago, the events behind them, and what became of schedules' times, every hour and in small batches. Several hosts
//! may do so at once. Decides only what is old; never touches a run that has not ended, a timeline or the audit log.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::Engine;
use crate::{domain::time::Timestamp, store::StoreError};

/// The shortest time that runs may be kept: what just ended is still looked at.
pub const LEAST_KEPT: Duration = Duration::from_hours(1);
/// How often it is looked for what is old.
const EVERY: Duration = Duration::from_hours(1);
/// The pause after each batch: SQLite has one writer, and those that wait for it have to get their turn.
const PAUSE: Duration = Duration::from_millis(50);

/// How much was forgotten since the start, for the metrics.
#[derive(Debug, Default)]
pub struct Forgotten {
    runs: AtomicU64,
    events: AtomicU64,
    ticks: AtomicU64,
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

impl Engine {
    /// How much was forgotten since the start.
    pub fn forgotten(&self) -> &Forgotten {
        &self.0.forgotten
    }

    /// Forgets what is old, at once and then every hour, until the engine stops; returns at once when runs are kept for ever.
    pub(super) async fn retain(self) {
        let Some(kept) = self.0.parts.keep_runs else { return };
        loop {
            let forgotten = self.forgotten();
            let (runs, events, ticks) = (forgotten.runs(), forgotten.events(), forgotten.ticks());
            let before = self.now().minus(kept);
            // A batch that is cut off is rolled back: stopping needs not wait for it.
            let pass = self.0.stop.run_until_cancelled(self.forget(before)).await;
            let (runs, events) = (forgotten.runs() - runs, forgotten.events() - events);
            let ticks = forgotten.ticks() - ticks;
            if runs + events + ticks > 0 {
                tracing::info!(runs, events, ticks, %before, "forgot old runs, events and ticks");
            }
            match pass {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(%error, "old runs could not be forgotten; trying again in an hour"),
                None => return,
            }
            if self.0.stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// Forgets batch by batch until nothing is left: runs first, because an event stays as long as a run of it is there.
    async fn forget(&self, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let runs = self.store().forget_runs(before).await?;
            if runs == 0 {
                break;
            }
            self.forgotten().runs.fetch_add(runs, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let events = self.store().forget_events(before).await?;
            if events == 0 {
                break;
            }
            self.forgotten().events.fetch_add(events, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let ticks = self.store().forget_ticks(before).await?;
            if ticks == 0 {
                return Ok(());
            }
            self.forgotten().ticks.fetch_add(ticks, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }
}
