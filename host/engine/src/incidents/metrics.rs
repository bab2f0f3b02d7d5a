//! Metrics over the incidents of a while.

use crate::{Caller, Engine, EngineError};
use wardroom_domain::{
    metrics::{Grouping, Metrics, measure},
    time::Timestamp,
};
use wardroom_store::{IncidentFilter, Page, RunFilter};

/// The most incidents, and runs, that are looked at.
const MOST: usize = 10_000;
const PAGE: u32 = 500;

impl Engine {
    /// Measures the incidents that were opened in a while and that the caller may see: the newest 10,000.
    pub(crate) async fn measure(
        &self,
        caller: &Caller,
        since: Timestamp,
        until: Timestamp,
        by: Grouping,
    ) -> Result<Metrics, EngineError> {
        let filter = IncidentFilter { visible_to: Some(caller.person.handle.clone()), ..IncidentFilter::default() };
        let (mut dossiers, mut after) = (Vec::new(), None);
        'incidents: while dossiers.len() < MOST {
            let page = self.store().incidents(&filter, &Page { after: after.take(), limit: PAGE }).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.number.to_string());
            for incident in page {
                if incident.created_at < since {
                    break 'incidents;
                }
                if incident.created_at < until {
                    let parts = self.store().parts(incident.id).await?;
                    dossiers.push((incident, parts));
                }
            }
        }
        let filter = RunFilter { visible_to: Some(caller.person.handle.clone()), ..RunFilter::default() };
        let (mut runs, mut after) = (Vec::new(), None);
        'runs: while runs.len() < MOST {
            let page = self.store().runs(&filter, &Page { after: after.take(), limit: PAGE }).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.to_string());
            for run in page {
                if run.created_at < since {
                    break 'runs;
                }
                // What was only simulated says nothing.
                if run.created_at < until && run.mode == wardroom_domain::run::Mode::Real {
                    runs.push(run.status);
                }
            }
        }
        Ok(measure(&dossiers, runs, by, self.now()))
    }
}
