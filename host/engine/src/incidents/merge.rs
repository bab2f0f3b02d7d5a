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
        // Whoever sees the one need not see the other.
        let named = known.details.visible_to.is_none() || known.details.visible_to == target.details.visible_to;
        let reference = named.then(|| known.reference());
        let text = match &reference {
            Some(reference) => format!("{reference} is a duplicate of this: {}", known.title),
            None => "a private incident is a duplicate of this".to_owned(),
        };
        let asking = Asking::person(caller, None);
        let merged = self.amend(&asking, into, |_, _, told| {
            let about = json!({ "duplicate": reference });
            told.entry(EntryKind::Merge, text.clone(), about.clone());
            told.milestone(MilestoneKind::Merged, about);
            Ok(0)
        });
        Ok(merged.await?.dossier.incident)
    }

    async fn end_duplicate(&self, caller: &Caller, known: &Incident, target: &Incident) -> Result<(), EngineError> {
        let alerts = self.store().alerts(known.id).await?;
        let named = target.details.visible_to.is_none() || target.details.visible_to == known.details.visible_to;
        let reason = Some(if named {
            format!("duplicate of {}", target.reference())
        } else {
            "duplicate of a private incident".to_owned()
        });
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
