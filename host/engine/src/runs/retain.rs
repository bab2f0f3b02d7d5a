//! Retention: forgets runs that ended long ago, the events behind them, what became of schedules' times, and versions of
//! plugins that nothing needs any more, every hour and in small batches. Several hosts may do so at once. Decides only what is old; never touches a run that has not ended, a timeline or the audit log.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use crate::Engine;
pub use crate::runs::forgotten::Forgotten;
use wardroom_domain::time::Timestamp;
use wardroom_store::StoreError;

/// The shortest time that runs may be kept: what just ended is still looked at.
pub const LEAST_KEPT: Duration = Duration::from_hours(1);
/// How often it is looked for what is old.
const EVERY: Duration = Duration::from_hours(1);
/// Versions of a plugin that are kept behind the one in use, to go back to.
const VERSIONS_KEPT: usize = 3;
/// How long a version that never came into use waits for its grant.
const WAITED_FOR: Duration = Duration::from_hours(30 * 24);
/// The pause after each batch: SQLite has one writer, and those that wait for it have to get their turn.
const PAUSE: Duration = Duration::from_millis(50);

impl Engine {
    /// How much was forgotten since the start.
    pub fn forgotten(&self) -> &Forgotten {
        &self.0.forgotten
    }

    /// Forgets what is old, at once and then every hour, until the engine stops: runs only when they are not kept for ever.
    pub(crate) async fn retain(self) {
        loop {
            if self.0.stop.run_until_cancelled(self.retain_once()).await.is_none() {
                return;
            }
            if self.0.stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    async fn retain_once(&self) {
        if let Some(kept) = self.0.parts.keep_runs {
            let forgotten = self.forgotten();
            let (runs, events, ticks) = (forgotten.runs(), forgotten.events(), forgotten.ticks());
            let before = self.now().minus(kept);
            // A batch that is cut off is rolled back: stopping needs not wait for it.
            let pass = self.forget(before).await;
            let (runs, events) = (forgotten.runs() - runs, forgotten.events() - events);
            let ticks = forgotten.ticks() - ticks;
            if runs + events + ticks > 0 {
                tracing::info!(runs, events, ticks, %before, "forgot old runs, events and ticks");
            }
            if let Err(error) = pass {
                tracing::warn!(%error, "old runs could not be forgotten; trying again in an hour");
            }
        }
        if let Err(error) = self.forget_versions().await {
            tracing::warn!(%error, "old versions of plugins could not be forgotten; trying again in an hour");
        }
    }

    /// Forgets versions of plugins out of use that no kept run is pinned to, but for the last three of each plugin, and those
    /// that never came into use within their first thirty days.
    async fn forget_versions(&self) -> Result<(), StoreError> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let waited_for = self.now().minus(WAITED_FOR);
        for version in self.store().unused_components().await? {
            if version.activated_at.is_none() && version.installed_at > waited_for {
                continue;
            }
            let seen = seen.entry(version.manifest.name.clone()).or_default();
            *seen += usize::from(version.activated_at.is_some());
            if version.activated_at.is_some() && *seen <= VERSIONS_KEPT {
                continue;
            }
            if self.store().forget_component(&version.digest).await? {
                tracing::info!(plugin.name = %version.manifest.name, plugin.version = %version.manifest.version, plugin.digest = %version.digest, "forgot an old version of a plugin");
            }
        }
        Ok(())
    }

    /// Forgets batch by batch until nothing is left: runs first, because an event stays as long as a run of it is there.
    async fn forget(&self, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let runs = self.store().forget_runs(before).await?;
            if runs == 0 {
                break;
            }
            self.forgotten().runs.fetch_add(runs, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let events = self.store().forget_events(before).await?;
            if events == 0 {
                break;
            }
            self.forgotten().events.fetch_add(events, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let ticks = self.store().forget_ticks(before).await?;
            if ticks == 0 {
                return Ok(());
            }
            self.forgotten().ticks.fetch_add(ticks, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }
}
