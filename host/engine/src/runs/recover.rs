//! Leases and recovery: this host's heartbeat, the claim of runs that are due, and what a host that is gone left behind.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

pub use crate::runs::lease_term::LEASE;
pub(crate) use crate::runs::lease_term::Life;
use crate::{Engine, EngineError};
use wardroom_base::clock::monotonic_now;
use wardroom_base::fault;
use wardroom_domain::{
    id::RunId,
    run::{Lease, StepStatus, happening::Happening},
    time::Timestamp,
};
use wardroom_store::StoreError;

/// How often a host renews its lease.
const BEAT: Duration = Duration::from_secs(5);
/// How often due runs are looked for when nothing announces them.
const POLL: Duration = Duration::from_secs(1);
/// How often old idempotency keys are forgotten.
const TIDY: Duration = Duration::from_hours(1);
/// How many runs are claimed at once.
const CLAIM: u32 = 128;
/// How many runs this host drives at a time before it claims no more: what it has comes first.
const DRIVEN: usize = 8_192;
/// Up to when a timer in this process announces a due run; what is further off is found by polling.
const ANNOUNCED: Duration = Duration::from_secs(30);

impl Engine {
    /// Renews the lease once, or begins a new life when it ran out; done before anything is claimed. `false` when another
    /// process has this host's identity.
    pub async fn beat(&self) -> bool {
        let (asked_at, life) = (monotonic_now(), self.life());
        match self.renew(&life).await {
            Ok(Some(lease)) if lease == life.lease => life.renewed(asked_at),
            Ok(Some(lease)) => {
                life.end();
                tracing::warn!(lease.epoch, "the lease had run out: this host begins a new life");
                let life = Life::new(lease);
                life.renewed(asked_at);
                *self.0.life.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(life);
            }
            Ok(None) => {
                life.end();
                tracing::error!("another process took this host's identity: this one stops driving runs");
                return false;
            }
            Err(error) => tracing::warn!(%error, "the lease could not be renewed; trying again"),
        }
        true
    }

    /// The lease that holds now: the same, or that of the next life; none when somebody else lives it.
    async fn renew(&self, life: &Life) -> Result<Option<Lease>, StoreError> {
        if self.store().renew_host(life.lease, LEASE).await? {
            return Ok(Some(life.lease));
        }
        let revived = self.store().revive_host(life.lease, LEASE).await;
        match &revived {
            Ok(None) if life.unanswered.load(Ordering::Relaxed) => {
                let begun = Lease { epoch: life.lease.epoch + 1, ..life.lease };
                return self.store().revive_host(begun, LEASE).await;
            }
            Ok(_) => {}
            Err(_) => life.unanswered.store(true, Ordering::Relaxed),
        }
        revived
    }

    /// Beats until the last run has come to rest: what is in flight while the host stops needs the lease.
    pub(crate) async fn keep_lease(self) {
        loop {
            if !self.beat().await {
                self.0.stop.cancel();
            }
            tokio::select! {
                () = tokio::time::sleep(BEAT) => {}
                () = self.0.at_rest.cancelled() => return,
            }
        }
    }

    pub(crate) async fn recover(self) {
        let (mut suspects, mut looked_at, mut tidied_at) = (BTreeSet::new(), None, None);
        let is_older = |at: Option<Instant>, age: Duration| at.is_none_or(|at| at.elapsed() >= age);
        while !self.0.stop.is_cancelled() {
            if is_older(looked_at, BEAT) {
                looked_at = Some(monotonic_now());
                suspects = self.strays(&suspects).await;
                self.cancel_orphans().await;
            }
            if is_older(tidied_at, TIDY) {
                tidied_at = Some(monotonic_now());
                if let Err(error) = self.forget_old_keys().await {
                    tracing::warn!(%error, "old idempotency keys could not be forgotten; trying again in an hour");
                }
            }
            // Changed limits hold at once for those who wait, whoever's host they were changed on.
            if self.0.lanes.somebody_waits()
                && let Err(error) = self.catalog().await
            {
                tracing::warn!(%error, "it is not known whether limits changed; trying again");
            }
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

    /// Picks up runs that are leased to this host and that nobody here drives, seen twice in a row: something between the
    /// lease and the actor went wrong. Gives what it saw.
    async fn strays(&self, suspects: &BTreeSet<RunId>) -> BTreeSet<RunId> {
        let life = self.life();
        let leased = match self.store().leased_runs(life.lease).await {
            Ok(leased) => leased,
            Err(error) => {
                tracing::warn!(%error, "this host's runs could not be looked over; trying again");
                return BTreeSet::new();
            }
        };
        let strays: BTreeSet<RunId> = leased.into_iter().filter(|id| self.driven(*id).is_none()).collect();
        for id in strays.intersection(suspects) {
            match self.store().run(*id).await {
                Ok(Some(run)) if run.lease == Some(life.lease) => {
                    tracing::warn!(run.id = %id, "a run that nobody drove goes on");
                    self.drive_with(run, Happening::Orphaned { in_flight: Vec::new() });
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(run.id = %id, %error, "a run that nobody drives could not be read"),
            }
        }
        strays
    }

    /// Claims runs that are due and owned by nobody alive, and drives them on.
    async fn claim(&self) -> Result<usize, EngineError> {
        let life = self.life();
        if life.is_over() || self.0.actors.lock().len() >= DRIVEN {
            return Ok(0);
        }
        let claimed = self.store().claim_runs(life.lease, self.now(), CLAIM).await?;
        let count = claimed.len();
        for run in claimed {
            self.tend(&run);
            fault::pass("engine.claimed").await.map_err(EngineError::broken)?;
            let orphaned = run.steps.iter().any(|step| step.status == StepStatus::Running);
            if orphaned {
                tracing::info!(run.id = %run.id, "a run whose host was gone goes on here");
            }
            let orphaned = orphaned.then(|| Happening::Orphaned { in_flight: Vec::new() });
            self.drive_with(run, orphaned.unwrap_or(Happening::Due));
        }
        Ok(count)
    }

    /// Announces that a run is due at a time, so that short pauses are not rounded up to the next poll.
    pub(crate) fn wake_at(&self, at: Option<Timestamp>) {
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
