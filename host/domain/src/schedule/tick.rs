//! What becomes of a schedule's times: the pure function that the scheduler obeys. It is asked again and again with the
//! clock and with what became of the schedule's runs, and decides what starts, what waits and what is skipped, and why.

use std::collections::BTreeMap;

use super::{
    BlackoutPolicy, CatchUpMode, MAX_QUEUED, MAX_RUNNING, Overlap, Schedule, State, Target, Tick, TickKind,
    TickOutcome, Waiting,
    blackout::{Blackouts, Holding},
    due::{self, ON_TIME},
};
pub use crate::schedule::start::Start;
use crate::{id::RunId, run::RunStatus, time::Timestamp};

/// How many times of a cadence are looked at in one call; the next call goes on where it stopped.
pub const MAX_WALKED: usize = 10_000;

/// How the runs of a schedule are doing: for each that is known, how it ended; none while it goes on. A run that is not known
/// is gone.
pub type Seen = BTreeMap<RunId, Option<RunStatus>>;

/// What was decided. The caller writes it together with the state.
#[derive(Debug, Default)]
pub struct Decided {
    /// What became of times, in their order. Of those that start too: their `run` is the caller's to fill in.
    pub ticks: Vec<Tick>,
    /// What starts, in this order. At most one where runs may not overlap.
    pub start: Vec<Start>,
    /// The runs to cancel.
    pub cancel: Vec<RunId>,
    /// So many runs in a row have failed, which has just become too many.
    pub warn: Option<u32>,
}

/// Decides what is to be decided at `now`. Called before anything is due, or twice, it changes nothing.
pub fn advance(schedule: &Schedule, state: &mut State, seen: &Seen, now: Timestamp) -> Decided {
    state.follow(schedule);
    let mut machine = Machine {
        schedule,
        state,
        now,
        blackouts: Blackouts::new(&schedule.terms.blackouts),
        decided: Decided::default(),
        walked_from: usize::MAX,
    };
    machine.collect(seen);
    if let Some(until) = machine.state.paused.as_ref().and_then(|paused| paused.until).filter(|until| *until <= now) {
        super::hold::resume(schedule, machine.state, until);
    }
    machine.release();
    let held = machine.state.paused.is_some() || machine.state.ended.is_some();
    let finished = held || (!machine.is_full() && machine.walk());
    let Machine { state, decided, .. } = machine;
    due::refresh(schedule, state, now);
    if !finished {
        state.due = Some(now);
    }
    decided
}

struct Machine<'a> {
    schedule: &'a Schedule,
    state: &'a mut State,
    now: Timestamp,
    blackouts: Blackouts<'a>,
    decided: Decided,
    /// The ticks from this one on follow each other: neighbours may share a row.
    walked_from: usize,
}

impl Machine<'_> {
    /// Takes leave of runs that have ended, and counts failures.
    fn collect(&mut self, seen: &Seen) {
        let warn_after = self.schedule.terms.warn_after;
        let mut open = Vec::with_capacity(self.state.running.len());
        for run in std::mem::take(&mut self.state.running) {
            match seen.get(&run) {
                Some(None) => open.push(run),
                Some(Some(RunStatus::Failed | RunStatus::TimedOut)) => {
                    self.state.failures = self.state.failures.saturating_add(1);
                    if self.state.failures == warn_after {
                        self.decided.warn = Some(warn_after);
                    }
                }
                Some(Some(RunStatus::Succeeded)) => self.state.failures = 0,
                Some(Some(_)) | None => {}
            }
        }
        self.state.running = open;
    }

    /// Lets go of what waited, where it may.
    fn release(&mut self) {
        let blackout = self.blackouts.at(self.now);
        let mut left = Vec::new();
        for waiting in std::mem::take(&mut self.state.waiting) {
            let Waiting { nominal, kind, until } = waiting;
            let paused = self.state.paused.is_some() && kind == TickKind::Regular;
            let waits = until.is_some_and(|until| self.now < until);
            match blackout {
                _ if paused || waits || self.is_full() => left.push(waiting),
                // Whoever asked for a time in the past gets it when that may be.
                Some(Holding { until, .. }) if kind == TickKind::Backfill => {
                    left.push(Waiting { until: Some(until), ..waiting });
                }
                Some(holding) if holding.blackout.then == BlackoutPolicy::Skip => {
                    self.skip(nominal, kind, TickOutcome::BlackedOut, reason(&holding));
                }
                Some(Holding { until, .. }) => left.push(Waiting { until: Some(until), ..waiting }),
                None if self.is_free() => {
                    let outcome = if until.is_some() { TickOutcome::CaughtUp } else { TickOutcome::Started };
                    self.start(nominal, kind, outcome);
                }
                // It stood behind a blackout, and now it stands behind a run.
                None if until.is_some() && kind == TickKind::Regular => self.behind(&mut left, nominal, kind),
                None => {
                    // Whoever asked for it may have died before the run heard of it.
                    if kind == TickKind::Regular && self.schedule.terms.overlap == Overlap::CancelRunning {
                        self.cancel_running();
                    }
                    left.push(Waiting { until: None, ..waiting });
                }
            }
        }
        self.state.waiting = left;
    }

    /// Goes through the times that have come, in their order; whether all of them were decided.
    fn walk(&mut self) -> bool {
        let schedule = self.schedule;
        self.walked_from = self.decided.ticks.len();
        let (now, offset, catch_up) = (self.now, due::offset(schedule), schedule.terms.catch_up);
        let horizon = now.minus(offset);
        let window_opens = horizon.minus(catch_up.window);
        let in_time = horizon.minus(ON_TIME);
        let mut late = Vec::new();
        let lapsed = self.state.lapsed.clone();
        let mut times = due::times(schedule, self.state.mark, horizon);
        for nominal in times.by_ref().take(MAX_WALKED) {
            if let Some(lapsed) = lapsed.as_ref().filter(|lapsed| nominal <= lapsed.until) {
                self.state.mark = nominal;
                self.skip(nominal, TickKind::Regular, TickOutcome::Paused, lapsed.why.as_str());
            } else if nominal >= in_time {
                // The late ones are settled before the first that is not.
                if !late.is_empty() && !self.catch_up(&std::mem::take(&mut late)) {
                    return false;
                }
                self.state.mark = nominal;
                self.decide(nominal, false);
                if self.is_full() {
                    return false;
                }
            } else if catch_up.mode == CatchUpMode::None || nominal < window_opens {
                self.state.mark = nominal;
                self.skip(nominal, TickKind::Regular, TickOutcome::Missed, missed(catch_up.mode));
            } else {
                late.push(nominal);
            }
        }
        let whole = times.next().is_none();
        if whole {
            self.state.lapsed = None;
        }
        if late.is_empty() {
            return whole;
        }
        if whole {
            return self.catch_up(&late);
        }
        // There are more, and later: these give way.
        for nominal in late {
            self.state.mark = nominal;
            self.skip(nominal, TickKind::Regular, TickOutcome::Merged, "later times were late too");
        }
        false
    }

    /// Settles times that are late but not too late; whether all of them were decided.
    fn catch_up(&mut self, late: &[Timestamp]) -> bool {
        let most = match self.schedule.terms.catch_up.mode {
            CatchUpMode::All => self.schedule.terms.catch_up.most.max(1) as usize,
            CatchUpMode::Latest | CatchUpMode::None => 1,
        };
        let gives_way = late.len().saturating_sub(most);
        for (index, nominal) in late.iter().copied().enumerate() {
            self.state.mark = nominal;
            if index < gives_way {
                let (outcome, why) = match self.schedule.terms.catch_up.mode {
                    CatchUpMode::All => (TickOutcome::Missed, "more were late than are caught up"),
                    _ => (TickOutcome::Merged, "a later time was late too"),
                };
                self.skip(nominal, TickKind::Regular, outcome, why);
                continue;
            }
            self.decide(nominal, true);
            if self.is_full() {
                return false;
            }
        }
        true
    }

    /// Decides a time that would start.
    fn decide(&mut self, nominal: Timestamp, late: bool) {
        let blackout = self.blackouts.at(nominal).filter(|holding| holding.blackout.then == BlackoutPolicy::Skip);
        match blackout.or_else(|| self.blackouts.at(self.now)) {
            Some(holding) if holding.blackout.then == BlackoutPolicy::Skip => {
                self.skip(nominal, TickKind::Regular, TickOutcome::BlackedOut, reason(&holding));
            }
            Some(holding) => {
                self.merge(|waiting| waiting.until.is_some() && waiting.kind == TickKind::Regular);
                self.wait(nominal, TickKind::Regular, Some(holding.until), TickOutcome::Held, reason(&holding));
            }
            None if self.is_free() => {
                let outcome = if late { TickOutcome::CaughtUp } else { TickOutcome::Started };
                self.start(nominal, TickKind::Regular, outcome);
            }
            None => {
                let mut waiting = std::mem::take(&mut self.state.waiting);
                self.behind(&mut waiting, nominal, TickKind::Regular);
                self.state.waiting = waiting;
            }
        }
    }

    /// What becomes of a regular time while an earlier run goes on; `waiting` is what waits already.
    fn behind(&mut self, waiting: &mut Vec<Waiting>, nominal: Timestamp, kind: TickKind) {
        let run = self.state.running.last().map(ToString::to_string).unwrap_or_default();
        match self.schedule.terms.overlap {
            Overlap::Skip => self.skip(nominal, kind, TickOutcome::Overlapped, format!("run {run} goes on")),
            Overlap::Allow => {
                self.skip(nominal, kind, TickOutcome::Overlapped, format!("{MAX_RUNNING} runs go on"));
            }
            Overlap::Queue if waiting.len() >= MAX_QUEUED => {
                self.skip(nominal, kind, TickOutcome::Overlapped, format!("{MAX_QUEUED} wait already"));
            }
            Overlap::Queue => {
                self.note(nominal, kind, TickOutcome::Queued, Some(format!("run {run} goes on")));
                waiting.push(Waiting { nominal, kind, until: None });
            }
            Overlap::CancelRunning => {
                waiting.retain(|older| {
                    let gives_way = older.until.is_none() && older.kind == TickKind::Regular;
                    if gives_way {
                        self.note(older.nominal, older.kind, TickOutcome::Merged, Some("a later time came".to_owned()));
                    }
                    !gives_way
                });
                self.cancel_running();
                self.note(nominal, kind, TickOutcome::Queued, Some(format!("run {run} is being canceled")));
                waiting.push(Waiting { nominal, kind, until: None });
            }
        }
    }

    fn cancel_running(&mut self) {
        for run in &self.state.running {
            if !self.decided.cancel.contains(run) {
                self.decided.cancel.push(*run);
            }
        }
    }

    /// Lets those that wait give way to a later time.
    fn merge(&mut self, gives_way: impl Fn(&Waiting) -> bool) {
        let (merged, left) = std::mem::take(&mut self.state.waiting).into_iter().partition(gives_way);
        self.state.waiting = left;
        let merged: Vec<Waiting> = merged;
        for older in merged {
            self.note(older.nominal, older.kind, TickOutcome::Merged, Some("a later time came".to_owned()));
        }
    }

    fn wait(
        &mut self,
        nominal: Timestamp,
        kind: TickKind,
        until: Option<Timestamp>,
        outcome: TickOutcome,
        why: impl Into<String>,
    ) {
        self.note(nominal, kind, outcome, Some(why.into()));
        self.state.waiting.push(Waiting { nominal, kind, until });
    }

    fn start(&mut self, nominal: Timestamp, kind: TickKind, outcome: TickOutcome) {
        self.decided.start.push(Start { nominal, kind });
        self.note(nominal, kind, outcome, None);
    }

    /// Whether a further run may start beside those there are.
    fn is_free(&self) -> bool {
        let live = self.state.running.len() + self.decided.start.len();
        self.allows() && live < MAX_RUNNING || live == 0
    }

    /// Whether what starts in this call is all that may: what it leaves undecided is decided when that is known to have
    /// started.
    fn is_full(&self) -> bool {
        !self.allows() && !self.decided.start.is_empty() || self.decided.start.len() >= MAX_RUNNING
    }

    fn allows(&self) -> bool {
        self.schedule.terms.overlap == Overlap::Allow || matches!(self.schedule.target, Target::Timer { .. })
    }

    fn note(&mut self, nominal: Timestamp, kind: TickKind, outcome: TickOutcome, why: Option<String>) {
        self.decided.ticks.push(Tick::new(nominal, kind, outcome, why, self.now));
    }

    /// Notes a time that is skipped, in the row of its neighbour if that fared alike.
    fn skip(&mut self, nominal: Timestamp, kind: TickKind, outcome: TickOutcome, why: impl Into<String>) {
        let tick = Tick::new(nominal, kind, outcome, Some(why.into()), self.now);
        // What waited has a row of its own already.
        let shared = self.decided.ticks.len() > self.walked_from;
        match self.decided.ticks.last_mut().filter(|_| shared) {
            Some(last) if last.outcome == outcome && last.kind == kind && last.why == tick.why => {
                last.last = nominal;
                last.count += 1;
            }
            _ => self.decided.ticks.push(tick),
        }
    }
}

fn missed(mode: CatchUpMode) -> &'static str {
    match mode {
        CatchUpMode::None => "nobody was there, and it is not caught up",
        CatchUpMode::Latest | CatchUpMode::All => "nobody was there, and it is too late to catch up",
    }
}

fn reason(holding: &Holding<'_>) -> String {
    match &holding.blackout.reason {
        Some(reason) => format!("blackout until {}: {reason}", holding.until),
        None => format!("blackout until {}", holding.until),
    }
}
