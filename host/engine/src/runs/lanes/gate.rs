//! Who may call next: calls at a time, starts a minute, and a fair order among those who wait. Pure: it reads no clock,
//! wakes nobody and knows no connection.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use wardroom_domain::id::IncidentId;

/// In which time `per_minute` counts.
pub(crate) const WINDOW: Duration = Duration::from_mins(1);
/// Starts this close together are remembered as one entry, and forgotten with the last of them: the memory of a gate has a
/// bound whatever its limit, and the window is never too short.
const GRAIN: Duration = Duration::from_millis(100);
/// While incidents wait, one start in so many is for runs without one.
pub(crate) const MAINTENANCE_TURN: u32 = 8;

/// Those who wait together: one incident's calls, or the calls of all runs without an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    /// An incident's.
    Incident(IncidentId),
    /// Runs without an incident: incidents come first.
    Maintenance,
}

/// A caller's place. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

/// What a gate lets through; none: as many as come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Calls at a time.
    pub(crate) in_flight: Option<u32>,
    /// Starts in any 60 seconds.
    pub(crate) per_minute: Option<u32>,
    /// Calls at a time of one lane.
    pub(crate) per_lane: Option<u32>,
}

/// Starts that are remembered together.
#[derive(Debug)]
struct Starts {
    first: Instant,
    last: Instant,
    count: usize,
}

type ByLane = BTreeMap<Lane, BTreeSet<Ticket>>;

/// The gate. First come, first served within a lane; between incidents one each in turn.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    rates: Rates,
    running: ByLane,
    waiting: ByLane,
    /// The incidents that wait, the next one first.
    ring: VecDeque<Lane>,
    /// How many incidents' calls started since runs without one had a turn, while they waited.
    passed_over: u32,
    /// The starts within the window, the oldest first.
    starts: VecDeque<Starts>,
    /// How many they are.
    started: usize,
}

impl Gate {
    /// Sets what is let through from now on. What runs already is not stopped.
    pub(crate) fn limit(&mut self, rates: Rates) {
        self.rates = rates;
    }

    /// Takes a place at the end of a lane.
    pub(crate) fn join(&mut self, lane: Lane, ticket: Ticket) {
        let tickets = self.waiting.entry(lane).or_default();
        if tickets.is_empty() && lane != Lane::Maintenance {
            self.ring.push_back(lane);
        }
        tickets.insert(ticket);
    }

    /// Gives a place up, whether the caller waited or was let through.
    pub(crate) fn leave(&mut self, lane: Lane, ticket: Ticket) {
        if !remove(&mut self.running, lane, ticket) {
            remove(&mut self.waiting, lane, ticket);
            self.tidy(lane);
        }
    }

    /// Lets the next one through, if one may start now.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<Ticket> {
        self.forget(now);
        if self.is_full() || self.is_spent() {
            return None;
        }
        let lane = self.next_lane()?;
        let ticket = self.waiting.get_mut(&lane)?.pop_first()?;
        if lane == Lane::Maintenance {
            self.passed_over = 0;
        } else {
            self.ring.retain(|other| *other != lane);
            if self.waiting.get(&lane).is_some_and(|tickets| !tickets.is_empty()) {
                self.ring.push_back(lane);
            }
            let maintenance_waits = self.waiting.contains_key(&Lane::Maintenance);
            self.passed_over = if maintenance_waits { self.passed_over.saturating_add(1) } else { 0 };
        }
        self.tidy(lane);
        self.running.entry(lane).or_default().insert(ticket);
        self.remember(now);
        Some(ticket)
    }

    /// When time alone lets the next one through; none when nobody waits or somebody has to leave first.
    pub(crate) fn opens_at(&self) -> Option<Instant> {
        let limit = self.rates.per_minute? as usize;
        if self.waiting.is_empty() || self.is_full() || !self.is_spent() {
            return None;
        }
        // More than one may have to be forgotten first: the limit was higher before.
        let mut left = self.started;
        let enough = self.starts.iter().find(|starts| {
            left -= starts.count;
            left < limit
        });
        enough.map(|starts| starts.last + WINDOW)
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.values().map(BTreeSet::len).sum()
    }

    /// Whether nothing is to be remembered.
    pub(crate) fn is_idle(&mut self, now: Instant) -> bool {
        self.forget(now);
        self.running.is_empty() && self.waiting.is_empty() && self.starts.is_empty()
    }

    /// How many run; of one lane, or of all.
    pub(crate) fn running(&self, lane: Option<Lane>) -> usize {
        match lane {
            Some(lane) => self.running.get(&lane).map_or(0, BTreeSet::len),
            None => self.running.values().map(BTreeSet::len).sum(),
        }
    }

    fn is_full(&self) -> bool {
        reached(self.rates.in_flight, self.running(None))
    }

    fn is_spent(&self) -> bool {
        reached(self.rates.per_minute, self.started)
    }

    fn next_lane(&self) -> Option<Lane> {
        let may_start = |lane: &Lane| !reached(self.rates.per_lane, self.running(Some(*lane)));
        let incident = self.ring.iter().copied().find(may_start);
        let maintenance = Some(Lane::Maintenance).filter(|lane| self.waiting.contains_key(lane) && may_start(lane));
        if self.passed_over + 1 >= MAINTENANCE_TURN { maintenance.or(incident) } else { incident.or(maintenance) }
    }

    /// Drops a lane that nobody waits in.
    fn tidy(&mut self, lane: Lane) {
        if self.waiting.get(&lane).is_none_or(BTreeSet::is_empty) {
            self.waiting.remove(&lane);
            self.ring.retain(|other| *other != lane);
        }
        if !self.waiting.contains_key(&Lane::Maintenance) {
            self.passed_over = 0;
        }
    }

    fn remember(&mut self, now: Instant) {
        self.started += 1;
        match self.starts.back_mut() {
            Some(starts) if now.saturating_duration_since(starts.first) < GRAIN => {
                starts.last = starts.last.max(now);
                starts.count += 1;
            }
            _ => self.starts.push_back(Starts { first: now, last: now, count: 1 }),
        }
    }

    fn forget(&mut self, now: Instant) {
        let is_past = |starts: &mut Starts| now.saturating_duration_since(starts.last) >= WINDOW;
        while let Some(past) = self.starts.pop_front_if(is_past) {
            self.started -= past.count;
        }
    }
}

fn reached(limit: Option<u32>, count: usize) -> bool {
    limit.is_some_and(|limit| count >= limit as usize)
}

fn remove(lanes: &mut ByLane, lane: Lane, ticket: Ticket) -> bool {
    let Some(tickets) = lanes.get_mut(&lane) else { return false };
    let found = tickets.remove(&ticket);
    if tickets.is_empty() {
        lanes.remove(&lane);
    }
    found
}
