//! Whether writes get to the disk in time. Decides nothing: the engine asks it, and turns people away.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a write may wait until the journal takes it up. After that it is withdrawn: nothing of it is there.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// From when on a batch that is on its way counts as slow.
const SLOW: Duration = Duration::from_secs(3);
/// For how long a write that was withdrawn tells that there is too much to do.
const RECENT: Duration = Duration::from_secs(5);

/// What is known of the last batch and of the last write that was withdrawn.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Since when a batch has been on its way; none between two.
    writing_since: Option<Instant>,
    withdrawn_at: Option<Instant>,
}

impl Pressure {
    /// A batch is on its way.
    pub(super) fn begins(&self, now: Instant) {
        self.lock().writing_since = Some(now);
    }

    /// The batch was written or given up.
    pub(super) fn ends(&self) {
        self.lock().writing_since = None;
    }

    /// A write waited for too long.
    pub(super) fn withdrew(&self, now: Instant) {
        self.lock().withdrawn_at = Some(now);
    }

    /// Whether a write that came now would probably wait for too long.
    pub(super) fn is_high(&self, now: Instant) -> bool {
        let seen = self.lock();
        let within = |at: Option<Instant>, time| at.is_some_and(|at| now.saturating_duration_since(at) < time);
        let is_slow = seen.writing_since.is_some() && !within(seen.writing_since, SLOW);
        is_slow || within(seen.withdrawn_at, RECENT)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardroom_base::clock::monotonic_now;

    #[test]
    fn is_high_while_a_batch_is_slow_and_for_a_while_after_a_withdrawal() {
        let (pressure, start) = (Pressure::default(), monotonic_now());
        assert!(!pressure.is_high(start));
        pressure.begins(start);
        assert!(!pressure.is_high(start + SLOW / 2));
        assert!(pressure.is_high(start + SLOW));
        pressure.ends();
        assert!(!pressure.is_high(start + SLOW));
        pressure.withdrew(start);
        assert!(pressure.is_high(start + RECENT / 2));
        assert!(!pressure.is_high(start + RECENT));
    }
}
