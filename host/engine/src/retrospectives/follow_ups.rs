//! Follow-ups: the work that a retrospective produced, with owner, due time and ticket.

use serde_json::json;

use crate::{
    Engine, EngineError,
    incidents::{
        change::Amended,
        edit::Asking,
        tasks::{checked, head, part_of, read_revision},
    },
};
use wardroom_domain::{
    dossier::FollowUp, id::IncidentId, incident::Stage, milestone::MilestoneKind, time::Timestamp, timeline::EntryKind,
};

/// A follow-up to make.
#[derive(Debug, Clone, Default)]
pub struct NewFollowUp {
    /// What to do: 1 to 500 characters.
    pub text: String,
    /// The handle of the owner.
    pub owner: Option<String>,
    /// When it is due.
    pub due_at: Option<Timestamp>,
    /// Where it is worked on: at most 500 characters.
    pub ticket: Option<String>,
}

/// What to change of a follow-up; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct FollowUpEdit {
    /// What to do.
    pub text: Option<String>,
    /// The handle of the owner.
    pub owner: Option<String>,
    /// When it is due.
    pub due_at: Option<Timestamp>,
    /// Where it is worked on.
    pub ticket: Option<String>,
    /// Whether it is done.
    pub done: Option<bool>,
    /// The revision the caller read.
    pub expected: Option<i64>,
}

impl Engine {
    /// Makes a follow-up.
    pub(crate) async fn add_follow_up(
        &self,
        asking: &Asking,
        id: IncidentId,
        new: &NewFollowUp,
    ) -> Result<Amended, EngineError> {
        let text = checked("text", &new.text, 500)?;
        self.known_person("owner", new.owner.as_deref()).await?;
        let ticket = new.ticket.as_deref().map(|ticket| checked("ticket", ticket, 500)).transpose()?;
        self.amend(asking, id, |dossier, around, told| {
            if dossier.incident.stage < Stage::Resolution {
                let message = "follow-ups come with the retrospective: what is done during an incident is a task";
                return Err(EngineError::Conflict(message.to_owned()));
            }
            let head = head(&dossier.parts.follow_ups, around.now)?;
            let number = head.number;
            let (owner, due_at) = (new.owner.clone(), new.due_at);
            let ticket = ticket.clone();
            let about =
                json!({ "follow_up": number, "text": text, "owner": owner, "due_at": due_at, "ticket": ticket });
            let made = FollowUp { head, text: text.clone(), owner, due_at, ticket, done_at: None, overdue: false };
            dossier.parts.follow_ups.push(made);
            told.entry(EntryKind::FollowUp, format!("follow-up {number}: {text}"), about.clone());
            told.milestone(MilestoneKind::FollowUpAdded, about);
            Ok(number)
        })
        .await
    }

    /// Changes a follow-up, also after the incident is closed.
    pub(crate) async fn edit_follow_up(
        &self,
        asking: &Asking,
        id: IncidentId,
        number: u32,
        edit: &FollowUpEdit,
    ) -> Result<Amended, EngineError> {
        let text = edit.text.as_deref().map(|text| checked("text", text, 500)).transpose()?;
        let ticket = edit.ticket.as_deref().map(|ticket| checked("ticket", ticket, 500)).transpose()?;
        self.known_person("owner", edit.owner.as_deref()).await?;
        self.amend(asking, id, |dossier, around, told| {
            read_revision(&mut dossier.parts.follow_ups, number, edit.expected)?;
            let known = part_of(&mut dossier.parts.follow_ups, number)?;
            let before = known.clone();
            known.text = text.clone().unwrap_or_else(|| known.text.clone());
            known.owner = edit.owner.clone().or_else(|| known.owner.clone());
            known.ticket = ticket.clone().or_else(|| known.ticket.clone());
            if let Some(due_at) = edit.due_at {
                known.due_at = Some(due_at);
                known.overdue = known.overdue && due_at <= around.now;
            }
            match edit.done {
                Some(true) => known.done_at = known.done_at.or(Some(around.now)),
                Some(false) => known.done_at = None,
                None => {}
            }
            if *known == before {
                return Ok(number);
            }
            let verb = match (before.done_at, known.done_at) {
                (None, Some(_)) => "done",
                (Some(_), None) => "opened again",
                _ => "changed",
            };
            let about = json!({ "follow_up": number, "before": before, "after": known });
            told.entry(EntryKind::FollowUp, format!("follow-up {number} {verb}: {}", known.text), about);
            Ok(number)
        })
        .await
    }
}
