//! What happens to the parts of an incident: what triggers hear as `event: WORD`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Something that happened to a part of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: MilestoneKind,
    /// More, by field: what expressions see in `trigger`.
    #[serde(flatten)]
    pub about: Map<String, Value>,
}

macro_rules! milestones {
    ($($(#[$doc:meta])* $case:ident = $word:literal [$($field:literal),*],)*) => {
        /// What happens to the parts of an incident.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum MilestoneKind {
            $($(#[$doc])* #[serde(rename = $word)] $case,)*
        }

        impl MilestoneKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$case,)*];

            /// The word in `trigger.type`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$case => $word,)* }
            }

            /// The fields that `trigger` has with it, beside `type`, `at` and `event`.
            pub fn fields(self) -> &'static [&'static str] {
                match self { $(Self::$case => &[$($field),*],)* }
            }
        }
    };
}

milestones! {
    /// A task was done.
    TaskDone = "task.done" ["task", "id", "text", "by"],
    /// A task was opened again.
    TaskReopened = "task.reopened" ["task", "id", "text", "by"],
    /// A task was not done in time.
    TaskOverdue = "task.overdue" ["task", "id", "text", "owner", "due_at"],
    /// A status update was posted.
    UpdatePosted = "update.posted" ["update", "audience", "text", "next_at", "by"],
    /// A promised status update did not come.
    UpdateOverdue = "update.overdue" ["promised_at", "reminder"],
    /// What is thought of a cause changed.
    CauseChanged = "cause.changed" ["cause", "text", "status", "why", "by"],
    /// Whoever was given a role did not answer: the backup steps in.
    RoleUnanswered = "role.unanswered" ["role", "primary", "backup"],
    /// A deadline's clock began.
    DeadlineBegan = "deadline.began" ["deadline", "text", "group", "due_at"],
    /// A fifth of a deadline's time is left.
    DeadlineNear = "deadline.near" ["deadline", "text", "group", "due_at"],
    /// A deadline passed.
    DeadlineMissed = "deadline.missed" ["deadline", "text", "group", "due_at"],
    /// The retrospective was opened: people are asked for contributions.
    RetrospectiveOpened = "retrospective.opened" ["owner", "backup", "contributors", "contribute_by"],
    /// The retrospective is not published yet.
    RetrospectiveReminder = "retrospective.reminder" ["owner", "backup", "missing", "contribute_by"],
    /// Somebody contributed.
    Contributed = "retrospective.contributed" ["contribution", "person"],
    /// A version was published.
    RetrospectivePublished = "retrospective.published" ["version", "by"],
    /// A follow-up was made.
    FollowUpAdded = "follow_up.added" ["follow_up", "text", "owner", "due_at", "ticket"],
    /// A follow-up was not done in time.
    FollowUpOverdue = "follow_up.overdue" ["follow_up", "text", "owner", "due_at"],
    /// Something happened in an exercise.
    Injected = "drill.injected" ["number", "text", "signal"],
    /// Somebody took the incident.
    Acknowledged = "incident.acknowledged" ["by"],
    /// People are no longer affected.
    Mitigated = "incident.mitigated" ["by", "note"],
    /// Somebody asked for people to be paged.
    PageRequested = "page.requested" ["workflow", "who", "message", "by"],
    /// A duplicate was merged into the incident.
    Merged = "incident.merged" ["duplicate"],
}
