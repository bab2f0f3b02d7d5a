//! Schedules on a simulated clock, against an oracle that counts the times of the cadence by itself. Two years pass in
//! seconds, with clocks that jump, hosts that sleep for days and die at any moment, and runs that end as they like.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::{
    super::{
        Blackout, BlackoutPolicy, Cadence, CatchUp, CatchUpMode, MAX_QUEUED, MAX_RUNNING, Overlap, Paused, Schedule,
        State, Stretch, Terms, Tick, TickKind, TickOutcome,
        blackout::Blackouts,
        offset, run_id,
        tick::{Seen, advance},
    },
    at, every_minute,
};
use crate::{person::Actor, run::RunStatus, time::Timestamp};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Something that happens to the host or to the schedule.
#[derive(Debug, Clone)]
enum Turn {
    /// Time passes, in seconds.
    Pass(i64),
    /// The clock jumps, forward or back.
    Jump(i64),
    /// The host decides, and dies before it wrote that down.
    Die,
    /// The host decides, writes, and dies before its runs are driven: they go on all the same.
    Decide,
    /// Every run ends so.
    End(RunStatus),
    Pause,
    Resume,
    Backfill,
}

struct World {
    schedule: Schedule,
    period: Duration,
    /// The database: what was written last.
    state: String,
    rows: BTreeMap<(Timestamp, TickKind), Tick>,
    runs: Seen,
    now: i64,
    /// The latest time the clock ever showed.
    latest: i64,
    most_running: usize,
}

impl World {
    fn new(terms: Terms, period: Duration) -> Self {
        let schedule = Schedule { terms, ..every_minute() };
        let state = State::fresh(&schedule, at(0));
        let state = serde_json::to_string(&state).expect("plain");
        Self { schedule, period, state, rows: BTreeMap::new(), runs: Seen::new(), now: 0, latest: 0, most_running: 0 }
    }

    fn read(&self) -> State {
        serde_json::from_str(&self.state).expect("its own text")
    }

    fn write(&mut self, state: &State) {
        self.state = serde_json::to_string(state).expect("plain");
        assert!(self.state.len() < 64 << 10, "{} bytes", self.state.len());
        assert!(state.waiting.len() <= MAX_QUEUED && state.running.len() <= MAX_RUNNING);
    }

    /// Whether there is more to be decided at once.
    fn decide(&mut self, written: bool) -> bool {
        let (now, mut state) = (at(self.now), self.read());
        let mark = state.mark;
        let held = state.paused.as_ref().is_some_and(|paused| paused.until.is_none_or(|until| until > now));
        let mut decided = advance(&self.schedule, &mut state, &self.runs, now);
        if !written {
            return false;
        }
        assert!(state.mark >= mark, "the mark goes back");
        let mut blackouts = Blackouts::new(&self.schedule.terms.blackouts);
        for start in &decided.start {
            let due = start.nominal.plus(offset(&self.schedule));
            // One that waited was due before the clock jumped back.
            let come = due <= at(self.latest) || start.kind == TickKind::Backfill;
            assert!(come, "{start:?} starts before it is due");
            assert!(blackouts.at(now).is_none(), "{start:?} starts in a blackout");
            assert!(!held || start.kind == TickKind::Backfill, "{start:?} starts while it is paused");
            let run = run_id(&self.schedule, start.nominal, start.kind);
            assert!(self.runs.insert(run, None).is_none(), "{start:?} starts twice");
            let tick = decided.ticks.iter_mut().find(|tick| tick.nominal == start.nominal && tick.kind == start.kind);
            tick.expect("what starts is a tick").run = Some(run);
            state.started(&self.schedule, run, now);
        }
        for run in &decided.cancel {
            self.runs.insert(*run, Some(RunStatus::Canceled));
        }
        self.most_running = self.most_running.max(state.running.len());
        for tick in decided.ticks {
            self.record(&tick);
        }
        self.write(&state);
        state.due.is_some_and(|due| due <= now)
    }

    fn record(&mut self, tick: &Tick) {
        let before = self.rows.insert((tick.nominal, tick.kind), tick.clone());
        if let Some(before) = before {
            let waited = matches!(before.outcome, TickOutcome::Held | TickOutcome::Queued);
            assert!(waited, "decided twice: {before:?}, {tick:?}");
        }
        assert!(tick.run.is_some() || tick.why.is_some(), "skipped without a reason: {tick:?}");
    }

    fn settle(&mut self) {
        for _ in 0..5_000 {
            if !self.decide(true) {
                return;
            }
        }
        panic!("it does not settle: {}", self.state);
    }

    fn turn(&mut self, turn: &Turn) {
        let now = at(self.now);
        match turn {
            Turn::Pass(seconds) => self.now += seconds,
            // Nobody sets a clock to before the schedule was made and expects sense.
            Turn::Jump(seconds) => self.now = (self.now + seconds).max(0),
            Turn::Die => _ = self.decide(false),
            Turn::Decide => self.settle(),
            Turn::End(status) => {
                for run in self.read().running {
                    self.runs.entry(run).or_default().get_or_insert(*status);
                }
            }
            Turn::Pause => {
                let mut state = self.read();
                let paused = Paused { by: Actor::System, reason: "freeze".to_owned(), at: now, until: None };
                if state.pause(&self.schedule, paused).is_ok() {
                    self.write(&state);
                }
            }
            Turn::Resume => {
                let mut state = self.read();
                if state.resume(&self.schedule, now).is_ok() {
                    self.write(&state);
                }
            }
            Turn::Backfill => {
                let mut state = self.read();
                let times = super::super::between(&self.schedule, now.minus(super::MINUTE), now, 5).unwrap_or_default();
                let new = |time: &Timestamp| !self.rows.contains_key(&(*time, TickKind::Backfill));
                let times: Vec<Timestamp> = times.into_iter().filter(new).collect();
                if let Ok(ticks) = state.backfill(&self.schedule, &times, now) {
                    self.write(&state);
                    for tick in ticks {
                        self.record(&tick);
                    }
                }
            }
        }
        self.latest = self.latest.max(self.now);
    }

    /// Every time of the cadence that was due is in one row; no other is.
    fn check(&mut self) {
        let mut state = self.read();
        _ = state.resume(&self.schedule, at(self.latest));
        self.write(&state);
        self.now = self.latest;
        self.settle();
        let (period, anchor) = (self.period, at(0));
        let horizon = at(self.latest).minus(offset(&self.schedule));
        let due = horizon.since(anchor).as_millis() / period.as_millis();
        let regular: Vec<&Tick> = self.rows.values().filter(|tick| tick.kind == TickKind::Regular).collect();
        let recorded: u64 = regular.iter().map(|tick| tick.count).sum();
        assert_eq!(u128::from(recorded), due, "{:?}", self.schedule.terms);
        let mut last = anchor;
        for tick in regular {
            assert_eq!(tick.nominal.since(last), period, "a time is missing before {tick:?}");
            last = tick.last;
            let steps = tick.last.since(tick.nominal).as_millis() / period.as_millis();
            assert_eq!(steps + 1, u128::from(tick.count), "{tick:?}");
        }
        if self.schedule.terms.overlap != Overlap::Allow {
            assert!(self.most_running <= 1, "{} runs at once", self.most_running);
        }
        if self.schedule.terms.catch_up.mode == CatchUpMode::None && self.schedule.terms.blackouts.is_empty() {
            assert!(self.rows.values().all(|tick| tick.outcome != TickOutcome::CaughtUp));
        }
    }
}

fn terms() -> impl Strategy<Value = (Terms, Duration)> {
    let period = prop_oneof![1_u64..120, 120_u64..86_400];
    let overlap =
        prop_oneof![Just(Overlap::Skip), Just(Overlap::Queue), Just(Overlap::CancelRunning), Just(Overlap::Allow)];
    let mode = prop_oneof![Just(CatchUpMode::None), Just(CatchUpMode::Latest), Just(CatchUpMode::All)];
    let catch_up = (mode, 0_u64..10_000, 1_u32..=100).prop_map(|(mode, window, most)| CatchUp {
        mode,
        window: Duration::from_secs(window),
        most,
    });
    let then = prop_oneof![Just(BlackoutPolicy::Hold), Just(BlackoutPolicy::Skip)];
    let again = (60_u64..90_000, 1_u64..7_200).prop_map(|(every, lasts)| Stretch::Again {
        from: Cadence::every(Duration::from_secs(every), at(17)),
        lasts: Duration::from_secs(lasts),
    });
    let stretch =
        prop_oneof![again, (0..10 * DAY, 1..DAY).prop_map(|(from, more)| Stretch::Once(at(from), at(from + more)))];
    let blackout = (stretch, then).prop_map(|(when, then)| Blackout { when, then, reason: None });
    let blackouts = proptest::collection::vec(blackout, 0..3);
    (period, overlap, catch_up, blackouts, 0_u64..60).prop_map(|(period, overlap, catch_up, blackouts, jitter)| {
        let terms = Terms {
            cadence: Cadence::every(Duration::from_secs(period), at(0)),
            starts: None,
            ends: None,
            jitter: Duration::from_secs(jitter.min(period - 1)),
            overlap,
            catch_up,
            blackouts,
            warn_after: 3,
        };
        (terms, Duration::from_secs(period))
    })
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let status = prop_oneof![
        4 => Just(RunStatus::Succeeded),
        2 => Just(RunStatus::Failed),
        1 => Just(RunStatus::Canceled),
        1 => Just(RunStatus::TimedOut)
    ];
    let turn = prop_oneof![
        6 => (1..200_i64).prop_map(Turn::Pass),
        3 => (200..20_000_i64).prop_map(Turn::Pass),
        1 => Just(Turn::Pass(3 * DAY)),
        1 => (-2 * DAY..2 * DAY).prop_map(Turn::Jump),
        2 => Just(Turn::Die),
        8 => Just(Turn::Decide),
        5 => status.prop_map(Turn::End),
        1 => Just(Turn::Pause),
        2 => Just(Turn::Resume),
        1 => Just(Turn::Backfill),
    ];
    proptest::collection::vec(turn, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_time_is_doubled_and_none_is_lost((terms, period) in terms(), turns in turns()) {
        let mut world = World::new(terms, period);
        for turn in &turns {
            world.turn(turn);
        }
        world.check();
    }
}

#[test]
fn two_years_of_a_busy_schedule() {
    let mut terms = every_minute().terms;
    terms.cadence = Cadence::every(Duration::from_mins(15), at(0));
    let mut world = World::new(terms, Duration::from_mins(15));
    let mut hour = 0;
    while world.now < 2 * 365 * DAY {
        for _ in 0..4 {
            world.turn(&Turn::Pass(HOUR / 4));
            world.turn(&Turn::Decide);
            world.turn(&Turn::End(RunStatus::Succeeded));
        }
        hour += 1;
        match hour % 1_000 {
            300 => world.turn(&Turn::Pass(3 * DAY)),
            500 => world.turn(&Turn::Jump(-2 * DAY)),
            700 => world.turn(&Turn::Die),
            _ => {}
        }
    }
    world.check();
    let started = world.rows.values().filter(|tick| tick.run.is_some()).count();
    assert!(started > 55_000, "{started}");
}
