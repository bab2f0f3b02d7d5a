//! The rules of schedules, one sentence a test.

use std::{collections::BTreeMap, time::Duration};

use uuid::Uuid;

use super::{
    Blackout, BlackoutPolicy, Cadence, CatchUp, CatchUpMode, Overlap, Owner, Paused, Schedule, State, Stretch, Target,
    Terms, Tick, TickKind, TickOutcome, is_over, run_id,
    tick::{Decided, Seen, Start, advance},
};
use crate::{
    id::{RunId, ScheduleId},
    person::Actor,
    run::RunStatus,
    time::Timestamp,
};

pub(super) const MINUTE: Duration = Duration::from_mins(1);

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_ms(seconds * 1_000)
}

/// Every minute from the epoch on, with the defaults.
pub(super) fn every_minute() -> Schedule {
    Schedule {
        id: ScheduleId(Uuid::from_u128(7)),
        name: "every-minute".to_owned(),
        owner: Owner::People,
        target: Target::Workflow { name: "report".to_owned(), inputs: serde_json::json!({}) },
        terms: Terms {
            cadence: Cadence::every(MINUTE, at(0)),
            starts: None,
            ends: None,
            jitter: Duration::ZERO,
            overlap: Overlap::Skip,
            catch_up: CatchUp { mode: CatchUpMode::Latest, window: Duration::from_hours(1), most: 100 },
            blackouts: Vec::new(),
            warn_after: 3,
        },
        since: at(0),
    }
}

/// A schedule with its state, and a clock.
struct World {
    schedule: Schedule,
    state: State,
    seen: Seen,
}

impl World {
    fn new(change: impl FnOnce(&mut Terms)) -> Self {
        let mut schedule = every_minute();
        change(&mut schedule.terms);
        let state = State::fresh(&schedule, at(0));
        Self { schedule, state, seen: BTreeMap::new() }
    }

    /// Decides once; what starts goes on until it is ended.
    fn once(&mut self, seconds: i64) -> Decided {
        let decided = advance(&self.schedule, &mut self.state, &self.seen, at(seconds));
        for Start { nominal, kind } in &decided.start {
            let run = run_id(&self.schedule, *nominal, *kind);
            self.seen.insert(run, None);
            self.state.started(&self.schedule, run, at(seconds));
        }
        decided
    }

    /// Decides until nothing is left to be decided.
    fn settle(&mut self, seconds: i64) -> Vec<(i64, u64, TickOutcome)> {
        let mut ticks = Vec::new();
        for _ in 0..10_000 {
            ticks.extend(self.once(seconds).ticks.iter().map(row));
            if self.state.due.is_none_or(|due| due > at(seconds)) {
                return ticks;
            }
        }
        panic!("it does not settle: {:?}", self.state);
    }

    fn end(&mut self, status: RunStatus) {
        for ended in self.seen.values_mut() {
            ended.get_or_insert(status);
        }
    }
}

fn row(tick: &Tick) -> (i64, u64, TickOutcome) {
    (tick.nominal.unix_ms() / 1_000, tick.count, tick.outcome)
}

fn blackout(from: i64, until: i64, then: BlackoutPolicy) -> Blackout {
    Blackout { when: Stretch::Once(at(from), at(until)), then, reason: Some("Friday evening".to_owned()) }
}

use TickOutcome::{BlackedOut, CaughtUp, Held, Merged, Missed, Overlapped, Queued, Started};

mod cadence;
mod document;
mod simulated;
mod tables;
mod vectors;

#[test]
fn a_changed_definition_tells_its_next_time_at_once() {
    let mut world = World::new(|terms| terms.cadence = Cadence::every(Duration::from_hours(1), at(0)));
    world.settle(60);
    assert_eq!(world.state.next, Some(at(3_600)));
    world.schedule.terms.cadence = Cadence::every(MINUTE, at(0));
    world.schedule.since = at(90);
    world.state.changed(&world.schedule, at(90));
    assert_eq!((world.state.next, world.state.due), (Some(at(120)), Some(at(90))));
    assert_eq!(world.settle(120), [(120, 1, Started)], "nothing of the time before the change");
}

#[test]
fn a_time_starts_once_and_not_before() {
    let mut world = World::new(|_| {});
    assert_eq!(world.settle(59), []);
    assert_eq!(world.settle(60), [(60, 1, Started)]);
    assert_eq!(world.settle(61), []);
    assert_eq!(world.state.next, Some(at(120)));
}

#[test]
fn a_clock_that_jumps_back_fires_nothing_again() {
    let mut world = World::new(|terms| terms.overlap = Overlap::Allow);
    world.settle(60);
    world.settle(120);
    assert_eq!(world.settle(30), []);
    assert_eq!(world.settle(121), []);
    assert_eq!(world.settle(180), [(180, 1, Started)]);
}

#[test]
fn jitter_is_the_same_for_every_time_of_a_schedule() {
    let mut world = World::new(|terms| terms.jitter = Duration::from_secs(30));
    let offset = super::offset(&world.schedule);
    assert!(offset < Duration::from_secs(30));
    world.state = State::fresh(&world.schedule, at(0));
    assert_eq!(world.state.due, Some(at(60).plus(offset)));
    let early =
        advance(&world.schedule, &mut world.state, &world.seen, at(60).plus(offset).minus(Duration::from_millis(1)));
    assert!(offset.is_zero() || early.ticks.is_empty());
}

#[test]
fn of_late_times_the_latest_is_caught_up() {
    let mut world = World::new(|_| {});
    // Two hours were missed; the window is one.
    assert_eq!(world.settle(7_215), [(60, 60, Missed), (3_660, 59, Merged), (7_200, 1, CaughtUp)]);
}

#[test]
fn late_times_are_missed_when_none_is_caught_up() {
    let mut world = World::new(|terms| terms.catch_up.mode = CatchUpMode::None);
    assert_eq!(world.settle(190), [(60, 2, Missed), (180, 1, Started)]);
}

#[test]
fn the_newest_late_times_are_caught_up_in_their_order() {
    let mut world = World::new(|terms| {
        terms.catch_up = CatchUp { mode: CatchUpMode::All, window: Duration::from_hours(1), most: 2 };
        terms.overlap = Overlap::Allow;
    });
    assert_eq!(world.settle(320), [(60, 3, Missed), (240, 1, CaughtUp), (300, 1, CaughtUp)]);
}

#[test]
fn a_time_is_skipped_while_an_earlier_run_goes_on() {
    let mut world = World::new(|_| {});
    world.settle(60);
    let decided = world.once(120);
    assert_eq!(decided.ticks.iter().map(row).collect::<Vec<_>>(), [(120, 1, Overlapped)]);
    assert!(decided.ticks[0].why.as_ref().is_some_and(|why| why.ends_with("goes on")), "{:?}", decided.ticks);
    world.end(RunStatus::Succeeded);
    assert_eq!(world.settle(180), [(180, 1, Started)]);
}

#[test]
fn a_time_waits_for_the_earlier_run() {
    let mut world = World::new(|terms| terms.overlap = Overlap::Queue);
    world.settle(60);
    assert_eq!(world.settle(120), [(120, 1, Queued)]);
    assert_eq!(world.settle(125), []);
    world.end(RunStatus::Failed);
    assert_eq!(world.settle(130), [(120, 1, Started)]);
}

#[test]
fn no_more_wait_than_may() {
    let mut world = World::new(|terms| terms.overlap = Overlap::Queue);
    for minute in 1..=102 {
        world.settle(minute * 60);
    }
    assert_eq!(world.state.waiting.len(), super::MAX_QUEUED);
    assert_eq!(world.settle(103 * 60), [(103 * 60, 1, Overlapped)]);
}

#[test]
fn an_earlier_run_is_canceled_and_waited_for() {
    let mut world = World::new(|terms| terms.overlap = Overlap::CancelRunning);
    world.settle(60);
    let first = world.state.running[0];
    let decided = world.once(120);
    assert_eq!(decided.cancel, [first]);
    assert_eq!(world.settle(180), [(120, 1, Merged), (180, 1, Queued)]);
    world.end(RunStatus::Canceled);
    assert_eq!(world.settle(181), [(180, 1, Started)]);
}

#[test]
fn runs_may_go_on_beside_each_other() {
    let mut world = World::new(|terms| terms.overlap = Overlap::Allow);
    world.settle(60);
    assert_eq!(world.settle(120), [(120, 1, Started)]);
    assert_eq!(world.state.running.len(), 2);
}

#[test]
fn a_blackout_skips() {
    let mut world = World::new(|terms| terms.blackouts = vec![blackout(100, 200, BlackoutPolicy::Skip)]);
    world.settle(60);
    world.end(RunStatus::Succeeded);
    let decided = world.once(120);
    assert_eq!(decided.ticks.iter().map(row).collect::<Vec<_>>(), [(120, 1, BlackedOut)]);
    assert!(decided.ticks[0].why.as_ref().is_some_and(|why| why.contains("Friday evening")));
    // A time of the blackout is not made up for after it.
    assert_eq!(world.settle(205), [(180, 1, BlackedOut)]);
    assert_eq!(world.settle(240), [(240, 1, Started)]);
}

#[test]
fn a_blackout_holds_and_the_newest_starts_when_it_ends() {
    let mut world = World::new(|terms| terms.blackouts = vec![blackout(100, 200, BlackoutPolicy::Hold)]);
    world.settle(60);
    world.end(RunStatus::Succeeded);
    assert_eq!(world.settle(120), [(120, 1, Held)]);
    assert_eq!(world.settle(180), [(120, 1, Merged), (180, 1, Held)]);
    assert_eq!(world.state.due, Some(at(200)));
    assert_eq!(world.settle(200), [(180, 1, CaughtUp)]);
}

#[test]
fn a_blackout_that_comes_again_holds_each_time() {
    let mut world = World::new(|terms| {
        let from = Cadence::every(Duration::from_mins(10), at(0));
        let when = Stretch::Again { from, lasts: Duration::from_secs(90) };
        terms.blackouts = vec![Blackout { when, then: BlackoutPolicy::Skip, reason: None }];
        terms.overlap = Overlap::Allow;
    });
    let mut skipped = Vec::new();
    for minute in 1..=22 {
        skipped
            .extend(world.settle(minute * 60).into_iter().filter(|tick| tick.2 == BlackedOut).map(|tick| tick.0 / 60));
    }
    assert_eq!(skipped, [1, 10, 11, 20, 21]);
}

#[test]
fn nothing_starts_while_it_is_paused_and_the_times_in_between_are_recorded() {
    let mut world = World::new(|_| {});
    let paused = Paused { by: Actor::System, reason: "freeze".to_owned(), at: at(30), until: None };
    world.state.pause(&world.schedule, paused).expect("it was not paused");
    assert_eq!(world.settle(600), []);
    world.state.resume(&world.schedule, at(610)).expect("it was paused");
    assert_eq!(world.settle(610), [(60, 10, TickOutcome::Paused)]);
    assert_eq!(world.settle(660), [(660, 1, Started)]);
}

#[test]
fn a_pause_ends_by_itself() {
    let mut world = World::new(|_| {});
    let paused = Paused { by: Actor::System, reason: "freeze".to_owned(), at: at(30), until: Some(at(150)) };
    world.state.pause(&world.schedule, paused).expect("it was not paused");
    assert_eq!(world.state.due, Some(at(150)));
    assert_eq!(world.settle(185), [(60, 2, TickOutcome::Paused), (180, 1, Started)]);
}

#[test]
fn a_long_pause_of_a_frequent_schedule_is_recorded_whole() {
    let mut world = World::new(|terms| terms.cadence = Cadence::every(Duration::from_secs(1), at(0)));
    let paused = Paused { by: Actor::System, reason: "freeze".to_owned(), at: at(0), until: None };
    world.state.pause(&world.schedule, paused).expect("it was not paused");
    world.state.resume(&world.schedule, at(25_000)).expect("it was paused");
    let ticks = world.settle(25_000);
    assert_eq!(ticks.iter().map(|tick| tick.1).sum::<u64>(), 25_000);
    assert!(ticks.len() <= 4, "{ticks:?}");
}

#[test]
fn failures_in_a_row_warn_once() {
    let mut world = World::new(|_| {});
    let mut warned = Vec::new();
    for minute in 1..=6 {
        world.end(RunStatus::Failed);
        warned.extend(world.once(minute * 60).warn.map(|count| (minute, count)));
    }
    assert_eq!(warned, [(4, 3)]);
    world.end(RunStatus::Succeeded);
    world.once(420);
    assert_eq!(world.state.failures, 0);
}

#[test]
fn it_begins_and_ends_when_it_was_told() {
    let mut world = World::new(|terms| {
        terms.starts = Some(at(120));
        terms.ends = Some(at(180));
        terms.overlap = Overlap::Allow;
    });
    world.state = State::fresh(&world.schedule, at(0));
    assert_eq!(world.settle(60), []);
    assert_eq!(world.settle(120), [(120, 1, Started)]);
    assert_eq!(world.settle(180), [(180, 1, Started)]);
    assert_eq!(world.state.next, None);
    assert!(!is_over(&world.state), "its runs go on");
    world.end(RunStatus::Succeeded);
    assert_eq!(world.settle(240), []);
    assert!(is_over(&world.state));
}

#[test]
fn another_definition_counts_from_its_change() {
    let mut world = World::new(|terms| terms.overlap = Overlap::Allow);
    world.settle(60);
    world.schedule.terms.cadence = Cadence::every(Duration::from_secs(30), at(0));
    world.schedule.since = at(100);
    assert_eq!(world.settle(121), [(120, 1, Started)]);
    // Other rules leave the times as they are.
    world.schedule.terms.catch_up.mode = CatchUpMode::None;
    world.schedule.since = at(151);
    assert_eq!(world.settle(152), [(150, 1, Started)]);
}

#[test]
fn times_of_the_past_start_one_after_the_other() {
    let mut world = World::new(|_| {});
    let times = super::between(&world.schedule, at(60), at(180), 100).expect("few");
    assert_eq!(times, [at(60), at(120), at(180)]);
    assert_eq!(super::between(&world.schedule, at(60), at(180), 2), None);
    world.state = State::fresh(&world.schedule, at(1_000));
    let ticks = world.state.backfill(&world.schedule, &times, at(1_000)).expect("there is room");
    assert_eq!(ticks.iter().map(row).collect::<Vec<_>>(), [(60, 1, Queued), (120, 1, Queued), (180, 1, Queued)]);
    assert_eq!(world.settle(1_000), [(60, 1, Started)]);
    world.end(RunStatus::Succeeded);
    assert_eq!(world.settle(1_001), [(120, 1, Started)]);
    let run = world.state.running[0];
    assert_eq!(run, run_id(&world.schedule, at(120), TickKind::Backfill));
}

#[test]
fn by_hand_it_starts_whatever_holds_it() {
    let world = World::new(|terms| terms.blackouts = vec![blackout(0, 1_000, BlackoutPolicy::Skip)]);
    let (start, tick) = world.state.trigger(at(10));
    assert_eq!((start.kind, tick.outcome), (TickKind::Manual, Started));
}

#[test]
fn the_run_of_a_tick_has_one_identifier() {
    let schedule = every_minute();
    let id = |nominal, kind| -> RunId { run_id(&schedule, nominal, kind) };
    assert_eq!(id(at(60), TickKind::Regular), id(at(60), TickKind::Regular));
    assert_ne!(id(at(60), TickKind::Regular), id(at(60), TickKind::Backfill));
    assert_ne!(id(at(60), TickKind::Regular), id(at(120), TickKind::Regular));
}
