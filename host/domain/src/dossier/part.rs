//! What all parts of an incident have in common: a number within their kind, a revision, and how they are kept.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Artifact, Cause, Contribution, FollowUp, Proposal, Publication, Retrospective, Task, Update};
pub use crate::dossier::head::Head;
use crate::{id::IncidentId, time::Timestamp};

/// The kinds of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// [`Task`].
    Task,
    /// [`Cause`].
    Cause,
    /// [`Update`].
    Update,
    /// [`Artifact`].
    Artifact,
    /// [`Retrospective`].
    Retrospective,
    /// [`Contribution`].
    Contribution,
    /// [`FollowUp`].
    FollowUp,
    /// [`Publication`].
    Publication,
    /// [`Proposal`].
    Proposal,
}

/// A part of an incident.
pub trait Part: Clone + PartialEq + Serialize + DeserializeOwned {
    /// Its kind.
    const KIND: PartKind;
    /// What people call it.
    const NOUN: &'static str;
    /// The most of them that an incident has.
    const MOST: usize;
    /// What it begins with.
    fn head(&self) -> &Head;
    /// The same, to change.
    fn head_mut(&mut self) -> &mut Head;
}

/// A part as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct PartRow {
    /// The incident.
    pub incident: IncidentId,
    /// Its kind.
    pub kind: PartKind,
    /// Its number.
    pub number: u32,
    /// The part as JSON.
    pub document: Value,
}

macro_rules! parts {
    ($($(#[$doc:meta])* $field:ident: $part:ident = $noun:literal, $most:literal;)*) => {
        /// The parts of one incident, each kind in the order of numbers.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Parts {
            $($(#[$doc])* pub $field: Vec<$part>,)*
        }

        $(impl Part for $part {
            const KIND: PartKind = PartKind::$part;
            const NOUN: &'static str = $noun;
            const MOST: usize = $most;

            fn head(&self) -> &Head {
                &self.head
            }

            fn head_mut(&mut self) -> &mut Head {
                &mut self.head
            }
        })*

        impl Parts {
            /// Takes in a part as it was kept.
            pub fn add(&mut self, row: PartRow) -> Result<(), serde_json::Error> {
                match row.kind {
                    $(PartKind::$part => self.$field.push(serde_json::from_value(row.document)?),)*
                }
                Ok(())
            }

            /// What differs from an earlier state, ready to be kept: new and changed parts. Their revisions and times are set.
            pub fn changes(&mut self, before: &Self, incident: IncidentId, at: Timestamp) -> Vec<PartRow> {
                let mut rows = Vec::new();
                $(changes(&mut self.$field, &before.$field, incident, at, &mut rows);)*
                rows
            }
        }
    };
}

parts! {
    /// What is to be done.
    tasks: Task = "task", 500;
    /// What may be the reason.
    causes: Cause = "cause", 200;
    /// What people were told.
    updates: Update = "update", 2_000;
    /// What is worth keeping.
    artifacts: Artifact = "artifact", 500;
    /// What is learned: none, or one.
    retrospective: Retrospective = "retrospective", 1;
    /// What people wrote for it.
    contributions: Contribution = "contribution", 100;
    /// The work it produced.
    follow_ups: FollowUp = "follow-up", 200;
    /// Its published versions.
    publications: Publication = "version", 100;
    /// What is to change in playbooks.
    proposals: Proposal = "proposal", 50;
}

fn changes<P: Part>(now: &mut [P], before: &[P], incident: IncidentId, at: Timestamp, rows: &mut Vec<PartRow>) {
    for (index, part) in now.iter_mut().enumerate() {
        match before.get(index) {
            Some(known) if known == part => continue,
            Some(_) => {
                part.head_mut().revision += 1;
                part.head_mut().updated_at = at;
            }
            None => {}
        }
        let document = serde_json::to_value(&*part).unwrap_or_default();
        rows.push(PartRow { incident, kind: P::KIND, number: part.head().number, document });
    }
}

/// The head of the next part of a kind; none when there are as many as an incident may have.
pub fn next<P: Part>(parts: &[P], at: Timestamp) -> Option<Head> {
    let number = u32::try_from(parts.len()).unwrap_or(u32::MAX) + 1;
    (parts.len() < P::MOST).then_some(Head { number, revision: 1, created_at: at, updated_at: at })
}

/// The part of a number.
pub fn find<P: Part>(parts: &mut [P], number: u32) -> Option<&mut P> {
    parts.iter_mut().find(|part| part.head().number == number)
}
