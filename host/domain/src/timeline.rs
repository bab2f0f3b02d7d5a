//! The timeline: append-only, typed entries, numbered within their incident.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{id::IncidentId, person::Actor, time::Timestamp};

/// What an entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The incident was opened.
    Opened,
    /// It entered a stage.
    Stage,
    /// Title, severity, labels or times were edited.
    Edited,
    /// A role was given or taken.
    Role,
    /// An alert joined or changed.
    Alert,
    /// A run started, waited or ended.
    Run,
    /// A step ended.
    Step,
    /// An approval was asked for or decided.
    Approval,
    /// A status update for people.
    Update,
    /// Something worth keeping: a link, a chart.
    Artifact,
    /// A note by a person or a plugin.
    Note,
    /// A task was made, given to somebody, ended or opened again.
    Task,
    /// A cause was named, confirmed or ruled out.
    Cause,
    /// A question was answered.
    Answer,
    /// A deadline's clock began; it is near, met or missed.
    Deadline,
    /// The retrospective was opened, edited or published, or somebody contributed.
    Retrospective,
    /// A follow-up was made, changed or is overdue.
    FollowUp,
    /// Something happened in an exercise.
    Injection,
    /// A duplicate was merged.
    Merge,
    /// Who may see the incident changed.
    Access,
    /// An earlier entry was starred, or its star was taken away.
    Star,
    /// Somebody wrote something to an earlier entry.
    Annotation,
    /// An earlier entry was wrong, and this is right.
    Correction,
}

impl EntryKind {
    /// The word of every kind.
    pub const WORDS: &'static [&'static str] = &[
        "opened",
        "stage",
        "edited",
        "role",
        "alert",
        "run",
        "step",
        "approval",
        "update",
        "artifact",
        "note",
        "task",
        "cause",
        "answer",
        "deadline",
        "retrospective",
        "follow_up",
        "injection",
        "merge",
        "access",
        "star",
        "annotation",
        "correction",
    ];
}

/// An entry before it has its number: the journal numbers entries when it commits them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewEntry {
    /// The incident.
    pub incident: IncidentId,
    /// What it tells.
    pub kind: EntryKind,
    /// When.
    pub at: Timestamp,
    /// Who or what.
    pub actor: Actor,
    /// One line, at most 2,000 characters.
    pub text: String,
    /// More for machines: an object, at most 1 MiB.
    pub data: Value,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number within the incident, from 1.
    pub seq: i64,
    /// The rest.
    #[serde(flatten)]
    pub entry: NewEntry,
}
