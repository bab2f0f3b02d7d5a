//! What comes to an incident by the clock: overdue tasks and updates, roles that nobody takes, deadlines, reminders, the
//! script of an exercise. [`next`] says when to look again, and [`ring()`] does what is due; it tells everything once, because
//! the dossier remembers what was told.

use std::time::Duration;

use serde_json::json;

use super::{Dossier, Told, retrospective::RetrospectiveStatus, task::TaskStatus};
pub use crate::dossier::surroundings::Surroundings;
use crate::{
    incident::{Holders, IncidentKind, Notification, Stage},
    milestone::MilestoneKind,
    time::{Timestamp, tell_duration},
    timeline::EntryKind,
};

/// How often people are reminded of a promised update.
pub const MAX_REMINDERS: u32 = 10;

/// When a dossier wants to be looked at; none: never by itself.
pub fn next(dossier: &Dossier, around: &Surroundings<'_>) -> Option<Timestamp> {
    let follow_ups = dossier.parts.follow_ups.iter().filter(|one| !one.overdue && one.done_at.is_none());
    let follow_ups = follow_ups.filter_map(|one| one.due_at);
    if dossier.incident.is_over() {
        return follow_ups.min();
    }
    let tasks = dossier.parts.tasks.iter().filter(|task| task.status == TaskStatus::Open && !task.overdue);
    let tasks = tasks.filter_map(|task| task.due_at);
    let roles = dossier.incident.roles.values().filter_map(Holders::answer_by);
    let notifications = dossier.incident.details.notifications.values().filter_map(next_warning);
    let retrospective = dossier.parts.retrospective.iter().filter(|one| one.status == RetrospectiveStatus::Draft);
    let retrospective = retrospective.filter_map(|one| one.remind_at);
    let one_at_a_time = update_due(dossier, around).into_iter().chain(next_injection(dossier).map(|(at, ..)| at));
    follow_ups.chain(tasks).chain(roles).chain(notifications).chain(retrospective).chain(one_at_a_time).min()
}

/// Does what is due.
pub fn ring(dossier: &mut Dossier, around: &Surroundings<'_>, told: &mut Told) {
    follow_ups(dossier, around.now, told);
    if dossier.incident.is_over() {
        return;
    }
    tasks(dossier, around, told);
    update(dossier, around, told);
    roles(dossier, around, told);
    notifications(dossier, around.now, told);
    retrospective(dossier, around.now, told);
    injections(dossier, around.now, told);
}

fn tasks(dossier: &mut Dossier, around: &Surroundings<'_>, told: &mut Told) {
    let incident = &dossier.incident;
    for task in &mut dossier.parts.tasks {
        let due = task.due_at.filter(|due| *due <= around.now);
        let Some(due) = due.filter(|_| task.status == TaskStatus::Open && !task.overdue) else { continue };
        task.overdue = true;
        let owner = super::task::owner(task, incident, around);
        let whose = owner.as_ref().map_or_else(|| "nobody's".to_owned(), |owner| format!("{owner}'s"));
        let about =
            json!({ "task": task.head.number, "id": task.id, "text": task.text, "owner": owner, "due_at": due });
        told.entry(
            EntryKind::Task,
            format!("{whose} task {} is overdue: {}", task.head.number, task.text),
            about.clone(),
        );
        told.milestone(MilestoneKind::TaskOverdue, about);
    }
}

fn update_due(dossier: &Dossier, around: &Surroundings<'_>) -> Option<Timestamp> {
    let details = &dossier.incident.details;
    let reminders = details.update_reminders;
    let late = around.cadence(&dossier.incident) * reminders;
    (reminders < MAX_REMINDERS).then_some(details.next_update_at?.plus(late))
}

fn update(dossier: &mut Dossier, around: &Surroundings<'_>, told: &mut Told) {
    let Some(promised) = dossier.incident.details.next_update_at else { return };
    if update_due(dossier, around).is_none_or(|due| due > around.now) {
        return;
    }
    // What came while nobody looked is told once.
    let cadence = around.cadence(&dossier.incident).max(Duration::from_secs(1));
    let passed = around.now.since(promised).as_millis() / cadence.as_millis().max(1) + 1;
    dossier.incident.details.update_reminders = u32::try_from(passed).unwrap_or(u32::MAX).min(MAX_REMINDERS);
    let late = tell_duration(around.now.since(promised));
    let about = json!({ "promised_at": promised, "reminder": dossier.incident.details.update_reminders });
    told.entry(
        EntryKind::Update,
        format!("a status update was promised for {promised} and is {late} late"),
        about.clone(),
    );
    told.milestone(MilestoneKind::UpdateOverdue, about);
}

fn roles(dossier: &mut Dossier, around: &Surroundings<'_>, told: &mut Told) {
    for (role, holders) in &mut dossier.incident.roles {
        if holders.answer_by().is_none_or(|by| by > around.now) {
            continue;
        }
        holders.stepped_in = true;
        let (primary, backup) = (around.handle(holders.primary), around.handle(holders.backup));
        let name = |handle: &Option<String>| handle.clone().unwrap_or_else(|| "somebody unknown".to_owned());
        let text = format!("{} did not answer as {role}: {} steps in", name(&primary), name(&backup));
        let about = json!({ "role": role, "primary": primary, "backup": backup });
        told.entry(EntryKind::Role, text, about.clone());
        told.milestone(MilestoneKind::RoleUnanswered, about);
    }
}

/// A fifth of the time before it is due people are warned, then told that it was missed.
fn next_warning(notification: &Notification) -> Option<Timestamp> {
    if notification.done_at.is_some() || notification.missed {
        return None;
    }
    Some(if notification.warned { notification.due_at } else { warns_at(notification) })
}

fn warns_at(notification: &Notification) -> Timestamp {
    notification.due_at.minus(notification.due_at.since(notification.began_at) / 5)
}

fn notifications(dossier: &mut Dossier, now: Timestamp, told: &mut Told) {
    for (id, one) in &mut dossier.incident.details.notifications {
        if next_warning(one).is_none_or(|at| at > now) {
            continue;
        }
        let missed = one.due_at <= now;
        one.warned = true;
        one.missed = missed;
        let (text, kind) = if missed {
            (format!("deadline missed: {} was due at {}", one.text, one.due_at), MilestoneKind::DeadlineMissed)
        } else {
            (format!("deadline near: {} is due at {}", one.text, one.due_at), MilestoneKind::DeadlineNear)
        };
        let about = json!({ "deadline": id, "text": one.text, "group": one.group, "due_at": one.due_at });
        told.entry(EntryKind::Deadline, text, about.clone());
        told.milestone(kind, about);
    }
}

fn retrospective(dossier: &mut Dossier, now: Timestamp, told: &mut Told) {
    let Some(one) = dossier.parts.retrospective.first_mut() else { return };
    if one.status != RetrospectiveStatus::Draft || one.remind_at.is_none_or(|at| at > now) {
        return;
    }
    // The next reminder is a whole period from now: what was slept through is not made up for.
    one.remind_at = Some(now.plus(Duration::from_millis(one.remind_every_ms.max(60_000))));
    let mut missing = Vec::new();
    for contribution in dossier.parts.contributions.iter_mut().filter(|one| one.given_at.is_none()) {
        contribution.reminders += 1;
        missing.push(contribution.person.clone());
    }
    let text = if missing.is_empty() {
        "the retrospective is not published: everybody has contributed".to_owned()
    } else {
        format!("the retrospective is not published: {} may still contribute", missing.join(", "))
    };
    let about =
        json!({ "owner": one.owner, "backup": one.backup, "missing": missing, "contribute_by": one.contribute_by });
    told.entry(EntryKind::Retrospective, text, about.clone());
    told.milestone(MilestoneKind::RetrospectiveReminder, about);
}

fn next_injection(dossier: &Dossier) -> Option<(Timestamp, usize)> {
    let incident = &dossier.incident;
    let in_practice = incident.kind == IncidentKind::Drill && incident.stage < Stage::Resolution;
    let index = incident.details.injected;
    let injection = incident.details.script.get(index).filter(|_| in_practice)?;
    Some((injection.at(incident.created_at), index))
}

fn injections(dossier: &mut Dossier, now: Timestamp, told: &mut Told) {
    while let Some((_, index)) = next_injection(dossier).filter(|(at, _)| *at <= now) {
        let injection = dossier.incident.details.script[index].clone();
        dossier.incident.details.injected = index + 1;
        let about = json!({ "number": index + 1, "text": injection.text, "signal": injection.signal });
        told.entry(EntryKind::Injection, injection.text.clone(), about.clone());
        told.milestone(MilestoneKind::Injected, about);
    }
}

fn follow_ups(dossier: &mut Dossier, now: Timestamp, told: &mut Told) {
    for one in &mut dossier.parts.follow_ups {
        let due = one.due_at.filter(|due| *due <= now && !one.overdue && one.done_at.is_none());
        let Some(due) = due else { continue };
        one.overdue = true;
        let about = json!({ "follow_up": one.head.number, "text": one.text, "owner": one.owner, "due_at": due });
        let text = format!("follow-up {} is overdue: {}", one.head.number, one.text);
        told.entry(EntryKind::FollowUp, text, about.clone());
        told.milestone(MilestoneKind::FollowUpOverdue, about);
    }
}
