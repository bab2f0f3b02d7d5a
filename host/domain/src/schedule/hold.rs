//! What people do to a schedule: make and change it, pause and resume it, start it by hand, and go back to times in the past.

use super::{
    Lapsed, MAX_QUEUED, MAX_RUNNING, Paused, Schedule, State, Tick, TickKind, TickOutcome, Waiting, due, tick::Start,
};
use crate::{id::RunId, time::Timestamp};

/// Why a schedule does not do what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwilling {
    /// It is paused already.
    #[error("it is paused already: {0}")]
    Paused(String),
    /// It is not paused.
    #[error("it is not paused")]
    NotPaused,
    /// Too many ticks would wait.
    #[error("{waiting} ticks wait and {more} more were asked for: at most {MAX_QUEUED} may wait")]
    Full {
        /// How many wait.
        waiting: usize,
        /// How many were asked for.
        more: usize,
    },
}

impl State {
    /// The state of a schedule that is made at `now`: it begins with the first time after that.
    pub fn fresh(schedule: &Schedule, now: Timestamp) -> Self {
        let mut state = Self { times: schedule.terms.times(), mark: now, ..Self::default() };
        due::refresh(schedule, &mut state, now);
        state
    }

    /// Follows the definition if it has other times than before: those since the change. Times that a hold keeps back are
    /// told by the new definition.
    pub(super) fn follow(&mut self, schedule: &Schedule) {
        let times = schedule.terms.times();
        if self.times != times {
            self.times = times;
            if self.paused.is_none() {
                self.mark = self.mark.max(schedule.since.minus(due::offset(schedule)));
            }
        }
    }

    /// It is defined otherwise since `now`. What the new definition makes of times that have come is decided at once, by
    /// [`super::tick::advance`].
    pub fn changed(&mut self, schedule: &Schedule, now: Timestamp) {
        self.follow(schedule);
        due::refresh(schedule, self, now);
        self.due = Some(now);
    }

    /// A run has started that has to be watched.
    pub fn started(&mut self, schedule: &Schedule, run: RunId, now: Timestamp) {
        if self.running.len() >= MAX_RUNNING {
            // By hand more may go on than are watched: the oldest is let go.
            self.running.remove(0);
        }
        self.running.push(run);
        let due = self.due.filter(|due| *due <= now);
        due::refresh(schedule, self, now);
        // What is left to decide is decided at once.
        self.due = due.or(self.due);
    }

    /// Holds it: nothing starts by itself until it is resumed.
    pub fn pause(&mut self, schedule: &Schedule, paused: Paused) -> Result<(), Unwilling> {
        if let Some(before) = &self.paused {
            return Err(Unwilling::Paused(before.reason.clone()));
        }
        let now = paused.at;
        self.paused = Some(paused);
        due::refresh(schedule, self, now);
        Ok(())
    }

    /// Lets it go on. What becomes of the times in between is decided at once, by [`super::tick::advance`].
    pub fn resume(&mut self, schedule: &Schedule, now: Timestamp) -> Result<(), Unwilling> {
        if self.paused.is_none() {
            return Err(Unwilling::NotPaused);
        }
        resume(schedule, self, now);
        due::refresh(schedule, self, now);
        self.due = Some(now);
        Ok(())
    }

    /// Starts it by hand, whatever holds it.
    pub fn trigger(&self, now: Timestamp) -> (Start, Tick) {
        let start = Start { nominal: now, kind: TickKind::Manual };
        (start, Tick::new(now, TickKind::Manual, TickOutcome::Started, None, now))
    }

    /// Ends it for good: nothing comes of it any more.
    pub fn end(&mut self, schedule: &Schedule, why: &str, now: Timestamp) -> Tick {
        self.ended = Some(why.to_owned());
        self.waiting.clear();
        due::refresh(schedule, self, now);
        Tick::new(now, TickKind::Regular, TickOutcome::Ended, Some(why.to_owned()), now)
    }

    /// Lets times of the past wait for their turn; gives their ticks.
    pub fn backfill(
        &mut self,
        schedule: &Schedule,
        times: &[Timestamp],
        now: Timestamp,
    ) -> Result<Vec<Tick>, Unwilling> {
        let kind = TickKind::Backfill;
        let known = |nominal: &Timestamp| {
            self.waiting.iter().any(|waiting| waiting.kind == kind && waiting.nominal == *nominal)
        };
        let new: Vec<Timestamp> = times.iter().copied().filter(|nominal| !known(nominal)).collect();
        let waiting = self.waiting.len();
        if waiting + new.len() > MAX_QUEUED {
            return Err(Unwilling::Full { waiting, more: new.len() });
        }
        self.waiting.extend(new.iter().map(|nominal| Waiting { nominal: *nominal, kind, until: None }));
        due::refresh(schedule, self, now);
        if !new.is_empty() {
            self.due = Some(now);
        }
        let queued = |nominal| {
            Tick::new(nominal, kind, TickOutcome::Queued, Some("a time of the past was asked for".to_owned()), now)
        };
        Ok(new.into_iter().map(queued).collect())
    }
}

/// Ends a pause at `at`: the times it held back are skipped when they are decided. What waited goes on waiting.
pub(super) fn resume(schedule: &Schedule, state: &mut State, at: Timestamp) {
    if let Some(paused) = state.paused.take() {
        let until = at.minus(due::offset(schedule));
        state.lapsed = Some(Lapsed { until, why: format!("paused: {}", paused.reason) });
    }
}
