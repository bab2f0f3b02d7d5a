//! The retrospective: a draft with sections, what each participant contributes, the versions that were published, the work
//! and the changes of playbooks that came of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Head;
use crate::{playbook::Section, time::Timestamp};

/// Where a retrospective stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetrospectiveStatus {
    /// It is being written.
    Draft,
    /// The incident was reopened: nobody is asked or reminded.
    Paused,
    /// A version is published; editing goes on to the next one.
    Published,
}

/// What is learned of an incident. There is one, from the moment the incident enters `resolution`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retrospective {
    /// Number (1) and revision.
    #[serde(flatten)]
    pub head: Head,
    /// Where it stands.
    pub status: RetrospectiveStatus,
    /// The handle of who owns it.
    pub owner: Option<String>,
    /// The handle of who steps in.
    pub backup: Option<String>,
    /// The template it follows.
    pub template: Vec<Section>,
    /// What is written, by section: each at most 20,000 characters.
    pub sections: BTreeMap<String, String>,
    /// By when people are asked to contribute.
    pub contribute_by: Timestamp,
    /// How often those who owe something are reminded, in milliseconds.
    pub remind_every_ms: u64,
    /// When they are reminded next.
    pub remind_at: Option<Timestamp>,
}

/// What one participant is asked for, and what they wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// Number and revision.
    #[serde(flatten)]
    pub head: Head,
    /// The handle of the participant.
    pub person: String,
    /// When they were asked.
    pub asked_at: Timestamp,
    /// By when they are asked.
    pub due_at: Timestamp,
    /// What they wrote, by section: each at most 5,000 characters.
    pub sections: BTreeMap<String, String>,
    /// When they gave it; none: not yet.
    pub given_at: Option<Timestamp>,
    /// Whether it is part of the draft.
    pub merged: bool,
    /// How often they were reminded.
    pub reminders: u32,
}

/// Work that a retrospective produced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// Number and revision.
    #[serde(flatten)]
    pub head: Head,
    /// What to do: 1 to 500 characters.
    pub text: String,
    /// The handle of the owner.
    pub owner: Option<String>,
    /// When it is due.
    pub due_at: Option<Timestamp>,
    /// Where it is worked on: a reference or an address.
    pub ticket: Option<String>,
    /// When it was done.
    pub done_at: Option<Timestamp>,
    /// Whether people were told that it is overdue.
    pub overdue: bool,
}

/// A version that was published. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Number and revision.
    #[serde(flatten)]
    pub head: Head,
    /// The whole document, as Markdown.
    pub text: String,
    /// The handle of who published it.
    pub by: String,
}

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalStatus {
    /// Nobody has decided.
    Proposed,
    /// It is the playbook's new revision.
    Applied,
    /// It was refused.
    Refused,
}

/// A change of a playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Number and revision.
    #[serde(flatten)]
    pub head: Head,
    /// The playbook.
    pub playbook: String,
    /// The revision it changes.
    pub base: i64,
    /// The whole new document.
    pub source: String,
    /// What differs, as a unified diff.
    pub diff: String,
    /// Why.
    pub reason: String,
    /// The handle of who proposed it.
    pub by: String,
    /// Where it stands.
    pub status: ProposalStatus,
    /// The handle of who decided.
    pub decided_by: Option<String>,
    /// The revision it became.
    pub applied_as: Option<i64>,
}
