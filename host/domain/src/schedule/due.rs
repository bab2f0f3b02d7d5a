//! When a schedule wants to be looked at, which times have come, and which will.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{BlackoutPolicy, Schedule, State, TickKind, blackout::Blackouts};
use crate::{
    id::{RunId, uuid_v7},
    time::Timestamp,
};

/// How late a tick may be and still counts as in time.
pub const ON_TIME: Duration = Duration::from_secs(10);
/// How soon a schedule is looked at again while a tick waits for a run, should nobody tell it of the run's end.
const LOOK_WAITING: Duration = Duration::from_secs(1);
/// The same while nothing waits and only the run's outcome is of interest.
const LOOK_RUNNING: Duration = Duration::from_mins(1);

/// By how much later than its nominal time a tick comes: always the same for one schedule.
pub fn offset(schedule: &Schedule) -> Duration {
    let jitter_ms = u64::try_from(schedule.terms.jitter.as_millis()).unwrap_or(u64::MAX);
    let drawn = schedule.id.0.as_u64_pair().1;
    Duration::from_millis(if jitter_ms == 0 { 0 } else { drawn % jitter_ms })
}

/// The run of a tick: the same whenever and wherever it is started, so that it is there once.
pub fn run_id(schedule: &Schedule, nominal: Timestamp, kind: TickKind) -> RunId {
    let mut hash = Sha256::new();
    hash.update(schedule.id.0.as_bytes());
    hash.update(nominal.unix_ms().to_be_bytes());
    hash.update(kind.word());
    let mut random = [0; 10];
    for (byte, hashed) in random.iter_mut().zip(hash.finalize()) {
        *byte = hashed;
    }
    RunId(uuid_v7(nominal.unix_ms(), random))
}

/// The schedule's times after `mark`, to `horizon`.
pub(super) fn times(schedule: &Schedule, mark: Timestamp, horizon: Timestamp) -> impl Iterator<Item = Timestamp> {
    let mut last = mark;
    std::iter::from_fn(move || {
        last = next(schedule, last)?;
        Some(last)
    })
    .take_while(move |nominal| *nominal <= horizon)
}

/// The schedule's first time after `mark`.
pub(super) fn next(schedule: &Schedule, mark: Timestamp) -> Option<Timestamp> {
    let terms = &schedule.terms;
    let before = terms.starts.map(|starts| starts.minus(Duration::from_millis(1)));
    let next = terms.cadence.next_after(before.map_or(mark, |before| before.max(mark)))?;
    terms.ends.is_none_or(|ends| next <= ends).then_some(next)
}

/// Computes anew what is next, and when the schedule is to be looked at.
pub(super) fn refresh(schedule: &Schedule, state: &mut State, now: Timestamp) {
    state.next = next(schedule, state.mark).filter(|_| state.ended.is_none());
    let paused = state.paused.as_ref();
    let ticks = match paused {
        Some(paused) => paused.until,
        None => state.next.map(|next| next.plus(offset(schedule))),
    };
    let waiting = state.waiting.iter().filter(|waiting| paused.is_none() || waiting.kind == TickKind::Backfill);
    let waiting = waiting.map(|waiting| waiting.until.unwrap_or_else(|| now.plus(LOOK_WAITING))).min();
    let running = (!state.running.is_empty()).then(|| now.plus(LOOK_RUNNING));
    state.due = [ticks, waiting, running].into_iter().flatten().min();
}

/// A time to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComingTick {
    /// The time.
    pub nominal: Timestamp,
    /// When it is due, with the schedule's jitter.
    pub due: Timestamp,
    /// The blackout it meets: what becomes of it, until when, and the reason people gave.
    pub blackout: Option<(BlackoutPolicy, Timestamp, Option<String>)>,
}

/// The next times after `from`, as things stand.
pub fn coming(schedule: &Schedule, from: Timestamp, count: usize) -> Vec<ComingTick> {
    let mut blackouts = Blackouts::new(&schedule.terms.blackouts);
    let offset = offset(schedule);
    let horizon = Timestamp::from_unix_ms(i64::MAX);
    times(schedule, from, horizon)
        .take(count)
        .map(|nominal| {
            let due = nominal.plus(offset);
            let holding = blackouts.at(nominal).or_else(|| blackouts.at(due));
            let blackout =
                holding.map(|holding| (holding.blackout.then, holding.until, holding.blackout.reason.clone()));
            ComingTick { nominal, due, blackout }
        })
        .collect()
}

/// The schedule's times from `from` to `until`, both included; none when they are more than `most`.
pub fn between(schedule: &Schedule, from: Timestamp, until: Timestamp, most: usize) -> Option<Vec<Timestamp>> {
    let found: Vec<Timestamp> =
        times(schedule, from.minus(Duration::from_millis(1)), until).take(most.saturating_add(1)).collect();
    (found.len() <= most).then_some(found)
}

/// Whether nothing will come of the schedule by itself any more.
pub fn is_over(state: &State) -> bool {
    state.next.is_none() && state.waiting.is_empty() && state.running.is_empty() && state.lapsed.is_none()
}
