//! The circuit breakers of this host: one for each connection and origin that failed lately. Counted in memory: hosts that
//! share a database find out each for itself.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::super::limits;
use wardroom_base::clock::monotonic_now;
use wardroom_domain::{
    breaker::{Breaker, Ending, Pass, Standing},
    connection::Connection,
};

/// Whom a breaker is for. A connection that was changed begins anew: that may have been the repair.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Whom {
    connection: String,
    revision: i64,
    origin: String,
}

/// All breakers. One that is as it was made is not kept.
#[derive(Debug, Default)]
pub(crate) struct Breakers(Mutex<HashMap<Whom, Kept>>);

#[derive(Debug, Clone, Copy)]
struct Kept {
    breaker: Breaker,
    touched: Instant,
}

/// A breaker as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerState {
    /// Whom requests go to: `https://host[:port]`.
    pub origin: String,
    /// What it does now.
    pub standing: Standing,
    /// Failures since the last answer.
    pub failures: u32,
    /// How long requests are still held back.
    pub held_for: Duration,
}

impl Breakers {
    /// The right to send a request that is over by `until`, or how long it has to wait.
    pub(super) fn ask(&self, connection: &Connection, origin: String, until: Instant) -> Result<Asked<'_>, Duration> {
        self.ask_at(connection, origin, until, monotonic_now())
    }

    fn ask_at(
        &self,
        connection: &Connection,
        origin: String,
        until: Instant,
        now: Instant,
    ) -> Result<Asked<'_>, Duration> {
        let whom = Whom { connection: connection.name.clone(), revision: connection.revision, origin };
        let mut kept = self.lock();
        let pass = match kept.get_mut(&whom) {
            None => Pass::Ordinary,
            Some(one) => {
                let (breaker, pass) = one.breaker.ask(now);
                *one = Kept { breaker, touched: now };
                pass?
            }
        };
        drop(kept);
        Ok(Asked { breakers: self, whom: Some(whom), pass, until })
    }

    /// The breakers of a connection as it is now, by origin.
    pub(super) fn of(&self, connection: &Connection) -> Vec<BreakerState> {
        let now = monotonic_now();
        let kept = self.lock();
        let its = |whom: &Whom| whom.connection == connection.name && whom.revision == connection.revision;
        let mut found: Vec<BreakerState> = kept
            .iter()
            .filter(|(whom, _)| its(whom))
            .map(|(whom, one)| BreakerState {
                origin: whom.origin.clone(),
                standing: one.breaker.standing(),
                failures: one.breaker.failures(),
                held_for: one.breaker.held_for(now),
            })
            .collect();
        found.sort_unstable_by(|one, other| one.origin.cmp(&other.origin));
        found
    }

    fn ended(&self, whom: Whom, pass: Pass, ending: Ending, now: Instant) {
        let mut kept = self.lock();
        let before = kept.get(&whom).map(|one| one.breaker).unwrap_or_default();
        let breaker = before.ended(pass, ending, now);
        tell(&whom, before, breaker, now);
        if breaker.is_new() {
            kept.remove(&whom);
            return;
        }
        if kept.len() >= limits::BREAKERS && !kept.contains_key(&whom) {
            let oldest = kept.iter().min_by_key(|(_, one)| one.touched).map(|(whom, _)| whom.clone());
            oldest.and_then(|oldest| kept.remove(&oldest));
        }
        kept.insert(whom, Kept { breaker, touched: now });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Whom, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says once that a breaker opened, and once that it closed.
fn tell(whom: &Whom, before: Breaker, after: Breaker, now: Instant) {
    let Whom { connection, origin, .. } = whom;
    match (before.standing(), after.standing()) {
        (Standing::Closed, Standing::Open) => tracing::warn!(
            connection.name = %connection,
            %origin,
            failures = after.failures(),
            held_ms = super::super::host::milliseconds(after.held_for(now)),
            "a third party keeps failing: requests to it are held back"
        ),
        (Standing::Open | Standing::HalfOpen, Standing::Closed) => {
            tracing::info!(connection.name = %connection, %origin, "a third party answers again: requests to it are sent");
        }
        _ => {}
    }
}

/// The right to send one request. Dropped before its end is told, the request was given up; past its time it is one that
/// was not answered in time.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    breakers: &'a Breakers,
    whom: Option<Whom>,
    pass: Pass,
    until: Instant,
}

impl Asked<'_> {
    /// Tells what came of the request.
    pub(super) fn ended(mut self, ending: Ending) {
        self.end(ending, monotonic_now());
    }

    fn end(&mut self, ending: Ending, now: Instant) {
        if let Some(whom) = self.whom.take() {
            self.breakers.ended(whom, self.pass, ending, now);
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let now = monotonic_now();
        self.end(if now >= self.until { Ending::Failed } else { Ending::Unknown }, now);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use wardroom_domain::{
        breaker::{FAILURES, PAUSE},
        connection::Grant,
        limits::CallLimits,
        time::Timestamp,
    };

    fn connection(name: &str, revision: i64) -> Connection {
        Connection {
            name: name.to_owned(),
            plugin: "p".to_owned(),
            base_url: "https://h.example".to_owned(),
            auth: None,
            tls: None,
            config: Value::Null,
            grant: Grant::default(),
            real_in_drills: false,
            record: false,
            limits: CallLimits::default(),
            revision,
            updated_at: Timestamp::from_unix_ms(0),
        }
    }

    fn origin(name: &str) -> String {
        format!("https://{name}.example")
    }

    fn fail(breakers: &Breakers, connection: &Connection, name: &str, times: u32, now: Instant) {
        for _ in 0..times {
            let mut asked = breakers.ask_at(connection, origin(name), now + PAUSE, now).expect("may be sent");
            asked.end(Ending::Failed, now);
        }
    }

    #[test]
    fn a_third_party_that_fails_is_left_alone_and_no_other() {
        let (breakers, now, main) = (Breakers::default(), monotonic_now(), connection("main", 1));
        fail(&breakers, &main, "a", FAILURES, now);
        let ask = |connection: &Connection, name: &str, at| {
            breakers.ask_at(connection, origin(name), at + PAUSE, at).map(drop)
        };
        assert_eq!(ask(&main, "a", now), Err(PAUSE));
        assert_eq!(ask(&main, "b", now), Ok(()), "another origin");
        assert_eq!(ask(&connection("other", 1), "a", now), Ok(()), "another connection");
        assert_eq!(ask(&connection("main", 2), "a", now), Ok(()), "the connection was changed");
        let state = &breakers.of(&main)[0];
        assert_eq!(
            (state.origin.as_str(), state.standing, state.failures),
            ("https://a.example", Standing::Open, FAILURES)
        );
        assert_eq!(breakers.of(&connection("main", 2)), []);
    }

    #[test]
    fn exactly_one_finds_out_whether_it_is_back() {
        let (breakers, now, main) = (Breakers::default(), monotonic_now(), connection("main", 1));
        fail(&breakers, &main, "a", FAILURES, now);
        let later = now + PAUSE;
        let mut trial = breakers.ask_at(&main, origin("a"), later + PAUSE, later).expect("one may");
        assert!(breakers.ask_at(&main, origin("a"), later + PAUSE, later).is_err(), "the next one may not");
        trial.end(Ending::Failed, later);
        assert_eq!(breakers.ask_at(&main, origin("a"), later + PAUSE, later).map(drop), Err(2 * PAUSE));
        let again = later + 2 * PAUSE;
        breakers.ask_at(&main, origin("a"), again + PAUSE, again).expect("one may").end(Ending::Answered, again);
        assert_eq!(breakers.of(&main), [], "nothing is left to remember");
    }

    #[test]
    fn what_is_given_up_counts_only_when_its_time_was_over() {
        let (breakers, now, main) = (Breakers::default(), monotonic_now(), connection("main", 1));
        drop(breakers.ask_at(&main, origin("a"), now + Duration::from_hours(1), now));
        assert_eq!(breakers.of(&main), []);
        drop(breakers.ask_at(&main, origin("a"), now, now));
        assert_eq!(breakers.of(&main)[0].failures, 1);
    }

    #[test]
    fn it_remembers_no_more_than_it_may() {
        let (breakers, now, main) = (Breakers::default(), monotonic_now(), connection("main", 1));
        for number in 0..limits::BREAKERS + 5 {
            let at = now + Duration::from_millis(number as u64);
            fail(&breakers, &main, &format!("h{number}"), 1, at);
        }
        let known = breakers.of(&main);
        assert_eq!(known.len(), limits::BREAKERS);
        assert!(known.iter().all(|one| one.origin != origin("h0")), "the one untouched for longest made room");
    }
}
