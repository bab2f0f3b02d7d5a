//! When: a cron expression in a time zone, a period, or one time. Computes; reads no clock.

use std::{sync::Arc, time::Duration};

use super::{
    cron::Cron,
    describe,
    fire::{self, Fire},
    zone::Zone,
};
pub use crate::schedule::fault::CadenceFault;
use crate::time::Timestamp;

/// When a schedule fires. Cheap to clone; two are the same when they are written the same, in the same zone.
#[derive(Debug, Clone)]
pub struct Cadence(Arc<Form>);

impl PartialEq for Cadence {
    fn eq(&self, other: &Self) -> bool {
        (self.written(), self.zone()) == (other.written(), other.zone())
    }
}

#[derive(Debug)]
struct Form {
    what: What,
    zone: Zone,
}

#[derive(Debug, Clone)]
enum What {
    /// The expression as it was written, and worked out.
    Cron(String, Box<Cron>),
    Every {
        /// At least 1 ms.
        period: Duration,
        anchor: Timestamp,
    },
    At(Timestamp),
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

/// Some times of a cadence that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// The first of them; none when there are none.
    pub first: Option<Timestamp>,
    /// The last of them.
    pub last: Option<Timestamp>,
    /// How many.
    pub count: u64,
}

impl Cadence {
    /// A cron expression of 5 or 6 fields, or one such as `@daily`, in a time zone of the IANA database. At most 200
    /// characters. One that never fires is refused.
    pub fn cron(expression: &str, zone: &str) -> Result<Self, CadenceFault> {
        let cron = Box::new(Cron::read(expression)?);
        Ok(Self::of(What::Cron(expression.trim().to_owned(), cron), Zone::find(zone)?))
    }

    /// Every `period` (at least 1 ms), counted from `anchor` forwards and backwards. Real time: no clock changes it.
    pub fn every(period: Duration, anchor: Timestamp) -> Self {
        Self::of(What::Every { period: period.max(Duration::from_millis(1)), anchor }, Zone::utc())
    }

    /// Once.
    pub fn at(at: Timestamp) -> Self {
        Self::of(What::At(at), Zone::utc())
    }

    fn of(what: What, zone: Zone) -> Self {
        Self(Arc::new(Form { what, zone }))
    }

    /// The same times, told in another zone. For a period and for one time only: an expression's zone is part of it.
    pub fn told_in(&self, zone: &str) -> Result<Self, CadenceFault> {
        let zone = Zone::find(zone)?;
        match &self.0.what {
            What::Cron(..) => Ok(self.clone()),
            what => Ok(Self::of(what.clone(), zone)),
        }
    }

    /// How it was written.
    pub fn written(&self) -> Written<'_> {
        match &self.0.what {
            What::Cron(expression, _) => Written::Cron(expression),
            What::Every { period, anchor } => Written::Every(*period, *anchor),
            What::At(at) => Written::At(*at),
        }
    }

    /// Its time zone's name, as the IANA database writes it.
    pub fn zone(&self) -> &str {
        &self.0.zone.name
    }

    /// The first time after `after`; none when there is no further one before the year 9999 ends.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.0.what {
            What::Cron(_, cron) => self.0.zone.next(cron, instant(after)).map(timestamp),
            What::Every { period, anchor } => {
                let steps = steps(after, *period, *anchor).checked_add(1)?;
                let next = anchor.unix_ms().checked_add(steps.checked_mul(ms(*period))?)?;
                Some(Timestamp::from_unix_ms(next)).filter(|at| at.unix_ms() == next)
            }
            What::At(at) => Some(*at).filter(|at| *at > after),
        }
    }

    /// The times after `after`, up to and with `until`, but at most `most` of them. A period's are counted, not walked.
    pub fn skip_to(&self, after: Timestamp, until: Timestamp, most: u64) -> Skipped {
        let mut skipped = Skipped::default();
        if let What::Every { period, anchor } = &self.0.what {
            let Some(first) = self.next_after(after).filter(|first| *first <= until && most > 0) else {
                return skipped;
            };
            let between = steps(until, *period, *anchor).saturating_sub(steps(first, *period, *anchor));
            let count = u64::try_from(between).unwrap_or(0).saturating_add(1).min(most);
            let further = i64::try_from(count - 1).unwrap_or(i64::MAX).saturating_mul(ms(*period));
            let last = Timestamp::from_unix_ms(first.unix_ms().saturating_add(further));
            return Skipped { first: Some(first), last: Some(last), count };
        }
        let mut at = after;
        while skipped.count < most
            && let Some(next) = self.next_after(at).filter(|next| *next <= until)
        {
            skipped.first.get_or_insert(next);
            skipped.last = Some(next);
            skipped.count += 1;
            at = next;
        }
        skipped
    }

    /// The times after `after`, one after the other, each with what people should know of it.
    pub fn fires(&self, after: Timestamp) -> impl Iterator<Item = Fire> + '_ {
        let mut before = after;
        std::iter::from_fn(move || {
            let at = self.next_after(before)?;
            let note = match &self.0.what {
                What::Cron(_, cron) => fire::note(cron, &self.0.zone, instant(before), instant(at)),
                _ => None,
            };
            before = at;
            Some(Fire { at, local: self.0.zone.written(instant(at)), note })
        })
    }

    /// The shortest time between two neighbouring fires, changes of the clock aside; [`Duration::MAX`] when there is only
    /// one.
    pub fn shortest_gap(&self) -> Duration {
        match &self.0.what {
            What::Cron(_, cron) => cron.shortest_gap(),
            What::Every { period, .. } => *period,
            What::At(_) => Duration::MAX,
        }
    }

    /// The cadence in words: `At 09:00, Monday through Friday, Europe/Berlin`.
    pub fn describe(&self) -> String {
        match &self.0.what {
            What::Cron(_, cron) => format!("{}, {}", describe::cron(cron), self.zone()),
            What::Every { period, anchor } => describe::every(*period, &self.0.zone.written(instant(*anchor))),
            What::At(at) => format!("Once, at {}, {}", self.0.zone.written(instant(*at)), self.zone()),
        }
    }
}

/// How many whole periods lie between the anchor and a time; negative before the anchor.
fn steps(at: Timestamp, period: Duration, anchor: Timestamp) -> i64 {
    at.unix_ms().saturating_sub(anchor.unix_ms()).div_euclid(ms(period))
}

fn ms(period: Duration) -> i64 {
    i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1)
}

/// A [`Timestamp`] is always in jiff's range.
fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or_default()
}

fn timestamp(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_unix_ms(at.as_millisecond())
}
