//! The shapes that the API answers with, made from the domain's nouns.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use wardroom_domain::{alert, incident, person, timeline};
use wardroom_engine::{DocumentRevision, StoredPlugin};

mod parts;
mod runs;
mod schedules;

pub use parts::{
    ArtifactResponse, CauseResponse, ContributionResponse, FollowUpResponse, ProposalResponse, PublicationResponse,
    RetrospectiveResponse, TaskResponse, UpdateResponse,
};
pub use runs::{
    ApprovalResponse, AttemptResponse, AutomationResponse, RunResponse, RunSummaryResponse, StepResponse,
    TriggerOutcomeResponse,
};
pub use schedules::{ScheduleResponse, ScheduledTimeResponse, TickResponse};

/// An incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentResponse {
    /// A UUID.
    pub id: String,
    /// What people say: `INC-42`.
    pub number: String,
    /// `incident` or `drill`.
    pub kind: String,
    /// 1 to 200 characters.
    pub title: String,
    /// `sev1` to `sev4`.
    pub severity: String,
    /// Where the response stands.
    pub stage: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Who holds which role: primary and backup, as identifiers of people.
    #[schema(value_type = Object)]
    pub roles: Value,
    /// The times metrics use, each RFC 3339 or null.
    #[schema(value_type = Object)]
    pub times: Value,
    /// The incident this one repeats.
    pub recurrence_of: Option<String>,
    /// The incident this one is a duplicate of.
    pub merged_into: Option<String>,
    /// The playbook it follows, with the revision it began with.
    #[schema(value_type = Option<Object>)]
    pub playbook: Value,
    /// What was found out, by question.
    #[schema(value_type = Object)]
    pub answers: Value,
    /// Custom fields.
    #[schema(value_type = Object)]
    pub fields: Value,
    /// Whom to notify by when: the deadlines whose clock has begun.
    #[schema(value_type = Object)]
    pub deadlines: Value,
    /// When the next status update is promised: RFC 3339.
    pub next_update_at: Option<String>,
    /// Alerts that came beyond the 1,000 that are kept.
    pub alerts_beyond: u64,
    /// The handles of those who may see it; null: everybody.
    pub visible_to: Option<Vec<String>>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// Counts what people edit: the `ETag`.
    pub revision: i64,
}

impl From<incident::Incident> for IncidentResponse {
    fn from(incident: incident::Incident) -> Self {
        Self {
            id: incident.id.to_string(),
            number: incident.reference(),
            kind: incident.kind.to_string(),
            severity: incident.severity.to_string(),
            stage: incident.stage.to_string(),
            roles: value(&incident.roles),
            times: value(&incident.times),
            recurrence_of: incident.recurrence_of.map(|id| id.to_string()),
            merged_into: incident.details.merged_into.map(|id| id.to_string()),
            playbook: value(&incident.details.playbook),
            answers: value(&incident.details.answers),
            fields: value(&incident.details.fields),
            deadlines: value(&incident.details.notifications),
            next_update_at: incident.details.next_update_at.map(|at| at.to_string()),
            alerts_beyond: incident.details.alerts_beyond,
            visible_to: incident.details.visible_to.as_ref().map(|handles| handles.iter().cloned().collect()),
            created_at: incident.created_at.to_string(),
            updated_at: incident.updated_at.to_string(),
            revision: incident.revision,
            title: incident.title,
            labels: incident.labels,
        }
    }
}

/// An alert of an incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertResponse {
    /// A UUID.
    pub id: String,
    /// What sent it.
    pub source: String,
    /// `firing` or `resolved`.
    pub status: String,
    /// What makes two alerts the same.
    pub fingerprint: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// RFC 3339.
    pub starts_at: String,
    /// RFC 3339; null while it is open.
    pub ends_at: Option<String>,
    /// When its status last changed, RFC 3339.
    pub changed_at: String,
}

impl From<alert::Alert> for AlertResponse {
    fn from(alert: alert::Alert) -> Self {
        Self {
            id: alert.id.to_string(),
            source: alert.source,
            status: word(&alert.signal.status),
            fingerprint: alert.signal.fingerprint,
            labels: alert.signal.labels,
            annotations: alert.signal.annotations,
            starts_at: alert.signal.starts_at.to_string(),
            ends_at: alert.signal.ends_at.map(|at| at.to_string()),
            changed_at: alert.changed_at.to_string(),
        }
    }
}

/// A timeline entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineEntryResponse {
    /// Its number within the incident, from 1.
    pub seq: i64,
    /// `opened`, `stage`, `edited`, `role`, `alert`, `run`, `step`, `approval`, `update`, `artifact` or `note`.
    pub kind: String,
    /// RFC 3339.
    pub at: String,
    /// Who or what: `{type: person | run | source | system, …}`.
    #[schema(value_type = Object)]
    pub actor: Value,
    /// One line.
    pub text: String,
    /// More for machines.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl From<timeline::Entry> for TimelineEntryResponse {
    fn from(entry: timeline::Entry) -> Self {
        Self {
            seq: entry.seq,
            kind: word(&entry.entry.kind),
            at: entry.entry.at.to_string(),
            actor: value(&entry.entry.actor),
            text: entry.entry.text,
            data: entry.entry.data,
        }
    }
}

/// An installed plugin.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginResponse {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// The component's size in bytes.
    pub size: i64,
    /// RFC 3339.
    pub installed_at: String,
    /// The handle of who installed it.
    pub installed_by: String,
    /// Whether new runs use it.
    pub active: bool,
    /// When new runs last began to use it, RFC 3339; null: never.
    pub activated_at: Option<String>,
    /// Where it came from: `source`, and `signed_by` when its signature was checked.
    #[schema(value_type = Object)]
    pub provenance: Value,
    /// What it says of itself.
    #[schema(value_type = Object)]
    pub manifest: Value,
}

impl From<StoredPlugin> for PluginResponse {
    fn from(plugin: StoredPlugin) -> Self {
        Self {
            name: plugin.manifest.name.clone(),
            version: plugin.manifest.version.clone(),
            digest: plugin.digest,
            size: plugin.size,
            installed_at: plugin.installed_at.to_string(),
            installed_by: plugin.installed_by,
            active: plugin.active,
            activated_at: plugin.activated_at.map(|at| at.to_string()),
            provenance: value(&plugin.provenance),
            manifest: value(&plugin.manifest),
        }
    }
}

/// A revision of a document: a workflow or a playbook.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionResponse {
    /// Its name.
    pub name: String,
    /// From 1: the `ETag`.
    pub revision: i64,
    /// The document as it was saved.
    pub source: String,
    /// RFC 3339.
    pub created_at: String,
    /// The handle of who saved it.
    pub created_by: String,
    /// Whether this revision took it out of use.
    pub deleted: bool,
}

impl From<DocumentRevision> for RevisionResponse {
    fn from(revision: DocumentRevision) -> Self {
        Self {
            name: revision.name,
            revision: revision.revision,
            source: revision.source,
            created_at: revision.created_at.to_string(),
            created_by: revision.created_by,
            deleted: revision.deleted,
        }
    }
}

/// Somebody the platform knows.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonResponse {
    /// A UUID.
    pub id: String,
    /// Unique short name.
    pub handle: String,
    /// Full name.
    pub name: String,
    /// Address for mail.
    pub email: Option<String>,
    /// An IANA time zone.
    pub time_zone: Option<String>,
    /// Who they are in chat, by connection.
    pub chat: BTreeMap<String, String>,
    /// When they are away: `{from, until, reason}`.
    #[schema(value_type = Vec<Object>)]
    pub away: Value,
    /// Counts changes: the `ETag`.
    pub revision: i64,
}

impl From<person::Person> for PersonResponse {
    fn from(person: person::Person) -> Self {
        Self {
            id: person.id.to_string(),
            handle: person.handle,
            name: person.name,
            email: person.email,
            time_zone: person.profile.time_zone,
            away: value(&person.profile.away),
            chat: person.profile.chat,
            revision: person.revision,
        }
    }
}

/// A noun as JSON. The domain's nouns have string keys and finite numbers, so they always have one.
pub(super) fn value(noun: &impl Serialize) -> Value {
    serde_json::to_value(noun).unwrap_or_default()
}

fn word(noun: &impl Serialize) -> String {
    value(noun).as_str().unwrap_or_default().to_owned()
}
