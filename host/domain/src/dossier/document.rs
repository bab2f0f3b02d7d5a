//! The retrospective as one document, in Markdown. What is known by itself (times, answers, causes, the turning points of the
//! timeline) is made anew each time; what people write is theirs, so that neither overwrites the other.

use std::fmt::Write as _;

use super::{Dossier, Retrospective, alarm::Surroundings, cause::CauseStatus};
use crate::{
    incident::IncidentKind,
    time::{Timestamp, tell_duration},
    timeline::{Entry, EntryKind},
};

/// How many entries of the timeline the document shows: the starred ones and the changes of stage.
const MAX_HIGHLIGHTS: usize = 200;

/// Renders it. `entries` is the timeline, the oldest first, with the numbers of the starred ones.
pub fn render(
    dossier: &Dossier,
    retrospective: &Retrospective,
    entries: &[Entry],
    starred: &[i64],
    around: &Surroundings<'_>,
) -> String {
    let incident = &dossier.incident;
    let drill = if incident.kind == IncidentKind::Drill { " (drill)" } else { "" };
    let mut text = format!("# Retrospective of {}{drill}: {}\n", incident.reference(), incident.title);
    facts(&mut text, dossier, retrospective, around);
    for section in &retrospective.template {
        let written = retrospective.sections.get(&section.id).map(|text| text.trim()).filter(|text| !text.is_empty());
        let body = written.map_or_else(|| format!("_{}_", section.hint), str::to_owned);
        put(&mut text, &format!("\n## {}\n\n{body}\n", section.title));
    }
    list(&mut text, "Causes", causes(dossier));
    list(&mut text, "Turning points", highlights(entries, starred));
    let waits = dossier.parts.contributions.iter().filter(|one| one.given_at.is_some() && !one.merged);
    list(&mut text, "Contributions not merged yet", waits.map(|one| one.person.clone()).collect());
    list(&mut text, "Follow-ups", follow_ups(dossier));
    let proposals = dossier.parts.proposals.iter();
    let proposals = proposals.map(|one| format!("{} (from revision {}): {}", one.playbook, one.base, one.reason));
    list(&mut text, "Changes of playbooks", proposals.collect());
    text
}

fn put(text: &mut String, more: &str) {
    // Writing to a string does not fail.
    _ = text.write_str(more);
}

fn list(text: &mut String, title: &str, items: Vec<String>) {
    if items.is_empty() {
        return;
    }
    put(text, &format!("\n## {title}\n\n"));
    for item in items {
        put(text, &format!("- {}\n", item.replace('\n', " ")));
    }
}

fn facts(text: &mut String, dossier: &Dossier, retrospective: &Retrospective, around: &Surroundings<'_>) {
    let (incident, times) = (&dossier.incident, &dossier.incident.times);
    let began = times.impact_started_at.or(times.detected_at).unwrap_or(incident.created_at);
    put(text, &format!("\n- Severity: {}\n- Began: {began}\n", incident.severity));
    let since = |name: &str, at: Option<Timestamp>| {
        let took = |at: Timestamp| tell_duration(at.since(began));
        at.map_or_else(|| format!("- {name}: not known\n"), |at| format!("- {name}: {at}, after {}\n", took(at)))
    };
    put(text, &since("Acknowledged", times.acknowledged_at));
    put(text, &since("Mitigated", times.mitigated_at));
    put(text, &since("Resolved", times.resolved_at));
    let owner = retrospective.owner.as_deref().unwrap_or("nobody");
    put(text, &format!("- Owner of this document: {owner}\n"));
    for (role, holders) in &incident.roles {
        if let Some(handle) = around.handle(holders.acting(|person| around.is_away(person))) {
            put(text, &format!("- {role}: {handle}\n"));
        }
    }
    let questions = around.playbook.iter().flat_map(|playbook| &playbook.questions);
    let answers = questions.filter_map(|question| {
        let answer = incident.details.answers.get(&question.id)?;
        Some(format!("{} {}", question.text, answer.value))
    });
    list(text, "What was found out", answers.collect());
}

fn causes(dossier: &Dossier) -> Vec<String> {
    let mut causes: Vec<_> = dossier.parts.causes.iter().collect();
    causes.sort_by_key(|cause| match cause.status {
        CauseStatus::Confirmed => 0,
        CauseStatus::Suspected => 1,
        CauseStatus::RuledOut => 2,
    });
    let line = |cause: &&super::Cause| {
        let why = cause.why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        format!("{}: {}{why}", cause.status.as_str(), cause.text)
    };
    causes.iter().map(line).collect()
}

fn highlights(entries: &[Entry], starred: &[i64]) -> Vec<String> {
    let matters = |entry: &&Entry| entry.entry.kind == EntryKind::Stage || starred.contains(&entry.seq);
    let all: Vec<&Entry> = entries.iter().filter(matters).collect();
    let shown = &all[all.len().saturating_sub(MAX_HIGHLIGHTS)..];
    shown.iter().map(|entry| format!("{} {}", entry.entry.at, entry.entry.text)).collect()
}

fn follow_ups(dossier: &Dossier) -> Vec<String> {
    let line = |one: &super::FollowUp| {
        let owner = one.owner.as_deref().unwrap_or("nobody yet");
        let due = one.due_at.map_or_else(String::new, |due| format!(", due {due}"));
        let ticket = one.ticket.as_ref().map_or_else(String::new, |ticket| format!(", {ticket}"));
        let done = if one.done_at.is_some() { "done: " } else { "" };
        format!("{done}{} ({owner}{due}{ticket})", one.text)
    };
    dossier.parts.follow_ups.iter().map(line).collect()
}
