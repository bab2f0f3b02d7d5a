//! What a responder does first, a word each: acknowledge, mitigate, change the severity, page. Each is a person's act, told on
//! the timeline, and done twice it is done once.

use serde_json::{Map, Value, json};

use crate::{
    Acting, EngineError,
    incidents::edit::{Edit, MAX_NOTE},
    runs::start::StartRequest,
};
use wardroom_domain::{
    incident::{Incident, Severity},
    milestone::MilestoneKind,
    run::Run,
    timeline::EntryKind,
};

/// The most that somebody who is paged is told, in characters.
const MAX_MESSAGE: usize = 500;

/// Whom to page, and what they are told.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// Whom: a word that the paging workflow understands, 1 to 100 characters; none: whom it pages by itself.
    pub who: Option<String>,
    /// What they are told: 1 to 500 characters; none: what the workflow says by itself.
    pub message: Option<String>,
}

impl Acting<'_> {
    /// Says that the caller has taken the incident in hand: sets `acknowledged_at` unless somebody had. Neither stage nor role
    /// changes.
    pub async fn incident_acknowledge(&self, reference: &str, note: Option<&str>) -> Result<Incident, EngineError> {
        let (id, note) = (self.seen_incident(reference).await?.id, checked_note(note)?);
        let (by, asking) = (self.caller.person.handle.clone(), self.asking());
        let acknowledged = self.engine.amend(&asking, id, |dossier, around, told| {
            if dossier.incident.acknowledge(around.now) {
                dossier.incident.touch(around.now);
                told.entry(EntryKind::Edited, with_note("acknowledged the incident", note), json!({ "note": note }));
                told.milestone(MilestoneKind::Acknowledged, json!({ "by": by }));
            }
            Ok(0)
        });
        self.without_hidden(acknowledged.await?.dossier.incident).await
    }

    /// Says that people are no longer affected: sets `mitigated_at` unless somebody had, and acknowledges, because only a person
    /// who has taken the incident in hand can know. The stage stays: the fix is not confirmed.
    pub async fn incident_mitigate(&self, reference: &str, note: Option<&str>) -> Result<Incident, EngineError> {
        let (id, note) = (self.seen_incident(reference).await?.id, checked_note(note)?);
        let (by, asking) = (self.caller.person.handle.clone(), self.asking());
        let mitigated = self.engine.amend(&asking, id, |dossier, around, told| {
            if dossier.incident.mitigate(around.now) {
                dossier.incident.acknowledge(around.now);
                dossier.incident.touch(around.now);
                told.entry(EntryKind::Edited, with_note("mitigated the incident", note), json!({ "note": note }));
                told.milestone(MilestoneKind::Mitigated, json!({ "by": by, "note": note }));
            }
            Ok(0)
        });
        self.without_hidden(mitigated.await?.dossier.incident).await
    }

    /// Changes the severity, with a reason for the timeline.
    pub async fn incident_set_severity(
        &self,
        reference: &str,
        severity: Severity,
        reason: Option<&str>,
    ) -> Result<Incident, EngineError> {
        let (id, reason) = (self.seen_incident(reference).await?.id, checked_note(reason)?);
        let edit = Edit { severity: Some(severity), reason: reason.map(str::to_owned), ..Edit::default() };
        self.without_hidden(self.engine.edit_incident(&self.asking(), id, &edit).await?).await
    }

    /// Asks for people to be paged: starts the workflow that the incident's playbook names under `page`, and gives its run.
    pub async fn incident_page(&self, reference: &str, request: &PageRequest) -> Result<Run, EngineError> {
        let incident = self.seen_incident(reference).await?;
        let PageRequest { who, message } = request;
        let mut inputs = Map::new();
        for (field, text, most) in [("who", who, 100), ("message", message, MAX_MESSAGE)] {
            let Some(text) = text.as_deref().map(str::trim) else { continue };
            if !(1..=most).contains(&text.chars().count()) {
                return Err(EngineError::invalid(field, format!("expected 1 to {most} characters")));
            }
            inputs.insert(field.to_owned(), text.into());
        }
        let playbook = self.engine.playbook_of(&incident).await?;
        let workflow = playbook.as_ref().and_then(|playbook| playbook.page.clone()).ok_or_else(|| {
            let why = match &playbook {
                Some(playbook) => {
                    format!("playbook {} names no paging workflow: add `page: WORKFLOW` to it", playbook.name)
                }
                None => format!("{} follows no playbook, so there is no paging workflow", incident.reference()),
            };
            EngineError::Conflict(format!("{why}; or start one with `wardroom workflow run`"))
        })?;
        let request = StartRequest {
            workflow: workflow.clone(),
            incident: Some(incident.reference()),
            inputs: Value::Object(inputs),
            dry_run: false,
        };
        let run = self.run_start(&request).await?;
        let by = self.caller.person.handle.clone();
        let about = json!({ "workflow": workflow, "who": who, "message": message, "by": by, "run": run.id });
        let text = match who {
            Some(who) => format!("asked {workflow} to page {who}"),
            None => format!("asked {workflow} to page people"),
        };
        // Said under the run's own key: a repeated request starts no second run and tells nothing twice.
        let asking = self.asking().once(self.once.as_ref().map(|once| once.part("page")));
        let mut milestone = about.clone();
        if let Some(milestone) = milestone.as_object_mut() {
            milestone.remove("run");
        }
        let told = self.engine.amend(&asking, incident.id, |_, _, told| {
            told.entry(EntryKind::Run, text.clone(), about.clone());
            told.milestone(MilestoneKind::PageRequested, milestone.clone());
            Ok(0)
        });
        told.await?;
        Ok(run)
    }
}

fn checked_note(note: Option<&str>) -> Result<Option<&str>, EngineError> {
    match note.map(str::trim) {
        Some(note) if !(1..=MAX_NOTE).contains(&note.chars().count()) => {
            Err(EngineError::invalid("note", format!("expected 1 to {MAX_NOTE} characters")))
        }
        note => Ok(note),
    }
}

fn with_note(what: &str, note: Option<&str>) -> String {
    note.map_or_else(|| what.to_owned(), |note| format!("{what}: {note}"))
}
