//! Who holds a role of an incident, and which of the two acts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{id::PersonId, time::Timestamp};

/// Who holds a role: a primary and a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holders {
    /// The person who acts.
    pub primary: Option<PersonId>,
    /// The person who acts when the primary is away or silent.
    pub backup: Option<PersonId>,
    /// When the role was given.
    pub given_at: Option<Timestamp>,
    /// How long the primary may be silent, in milliseconds.
    pub answer_within_ms: Option<u64>,
    /// When one of the two took it.
    pub taken_at: Option<Timestamp>,
    /// Whether the backup acts.
    pub stepped_in: bool,
}

impl Holders {
    /// Two people.
    pub fn of(primary: Option<PersonId>, backup: Option<PersonId>) -> Self {
        Self { primary, backup, ..Self::default() }
    }

    /// Whether they are the same people.
    pub fn are(&self, primary: Option<PersonId>, backup: Option<PersonId>) -> bool {
        self.primary == primary && self.backup == backup
    }

    /// Who acts: the primary; the backup where there is no primary, where it stepped in, or while the primary is away and
    /// the backup is not.
    pub fn acting(&self, is_away: impl Fn(PersonId) -> bool) -> Option<PersonId> {
        let (Some(primary), Some(backup)) = (self.primary, self.backup) else { return self.primary.or(self.backup) };
        let backup_acts = self.stepped_in || (is_away(primary) && !is_away(backup));
        Some(if backup_acts { backup } else { primary })
    }

    /// When silence makes the backup step in.
    pub fn answer_by(&self) -> Option<Timestamp> {
        if self.taken_at.is_some() || self.stepped_in || self.backup.is_none() || self.primary.is_none() {
            return None;
        }
        Some(self.given_at?.plus(Duration::from_millis(self.answer_within_ms?)))
    }
}
