//! Blackouts: whether a time lies in one, and when that ends.

use super::{Blackout, Stretch};
use crate::time::Timestamp;

/// How many beginnings are looked at for one answer: blackouts that begin again before they end are rare.
const MOST_BEGINNINGS: usize = 1_000;

/// The blackouts of a schedule, asked for times that mostly ascend.
pub(super) struct Blackouts<'a> {
    each: Vec<Cursor<'a>>,
}

struct Cursor<'a> {
    blackout: &'a Blackout,
    /// What is known of it: from the first time to the second the answer is the third.
    known: Option<(Timestamp, Timestamp, bool)>,
}

/// A blackout that holds at some time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holding<'a> {
    pub(super) blackout: &'a Blackout,
    /// Its end, or at least a time until which it surely holds.
    pub(super) until: Timestamp,
}

impl<'a> Blackouts<'a> {
    pub(super) fn new(blackouts: &'a [Blackout]) -> Self {
        Self { each: blackouts.iter().map(|blackout| Cursor { blackout, known: None }).collect() }
    }

    /// The blackout that holds at `at`; of several the one that holds longest.
    pub(super) fn at(&mut self, at: Timestamp) -> Option<Holding<'a>> {
        self.each.iter_mut().filter_map(|cursor| cursor.at(at)).max_by_key(|holding| holding.until)
    }
}

impl<'a> Cursor<'a> {
    fn at(&mut self, at: Timestamp) -> Option<Holding<'a>> {
        let (from, until, holds) = match self.known {
            Some(known) if known.0 <= at && at < known.1 => known,
            _ => *self.known.insert(stretch(&self.blackout.when, at)),
        };
        (holds && from <= at).then_some(Holding { blackout: self.blackout, until })
    }
}

/// Whether it holds at `at`, and a stretch around `at` in which the answer is the same.
fn stretch(when: &Stretch, at: Timestamp) -> (Timestamp, Timestamp, bool) {
    let (always, never) = (Timestamp::from_unix_ms(i64::MIN), Timestamp::from_unix_ms(i64::MAX));
    match when {
        Stretch::Once(from, until) if at < *from => (always, *from, false),
        Stretch::Once(from, until) if at < *until => (*from, *until, true),
        Stretch::Once(_, until) => (*until, never, false),
        Stretch::Again { from, lasts } => {
            // The first that has not ended by then.
            let Some(mut begins) = from.next_after(at.minus(*lasts)) else { return (at, never, false) };
            if begins > at {
                return (at, begins, false);
            }
            let first = begins;
            for _ in 0..MOST_BEGINNINGS {
                match from.next_after(begins).filter(|next| *next <= at) {
                    Some(next) => begins = next,
                    None => break,
                }
            }
            (first, begins.plus(*lasts), true)
        }
    }
}
