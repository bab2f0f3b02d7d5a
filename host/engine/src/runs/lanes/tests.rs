//! The gate's promises over random arrivals, departures, limits and times; and that the shell around it wakes and forgets.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use crate::runs::lanes::{
    Lane, Lanes, Rates, Way,
    gate::{Gate, MAINTENANCE_TURN, Ticket, WINDOW},
};
use wardroom_base::clock::monotonic_now;
use wardroom_domain::id::IncidentId;

fn lane(number: u8) -> Lane {
    if number == 0 { Lane::Maintenance } else { Lane::Incident(IncidentId(uuid::Uuid::from_u128(number.into()))) }
}

/// What happens to a gate.
#[derive(Debug, Clone, Copy)]
enum Move {
    Join(u8),
    /// One of those who run or wait goes away.
    Leave(usize),
    Limit(Rates),
    Pass(Duration),
}

fn rates() -> impl Strategy<Value = Rates> {
    let limit = || proptest::option::of(1_u32..6);
    (limit(), limit(), limit()).prop_map(|(in_flight, per_minute, per_lane)| Rates { in_flight, per_minute, per_lane })
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        5 => (0_u8..4).prop_map(Move::Join),
        3 => any::<usize>().prop_map(Move::Leave),
        1 => rates().prop_map(Move::Limit),
        3 => (0_u64..40_000).prop_map(|ms| Move::Pass(Duration::from_millis(ms))),
        2 => (0_u64..120).prop_map(|ms| Move::Pass(Duration::from_millis(ms))),
    ];
    prop::collection::vec(one, 1..120)
}

/// A gate, and what an onlooker knows of it.
struct World {
    gate: Gate,
    rates: Rates,
    now: Instant,
    issued: u64,
    /// Those who wait and those who run.
    waiting: BTreeMap<Ticket, Lane>,
    running: BTreeMap<Ticket, Lane>,
    /// Every start, with the limit a minute that held then.
    starts: Vec<Instant>,
}

impl World {
    fn new(rates: Rates) -> Self {
        let mut gate = Gate::default();
        gate.limit(rates);
        Self {
            gate,
            rates,
            now: monotonic_now(),
            issued: 0,
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            starts: Vec::new(),
        }
    }

    fn join(&mut self, lane: Lane) -> Ticket {
        self.issued += 1;
        let ticket = Ticket(self.issued);
        self.gate.join(lane, ticket);
        self.waiting.insert(ticket, lane);
        ticket
    }

    fn leave(&mut self, ticket: Ticket) {
        let lane = self.running.remove(&ticket).or_else(|| self.waiting.remove(&ticket)).expect("a known ticket");
        self.gate.leave(lane, ticket);
    }

    /// Lets everybody through who may start, and checks each start.
    fn pump(&mut self) -> Vec<Lane> {
        let mut started = Vec::new();
        while let Some(ticket) = self.gate.admit(self.now) {
            let lane = self.waiting.remove(&ticket).expect("only who waits is let through");
            let earlier = self.waiting.iter().find(|(other, its)| **its == lane && **other < ticket);
            assert_eq!(earlier, None, "first come, first served within a lane");
            self.running.insert(ticket, lane);
            self.starts.push(self.now);
            started.push(lane);
            let within = |limit: Option<u32>, count: usize| limit.is_none_or(|limit| count <= limit as usize);
            let of_lane = self.running.values().filter(|other| **other == lane).count();
            let recent = self.starts.iter().filter(|at| self.now.duration_since(**at) < WINDOW).count();
            assert!(within(self.rates.in_flight, self.running.len()), "too many at once");
            assert!(within(self.rates.per_lane, of_lane), "too many of one lane at once");
            assert!(within(self.rates.per_minute, recent), "too many within a minute");
        }
        assert_eq!(self.gate.waiting(), self.waiting.len());
        assert_eq!(self.gate.running(None), self.running.len());
        started
    }

    fn play(&mut self, step: Move) {
        match step {
            Move::Join(number) => _ = self.join(lane(number)),
            Move::Leave(choice) => {
                let known: Vec<Ticket> = self.running.keys().chain(self.waiting.keys()).copied().collect();
                if !known.is_empty() {
                    self.leave(known[choice % known.len()]);
                }
            }
            Move::Limit(rates) => {
                self.rates = rates;
                self.gate.limit(rates);
            }
            Move::Pass(time) => self.now += time,
        }
    }

    /// Ends what runs and lets time pass until everybody has been through; how many rounds that took.
    fn drain(&mut self) -> usize {
        let mut rounds = 0;
        while !self.waiting.is_empty() || !self.running.is_empty() {
            rounds += 1;
            for ticket in self.running.keys().copied().collect::<Vec<_>>() {
                self.leave(ticket);
            }
            if self.pump().is_empty()
                && let Some(at) = self.gate.opens_at()
            {
                assert!(at > self.now, "who waits for a time that has come may start");
                self.now = at;
                assert!(!self.pump().is_empty(), "the gate opens when it said");
            }
            assert!(rounds < 10_000, "somebody starves");
        }
        rounds
    }
}

proptest! {
    #[test]
    fn limits_hold_nobody_starves_and_nothing_leaks(rates in rates(), moves in moves()) {
        let mut world = World::new(rates);
        for step in moves {
            world.play(step);
            world.pump();
        }
        world.drain();
        world.now += WINDOW;
        prop_assert!(world.gate.is_idle(world.now), "an idle gate remembers nothing");
    }

    #[test]
    fn incidents_that_wait_get_one_turn_each(counts in prop::collection::vec(1_usize..30, 2..6), runs in 1_u32..4) {
        let mut world = World::new(Rates { in_flight: Some(runs), ..Rates::default() });
        for (number, count) in (1_u8..).zip(&counts) {
            (0..*count).for_each(|_| _ = world.join(lane(number)));
        }
        let mut served: BTreeMap<Lane, usize> = BTreeMap::new();
        while !world.waiting.is_empty() {
            // One at a time: who would be next is seen before anybody else leaves.
            if let Some(ticket) = world.running.keys().next().copied() {
                world.leave(ticket);
            }
            for lane in world.pump() {
                *served.entry(lane).or_default() += 1;
            }
            let shares: Vec<usize> = (1_u8..).zip(&counts)
                .filter(|(number, _)| world.waiting.values().any(|waits| *waits == lane(*number)))
                .map(|(number, _)| served.get(&lane(number)).copied().unwrap_or_default())
                .collect();
            let (least, most) = (shares.iter().min(), shares.iter().max());
            if let (Some(least), Some(most)) = (least, most) {
                prop_assert!(most - least <= 1, "{shares:?}");
            }
        }
    }

    #[test]
    fn incidents_come_before_maintenance_which_has_its_turn(incidents in 1_u8..4, count in 1_usize..40) {
        let mut world = World::new(Rates { in_flight: Some(1), ..Rates::default() });
        for _ in 0..count {
            world.join(Lane::Maintenance);
            (1..=incidents).for_each(|number| _ = world.join(lane(number)));
        }
        let mut since = 0;
        while !world.waiting.is_empty() {
            if let Some(ticket) = world.running.keys().next().copied() {
                world.leave(ticket);
            }
            let incidents_wait = world.waiting.values().any(|waits| *waits != Lane::Maintenance);
            let maintenance_waits = world.waiting.values().any(|waits| *waits == Lane::Maintenance);
            for started in world.pump() {
                if started == Lane::Maintenance {
                    prop_assert!(!incidents_wait || since + 1 == MAINTENANCE_TURN, "after {since}");
                    since = 0;
                } else {
                    since = if maintenance_waits { since + 1 } else { 0 };
                    prop_assert!(since < MAINTENANCE_TURN, "maintenance is passed over {since} times");
                }
            }
        }
    }
}

fn one_at_a_time() -> Rates {
    Rates { in_flight: Some(1), ..Rates::default() }
}

fn somewhere() -> Way {
    Way::Connection("chat".to_owned())
}

#[tokio::test]
async fn a_place_that_is_given_up_is_the_next_ones() {
    let lanes = Arc::new(Lanes::default());
    let join = |number| lanes.join(somewhere(), one_at_a_time(), lane(number)).expect("a place");
    let (mut first, mut second, mut third) = (join(1), join(1), join(2));
    assert!(first.has_come() && !second.has_come() && !third.has_come());
    assert!(lanes.somebody_waits());
    // Gone while it waited: nothing of it is left in the way.
    drop(second);
    drop(first);
    third.come().await;
    drop(third);
    assert!(!lanes.somebody_waits());
}

#[tokio::test]
async fn changed_limits_hold_at_once_for_those_who_wait() {
    let lanes = Arc::new(Lanes::default());
    let join = || lanes.join(somewhere(), one_at_a_time(), lane(1)).expect("a place");
    let (mut first, mut second) = (join(), join());
    assert!(first.has_come() && !second.has_come());
    lanes.limit(|way| {
        (*way == Way::Connection("chat".to_owned())).then(|| Rates { in_flight: Some(2), ..Rates::default() })
    });
    second.come().await;
}

#[tokio::test]
async fn a_raised_limit_a_minute_lets_the_next_one_start() {
    let lanes = Arc::new(Lanes::default());
    let rates = Rates { per_minute: Some(1), ..Rates::default() };
    let mut first = lanes.join(somewhere(), rates, lane(1)).expect("a place");
    assert!(first.has_come());
    drop(first);
    let mut second = lanes.join(somewhere(), rates, lane(1)).expect("a place");
    assert!(!second.has_come());
    lanes.limit(|_| Some(Rates { per_minute: Some(2), ..Rates::default() }));
    second.come().await;
}

#[test]
fn a_place_outlives_its_runtime() {
    let lanes = Arc::new(Lanes::default());
    let rates = Rates { per_minute: Some(1), ..Rates::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let places = runtime
        .block_on(async { [1, 2, 3].map(|number| lanes.join(somewhere(), rates, lane(number)).expect("a place")) });
    drop(runtime);
    drop(places);
    assert!(!lanes.somebody_waits());
}
