//! Leases and recovery: this host's heartbeat, the claim of runs that are due, and what a host that is gone left behind.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Engine;
use crate::{
    clock::monotonic_now,
    domain::{
        run::{StepStatus, happening::Happening},
        time::Timestamp,
    },
};

/// How long a lease holds without a beat.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a host renews its lease.
const BEAT: Duration = Duration::from_secs(5);
/// How long before its lease ends a host stops sending.
const MARGIN: Duration = Duration::from_secs(3);
/// How often due runs are looked for when nothing announces them.
const POLL: Duration = Duration::from_secs(1);
/// How many runs are claimed at once.
const CLAIM: u32 = 128;
/// Up to when a timer in this process announces a due run; what is further off is found by polling.
const ANNOUNCED: Duration = Duration::from_secs(30);

/// Until when this host may act under its lease, by the monotonic clock: the database's time decides who owns a run, this
/// one when to fall silent. None: no lease.
#[derive(Debug)]
pub(super) struct Fence(watch::Sender<Option<Instant>>);

impl Default for Fence {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Fence {
    /// The last moment to send something, as the heartbeat moves it.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Instant>> {
        self.0.subscribe()
    }

    /// Whether the lease has run out.
    pub(super) fn is_lost(&self) -> bool {
        self.0.borrow().is_none_or(|until| until <= monotonic_now())
    }

    fn renewed(&self, asked_at: Instant) {
        // Counted from before the question, so that the answer's delay shortens the lease instead of stretching it.
        self.0.send_replace(Some(asked_at + LEASE.saturating_sub(MARGIN)));
    }

    fn lost(&self) {
        self.0.send_replace(None);
    }
}

impl Engine {
    /// Renews the lease once; done before anything is claimed.
    pub async fn beat(&self) -> bool {
        let asked_at = monotonic_now();
        match self.store().renew_host(self.lease(), LEASE).await {
            Ok(true) => {
                self.0.fence.renewed(asked_at);
                true
            }
            Ok(false) => {
                self.0.fence.lost();
                tracing::error!("another process took this host's identity: this one stops driving runs");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "the lease could not be renewed; trying again");
                true
            }
        }
    }

    pub(super) async fn keep_lease(self) {
        loop {
            if !self.beat().await {
                self.0.stop.cancel();
            }
            tokio::select! {
                () = tokio::time::sleep(BEAT) => {}
                () = self.0.stop.cancelled() => return,
            }
        }
    }

    pub(super) async fn recover(self) {
        while !self.0.stop.is_cancelled() {
            let claimed = match self.claim().await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(%error, "due runs could not be claimed; trying again");
                    0
                }
            };
            if claimed == CLAIM as usize {
                continue;
            }
            tokio::select! {
                () = self.0.due.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                () = self.0.stop.cancelled() => {}
            }
        }
    }

    /// Claims runs that are due and owned by nobody alive, and drives them on.
    async fn claim(&self) -> Result<usize, super::EngineError> {
        if self.0.fence.is_lost() {
            return Ok(0);
        }
        let claimed = self.store().claim_runs(self.lease(), self.now(), CLAIM).await?;
        let count = claimed.len();
        for run in claimed {
            let orphaned = run.steps.iter().any(|step| step.status == StepStatus::Running);
            if orphaned {
                tracing::info!(run.id = %run.id, "a run whose host was gone goes on here");
            }
            self.drive_with(run, if orphaned { Happening::Orphaned } else { Happening::Due });
        }
        Ok(count)
    }

    /// Announces that a run is due at a time, so that short pauses are not rounded up to the next poll.
    pub(super) fn wake_at(&self, at: Option<Timestamp>) {
        let Some(pause) = at.map(|at| at.since(self.now())).filter(|pause| *pause <= ANNOUNCED) else { return };
        let engine = self.clone();
        self.0.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(pause) => engine.0.due.notify_one(),
                () = engine.0.stop.cancelled() => {}
            }
        });
    }
}
