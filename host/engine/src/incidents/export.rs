//! Exporting an incident for compliance: everything that is known of it, read at one moment.

use serde_json::{Value, json};

use crate::{Caller, Engine, EngineError};
use wardroom_domain::{
    export::{self, ExportError, Files},
    incident::Incident,
};
use wardroom_store::{Page, RunFilter};

/// The most runs of an incident that an export tells of.
const MAX_RUNS: u32 = 10_000;

impl Engine {
    /// Makes the files of an export; that somebody did is in the audit log.
    pub(crate) async fn export(&self, caller: &Caller, incident: &Incident) -> Result<Files, EngineError> {
        let opened = self.opened(incident.id).await?;
        let (entries, _) = self.whole_timeline(incident.id, export::MAX_ENTRIES + 1).await?;
        let dossier = &opened.dossier;
        let (number, parts) = (dossier.incident.reference(), &dossier.parts);
        let people: Vec<Value> =
            opened.people.values().map(|one| json!({ "id": one.id, "handle": one.handle, "name": one.name })).collect();
        let whole = json!({
            "incident": dossier.incident,
            "people": people,
            "alerts": opened.alerts,
            "tasks": parts.tasks,
            "causes": parts.causes,
            "updates": parts.updates,
            "artifacts": parts.artifacts,
            "retrospective": parts.retrospective,
            "contributions": parts.contributions,
            "follow_ups": parts.follow_ups,
            "publications": parts.publications,
            "proposals": parts.proposals,
            "runs": self.exported_runs(&opened.dossier.incident).await?,
        });
        let mut readable = vec![
            ("timeline.md", export::timeline_markdown(&number, &dossier.incident.title, &entries)),
            ("tasks.csv", export::tasks_csv(&parts.tasks)),
        ];
        readable.extend(parts.publications.last().map(|newest| ("retrospective.md", newest.text.clone())));
        let made = export::make(&number, &whole, &entries, readable, &self.now().to_string());
        let files = made.map_err(|error| match error {
            ExportError::TooLong => EngineError::Conflict(error.to_string()),
            ExportError::NotCanonical(..) => EngineError::Internal(error.to_string()),
        })?;
        self.note_export(caller, &number).await?;
        Ok(files)
    }

    async fn exported_runs(&self, incident: &Incident) -> Result<Vec<Value>, EngineError> {
        let filter = RunFilter { incident: Some(incident.id), ..RunFilter::default() };
        let runs = self.store().runs(&filter, &Page { after: None, limit: MAX_RUNS }).await?;
        let shown = runs.iter().rev().map(|run| {
            json!({
                "id": run.id, "workflow": run.workflow, "revision": run.revision, "status": run.status, "mode": run.mode,
                "started_by": run.started_by, "created_at": run.created_at, "finished_at": run.finished_at,
            })
        });
        Ok(shown.collect())
    }

    /// The last hash of the timeline as it is now, up to an entry: what an export is compared with.
    pub(crate) async fn chain_head(&self, incident: &Incident, entries: usize) -> Result<String, EngineError> {
        let (mut all, _) = self.whole_timeline(incident.id, export::MAX_ENTRIES + 1).await?;
        all.truncate(entries);
        let head = export::chain(&incident.reference(), &all);
        Ok(head.map_err(|error| EngineError::Conflict(error.to_string()))?.1)
    }
}
