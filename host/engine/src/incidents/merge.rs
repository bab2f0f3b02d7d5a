//! Merging duplicates: the duplicate ends, its alerts join the other incident from now on, and both timelines say so.

use serde_json::json;

use crate::{
    Caller, Engine, EngineError,
    incidents::{
        edit::Asking,
        stage::{StageRequest, enter},
    },
};
use wardroom_domain::{
    dossier::scope::incident_scope,
    id::IncidentId,
    incident::{Incident, Stage},
    milestone::MilestoneKind,
    timeline::EntryKind,
};

impl Engine {
    /// Merges a duplicate into another incident. Two writes: the duplicate's own, which decides, and the note on the other,
    /// which is made again if the server dies in between and the request is repeated.
    pub(crate) async fn merge(
        &self,
        caller: &Caller,
        duplicate: IncidentId,
        into: IncidentId,
    ) -> Result<Incident, EngineError> {
        let target = self.incident(into).await?;
        if duplicate == into {
            return Err(EngineError::invalid("into", "an incident is no duplicate of itself"));
        }
        if target.is_over() || target.details.merged_into.is_some() {
            let message = format!("{} is {}: merge into one that goes on", target.reference(), target.stage);
            return Err(EngineError::Conflict(message));
        }
        let known = self.incident(duplicate).await?;
        if known.kind != target.kind {
            return Err(EngineError::Conflict(format!("a {} is no duplicate of a {}", known.kind, target.kind)));
        }
        if known.details.merged_into.is_none() {
            self.end_duplicate(caller, &known, &target).await?;
        } else if known.details.merged_into != Some(into) {
            return Err(EngineError::Conflict(format!("{} was merged into another one", known.reference())));
        }
        let reference = known.reference();
        let asking = Asking::person(caller, None);
        let merged = self.amend(&asking, into, |_, _, told| {
            let about = json!({ "duplicate": reference });
            told.entry(EntryKind::Merge, format!("{reference} is a duplicate of this: {}", known.title), about.clone());
            told.milestone(MilestoneKind::Merged, about);
            Ok(0)
        });
        Ok(merged.await?.dossier.incident)
    }

    async fn end_duplicate(&self, caller: &Caller, known: &Incident, target: &Incident) -> Result<(), EngineError> {
        let alerts = self.store().alerts(known.id).await?;
        let reason = Some(format!("duplicate of {}", target.reference()));
        let request = StageRequest { to: Stage::Canceled, reason, override_reason: None };
        let id = target.id;
        self.amend(&Asking::person(caller, None), known.id, |dossier, around, told| {
            dossier.incident.details.merged_into = Some(id);
            let seen = incident_scope(dossier, &alerts, around.people, around.playbook);
            enter(dossier, &request, &seen, around, told)?;
            dossier.incident.claims_alerts = false;
            Ok(0)
        })
        .await?;
        Ok(())
    }
}
