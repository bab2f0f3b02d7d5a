//! The circuit breaker: whether a request to a third party that keeps failing is sent at all. Pure: it reads no clock, knows
//! no network, and remembers one third party.

use std::time::{Duration, Instant};

/// Failures in a row at which requests are held back. Ten, because in an incident many steps ask at once.
pub const FAILURES: u32 = 10;
/// How long they are held back at first: short, because a step has few tries and a rollback cannot wait. Each time that the third party is tried again in vain doubles it.
pub const PAUSE: Duration = Duration::from_secs(5);
/// The longest pause.
pub const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// When to ask again while one request finds out whether the third party is back.
const WHILE_TRIED: Duration = Duration::from_secs(1);

/// A breaker, as it is made for a third party that nothing is known of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    phase: Phase,
    /// Failures since the last answer.
    failures: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Everything is sent.
    #[default]
    Closed,
    /// Nothing is sent before that time.
    Open { until: Instant, pause: Duration },
    /// One request is on its way, the others wait for what comes of it.
    HalfOpen { pause: Duration },
}

/// The right to send one request; what came of it has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// One of many.
    Ordinary,
    /// The one that finds out whether the third party is back.
    Trial,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The third party answered, whatever it said of the request.
    Answered,
    /// It could not be reached, did not answer in time, or answered that it is broken.
    Failed,
    /// Nobody knows: it was given up, or never sent.
    Unknown,
}

/// A breaker's state, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Requests are sent.
    Closed,
    /// They are held back.
    Open,
    /// One finds out whether the third party is back.
    HalfOpen,
}

impl Standing {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl Breaker {
    /// Somebody wants to send: what that changes, and the right to do so or how long to wait.
    pub fn ask(self, now: Instant) -> (Self, Result<Pass, Duration>) {
        match self.phase {
            Phase::Closed => (self, Ok(Pass::Ordinary)),
            Phase::Open { until, pause } if now >= until => {
                (Self { phase: Phase::HalfOpen { pause }, ..self }, Ok(Pass::Trial))
            }
            Phase::Open { .. } | Phase::HalfOpen { .. } => (self, Err(self.held_for(now))),
        }
    }

    /// A request has ended. Those that were sent before the breaker opened neither close it nor hold it open for longer.
    #[must_use]
    pub fn ended(self, pass: Pass, ending: Ending, now: Instant) -> Self {
        let failures = self.failures.saturating_add(1);
        match (self.phase, pass, ending) {
            (Phase::Closed, _, Ending::Answered) | (Phase::HalfOpen { .. }, Pass::Trial, Ending::Answered) => {
                Self::default()
            }
            (Phase::Closed, _, Ending::Failed) if failures >= FAILURES => {
                Self { phase: Phase::Open { until: now + PAUSE, pause: PAUSE }, failures }
            }
            (Phase::Closed, _, Ending::Failed) => Self { failures, ..self },
            (Phase::HalfOpen { pause }, Pass::Trial, Ending::Failed) => {
                let pause = (pause * 2).min(LONGEST_PAUSE);
                Self { phase: Phase::Open { until: now + pause, pause }, failures }
            }
            // The next one tries.
            (Phase::HalfOpen { pause }, Pass::Trial, Ending::Unknown) => {
                Self { phase: Phase::Open { until: now, pause }, ..self }
            }
            (Phase::Closed, _, Ending::Unknown)
            | (Phase::Open { .. }, ..)
            | (Phase::HalfOpen { .. }, Pass::Ordinary, _) => self,
        }
    }

    /// Its state, for people.
    pub fn standing(self) -> Standing {
        match self.phase {
            Phase::Closed => Standing::Closed,
            Phase::Open { .. } => Standing::Open,
            Phase::HalfOpen { .. } => Standing::HalfOpen,
        }
    }

    /// Failures since the last answer.
    pub fn failures(self) -> u32 {
        self.failures
    }

    /// How long requests are still held back.
    pub fn held_for(self, now: Instant) -> Duration {
        match self.phase {
            Phase::Closed => Duration::ZERO,
            Phase::Open { until, .. } => until.saturating_duration_since(now),
            Phase::HalfOpen { .. } => WHILE_TRIED,
        }
    }

    /// Whether it is as it was made, so that nothing is lost when it is forgotten.
    pub fn is_new(self) -> bool {
        self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "any time will do: only differences count")]
    fn some_time() -> Instant {
        Instant::now()
    }

    #[derive(Debug, Clone, Copy)]
    enum Move {
        Ask,
        /// One of the requests on their way ends.
        End(usize, Ending),
        Pass(Duration),
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let ending = prop_oneof![1 => Just(Ending::Answered), 6 => Just(Ending::Failed), 1 => Just(Ending::Unknown)];
        let one = prop_oneof![
            4 => Just(Move::Ask),
            4 => (any::<usize>(), ending).prop_map(|(which, ending)| Move::End(which, ending)),
            1 => (0_u64..400_000).prop_map(|ms| Move::Pass(Duration::from_millis(ms))),
        ];
        prop::collection::vec(one, 1..200)
    }

    fn failed_in_a_row(times: u32, now: Instant) -> Breaker {
        (0..times).fold(Breaker::default(), |breaker, _| breaker.ended(Pass::Ordinary, Ending::Failed, now))
    }

    #[test]
    fn it_opens_after_ten_failures_in_a_row_and_not_before() {
        let now = some_time();
        let nine = failed_in_a_row(FAILURES - 1, now);
        assert_eq!(nine.ask(now).1, Ok(Pass::Ordinary));
        assert!(nine.ended(Pass::Ordinary, Ending::Answered, now).is_new(), "an answer in between begins anew");
        let ten = failed_in_a_row(FAILURES, now);
        assert_eq!((ten.standing(), ten.failures()), (Standing::Open, FAILURES));
        assert_eq!(ten.ask(now).1, Err(PAUSE));
        assert_eq!(ten.ask(now + Duration::from_secs(2)).1, Err(Duration::from_secs(3)));
    }

    #[test]
    fn one_request_finds_out_and_each_vain_one_doubles_the_pause() {
        let mut now = some_time();
        let mut breaker = failed_in_a_row(FAILURES, now);
        for seconds in [5, 10, 20, 40, 60, 60] {
            now += Duration::from_millis(seconds * 1_000 - 1);
            assert_eq!(breaker.ask(now).1, Err(Duration::from_millis(1)), "a pause of {seconds} s");
            now += Duration::from_millis(1);
            let (trying, pass) = breaker.ask(now);
            assert_eq!(pass, Ok(Pass::Trial));
            assert!(trying.ask(now + Duration::from_mins(9)).1.is_err(), "one and no more");
            breaker = trying.ended(Pass::Trial, Ending::Failed, now);
        }
        let (trying, _) = breaker.ask(now + LONGEST_PAUSE);
        assert!(trying.ended(Pass::Trial, Ending::Answered, now).is_new());
    }

    #[test]
    fn a_trial_that_was_given_up_leaves_it_to_the_next_one() {
        let now = some_time();
        let (trying, _) = failed_in_a_row(FAILURES, now).ask(now + PAUSE);
        let left = trying.ended(Pass::Trial, Ending::Unknown, now + PAUSE);
        assert_eq!(left.ask(now + PAUSE).1, Ok(Pass::Trial));
    }

    proptest! {
        #[test]
        fn its_promises_hold_whatever_happens(moves in moves()) {
            let (mut breaker, mut now) = (Breaker::default(), some_time());
            let mut flying: Vec<Pass> = Vec::new();
            let mut opened_at = now;
            for one in moves {
                let before = breaker;
                match one {
                    Move::Ask => {
                        let (after, pass) = breaker.ask(now);
                        breaker = after;
                        match pass {
                            Ok(pass) => flying.push(pass),
                            Err(wait) => {
                                prop_assert!(wait > Duration::ZERO && wait <= LONGEST_PAUSE);
                                prop_assert_eq!(after, before, "who is refused changes nothing");
                            }
                        }
                    }
                    Move::End(which, ending) if !flying.is_empty() => {
                        let pass = flying.swap_remove(which % flying.len());
                        breaker = breaker.ended(pass, ending, now);
                    }
                    Move::End(..) => {}
                    Move::Pass(time) => now += time,
                }
                let trials = flying.iter().filter(|pass| **pass == Pass::Trial).count();
                prop_assert!(trials <= 1, "at most one finds out");
                prop_assert_eq!(trials == 1, breaker.standing() == Standing::HalfOpen, "and nothing waits for one that is not on its way");
                prop_assert_eq!(breaker.standing() == Standing::Closed, breaker.failures() < FAILURES);
                if before.standing() != Standing::Open && breaker.standing() == Standing::Open {
                    opened_at = now;
                }
                // Whatever happened, it is tried again within the longest pause.
                if breaker.standing() == Standing::Open {
                    prop_assert_eq!(breaker.ask(opened_at + LONGEST_PAUSE).1, Ok(Pass::Trial));
                }
            }
        }
    }
}
