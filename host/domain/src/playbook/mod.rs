//! Playbooks: what a team decided beforehand for a kind of incident. A playbook is matched when an incident opens, and the
//! incident keeps the revision it began with. Knows neither people nor workflows: it names them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    alert::Labels,
    expression::{Expression, Template},
    incident::{IncidentKind, Severity, Stage},
};

mod check;
pub mod document;
pub(crate) mod fields;
pub mod fit;
mod stages;
#[cfg(test)]
mod tests;

/// A playbook.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// 1 to 64 of `a-z 0-9 -`, a letter first.
    pub name: String,
    /// What it is for, at most 500 characters.
    pub description: String,
    /// Which incidents it is for: any of these. None: it is only used when it is asked for.
    pub rules: Vec<Rule>,
    /// Of several that match, the highest is used; 0 to 100.
    pub priority: u32,
    /// The roles people take, in the order they are filled.
    pub roles: Vec<RolePlan>,
    /// What is done in which stage.
    pub stages: BTreeMap<Stage, StagePlan>,
    /// What has to be found out.
    pub questions: Vec<Question>,
    /// How often a status update is promised; severities that are absent follow [`default_cadence`].
    pub cadence: BTreeMap<Severity, Duration>,
    /// Whom to notify by when.
    pub deadlines: Vec<Deadline>,
    /// Who is told of milestones, by group.
    pub stakeholders: BTreeMap<String, Vec<Stakeholder>>,
    /// The workflow that pages people, when somebody asks for it.
    pub page: Option<String>,
    /// Messages with gaps, by name.
    pub templates: BTreeMap<String, MessageTemplate>,
    /// What is learned, and how.
    pub retrospective: RetrospectivePlan,
    /// After how long without use or review it counts as stale.
    pub review_after: Duration,
    /// What happens in a tabletop exercise, by the time since the drill was opened.
    pub script: Vec<Inject>,
}

/// Which incidents a playbook is for: every condition has to hold; one that is empty holds for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Of one of these kinds.
    pub kinds: BTreeSet<IncidentKind>,
    /// Of one of these severities.
    pub severities: BTreeSet<Severity>,
    /// With all of these labels; a value `*` stands for any.
    pub labels: Labels,
}

/// A role that an incident needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePlan {
    /// Its name, such as `commander`.
    pub name: String,
    /// The handle of the person who takes it.
    pub primary: Option<String>,
    /// The handle of the person who steps in.
    pub backup: Option<String>,
    /// How long the primary may be silent before the backup is used; none: for ever.
    pub answer_within: Option<Duration>,
}

/// What is done in a stage.
#[derive(Debug, Clone, Default)]
pub struct StagePlan {
    /// The checklist.
    pub tasks: Vec<TaskPlan>,
    /// Workflows that start when the stage is entered for the first time.
    pub workflows: Vec<WorkflowPlan>,
    /// What has to hold before the stage is left forward.
    pub exit: Vec<Criterion>,
}

/// An item of a checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPlan {
    /// Unique within the playbook: a CEL identifier.
    pub id: String,
    /// What to do, 1 to 500 characters.
    pub text: String,
    /// The role that owns it.
    pub role: Option<String>,
    /// The role that owns it when nobody of the first is there.
    pub backup: Option<String>,
    /// How long after its stage was entered it is due.
    pub due: Option<Duration>,
    /// The tasks that have to be done before; of any stage.
    pub needs: Vec<String>,
}

/// A workflow that a playbook brings.
#[derive(Debug, Clone)]
pub struct WorkflowPlan {
    /// Its name.
    pub name: String,
    /// Its inputs: an object that sees `incident` and `trigger`.
    pub with: Template,
}

/// Whether an unmet criterion stops people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardMode {
    /// The stage is not left without an override, which needs a reason.
    Block,
    /// The stage is left, and the timeline says what was unmet.
    Warn,
}

/// What has to hold before a stage is left.
#[derive(Debug, Clone)]
pub struct Criterion {
    /// Unique within the playbook: a CEL identifier.
    pub id: String,
    /// For people, 1 to 500 characters.
    pub text: String,
    /// Sees `incident` with its `answers`, `tasks`, `causes`, `roles`.
    pub when: Expression,
    /// What an unmet one does.
    pub mode: GuardMode,
}

/// Something to find out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Unique within the playbook: a CEL identifier. The answer is `incident.answers.ID`, null before it is given.
    pub id: String,
    /// The question, 1 to 500 characters.
    pub text: String,
    /// What may be answered; empty: any text of 1 to 2,000 characters.
    pub choices: Vec<String>,
}

/// Somebody to notify by a time that law or a contract sets.
#[derive(Debug, Clone)]
pub struct Deadline {
    /// Unique within the playbook: a CEL identifier.
    pub id: String,
    /// Who has to be told what, 1 to 500 characters.
    pub text: String,
    /// When the clock starts: the first time that this holds. Sees what criteria see.
    pub when: Expression,
    /// How long there is from then on.
    pub within: Duration,
    /// The stakeholder group it is about.
    pub group: Option<String>,
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stakeholder {
    /// Somebody the platform knows, by handle.
    Person(String),
    /// Somebody else.
    Contact {
        /// Their name.
        name: String,
        /// Their address.
        email: String,
    },
}

/// Whom a status update is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Those who respond.
    Internal,
    /// Those who have a stake: managers, sales, partners.
    Stakeholder,
    /// Everybody.
    Public,
}

/// A message with gaps.
#[derive(Debug, Clone)]
pub struct MessageTemplate {
    /// Whom it is for.
    pub audience: Audience,
    /// One string with `${{ }}`, which sees `incident`.
    pub text: Template,
}

/// What is learned, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrospectivePlan {
    /// The document's sections.
    pub sections: Vec<Section>,
    /// The role whose holder owns it.
    pub owner: String,
    /// The role whose holder steps in.
    pub backup: Option<String>,
    /// How long people have for their contributions.
    pub contribute_within: Duration,
    /// How often those who owe something are reminded.
    pub remind_every: Duration,
}

/// A section of a retrospective.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Section {
    /// A CEL identifier.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What people may write there.
    pub hint: String,
}

/// What is told in a tabletop exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inject {
    /// How long after the drill was opened.
    pub after: Duration,
    /// What happens, 1 to 500 characters.
    pub text: String,
    /// A signal that workflows hear.
    pub signal: Option<String>,
}

/// How often a status update is promised unless a playbook says otherwise.
pub fn default_cadence(severity: Severity) -> Duration {
    match severity {
        Severity::Sev1 => Duration::from_mins(30),
        Severity::Sev2 => Duration::from_hours(1),
        Severity::Sev3 => Duration::from_hours(4),
        Severity::Sev4 => Duration::from_hours(24),
    }
}

/// The retrospective of an incident without a playbook, and of one whose playbook says nothing of it.
pub fn default_retrospective() -> RetrospectivePlan {
    let section = |id: &str, title: &str, hint: &str| Section {
        id: id.to_owned(),
        title: title.to_owned(),
        hint: hint.to_owned(),
    };
    RetrospectivePlan {
        sections: vec![
            section("summary", "Summary", "What happened, in three sentences."),
            section("impact", "Impact", "Who was affected, how, and for how long."),
            section("highlights", "Timeline highlights", "What turned the course of it."),
            section("factors", "Contributing factors", "What made it possible or worse."),
            section("went_well", "What went well", "What to keep."),
            section("went_badly", "What went badly", "What to change."),
            section("learned", "What we learned", "What surprised us."),
        ],
        owner: "commander".to_owned(),
        backup: None,
        contribute_within: Duration::from_hours(72),
        remind_every: Duration::from_hours(24),
    }
}

impl Playbook {
    /// How often a status update is promised at a severity.
    pub fn cadence(&self, severity: Severity) -> Duration {
        self.cadence.get(&severity).copied().unwrap_or_else(|| default_cadence(severity))
    }

    /// Every task with the stage it belongs to, in the order of stages.
    pub fn tasks(&self) -> impl Iterator<Item = (Stage, &TaskPlan)> {
        self.stages.iter().flat_map(|(stage, plan)| plan.tasks.iter().map(|task| (*stage, task)))
    }
}
