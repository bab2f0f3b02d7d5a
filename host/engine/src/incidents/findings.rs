//! What is found out during an incident: causes, answers to the playbook's questions, artifacts worth keeping.

use serde_json::json;

use crate::{
    Caller, Engine, EngineError,
    incidents::{
        change::Amended,
        edit::Asking,
        tasks::{checked, checked_url, head, part_of, read_revision},
    },
};
use wardroom_domain::{
    dossier::{
        Artifact, Cause,
        cause::{CauseStatus, Evidence, MAX_EVIDENCE},
        update::ArtifactKind,
    },
    id::IncidentId,
    incident::{Answer, Incident},
    milestone::MilestoneKind,
    timeline::EntryKind,
};

/// What to change of a cause; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct CauseEdit {
    /// What is thought of it now.
    pub status: Option<CauseStatus>,
    /// Why: at most 2,000 characters.
    pub why: Option<String>,
    /// More that speaks for or against it.
    pub evidence: Vec<Evidence>,
    /// The revision the caller read.
    pub expected: Option<i64>,
}

/// Something to keep.
#[derive(Debug, Clone)]
pub struct NewArtifact {
    /// What kind of thing.
    pub kind: ArtifactKind,
    /// What it is: 1 to 200 characters.
    pub label: String,
    /// Where it is.
    pub url: Option<String>,
}

impl Engine {
    /// Names a cause that is suspected.
    pub(crate) async fn suspect(
        &self,
        asking: &Asking,
        id: IncidentId,
        text: &str,
        evidence: &[Evidence],
    ) -> Result<Amended, EngineError> {
        let text = checked("text", text, 500)?;
        check_evidence(evidence)?;
        self.amend(asking, id, |dossier, around, told| {
            let head = head(&dossier.parts.causes, around.now)?;
            let (number, by) = (head.number, asking.actor.name());
            let status = CauseStatus::Suspected;
            let about = json!({ "cause": number, "text": text, "status": status, "why": null, "by": by });
            let evidence = evidence.to_vec();
            dossier.parts.causes.push(Cause { head, text: text.clone(), status, why: None, evidence, by });
            told.entry(EntryKind::Cause, format!("suspected: {text}"), about.clone());
            told.milestone(MilestoneKind::CauseChanged, about);
            Ok(number)
        })
        .await
    }

    /// Says what is thought of a cause now, or adds evidence.
    pub(crate) async fn edit_cause(
        &self,
        asking: &Asking,
        id: IncidentId,
        number: u32,
        edit: &CauseEdit,
    ) -> Result<Amended, EngineError> {
        let why = edit.why.as_deref().map(|why| checked("why", why, 2_000)).transpose()?;
        check_evidence(&edit.evidence)?;
        self.amend(asking, id, |dossier, _, told| {
            read_revision(&mut dossier.parts.causes, number, edit.expected)?;
            let cause = part_of(&mut dossier.parts.causes, number)?;
            let before = cause.clone();
            cause.status = edit.status.unwrap_or(cause.status);
            cause.why = why.clone().or_else(|| cause.why.clone());
            cause.evidence.extend(edit.evidence.iter().cloned());
            if cause.evidence.len() > MAX_EVIDENCE {
                return Err(EngineError::invalid("evidence", format!("at most {MAX_EVIDENCE} are kept")));
            }
            if *cause == before {
                return Ok(number);
            }
            let about = json!({
                "cause": number, "text": cause.text, "status": cause.status, "why": cause.why, "by": asking.actor.name(),
            });
            if cause.status == before.status {
                told.entry(EntryKind::Cause, format!("more on {}", cause.text), about);
                return Ok(number);
            }
            let because = why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
            told.entry(EntryKind::Cause, format!("{}: {}{because}", cause.status.as_str(), cause.text), about.clone());
            told.milestone(MilestoneKind::CauseChanged, about);
            Ok(number)
        })
        .await
    }

    /// Answers a question of the playbook; an empty text takes the answer back.
    pub(crate) async fn answer(
        &self,
        caller: &Caller,
        id: IncidentId,
        question: &str,
        text: &str,
    ) -> Result<Incident, EngineError> {
        let text = text.trim();
        if text.chars().count() > 2_000 {
            return Err(EngineError::invalid("answer", "at most 2,000 characters are wanted"));
        }
        let by = &caller.person.handle;
        let asking = Asking::person(caller, None);
        let amended = self.amend(&asking, id, |dossier, around, told| {
            let questions = around.playbook.map(|playbook| playbook.questions.as_slice()).unwrap_or_default();
            let asked = questions.iter().find(|asked| asked.id == question);
            let asked = asked.ok_or_else(|| EngineError::not_found("question of its playbook", question))?;
            let fits = asked.choices.is_empty() || text.is_empty() || asked.choices.iter().any(|choice| choice == text);
            if !fits {
                let message = format!("one of {} is wanted", asked.choices.join(", "));
                return Err(EngineError::invalid("answer", message));
            }
            let incident = &mut dossier.incident;
            let before = incident.details.answers.get(question).map(|answer| answer.value.clone());
            if before.as_deref().unwrap_or_default() == text {
                return Ok(0);
            }
            if text.is_empty() {
                incident.details.answers.remove(question);
            } else {
                let answer = Answer { value: text.to_owned(), by: by.clone(), at: around.now };
                incident.details.answers.insert(question.to_owned(), answer);
            }
            incident.touch(around.now);
            let about = json!({ "question": question, "before": before, "after": text });
            let said = if text.is_empty() { "taken back" } else { text };
            told.entry(EntryKind::Answer, format!("{} {said}", asked.text), about);
            Ok(0)
        });
        Ok(amended.await?.dossier.incident)
    }

    /// Marks a deadline as met.
    pub(crate) async fn meet_deadline(
        &self,
        caller: &Caller,
        id: IncidentId,
        deadline: &str,
        note: &str,
    ) -> Result<Incident, EngineError> {
        let note = checked("note", note, 2_000)?;
        let asking = Asking::person(caller, None);
        let amended = self.amend(&asking, id, |dossier, around, told| {
            let incident = &mut dossier.incident;
            let known = incident.details.notifications.get_mut(deadline);
            let known = known.ok_or_else(|| EngineError::not_found("deadline", deadline))?;
            if known.done_at.is_some() {
                return Ok(0);
            }
            known.done_at = Some(around.now);
            known.done_by = Some(caller.person.handle.clone());
            known.note = Some(note.clone());
            let late = if around.now > known.due_at { ", late" } else { "" };
            let text = format!("deadline met{late}: {} ({note})", known.text);
            let about = json!({ "deadline": deadline, "due_at": known.due_at });
            incident.touch(around.now);
            told.entry(EntryKind::Deadline, text, about);
            Ok(0)
        });
        Ok(amended.await?.dossier.incident)
    }

    /// Keeps something with the incident.
    pub(crate) async fn attach(
        &self,
        asking: &Asking,
        id: IncidentId,
        new: &NewArtifact,
    ) -> Result<Amended, EngineError> {
        let label = checked("label", &new.label, 200)?;
        if let Some(url) = &new.url {
            checked_url("url", url)?;
        }
        self.amend(asking, id, |dossier, around, told| {
            let head = head(&dossier.parts.artifacts, around.now)?;
            let number = head.number;
            let (kind, url, by) = (new.kind, new.url.clone(), asking.actor.name());
            let about = json!({ "artifact": number, "kind": kind, "label": label, "url": url });
            dossier.parts.artifacts.push(Artifact { head, kind, label: label.clone(), url, by, removed: false });
            told.entry(EntryKind::Artifact, label.clone(), about);
            Ok(number)
        })
        .await
    }

    /// Takes something off the incident again; the timeline keeps that it was there.
    pub(crate) async fn detach(&self, asking: &Asking, id: IncidentId, number: u32) -> Result<Amended, EngineError> {
        self.amend(asking, id, |dossier, _, told| {
            let artifact = part_of(&mut dossier.parts.artifacts, number)?;
            if !artifact.removed {
                artifact.removed = true;
                told.entry(EntryKind::Artifact, format!("took off {}", artifact.label), json!({ "artifact": number }));
            }
            Ok(number)
        })
        .await
    }
}

fn check_evidence(evidence: &[Evidence]) -> Result<(), EngineError> {
    if evidence.len() > MAX_EVIDENCE {
        return Err(EngineError::invalid("evidence", format!("at most {MAX_EVIDENCE} are kept")));
    }
    for (index, one) in evidence.iter().enumerate() {
        checked(&format!("evidence[{index}].label"), &one.label, 200)?;
        if let Some(url) = &one.url {
            checked_url(&format!("evidence[{index}].url"), url)?;
        }
    }
    Ok(())
}
