//! A brief for people who join late: what happened, who is hit, what is done now, what was ruled out, and when more is said.
//! Made from the dossier and the end of the timeline; nothing in it is written by hand.

use serde::Serialize;

use super::{Dossier, alarm::Surroundings, cause::CauseStatus, task};
use crate::{
    dossier::task::TaskStatus,
    incident::{IncidentKind, Severity, Stage},
    time::Timestamp,
    timeline::Entry,
};

/// How many of the newest entries a brief shows beside the starred ones.
const RECENT: usize = 10;
/// How many starred entries it shows: the newest.
const STARRED: usize = 20;

/// What people who join have to know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Brief {
    /// `INC-42`.
    pub number: String,
    /// Real or practice.
    pub kind: IncidentKind,
    /// What happened.
    pub what: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where the response stands.
    pub stage: Stage,
    /// Since when people are affected, or since when it is known.
    pub since: Timestamp,
    /// What was found out, question by question.
    pub impact: Vec<Found>,
    /// Who acts in which role.
    pub roles: Vec<Acting>,
    /// What is being done: the open tasks that wait for nothing.
    pub doing_now: Vec<Doing>,
    /// What may be the reason.
    pub suspected: Vec<String>,
    /// What is the reason.
    pub confirmed: Vec<String>,
    /// What is not the reason.
    pub ruled_out: Vec<String>,
    /// What people were told last.
    pub last_update: Option<String>,
    /// When they are told more.
    pub next_update_at: Option<Timestamp>,
    /// Where people are: channels, bridges, documents.
    pub places: Vec<Place>,
    /// The entries that somebody starred, and the newest ones.
    pub timeline: Vec<Line>,
}

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The question.
    pub question: String,
    /// The answer; null: not yet known.
    pub answer: Option<String>,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acting {
    /// The role.
    pub role: String,
    /// The handle.
    pub person: String,
}

/// What is being done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doing {
    /// The task's number.
    pub task: u32,
    /// What.
    pub text: String,
    /// By whom.
    pub owner: Option<String>,
    /// Until when.
    pub due_at: Option<Timestamp>,
}

/// Where people are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// What it is.
    pub label: String,
    /// Its address.
    pub url: Option<String>,
}

/// An entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
    /// Whether somebody starred it.
    pub starred: bool,
}

/// Makes the brief; `entries` is the timeline as people read it, the oldest first, with the numbers of starred ones.
pub fn brief(dossier: &Dossier, entries: &[Entry], starred: &[i64], around: &Surroundings<'_>) -> Brief {
    let (incident, parts) = (&dossier.incident, &dossier.parts);
    let causes = |status: CauseStatus| {
        let of_status = parts.causes.iter().filter(move |cause| cause.status == status);
        of_status.map(|cause| cause.text.clone()).collect::<Vec<_>>()
    };
    let acting = |(role, holders): (&String, &crate::incident::Holders)| {
        let person = around.handle(holders.acting(|person| around.is_away(person)))?;
        Some(Acting { role: role.clone(), person })
    };
    let open = parts.tasks.iter().filter(|one| one.status == TaskStatus::Open);
    let now = open.filter(|one| {
        one.stage.is_none_or(|stage| stage <= incident.stage) && task::waits_for(&parts.tasks, one).is_empty()
    });
    let times = &incident.times;
    Brief {
        number: incident.reference(),
        kind: incident.kind,
        what: incident.title.clone(),
        severity: incident.severity,
        stage: incident.stage,
        since: times.impact_started_at.or(times.detected_at).unwrap_or(incident.created_at),
        impact: impact(dossier, around),
        roles: incident.roles.iter().filter_map(acting).collect(),
        doing_now: now
            .map(|one| Doing {
                task: one.head.number,
                text: one.text.clone(),
                owner: task::owner(one, incident, around),
                due_at: one.due_at,
            })
            .collect(),
        suspected: causes(CauseStatus::Suspected),
        confirmed: causes(CauseStatus::Confirmed),
        ruled_out: causes(CauseStatus::RuledOut),
        last_update: parts.updates.last().map(|update| update.text.clone()),
        next_update_at: incident.details.next_update_at,
        places: parts
            .artifacts
            .iter()
            .filter(|artifact| !artifact.removed)
            .map(|artifact| Place { label: artifact.label.clone(), url: artifact.url.clone() })
            .collect(),
        timeline: lines(entries, starred),
    }
}

fn impact(dossier: &Dossier, around: &Surroundings<'_>) -> Vec<Found> {
    let answers = &dossier.incident.details.answers;
    let questions = around.playbook.iter().flat_map(|playbook| &playbook.questions);
    questions
        .map(|question| Found {
            question: question.text.clone(),
            answer: answers.get(&question.id).map(|answer| answer.value.clone()),
        })
        .collect()
}

fn lines(entries: &[Entry], starred: &[i64]) -> Vec<Line> {
    let recent = entries.len().saturating_sub(RECENT);
    let first_star = starred.len().saturating_sub(STARRED);
    let shown = entries
        .iter()
        .enumerate()
        .filter(|(index, entry)| *index >= recent || starred[first_star..].contains(&entry.seq));
    shown
        .map(|(_, entry)| Line {
            seq: entry.seq,
            at: entry.entry.at,
            text: entry.entry.text.clone(),
            starred: starred.contains(&entry.seq),
        })
        .collect()
}

impl Brief {
    /// The brief as Markdown.
    pub fn markdown(&self) -> String {
        let mut lines = vec![
            format!("# {}: {}", self.number, self.what),
            String::new(),
            format!("{}, {}, since {}", self.severity, self.stage, self.since),
        ];
        let mut list = |title: &str, items: Vec<String>| {
            if !items.is_empty() {
                lines.extend([String::new(), format!("## {title}")]);
                lines.extend(items.iter().map(|item| format!("- {item}")));
            }
        };
        let answer =
            |found: &Found| format!("{} {}", found.question, found.answer.as_deref().unwrap_or("(not known yet)"));
        list("Impact", self.impact.iter().map(answer).collect());
        list("Who", self.roles.iter().map(|one| format!("{}: {}", one.role, one.person)).collect());
        let doing = |one: &Doing| {
            let who = one.owner.as_ref().map_or_else(|| "nobody yet".to_owned(), Clone::clone);
            let until = one.due_at.map_or_else(String::new, |due| format!(", until {due}"));
            format!("{} ({who}{until})", one.text)
        };
        list("Doing now", self.doing_now.iter().map(doing).collect());
        list("Suspected", self.suspected.clone());
        list("Confirmed", self.confirmed.clone());
        list("Ruled out", self.ruled_out.clone());
        let place = |place: &Place| format!("{} {}", place.label, place.url.as_deref().unwrap_or_default());
        list("Where", self.places.iter().map(|one| place(one).trim().to_owned()).collect());
        let next = self.next_update_at.map(|at| format!("next at {at}"));
        list("Updates", self.last_update.clone().into_iter().chain(next).collect());
        let line = |line: &Line| format!("{} {}{}", line.at, if line.starred { "★ " } else { "" }, line.text);
        list("Timeline", self.timeline.iter().map(line).collect());
        lines.push(String::new());
        lines.join("\n")
    }
}
