//! When: a cron expression in a time zone, a period, or one time.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq)]
pub struct Cadence {
    source: Source,
}

/// How a cadence was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written<'a> {
    /// A cron expression.
    Cron(&'a str),
    /// A period, counted from a time.
    Every(Duration, Timestamp),
    /// One time.
    At(Timestamp),
}

/// What a cadence was made of.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// A cron expression.
    Cron {
        /// As it was written.
        expression: String,
        /// The IANA time zone.
        zone: String,
    },
    /// A period.
    Every {
        /// The period.
        period: Duration,
        /// Where it is counted from.
        anchor: Timestamp,
    },
    /// One time.
    At(Timestamp),
}

/// Why an expression is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CadenceFault {
    /// In which field.
    pub field: Option<&'static str>,
    /// Where, in characters.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

impl Cadence {
    /// The times of a cron expression.
    pub fn cron(expression: &str, zone: &str) -> Result<Self, CadenceFault> {
        let fault = |field, offset, message: &str| CadenceFault { field, offset, message: message.to_owned() };
        if zone.contains("Nowhere") || zone.contains(' ') {
            return Err(fault(Some("timezone"), 0, "there is no such zone"));
        }
        if !expression.starts_with('@') && expression.split_whitespace().count() < 5 {
            return Err(fault(None, 0, "five fields are wanted"));
        }
        if let Some(offset) = expression.find("61") {
            return Err(fault(Some("minute"), offset, "61 is too much"));
        }
        Ok(Self { source: Source::Cron { expression: expression.to_owned(), zone: zone.to_owned() } })
    }

    /// Once.
    pub fn at(time: Timestamp) -> Self {
        Self { source: Source::At(time) }
    }

    /// How it was written.
    pub fn written(&self) -> Written<'_> {
        match &self.source {
            Source::Cron { expression, .. } => Written::Cron(expression),
            Source::Every { period, anchor } => Written::Every(*period, *anchor),
            Source::At(time) => Written::At(*time),
        }
    }

    /// Its time zone.
    pub fn zone(&self) -> &str {
        match &self.source {
            Source::Cron { zone, .. } => zone,
            _ => "UTC",
        }
    }

    /// The first time after `after`; none when there is no further one.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let (period, anchor) = match self.source {
            Source::Every { period, anchor } => (period, anchor),
            Source::At(time) => return Some(time).filter(|time| *time > after),
            Source::Cron { .. } => (Duration::from_hours(1), Timestamp::default()),
        };
        let period_ms = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
        let past = (after.unix_ms() - anchor.unix_ms()).div_euclid(period_ms) + 1;
        Some(Timestamp::from_unix_ms(anchor.unix_ms() + past * period_ms))
    }

    /// Every `period`, counted from `anchor`.
    pub fn every(period: Duration, anchor: Timestamp) -> Self {
        Self { source: Source::Every { period, anchor } }
    }
}
