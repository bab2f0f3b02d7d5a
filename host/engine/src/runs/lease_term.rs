//! One term of a host's lease: when it is over, and that it is.

use std::{
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use tokio::sync::watch;
use wardroom_base::clock::monotonic_now;
use wardroom_domain::run::Lease;

/// How long a lease holds without a beat.
pub const LEASE: Duration = Duration::from_secs(15);

/// How long before its lease ends a host stops sending.
pub(crate) const MARGIN: Duration = Duration::from_secs(3);

/// One life of this host: its lease, and by the monotonic clock until when it may act under it. The database's time decides
/// who owns a run, this one when to fall silent. A lease that ran out is never revived: a new life follows, and what was
/// begun in the old one sends nothing more.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) lease: Lease,
    pub(crate) until: watch::Sender<Option<Instant>>,
    /// Whether the next life was asked for without an answer: it may have begun in the database.
    pub(crate) unanswered: AtomicBool,
}

impl Life {
    pub(crate) fn new(lease: Lease) -> Self {
        Self { lease, until: watch::Sender::new(None), unanswered: AtomicBool::new(false) }
    }

    /// The last moment to send something, as the heartbeat moves it; none when there is none any more.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Instant>> {
        self.until.subscribe()
    }

    /// Whether the lease has run out.
    pub(crate) fn is_over(&self) -> bool {
        self.until.borrow().is_none_or(|until| until <= monotonic_now())
    }

    pub(crate) fn renewed(&self, asked_at: Instant) {
        // Counted from before the question, so that the answer's delay shortens the lease instead of stretching it.
        self.until.send_replace(Some(asked_at + LEASE.saturating_sub(MARGIN)));
    }

    pub(crate) fn end(&self) {
        self.until.send_replace(None);
    }
}
