//! An incident and its stage machine. [`Incident::enter`] is the one function that changes a stage; whatever asks for a
//! change (a person, a workflow, the chat) goes through it, so that every change emits its triggers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use super::{
    alert::Labels,
    id::{IncidentId, PersonId},
    time::Timestamp,
};

mod details;
mod holders;

pub use details::{Answer, Contact, Details, Injection, MAX_FIELDS, Notification, PlaybookPin, Waiver};
pub use holders::Holders;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$case_doc])* #[serde(rename = $word)] $case,)*
        }

        impl $name {
            /// Every case, in order.
            pub const ALL: &'static [Self] = &[$(Self::$case,)*];

            /// The word the API uses.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$case => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|case| case.as_str() == text).ok_or_else(|| UnknownWord {
                    noun: stringify!($name).to_lowercase(),
                    text: text.chars().take(64).collect(),
                    known: Self::ALL.iter().map(|case| case.as_str()).collect(),
                })
            }
        }
    };
}

/// A word outside a fixed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {noun}: one of {} is wanted", known.join(", "))]
pub struct UnknownWord {
    /// The noun, in lower case.
    pub noun: String,
    /// What was given.
    pub text: String,
    /// What would be right.
    pub known: Vec<&'static str>,
}

words! {
    /// Whether it is real.
    IncidentKind {
        /// People are affected.
        Incident = "incident",
        /// Practice: everything is simulated, and it counts in no metric.
        Drill = "drill",
    }
}

words! {
    /// How bad it is; `sev1` is the worst.
    Severity {
        /// Everything stops for it.
        Sev1 = "sev1",
        /// Serious.
        Sev2 = "sev2",
        /// To be handled in working hours.
        Sev3 = "sev3",
        /// To be noted.
        Sev4 = "sev4",
    }
}

words! {
    /// Where the response stands.
    Stage {
        /// Somebody or something raised it.
        Alerting = "alerting",
        /// Who and what is hit.
        Triage = "triage",
        /// Why, and what helps.
        Investigate = "investigate",
        /// The fix is confirmed; everybody is told.
        Resolution = "resolution",
        /// What is learned.
        Retrospective = "retrospective",
        /// Done.
        Closed = "closed",
        /// It was none.
        Canceled = "canceled",
    }
}

impl Stage {
    /// Whether alerts of its group still join the incident.
    pub fn takes_alerts(self) -> bool {
        matches!(self, Self::Alerting | Self::Triage | Self::Investigate | Self::Resolution)
    }
}

/// The editable, audited times that metrics use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When people began to be affected.
    pub impact_started_at: Option<Timestamp>,
    /// When it was noticed.
    pub detected_at: Option<Timestamp>,
    /// When somebody took it.
    pub acknowledged_at: Option<Timestamp>,
    /// When people stopped being affected.
    pub mitigated_at: Option<Timestamp>,
    /// When the fix was confirmed.
    pub resolved_at: Option<Timestamp>,
}

/// Where an incident came from, when an alert opened it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The source's name.
    pub source: String,
    /// The group that joins it while it is open.
    pub group_key: String,
}

/// What people handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Identifier.
    pub id: IncidentId,
    /// Its number: 42 is written `INC-42`.
    pub number: u32,
    /// Real or practice.
    pub kind: IncidentKind,
    /// 1 to 200 characters.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where the response stands.
    pub stage: Stage,
    /// Labels: at most 64.
    pub labels: Labels,
    /// Who holds which role.
    pub roles: BTreeMap<String, Holders>,
    /// The times metrics use.
    pub times: Times,
    /// The alert group that opened it.
    pub origin: Option<Origin>,
    /// Whether alerts of the origin's group join it: at most one incident of a group at a time.
    pub claims_alerts: bool,
    /// The incident this one repeats.
    pub recurrence_of: Option<IncidentId>,
    /// What it knows beside that.
    pub details: Details,
    /// When it wants to be looked at by the clock; none: never by itself.
    pub due_at: Option<Timestamp>,
    /// Stages it has ever entered: tells a first entry.
    pub entered: BTreeSet<Stage>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts what people edit (the `ETag`); alerts and timeline entries do not bump it.
    pub revision: i64,
    /// Counts every change of the row: what writers compare and set.
    pub version: i64,
}

/// A stage was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// Where it came from.
    pub from: Stage,
    /// Where it is now.
    pub to: Stage,
    /// Whether it had never been there.
    pub first: bool,
    /// Why, when a reason was given.
    pub reason: Option<String>,
}

/// Why a stage cannot be entered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// It is there.
    #[error("the incident is already in stage {0}")]
    Same(Stage),
    /// Going back needs a reason.
    #[error("going back from {from} to {to} needs a reason")]
    BackwardNeedsReason {
        /// The stage it is in.
        from: Stage,
        /// The stage asked for.
        to: Stage,
    },
    /// What the playbook wants before the stage is left does not hold.
    #[error("{} unmet: {}; give `override` with a reason to go on all the same", count(.0.len()), .0.join("; "))]
    Unmet(Vec<String>),
    /// A retrospective that is not published.
    #[error("the retrospective is not published: publish it, or waive it with a reason")]
    RetrospectiveOpen,
    /// Closing is only from the retrospective.
    #[error("{0} cannot be closed: only an incident in stage retrospective can")]
    CloseOnlyFromRetrospective(Stage),
    /// Canceling is only early.
    #[error("{0} cannot be canceled: only an incident in stage alerting or triage can")]
    CancelOnlyEarly(Stage),
    /// Canceling needs a reason.
    #[error("canceling needs a reason, such as false_alarm or duplicate")]
    CancelNeedsReason,
    /// Reopening leads to one stage.
    #[error("a {0} incident can only be reopened, to stage investigate")]
    ReopenOnlyToInvestigate(Stage),
}

fn count(criteria: usize) -> String {
    if criteria == 1 { "one criterion is".to_owned() } else { format!("{criteria} criteria are") }
}

impl Incident {
    /// `INC-42`.
    pub fn reference(&self) -> String {
        format!("INC-{}", self.number)
    }

    /// Enters a stage, or says why not. Also keeps the times that a stage implies, where nobody had set them; that
    /// somebody took it is said by [`Incident::acknowledge`], because a workflow that changes the stage is nobody. Bumps
    /// `revision` and `version`.
    pub fn enter(&mut self, to: Stage, reason: Option<&str>, at: Timestamp) -> Result<Entered, StageError> {
        let from = self.stage;
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        // A duplicate ends wherever it stands: its work goes on in the other incident.
        let merged = to == Stage::Canceled && self.details.merged_into.is_some() && from < Stage::Retrospective;
        if !merged {
            allowed(from, to, reason)?;
        }
        self.stage = to;
        let first = self.entered.insert(to);
        if to == Stage::Resolution {
            self.times.mitigated_at.get_or_insert(at);
            self.times.resolved_at = Some(at);
        } else if to < Stage::Resolution {
            self.times.resolved_at = None;
        }
        self.touch(at);
        Ok(Entered { from, to, first, reason: reason.map(str::to_owned) })
    }

    /// Notes that a person took it; whether nobody had before. Neither stage nor role changes.
    pub fn acknowledge(&mut self, at: Timestamp) -> bool {
        let is_first = self.times.acknowledged_at.is_none();
        self.times.acknowledged_at.get_or_insert(at);
        is_first
    }

    /// Notes that people are no longer affected; whether nobody had before. The stage stays: the fix is not confirmed yet.
    pub fn mitigate(&mut self, at: Timestamp) -> bool {
        let is_first = self.times.mitigated_at.is_none();
        self.times.mitigated_at.get_or_insert(at);
        is_first
    }

    /// Everybody who holds a role, each once, in the order of the roles.
    pub fn people(&self) -> Vec<PersonId> {
        let mut people = Vec::new();
        for holders in self.roles.values() {
            for id in [holders.primary, holders.backup].into_iter().flatten() {
                if !people.contains(&id) {
                    people.push(id);
                }
            }
        }
        people
    }

    /// Whether it is over, in whichever way.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Closed | Stage::Canceled)
    }

    /// Whether somebody may see it.
    pub fn is_visible_to(&self, handle: &str) -> bool {
        self.details.visible_to.as_ref().is_none_or(|handles| handles.contains(handle))
    }

    /// Counts a change that people made.
    pub fn touch(&mut self, at: Timestamp) {
        self.revision += 1;
        self.version += 1;
        self.updated_at = at;
    }
}

fn allowed(from: Stage, to: Stage, reason: Option<&str>) -> Result<(), StageError> {
    match (from, to) {
        _ if from == to => Err(StageError::Same(from)),
        (Stage::Closed | Stage::Canceled, Stage::Investigate) | (Stage::Retrospective, Stage::Closed) => Ok(()),
        (Stage::Closed | Stage::Canceled, _) => Err(StageError::ReopenOnlyToInvestigate(from)),
        (_, Stage::Closed) => Err(StageError::CloseOnlyFromRetrospective(from)),
        (Stage::Alerting | Stage::Triage, Stage::Canceled) => reason.map(drop).ok_or(StageError::CancelNeedsReason),
        (_, Stage::Canceled) => Err(StageError::CancelOnlyEarly(from)),
        _ if to < from && reason.is_none() => Err(StageError::BackwardNeedsReason { from, to }),
        _ => Ok(()),
    }
}
