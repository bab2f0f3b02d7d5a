//! Figures of the scheduler since the start of this host.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use wardroom_domain::schedule::{Tick, TickOutcome};

/// What becomes of ticks, in the order of the counters.
const OUTCOMES: [TickOutcome; 11] = [
    TickOutcome::Started,
    TickOutcome::CaughtUp,
    TickOutcome::Held,
    TickOutcome::Queued,
    TickOutcome::Overlapped,
    TickOutcome::Merged,
    TickOutcome::Missed,
    TickOutcome::BlackedOut,
    TickOutcome::Paused,
    TickOutcome::Refused,
    TickOutcome::Ended,
];

/// The upper bounds of the lateness buckets, in milliseconds.
pub const LATENESS_MS: [u64; 8] = [10, 25, 50, 100, 250, 500, 1_000, 10_000];

/// Ticks by what became of them, and how late those were that started in time.
#[derive(Debug, Default)]
pub struct TickCounts {
    outcomes: [AtomicU64; OUTCOMES.len()],
    late: [AtomicU64; LATENESS_MS.len() + 1],
    late_sum_ms: AtomicU64,
}

impl TickCounts {
    pub(super) fn count(&self, tick: &Tick) {
        let place = OUTCOMES.iter().position(|outcome| *outcome == tick.outcome);
        if let Some(counter) = place.and_then(|place| self.outcomes.get(place)) {
            counter.fetch_add(tick.count, Ordering::Relaxed);
        }
    }

    /// A tick was started so long after it was due.
    pub(super) fn started(&self, late: Duration) {
        let late_ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        let bucket = LATENESS_MS.iter().position(|bound| late_ms <= *bound).unwrap_or(LATENESS_MS.len());
        if let Some(counter) = self.late.get(bucket) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.late_sum_ms.fetch_add(late_ms, Ordering::Relaxed);
    }

    /// How many ticks fared so, for each way there is.
    pub fn outcomes(&self) -> impl Iterator<Item = (TickOutcome, u64)> + '_ {
        OUTCOMES.iter().copied().zip(self.outcomes.iter().map(|counter| counter.load(Ordering::Relaxed)))
    }

    /// How many of the ticks that started in time were at most so many milliseconds late, for each of `LATENESS_MS`;
    /// then how many there were, and the sum of their lateness in milliseconds.
    pub fn lateness(&self) -> ([u64; LATENESS_MS.len()], u64, u64) {
        let mut sums = [0; LATENESS_MS.len()];
        let mut sum = 0;
        for (total, counter) in sums.iter_mut().zip(&self.late) {
            sum += counter.load(Ordering::Relaxed);
            *total = sum;
        }
        let count = self.late.iter().map(|counter| counter.load(Ordering::Relaxed)).sum();
        (sums, count, self.late_sum_ms.load(Ordering::Relaxed))
    }
}
