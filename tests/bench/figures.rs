//! How figures are summed up and told: spreads, ratios, progress. Measures nothing itself.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wardroom_tests::process::now;

/// The middle and the tail of many measurements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    /// Half of them are not longer.
    pub(crate) p50: Duration,
    /// 99 of 100 are not longer.
    pub(crate) p99: Duration,
}

impl Spread {
    /// Of measurements in any order; zero when there are none.
    pub(crate) fn of(mut measured: Vec<Duration>) -> Self {
        measured.sort_unstable();
        let at = |share: usize| measured.get(measured.len() * share / 100).copied().unwrap_or_default();
        Self { p50: at(50), p99: at(99) }
    }

    /// In milliseconds.
    pub(crate) fn json(&self) -> Value {
        json!({ "p50": ms(self.p50), "p99": ms(self.p99) })
    }
}

/// A duration in milliseconds, to the microsecond.
pub(crate) fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// One figure as a multiple of another, to two places.
pub(crate) fn ratio(one: f64, other: f64) -> f64 {
    hundredths(one / other)
}

/// A figure to two places.
pub(crate) fn hundredths(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

/// A count as a figure; the counts here are far below the 4 billion that fit.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The middle one; zero when there are none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// Says on the terminal what is measured now, and how long it has all taken so far.
#[derive(Debug)]
pub(crate) struct Progress {
    begun: Instant,
}

impl Progress {
    /// Counts from now.
    pub(crate) fn new() -> Self {
        Self { begun: now() }
    }

    /// A line with the seconds since the beginning. On standard error: the report has standard output to itself.
    #[expect(clippy::print_stderr, reason = "a benchmark says how far it is")]
    pub(crate) fn say(&self, text: &str) {
        eprintln!("[{:4} s] {text}", self.begun.elapsed().as_secs());
    }
}
