//! The parts of an incident as the API answers with them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{value, word};
use wardroom_domain::{dossier, dossier::alarm::Surroundings, incident};

/// Something to be done.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskResponse {
    /// Counts the tasks of an incident, from 1.
    pub number: u32,
    /// The identifier in the playbook, when it came from there.
    pub id: Option<String>,
    /// The stage it belongs to.
    pub stage: Option<String>,
    /// What to do.
    pub text: String,
    /// The role that owns it.
    pub role: Option<String>,
    /// The handle of who owns it now: its own owner, else who acts in its role.
    pub owner: Option<String>,
    /// The handle of its backup owner.
    pub backup: Option<String>,
    /// RFC 3339.
    pub due_at: Option<String>,
    /// Whether people were told that it is overdue.
    pub overdue: bool,
    /// The numbers of the tasks that have to be done before.
    pub needs: Vec<u32>,
    /// Those of them that are still open.
    pub waits_for: Vec<u32>,
    /// `open`, `done` or `dropped`.
    pub status: String,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// RFC 3339.
    pub ended_at: Option<String>,
    /// What came of it.
    pub note: Option<String>,
    /// Counts its changes: the `ETag`.
    pub revision: i64,
}

impl TaskResponse {
    pub(crate) fn new(
        task: &dossier::Task,
        incident: &incident::Incident,
        tasks: &[dossier::Task],
        around: &Surroundings<'_>,
    ) -> Self {
        Self {
            number: task.head.number,
            id: task.id.clone(),
            stage: task.stage.map(|stage| stage.to_string()),
            text: task.text.clone(),
            role: task.role.clone(),
            owner: dossier::task::owner(task, incident, around),
            backup: task.backup.clone(),
            due_at: task.due_at.map(|at| at.to_string()),
            overdue: task.overdue,
            needs: task.needs.clone(),
            waits_for: dossier::task::waits_for(tasks, task),
            status: task.status.as_str().to_owned(),
            ended_by: task.ended_by.clone(),
            ended_at: task.ended_at.map(|at| at.to_string()),
            note: task.note.clone(),
            revision: task.head.revision,
        }
    }
}

/// What may be the reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct CauseResponse {
    /// Counts the causes of an incident, from 1.
    pub number: u32,
    /// What it would be.
    pub text: String,
    /// `suspected`, `confirmed` or `ruled_out`.
    pub status: String,
    /// Why that is thought.
    pub why: Option<String>,
    /// What speaks for or against it: `{label, url}`.
    #[schema(value_type = Vec<Object>)]
    pub evidence: Value,
    /// Who or what named it.
    pub by: String,
    /// Counts its changes: the `ETag`.
    pub revision: i64,
}

impl From<&dossier::Cause> for CauseResponse {
    fn from(cause: &dossier::Cause) -> Self {
        Self {
            number: cause.head.number,
            text: cause.text.clone(),
            status: word(&cause.status),
            why: cause.why.clone(),
            evidence: value(&cause.evidence),
            by: cause.by.clone(),
            revision: cause.head.revision,
        }
    }
}

/// What people were told.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateResponse {
    /// Counts the updates of an incident, from 1.
    pub number: u32,
    /// `internal`, `stakeholder` or `public`.
    pub audience: String,
    /// What they were told.
    pub text: String,
    /// When: RFC 3339.
    pub at: String,
    /// When the next one was promised with it: RFC 3339.
    pub next_at: Option<String>,
    /// Who or what posted it.
    pub by: String,
}

impl From<&dossier::Update> for UpdateResponse {
    fn from(update: &dossier::Update) -> Self {
        Self {
            number: update.head.number,
            audience: word(&update.audience),
            text: update.text.clone(),
            at: update.head.created_at.to_string(),
            next_at: update.next_at.map(|at| at.to_string()),
            by: update.by.clone(),
        }
    }
}

/// Something worth keeping.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArtifactResponse {
    /// Counts the artifacts of an incident, from 1.
    pub number: u32,
    /// `channel`, `bridge`, `ticket`, `document`, `dashboard`, `chart`, `text` or `link`.
    pub kind: String,
    /// What it is.
    pub label: String,
    /// Where it is.
    pub url: Option<String>,
    /// Who or what attached it.
    pub by: String,
    /// Whether it was taken off again.
    pub removed: bool,
}

impl From<&dossier::Artifact> for ArtifactResponse {
    fn from(artifact: &dossier::Artifact) -> Self {
        Self {
            number: artifact.head.number,
            kind: word(&artifact.kind),
            label: artifact.label.clone(),
            url: artifact.url.clone(),
            by: artifact.by.clone(),
            removed: artifact.removed,
        }
    }
}

/// What is learned of an incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetrospectiveResponse {
    /// `draft`, `paused` or `published`.
    pub status: String,
    /// The handle of who owns it.
    pub owner: Option<String>,
    /// The handle of who steps in.
    pub backup: Option<String>,
    /// The sections of its template: `{id, title, hint}`.
    #[schema(value_type = Vec<Object>)]
    pub template: Value,
    /// What is written, by section, as Markdown.
    pub sections: BTreeMap<String, String>,
    /// By when people are asked to contribute: RFC 3339.
    pub contribute_by: String,
    /// When those who owe something are reminded next: RFC 3339.
    pub remind_at: Option<String>,
    /// Counts its changes: the `ETag`.
    pub revision: i64,
    /// What people wrote.
    pub contributions: Vec<ContributionResponse>,
    /// The work it produced.
    pub follow_ups: Vec<FollowUpResponse>,
    /// Its published versions, without their text.
    pub versions: Vec<PublicationResponse>,
    /// What is to change in playbooks.
    pub proposals: Vec<ProposalResponse>,
    /// Why there is none, when the incident may be closed without.
    #[schema(value_type = Option<Object>)]
    pub waiver: Value,
}

impl RetrospectiveResponse {
    pub(crate) fn new(dossier: &dossier::Dossier, one: &dossier::Retrospective) -> Self {
        let parts = &dossier.parts;
        Self {
            status: word(&one.status),
            owner: one.owner.clone(),
            backup: one.backup.clone(),
            template: value(&one.template),
            sections: one.sections.clone(),
            contribute_by: one.contribute_by.to_string(),
            remind_at: one.remind_at.map(|at| at.to_string()),
            revision: one.head.revision,
            contributions: parts.contributions.iter().map(ContributionResponse::from).collect(),
            follow_ups: parts.follow_ups.iter().map(FollowUpResponse::from).collect(),
            versions: parts.publications.iter().map(PublicationResponse::from).collect(),
            proposals: parts.proposals.iter().map(ProposalResponse::from).collect(),
            waiver: value(&dossier.incident.details.waiver),
        }
    }
}

/// What one participant is asked for, and what they wrote.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContributionResponse {
    /// Counts the contributions of an incident, from 1.
    pub number: u32,
    /// The handle of the participant.
    pub person: String,
    /// By when they are asked: RFC 3339.
    pub due_at: String,
    /// When they gave it: RFC 3339.
    pub given_at: Option<String>,
    /// What they wrote, by section.
    pub sections: BTreeMap<String, String>,
    /// Whether it is part of the draft.
    pub merged: bool,
    /// How often they were reminded.
    pub reminders: u32,
}

impl From<&dossier::Contribution> for ContributionResponse {
    fn from(one: &dossier::Contribution) -> Self {
        Self {
            number: one.head.number,
            person: one.person.clone(),
            due_at: one.due_at.to_string(),
            given_at: one.given_at.map(|at| at.to_string()),
            sections: one.sections.clone(),
            merged: one.merged,
            reminders: one.reminders,
        }
    }
}

/// Work that a retrospective produced.
#[derive(Debug, Serialize, ToSchema)]
pub struct FollowUpResponse {
    /// Counts the follow-ups of an incident, from 1.
    pub number: u32,
    /// What to do.
    pub text: String,
    /// The handle of the owner.
    pub owner: Option<String>,
    /// RFC 3339.
    pub due_at: Option<String>,
    /// Where it is worked on.
    pub ticket: Option<String>,
    /// RFC 3339.
    pub done_at: Option<String>,
    /// Whether people were told that it is overdue.
    pub overdue: bool,
    /// Counts its changes: the `ETag`.
    pub revision: i64,
}

impl From<&dossier::FollowUp> for FollowUpResponse {
    fn from(one: &dossier::FollowUp) -> Self {
        Self {
            number: one.head.number,
            text: one.text.clone(),
            owner: one.owner.clone(),
            due_at: one.due_at.map(|at| at.to_string()),
            ticket: one.ticket.clone(),
            done_at: one.done_at.map(|at| at.to_string()),
            overdue: one.overdue,
            revision: one.head.revision,
        }
    }
}

/// A published version.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublicationResponse {
    /// The version, from 1.
    pub number: u32,
    /// When it was published: RFC 3339.
    pub at: String,
    /// The handle of who published it.
    pub by: String,
}

impl From<&dossier::Publication> for PublicationResponse {
    fn from(one: &dossier::Publication) -> Self {
        Self { number: one.head.number, at: one.head.created_at.to_string(), by: one.by.clone() }
    }
}

/// A change of a playbook.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProposalResponse {
    /// Counts the proposals of an incident, from 1.
    pub number: u32,
    /// The playbook.
    pub playbook: String,
    /// The revision it changes.
    pub base: i64,
    /// What differs, as a unified diff.
    pub diff: String,
    /// Why.
    pub reason: String,
    /// The handle of who proposed it.
    pub by: String,
    /// `proposed`, `applied` or `refused`.
    pub status: String,
    /// The handle of who decided.
    pub decided_by: Option<String>,
    /// The revision it became.
    pub applied_as: Option<i64>,
}

impl From<&dossier::Proposal> for ProposalResponse {
    fn from(one: &dossier::Proposal) -> Self {
        Self {
            number: one.head.number,
            playbook: one.playbook.clone(),
            base: one.base,
            diff: one.diff.clone(),
            reason: one.reason.clone(),
            by: one.by.clone(),
            status: word(&one.status),
            decided_by: one.decided_by.clone(),
            applied_as: one.applied_as,
        }
    }
}
