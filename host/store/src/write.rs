//! What may be written together: a guard, which is one row that must be as the writer saw it, and its dependants, which are
//! written only if the guard went in.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::statement::SEPARATOR;
use wardroom_domain::{
    alert::Alert,
    audit::AuditEntry,
    connection::Connection,
    dossier::PartRow,
    event::{Event, TriggerOutcome},
    grant::{GrantRequest, PluginGrant},
    id::{EventId, ScheduleId, SilenceId, TokenId},
    incident::Incident,
    intake::{Source, silence::Silence},
    limits::CallLimits,
    pause::{Pause, PauseScope},
    person::{Person, Token},
    plugin::{Manifest, Provenance},
    run::{Approval, AttemptRecord, Run},
    schedule::{Owner, State, Tick},
    time::Timestamp,
    timeline::NewEntry,
};

/// A logical write.
#[derive(Debug, Clone)]
pub struct Write {
    /// The row everything hangs on.
    pub guard: Guard,
    /// What is written with it.
    pub then: Vec<Dependant>,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is on disk.
    Applied,
    /// The guard's row was not as the writer saw it: nothing was written. Read again and decide anew.
    Lost,
}

/// The row a write hangs on.
#[derive(Debug, Clone)]
pub enum Guard {
    /// A new incident; lost when its group is claimed by another.
    NewIncident(Box<Incident>),
    /// A changed incident, its version one higher than the row's.
    Incident(Box<Incident>),
    /// A new run with its steps; lost when its event has started its workflow before.
    NewRun(Box<Run>),
    /// A changed run, its version one higher than the row's, and the indices of the steps that changed.
    Run(Box<Run>, Vec<usize>),
    /// A new event that hangs on nothing else.
    NewEvent(Box<Event>),
    /// An event that was dispatched; lost when it had been.
    Dispatched(EventId),
    /// An idempotency key; lost when it is there.
    Key(KeyRecord),
    /// A new schedule; lost when its name is taken.
    NewSchedule(Box<StoredSchedule>),
    /// A changed schedule, its version one higher than the row's.
    Schedule(Box<StoredSchedule>),
    /// The end of a schedule at this version.
    ScheduleOff(String, i64),
    /// A document's next revision; lost when that number is taken.
    Document(Box<DocumentRevision>),
    /// The next revisions of several documents, all or none; lost when any of the numbers is taken. At most 1,000.
    Documents(Vec<DocumentRevision>),
    /// That a playbook was reviewed, in place of an earlier review.
    Review(Review),
    /// A plugin with its component. An active one becomes the version of its name that new runs use; another is only kept.
    Plugin(Box<StoredPlugin>, Vec<u8>),
    /// A version that is kept becomes the one new runs use; lost when it is gone.
    PluginOn {
        /// The plugin.
        name: String,
        /// Its component's SHA-256.
        digest: String,
        /// When.
        at: Timestamp,
    },
    /// What a plugin was given, new or replaced.
    PluginGrant(String, PluginGrant),
    /// What a plugin may use, new or replaced.
    PluginLimits(String, CallLimits),
    /// A grant that somebody asks for; nothing is written when it waits already or was rejected.
    GrantAsked(Box<GrantRequest>),
    /// A grant request's decision; lost when it was approved before.
    GrantDecided(Box<GrantRequest>),
    /// A plugin's name that goes out of use; lost when none is in use.
    PluginOff(String),
    /// A connection's next revision; lost when that number is taken.
    Connection(Box<Connection>),
    /// A source of alerts, new or replaced.
    Source(Box<Source>),
    /// The end of a source's settings; lost when there are none.
    SourceOff(String),
    /// A silence, new or changed.
    Silence(Box<Silence>),
    /// Alerts that a silence silenced.
    Silenced {
        /// The silence.
        silence: SilenceId,
        /// How many.
        alerts: i64,
        /// When.
        at: Timestamp,
    },
    /// A sealed secret, new or replaced.
    Secret(SealedSecret),
    /// A new person; lost when the handle is taken.
    Person(Box<Person>),
    /// A changed person, its revision one higher than the row's.
    PersonChange(Box<Person>),
    /// A new token.
    Token(Box<Token>),
    /// The end of a token; lost when there is no such token, or it has ended before.
    TokenOff(TokenId, Timestamp),
    /// A hold on automation, new or replaced.
    Pause(Pause),
    /// The end of a hold; lost when there is none.
    Resume(PauseScope),
}

/// What is written with a guard.
#[derive(Debug, Clone)]
pub enum Dependant {
    /// A new incident.
    NewIncident(Box<Incident>),
    /// A new run with its steps.
    NewRun(Box<Run>),
    /// How a call ended.
    Attempt(AttemptRecord),
    /// An approval, new or changed.
    Approval(Approval),
    /// A part of an incident, new or changed.
    Part(PartRow),
    /// A timeline entry; it gets its number when it is committed.
    Entry(NewEntry),
    /// An event for the dispatcher.
    Event(Event),
    /// What an event meant for a workflow.
    Outcome(TriggerOutcome),
    /// An alert, new or changed.
    Alert(Alert),
    /// What became of a schedule's time; takes the place of an earlier word on it.
    Tick(ScheduleId, Tick),
    /// The definition of a schedule that something else owns, new or changed. What it did so far stays; it is looked at at
    /// once. Nothing is written when the document is the same.
    Define(Box<StoredSchedule>),
    /// The end of a schedule.
    DropSchedule(String),
    /// A workflow's schedules behind the first so many go.
    Undefine {
        /// The workflow.
        workflow: String,
        /// How many stay.
        stay: i64,
    },
    /// An idempotency key.
    Key(KeyRecord),
    /// What a plugin was given, new or replaced.
    PluginGrant(String, PluginGrant),
    /// A grant request, new or changed.
    GrantRequest(Box<GrantRequest>),
    /// Who changed the platform.
    Audit(AuditEntry),
    /// The picture of the platform became older than this.
    CatalogChanged,
}

/// What an idempotency key was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Whose key it is.
    pub scope: String,
    /// The key.
    pub key: String,
    /// A hash of the request.
    pub request: String,
    /// The identifier of what it made.
    pub made: String,
    /// When.
    pub at: Timestamp,
}

/// A schedule as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSchedule {
    /// Its name.
    pub name: String,
    /// Identifier.
    pub id: ScheduleId,
    /// Whose it is.
    pub owner: Owner,
    /// Counts the scheduled triggers of a workflow from 1; 0 for others.
    pub position: i64,
    /// The definition, as JSON.
    pub document: Value,
    /// Counts changes of the document, from 1.
    pub revision: i64,
    /// When the document changed.
    pub updated_at: Timestamp,
    /// The handle of who changed it.
    pub updated_by: String,
    /// What it has done so far.
    pub state: State,
    /// Counts every change: what writers compare and set.
    pub version: i64,
}

/// The kinds of documents that are kept as revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A workflow.
    Workflow,
    /// A playbook.
    Playbook,
}

impl DocumentKind {
    /// The noun.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Playbook => "playbook",
        }
    }

    /// Where its revisions are.
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Workflow => "workflow_revisions",
            Self::Playbook => "playbook_revisions",
        }
    }
}

/// That somebody looked at a playbook and found it good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The playbook.
    pub playbook: String,
    /// When.
    pub at: Timestamp,
    /// The handle of who did.
    pub by: String,
}

/// A document as it was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRevision {
    /// What it is.
    pub kind: DocumentKind,
    /// Its name.
    pub name: String,
    /// From 1.
    pub revision: i64,
    /// The document's text.
    pub source: String,
    /// When it was saved.
    pub created_at: Timestamp,
    /// The handle of who saved it.
    pub created_by: String,
    /// Whether this revision takes it out of use.
    pub deleted: bool,
}

/// An installed plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPlugin {
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The component's size in bytes.
    pub size: i64,
    /// When it was installed.
    pub installed_at: Timestamp,
    /// The handle of who installed it.
    pub installed_by: String,
    /// Whether new runs use it.
    pub active: bool,
    /// When new runs last began to use it.
    pub activated_at: Option<Timestamp>,
    /// Where it came from.
    pub provenance: Provenance,
}

/// A secret as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Its name.
    pub name: String,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
    /// When it was set.
    pub updated_at: Timestamp,
    /// The handle of who set it.
    pub updated_by: String,
}

impl Guard {
    /// The guarded row: a batch holds at most one write per row, because both databases apply only one of two rows of a
    /// statement that hit the same target.
    pub(super) fn row(&self) -> String {
        match self {
            Self::NewIncident(incident) | Self::Incident(incident) => format!("incident {}", incident.id),
            Self::NewRun(run) | Self::Run(run, _) => format!("run {}", run.id),
            Self::NewEvent(event) => format!("event {}", event.id),
            Self::Dispatched(event) => format!("event {event}"),
            Self::NewSchedule(schedule) | Self::Schedule(schedule) => format!("schedule {}", schedule.name),
            Self::ScheduleOff(name, _) => format!("schedule {name}"),
            Self::Key(key) => format!("key {}{SEPARATOR}{}", key.scope, key.key),
            Self::Document(revision) => format!("{} {}", revision.kind.as_str(), revision.name),
            Self::Documents(_) => "documents".to_owned(),
            Self::Review(review) => format!("review {}", review.playbook),
            Self::Plugin(plugin, _) => format!("plugin {}", plugin.manifest.name),
            Self::PluginOff(name) | Self::PluginOn { name, .. } => format!("plugin {name}"),
            Self::PluginGrant(name, _) => format!("plugin grant {name}"),
            Self::PluginLimits(name, _) => format!("plugin limits {name}"),
            Self::GrantAsked(request) | Self::GrantDecided(request) => format!("grant request {}", request.id),
            Self::Connection(connection) => format!("connection {}", connection.name),
            Self::Source(source) => format!("source {}", source.name),
            Self::SourceOff(name) => format!("source {name}"),
            Self::Silence(silence) => format!("silence {}", silence.id),
            Self::Silenced { silence, .. } => format!("silence {silence}"),
            Self::Secret(secret) => format!("secret {}", secret.name),
            Self::Person(person) | Self::PersonChange(person) => format!("person {}", person.handle),
            Self::Token(token) => format!("token {}", token.id),
            Self::TokenOff(id, _) => format!("token {id}"),
            Self::Pause(pause) => format!("pause {:?}", pause.scope),
            Self::Resume(scope) => format!("pause {scope:?}"),
        }
    }
}
