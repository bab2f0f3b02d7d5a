//! What an incident knows beside its stage: its playbook, what was found out, what is promised, who may see it. Kept as one
//! value: nothing here is searched by.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{id::IncidentId, time::Timestamp};

/// The most custom fields of an incident.
pub const MAX_FIELDS: usize = 50;

/// The details of an incident. What a value written earlier lacks is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Details {
    /// The playbook it began with.
    pub playbook: Option<PlaybookPin>,
    /// What was answered, by the question's identifier.
    pub answers: BTreeMap<String, Answer>,
    /// Custom fields: at most [`MAX_FIELDS`].
    pub fields: BTreeMap<String, Value>,
    /// Who is told of milestones.
    pub stakeholders: Vec<Contact>,
    /// When the next status update is promised.
    pub next_update_at: Option<Timestamp>,
    /// How often people were reminded of the promised update.
    pub update_reminders: u32,
    /// Whom to notify by when, by the playbook's identifier: from the moment its clock began.
    pub notifications: BTreeMap<String, Notification>,
    /// How many parts of the playbook's script have been told.
    pub injected: usize,
    /// What happens in the exercise, when it was opened with a script of its own.
    pub script: Vec<Injection>,
    /// How many alerts came beyond those that are kept.
    pub alerts_beyond: u64,
    /// The incident that this one is a duplicate of.
    pub merged_into: Option<IncidentId>,
    /// The handles of those who may see it; none: everybody.
    pub visible_to: Option<BTreeSet<String>>,
    /// Why it may be closed without a retrospective.
    pub waiver: Option<Waiver>,
}

/// A playbook as it was when the incident opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybookPin {
    /// Its name.
    pub name: String,
    /// Its revision.
    pub revision: i64,
}

/// What was answered to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The answer: 1 to 2,000 characters.
    pub value: String,
    /// The handle of who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Somebody who is told of milestones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The playbook's group.
    pub group: String,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: Option<String>,
    /// Their handle, when the platform knows them.
    pub handle: Option<String>,
}

/// A deadline that law or a contract sets, whose clock runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Who has to be told what.
    pub text: String,
    /// The stakeholder group it is about.
    pub group: Option<String>,
    /// When the clock began.
    pub began_at: Timestamp,
    /// By when.
    pub due_at: Timestamp,
    /// When it was done.
    pub done_at: Option<Timestamp>,
    /// The handle of who did it.
    pub done_by: Option<String>,
    /// How it was done.
    pub note: Option<String>,
    /// Whether people were told that a fifth of the time is left.
    pub warned: bool,
    /// Whether people were told that it was missed.
    pub missed: bool,
}

/// What is told at a time of an exercise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// How long after the drill was opened, in milliseconds.
    pub after_ms: u64,
    /// What happens.
    pub text: String,
    /// A signal that workflows hear.
    pub signal: Option<String>,
}

impl Injection {
    /// When it is told.
    pub fn at(&self, opened_at: Timestamp) -> Timestamp {
        opened_at.plus(Duration::from_millis(self.after_ms))
    }
}

/// Why there is no retrospective.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Why.
    pub reason: String,
    /// The handle of who decided it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}
