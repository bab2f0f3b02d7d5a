//! Time and randomness as the rest of the program takes them: as parameters. The one place that asks the system.

use wardroom_domain::{id::uuid_v7, time::Timestamp};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;
}

/// Gives random bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer with bytes nobody can foretell.
    fn fill(&self, buffer: &mut [u8]);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's random bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives random bytes");
    }
}

/// Eight, ten or sixteen random bytes, as the caller's type says.
pub fn random<const N: usize>(source: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    source.fill(&mut bytes);
    bytes
}

/// A new identifier.
pub fn new_id(clock: &dyn Clock, source: &dyn Random) -> uuid::Uuid {
    uuid_v7(clock.now().unix_ms(), random(source))
}

/// The monotonic clock: deadlines and leases are measured by it, because the machine's time may jump.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
pub fn monotonic_now() -> std::time::Instant {
    std::time::Instant::now()
}

/// The CPU time that this thread has taken: two readings on one thread tell what was computed between them.
pub fn thread_cpu_time() -> std::time::Duration {
    let taken = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    std::time::Duration::try_from(taken).unwrap_or_default()
}
