//! What comes to incidents by the clock: reads those that want to be looked at, at least once a second, and lets
//! [`alarm::ring`] do what is due. Of two hosts that look at one incident, the compare-and-set of its version lets one write.

use std::time::Duration;

use futures_util::{StreamExt, stream};

use crate::{Engine, EngineError, incidents::edit::Asking};
use wardroom_domain::{dossier::alarm, id::IncidentId, person::Actor};

/// How often the clock is read.
const LOOK: Duration = Duration::from_secs(1);
/// How many incidents are looked at in one go, and how many of them at once.
const BATCH: u32 = 256;
const AT_ONCE: usize = 8;

impl Engine {
    pub(crate) async fn alarm_loop(self) {
        while !self.0.stop.is_cancelled() {
            match self.ring_alarms().await {
                Ok(rung) if rung == BATCH as usize => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "alarms of incidents could not be looked at; trying again"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.0.stop.cancelled() => {}
            }
        }
    }

    /// Looks at the incidents that are due; gives how many there were.
    async fn ring_alarms(&self) -> Result<usize, EngineError> {
        let due = self.store().due_incidents(self.now(), BATCH).await?;
        let count = due.len();
        let rung = stream::iter(due).map(|id| self.ring_incident(id)).buffer_unordered(AT_ONCE);
        // One that fails must not hold up the others: it stays due.
        let failed = rung.filter_map(async |rung| rung.err()).collect::<Vec<EngineError>>().await;
        match failed.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(count),
        }
    }

    async fn ring_incident(&self, id: IncidentId) -> Result<(), EngineError> {
        let asking = Asking::of(Actor::System);
        self.amend(&asking, id, |dossier, around, told| {
            alarm::ring(dossier, around, told);
            // What is due is over with this look, even if it changed nothing: the next alarm is set anew.
            dossier.incident.due_at = None;
            Ok(0)
        })
        .await?;
        Ok(())
    }
}
