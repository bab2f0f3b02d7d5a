//! When: a cron expression in a time zone, a period, or one time.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq)]
pub struct Cadence {
    every: (Duration, Timestamp),
}

impl Cadence {
    /// The first time after `after`; none when there is no further one.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let (period, anchor) = self.every;
        let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
        let past = (after.unix_ms() - anchor.unix_ms()).div_euclid(period_ms) + 1;
        Some(Timestamp::from_unix_ms(anchor.unix_ms() + past * period_ms))
    }

    /// Every `period`, counted from `anchor`.
    pub fn every(period: Duration, anchor: Timestamp) -> Self {
        Self { every: (period, anchor) }
    }
}
