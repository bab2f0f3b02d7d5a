//! What calls used in the last minute: bytes on the network and CPU time, of each plugin and connection that has a limit.
//! Counted in memory, on this host.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Invocation, limits};
use wardroom_base::clock::monotonic_now;
use wardroom_domain::limits::CallLimits;

/// Uses within one slice are remembered as one number: the memory has a bound whatever the limit.
const SLICE: Duration = Duration::from_secs(5);
/// One more than a minute has, because the newest is not over: so nothing is forgotten too early.
const SLICES: usize = 13;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Bytes of requests, answers and mails.
    Bytes,
    /// Milliseconds of CPU time.
    Cpu,
}

impl What {
    fn limit(self, limits: &CallLimits) -> Option<u64> {
        match self {
            Self::Bytes => limits.bytes_per_minute,
            Self::Cpu => limits.cpu_ms_per_minute,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Cpu => "ms of CPU time",
        }
    }
}

/// Who uses: a plugin, or a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    Plugin(String),
    Connection(String),
}

/// Whose limits hold for a call.
#[derive(Debug, Clone)]
pub(super) struct Account(Vec<(Whose, CallLimits)>);

impl Account {
    pub(super) fn of(invocation: &Invocation) -> Self {
        let plugin = (Whose::Plugin(invocation.manifest.name.clone()), invocation.limits.plugin);
        let through = |name: &String| (Whose::Connection(name.clone()), invocation.limits.connection);
        let connection = invocation.connection.as_ref().map(|connection| through(&connection.name));
        Self([plugin].into_iter().chain(connection).collect())
    }

    /// The most memory the call may have, where it is limited.
    pub(super) fn memory_bytes(&self) -> Option<u64> {
        self.0.iter().filter_map(|(_, limits)| limits.memory_bytes).min()
    }
}

/// A quota that is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UsedUp {
    /// One sentence.
    pub(super) reason: String,
    /// When some of it is free again.
    pub(super) after: Duration,
}

/// All that is remembered.
#[derive(Debug)]
pub(super) struct Quotas {
    began_at: Instant,
    used: Mutex<HashMap<Whose, Used>>,
}

#[derive(Debug, Default)]
struct Used {
    bytes: Window,
    cpu_ms: Window,
}

impl Used {
    fn window(&mut self, what: What) -> &mut Window {
        match what {
            What::Bytes => &mut self.bytes,
            What::Cpu => &mut self.cpu_ms,
        }
    }
}

impl Quotas {
    pub(super) fn new() -> Self {
        Self { began_at: monotonic_now(), used: Mutex::default() }
    }

    /// Whether something is left of every quota; what began is finished, so that the last one may go beyond it.
    pub(super) fn check(&self, account: &Account, what: What) -> Result<(), UsedUp> {
        self.check_at(account, what, monotonic_now())
    }

    /// Counts what a call used.
    pub(super) fn spend(&self, account: &Account, what: What, amount: u64) {
        self.spend_at(account, what, amount, monotonic_now());
    }

    fn check_at(&self, account: &Account, what: What, now: Instant) -> Result<(), UsedUp> {
        let since = now.saturating_duration_since(self.began_at);
        let limited = account.0.iter().filter_map(|(whose, limits)| Some((whose, what.limit(limits)?)));
        let mut used = self.lock();
        let waits = limited.filter_map(|(whose, limit)| {
            let after = used.get_mut(whose)?.window(what).free_after(since, limit)?;
            let whose = match whose {
                Whose::Plugin(name) => format!("plugin {name}"),
                Whose::Connection(name) => format!("connection {name}"),
            };
            let reason = format!("The {limit} {} a minute of {whose} are used up.", what.unit());
            Some(UsedUp { reason, after })
        });
        match waits.max_by_key(|one| one.after) {
            Some(longest) => Err(longest),
            None => Ok(()),
        }
    }

    fn spend_at(&self, account: &Account, what: What, amount: u64, now: Instant) {
        let since = now.saturating_duration_since(self.began_at);
        for (whose, _) in account.0.iter().filter(|(_, limits)| what.limit(limits).is_some()) {
            let mut used = self.lock();
            if used.len() >= limits::QUOTAS && !used.contains_key(whose) {
                used.retain(|_, one| !(one.bytes.is_past(since) && one.cpu_ms.is_past(since)));
            }
            used.entry(whose.clone()).or_default().window(what).spend(since, amount);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Whose, Used>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was used within the last minute, and up to one slice more. Times count from a beginning of its own.
#[derive(Debug, Default)]
struct Window {
    /// The number of the newest slice.
    newest: u64,
    /// By the slice's number, modulo.
    used: [u64; SLICES],
}

impl Window {
    fn spend(&mut self, at: Duration, amount: u64) {
        self.move_to(at);
        let used = &mut self.used[place(self.newest)];
        *used = used.saturating_add(amount);
    }

    /// How long until something is left of a limit; none: something is.
    fn free_after(&mut self, at: Duration, limit: u64) -> Option<Duration> {
        self.move_to(at);
        let mut total: u128 = self.used.iter().map(|used| u128::from(*used)).sum();
        let mut slice = (self.newest + 1).saturating_sub(SLICES as u64);
        if total < u128::from(limit) {
            return None;
        }
        // The oldest is forgotten first.
        while slice < self.newest {
            total -= u128::from(self.used[place(slice)]);
            if total < u128::from(limit) {
                break;
            }
            slice += 1;
        }
        let forgotten_at = SLICE * u32::try_from(slice + SLICES as u64).unwrap_or(u32::MAX);
        Some(forgotten_at.saturating_sub(at))
    }

    fn is_past(&self, at: Duration) -> bool {
        number(at) >= self.newest + SLICES as u64
    }

    fn move_to(&mut self, at: Duration) {
        let now = number(at).max(self.newest);
        let passed = (now - self.newest).min(SLICES as u64);
        for slice in now + 1 - passed..=now {
            self.used[place(slice)] = 0;
        }
        self.newest = now;
    }
}

fn number(at: Duration) -> u64 {
    at.as_secs() / SLICE.as_secs()
}

fn place(slice: u64) -> usize {
    usize::try_from(slice % SLICES as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn account(plugin: Option<u64>, connection: Option<u64>) -> Account {
        let limits = |bytes_per_minute| CallLimits { bytes_per_minute, ..CallLimits::default() };
        Account(vec![
            (Whose::Plugin("pager".to_owned()), limits(plugin)),
            (Whose::Connection("duty".to_owned()), limits(connection)),
        ])
    }

    #[test]
    fn what_is_used_up_is_free_again_after_a_minute_or_little_more() {
        let mut window = Window::default();
        window.spend(seconds(2), 60);
        window.spend(seconds(33), 50);
        assert_eq!(window.free_after(seconds(33), 111), None);
        assert_eq!(window.free_after(seconds(33), 110), Some(seconds(65 - 33)));
        assert_eq!(window.free_after(seconds(33), 50), Some(seconds(95 - 33)), "the second has to be forgotten too");
        assert_eq!(window.free_after(seconds(65), 110), None);
        assert_eq!(window.free_after(seconds(1_000), 1), None);
    }

    #[test]
    fn the_quota_that_lasts_longest_is_told() {
        let (quotas, both) = (Quotas::new(), account(Some(100), Some(50)));
        let at = |second| quotas.began_at + seconds(second);
        quotas.spend_at(&both, What::Bytes, 60, at(1));
        let used_up = quotas.check_at(&both, What::Bytes, at(1)).expect_err("is used up");
        assert_eq!(used_up.reason, "The 50 bytes a minute of connection duty are used up.");
        assert_eq!(used_up.after, seconds(64));
        assert_eq!(quotas.check_at(&account(Some(100), None), What::Bytes, at(1)), Ok(()));
        assert_eq!(quotas.check_at(&both, What::Cpu, at(1)), Ok(()), "another quota");
        quotas.spend_at(&account(Some(100), None), What::Bytes, 40, at(20));
        let used_up = quotas.check_at(&both, What::Bytes, at(20)).expect_err("is used up");
        assert_eq!(used_up.after, seconds(45), "both are free again when the first minute is over: {used_up:?}");
    }

    #[test]
    fn who_has_no_limit_is_not_remembered_and_who_has_one_only_for_a_while() {
        let quotas = Quotas::new();
        quotas.spend(&account(None, None), What::Bytes, 60);
        assert_eq!(quotas.lock().len(), 0);
        for number in 0..2 * limits::QUOTAS as u64 {
            let limits = CallLimits { cpu_ms_per_minute: Some(100), ..CallLimits::default() };
            let one = Account(vec![(Whose::Plugin(format!("p{number}")), limits)]);
            quotas.spend_at(&one, What::Cpu, 10, quotas.began_at + seconds(number));
        }
        assert!(quotas.lock().len() <= limits::QUOTAS);
    }

    proptest! {
        #[test]
        fn no_minute_begins_more_than_its_limit_and_nobody_waits_in_vain(
            uses in prop::collection::vec((0_u64..20_000, 1_u64..40), 1..80),
            limit in 1_u64..100,
        ) {
            let (mut window, mut at) = (Window::default(), Duration::ZERO);
            let mut begun: Vec<(Duration, u64)> = Vec::new();
            for (pause_ms, amount) in uses {
                at += Duration::from_millis(pause_ms);
                if let Some(wait) = window.free_after(at, limit) {
                    prop_assert!(wait > Duration::ZERO && wait <= MINUTE + SLICE, "{:?}", wait);
                    at += wait;
                    prop_assert_eq!(window.free_after(at, limit), None, "who waited is let through");
                }
                let lately = begun.iter().filter(|(then, _)| at < *then + MINUTE).map(|(_, amount)| amount);
                prop_assert!(lately.sum::<u64>() < limit);
                window.spend(at, amount);
                begun.push((at, amount));
            }
        }
    }
}
