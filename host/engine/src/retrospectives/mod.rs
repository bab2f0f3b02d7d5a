//! The retrospective: edited by people, published in versions, or waived.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    Caller, Engine, EngineError,
    incidents::{
        change::Amended,
        edit::Asking,
        tasks::{checked, head, read_revision},
    },
};
use wardroom_domain::{
    dossier::{Dossier, Publication, Retrospective, document, retrospective::RetrospectiveStatus},
    id::IncidentId,
    incident::{Stage, Waiver},
    milestone::MilestoneKind,
    time::Timestamp,
    timeline::EntryKind,
};

mod acting;
pub mod contribute;
pub mod follow_ups;
pub mod links;
pub mod proposals;

/// The longest text of a section, in characters.
const MAX_SECTION: usize = 20_000;
/// How many entries of the timeline a document is made from: the newest.
const READS: usize = 10_000;

/// What to change of a retrospective; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct RetrospectiveEdit {
    /// Sections to write anew, by identifier.
    pub sections: BTreeMap<String, String>,
    /// The handle of who owns it.
    pub owner: Option<String>,
    /// The handle of who steps in.
    pub backup: Option<String>,
    /// By when people are asked to contribute.
    pub contribute_by: Option<Timestamp>,
    /// The revision the caller read.
    pub expected: Option<i64>,
}

impl Engine {
    /// Changes the retrospective.
    pub(crate) async fn edit_retrospective(
        &self,
        asking: &Asking,
        id: IncidentId,
        edit: &RetrospectiveEdit,
    ) -> Result<Amended, EngineError> {
        for (field, handle) in [("owner", &edit.owner), ("backup", &edit.backup)] {
            self.known_person(field, handle.as_deref()).await?;
        }
        self.amend(asking, id, |dossier, _, told| {
            open(dossier)?;
            read_revision(&mut dossier.parts.retrospective, 1, edit.expected)?;
            let one = draft(dossier)?;
            let before = one.clone();
            write_sections(one, &edit.sections)?;
            one.owner = edit.owner.clone().or_else(|| one.owner.clone());
            one.backup = edit.backup.clone().or_else(|| one.backup.clone());
            one.contribute_by = edit.contribute_by.unwrap_or(one.contribute_by);
            if *one == before {
                return Ok(1);
            }
            let mut parts: Vec<&str> = edit.sections.keys().map(String::as_str).collect();
            parts.extend((one.owner != before.owner).then_some("owner"));
            parts.extend((one.backup != before.backup).then_some("backup"));
            parts.extend((one.contribute_by != before.contribute_by).then_some("contribute_by"));
            let about = json!({ "changed": parts });
            told.entry(EntryKind::Retrospective, format!("edited the retrospective: {}", parts.join(", ")), about);
            Ok(1)
        })
        .await
    }

    /// The document as it would be published now.
    pub(crate) async fn retrospective_text(&self, id: IncidentId) -> Result<String, EngineError> {
        let opened = self.opened(id).await?;
        let one = opened.dossier.parts.retrospective.first().ok_or_else(none)?;
        let (entries, starred) = self.whole_timeline(id, READS).await?;
        Ok(document::render(&opened.dossier, one, &entries, &starred, &opened.around(self.now())))
    }

    /// Publishes the document as the next version; the same text again makes none. Gives the version.
    pub(crate) async fn publish_retrospective(&self, caller: &Caller, id: IncidentId) -> Result<Amended, EngineError> {
        let (entries, starred) = self.whole_timeline(id, READS).await?;
        let by = caller.person.handle.clone();
        let asking = Asking::person(caller, None);
        self.amend(&asking, id, |dossier, around, told| {
            open(dossier)?;
            let one = dossier.parts.retrospective.first().ok_or_else(none)?;
            let text = document::render(dossier, one, &entries, &starred, around);
            if let Some(same) = dossier.parts.publications.last().filter(|last| last.text == text) {
                return Ok(same.head.number);
            }
            let head = head(&dossier.parts.publications, around.now)?;
            let number = head.number;
            dossier.parts.publications.push(Publication { head, text, by: by.clone() });
            let one = draft(dossier)?;
            one.status = RetrospectiveStatus::Published;
            one.remind_at = None;
            let about = json!({ "version": number, "by": by });
            told.entry(
                EntryKind::Retrospective,
                format!("published the retrospective, version {number}"),
                about.clone(),
            );
            told.milestone(MilestoneKind::RetrospectivePublished, about);
            Ok(number)
        })
        .await
    }

    /// Says why the incident may be closed without a published retrospective.
    pub(crate) async fn waive_retrospective(
        &self,
        caller: &Caller,
        id: IncidentId,
        reason: &str,
    ) -> Result<Amended, EngineError> {
        let reason = checked("reason", reason, 500)?;
        let by = caller.person.handle.clone();
        let asking = Asking::person(caller, None);
        self.amend(&asking, id, |dossier, around, told| {
            if dossier.incident.stage < Stage::Resolution || dossier.incident.is_over() {
                let message = "a retrospective is waived between resolution and the end of an incident";
                return Err(EngineError::Conflict(message.to_owned()));
            }
            let waiver = Waiver { reason: reason.clone(), by: by.clone(), at: around.now };
            dossier.incident.details.waiver = Some(waiver);
            dossier.incident.touch(around.now);
            if let Some(one) = dossier.parts.retrospective.first_mut() {
                one.remind_at = None;
            }
            let text = format!("waived the retrospective: {reason}");
            told.entry(EntryKind::Retrospective, text, json!({ "waived": true, "reason": reason }));
            Ok(0)
        })
        .await
    }
}

fn none() -> EngineError {
    EngineError::Conflict("there is no retrospective yet: it opens when the incident enters resolution".to_owned())
}

/// The draft, to change.
fn draft(dossier: &mut Dossier) -> Result<&mut Retrospective, EngineError> {
    dossier.parts.retrospective.first_mut().ok_or_else(none)
}

/// Whether the retrospective is there and goes on.
fn open(dossier: &Dossier) -> Result<(), EngineError> {
    let one = dossier.parts.retrospective.first().ok_or_else(none)?;
    if one.status == RetrospectiveStatus::Paused {
        let message = "the retrospective is paused until the incident enters resolution again";
        return Err(EngineError::Conflict(message.to_owned()));
    }
    Ok(())
}

/// Writes sections that the template has.
fn write_sections(one: &mut Retrospective, sections: &BTreeMap<String, String>) -> Result<(), EngineError> {
    for (id, text) in sections {
        check_section(one, id, text, MAX_SECTION)?;
        if text.trim().is_empty() {
            one.sections.remove(id);
        } else {
            one.sections.insert(id.clone(), text.clone());
        }
    }
    Ok(())
}

fn check_section(one: &Retrospective, id: &str, text: &str, most: usize) -> Result<(), EngineError> {
    let shown: String = id.chars().take(64).collect();
    if !one.template.iter().any(|section| section.id == id) {
        let known: Vec<&str> = one.template.iter().map(|section| section.id.as_str()).collect();
        let message = format!("there is no such section: {} are there", known.join(", "));
        return Err(EngineError::invalid(format!("sections.{shown}"), message));
    }
    if text.chars().count() > most {
        return Err(EngineError::invalid(format!("sections.{shown}"), format!("at most {most} characters are wanted")));
    }
    Ok(())
}
