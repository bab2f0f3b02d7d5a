//! What a playbook brings to an incident: its tasks, roles, contacts and script when the incident opens, due times and the
//! retrospective when a stage is entered, and the clocks of deadlines whenever something changed.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    Contribution, Dossier, Head, Retrospective, Task, Told, alarm::Surroundings, part,
    retrospective::RetrospectiveStatus, task::TaskStatus,
};
use crate::{
    event::Fact,
    expression::Scope,
    incident::{Contact, Entered, Holders, IncidentKind, Injection, Notification, Stage},
    milestone::MilestoneKind,
    person::Person,
    playbook::{Playbook, RolePlan, Stakeholder, default_retrospective},
    timeline::EntryKind,
};

/// Brings what the playbook holds for an incident that opens; `people` are the known ones of those it names, by handle.
pub fn begin(
    dossier: &mut Dossier,
    playbook: &Playbook,
    people: &BTreeMap<String, Person>,
    around: &Surroundings<'_>,
    told: &mut Told,
) {
    told.entry(EntryKind::Note, format!("follows playbook {}", playbook.name), json!({ "playbook": playbook.name }));
    tasks(dossier, playbook, around);
    for role in &playbook.roles {
        give(dossier, role, people, around, told);
    }
    let details = &mut dossier.incident.details;
    for (group, members) in &playbook.stakeholders {
        details.stakeholders.extend(members.iter().map(|member| contact(group, member, people)));
    }
    if dossier.incident.kind == IncidentKind::Drill && details.script.is_empty() {
        let injection = |one: &crate::playbook::Inject| Injection {
            after_ms: u64::try_from(one.after.as_millis()).unwrap_or(u64::MAX),
            text: one.text.clone(),
            signal: one.signal.clone(),
        };
        details.script = playbook.script.iter().map(injection).collect();
        details.script.sort_by_key(|one| one.after_ms);
    }
    due(dossier, Stage::Alerting, around);
}

fn tasks(dossier: &mut Dossier, playbook: &Playbook, around: &Surroundings<'_>) {
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    for (number, (_, plan)) in (1..).zip(playbook.tasks()) {
        numbers.insert(&plan.id, number);
    }
    for (stage, plan) in playbook.tasks() {
        let Some(head) = part::next(&dossier.parts.tasks, around.now) else { return };
        dossier.parts.tasks.push(Task {
            head,
            id: Some(plan.id.clone()),
            stage: Some(stage),
            text: plan.text.clone(),
            role: plan.role.clone(),
            backup_role: plan.backup.clone(),
            owner: None,
            backup: None,
            due_after_ms: plan.due.map(|due| u64::try_from(due.as_millis()).unwrap_or(u64::MAX)),
            due_at: None,
            needs: plan.needs.iter().filter_map(|need| numbers.get(need.as_str()).copied()).collect(),
            status: TaskStatus::Open,
            ended_by: None,
            ended_at: None,
            note: None,
            overdue: false,
        });
    }
}

fn give(
    dossier: &mut Dossier,
    plan: &RolePlan,
    people: &BTreeMap<String, Person>,
    around: &Surroundings<'_>,
    told: &mut Told,
) {
    let known = |handle: &Option<String>| handle.as_ref().and_then(|handle| people.get(handle));
    let (primary, backup) = (known(&plan.primary), known(&plan.backup));
    if primary.is_none() && backup.is_none() {
        return;
    }
    let holders = Holders {
        given_at: Some(around.now),
        answer_within_ms: plan.answer_within.map(|within| u64::try_from(within.as_millis()).unwrap_or(u64::MAX)),
        ..Holders::of(primary.map(|person| person.id), backup.map(|person| person.id))
    };
    given(&plan.name, [primary, backup], around, told);
    dossier.incident.roles.insert(plan.name.clone(), holders);
}

/// Tells who was given a role, and who of them is away.
pub fn given(role: &str, [primary, backup]: [Option<&Person>; 2], around: &Surroundings<'_>, told: &mut Told) {
    let handle = |person: Option<&Person>| person.map(|person| person.handle.clone());
    let mut names = Vec::new();
    let mut away = Vec::new();
    for (place, person) in [("primary", primary), ("backup", backup)] {
        let Some(person) = person else { continue };
        names.push(format!("{} ({place})", person.handle));
        if let Some(until) = person.away_until(around.now) {
            away.push(format!("{} is away until {until}", person.handle));
        }
    }
    let who = if names.is_empty() { format!("nobody is {role} now") } else { format!("{role}: {}", names.join(", ")) };
    let warning = match (names.len(), away.len()) {
        (_, 0) => String::new(),
        (all, gone) if all == gone => format!("; warning: nobody of them is there: {}", away.join(", ")),
        _ => format!("; {}", away.join(", ")),
    };
    let about = json!({ "role": role, "primary": handle(primary), "backup": handle(backup), "away": away });
    told.entry(EntryKind::Role, format!("{who}{warning}"), about);
    told.facts.push(Fact::RoleAssigned { role: role.to_owned(), primary: handle(primary), backup: handle(backup) });
}

fn contact(group: &str, member: &Stakeholder, people: &BTreeMap<String, Person>) -> Contact {
    let group = group.to_owned();
    match member {
        Stakeholder::Person(handle) => {
            let person = people.get(handle);
            Contact {
                group,
                name: person.map_or_else(|| handle.clone(), |person| person.name.clone()),
                email: person.and_then(|person| person.email.clone()),
                handle: Some(handle.clone()),
            }
        }
        Stakeholder::Contact { name, email } => {
            Contact { group, name: name.clone(), email: Some(email.clone()), handle: None }
        }
    }
}

/// Follows a stage that was entered: due times of its tasks, the first promise of an update, the retrospective.
pub fn entered(dossier: &mut Dossier, entered: &Entered, around: &Surroundings<'_>, told: &mut Told) {
    due(dossier, entered.to, around);
    let cadence = around.cadence(&dossier.incident);
    let details = &mut dossier.incident.details;
    match entered.to {
        Stage::Triage | Stage::Investigate | Stage::Resolution => {
            if details.next_update_at.is_none() {
                details.next_update_at = Some(around.now.plus(cadence));
                details.update_reminders = 0;
            }
        }
        Stage::Alerting | Stage::Retrospective | Stage::Closed | Stage::Canceled => details.next_update_at = None,
    }
    match entered.to {
        Stage::Resolution | Stage::Retrospective => open_retrospective(dossier, around, told),
        Stage::Alerting | Stage::Triage | Stage::Investigate => {
            details.waiver = None;
            pause_retrospective(dossier, told);
        }
        Stage::Closed | Stage::Canceled => {}
    }
}

fn due(dossier: &mut Dossier, stage: Stage, around: &Surroundings<'_>) {
    for task in dossier.parts.tasks.iter_mut().filter(|task| task.stage == Some(stage) && task.due_at.is_none()) {
        task.due_at = task.due_after_ms.map(|after| around.now.plus(Duration::from_millis(after)));
    }
}

fn open_retrospective(dossier: &mut Dossier, around: &Surroundings<'_>, told: &mut Told) {
    if let Some(one) = dossier.parts.retrospective.first_mut() {
        if one.status == RetrospectiveStatus::Paused {
            one.status = RetrospectiveStatus::Draft;
            one.remind_at = Some(around.now.plus(Duration::from_millis(one.remind_every_ms)));
            told.entry(EntryKind::Retrospective, "the retrospective goes on", json!({}));
        }
        return;
    }
    let plan = around.playbook.map_or_else(default_retrospective, |playbook| playbook.retrospective.clone());
    let acting = |role: &str| {
        let holders = dossier.incident.roles.get(role)?;
        around.handle(holders.acting(|person| around.is_away(person)))
    };
    let owner = acting(&plan.owner);
    let backup = plan.backup.as_deref().and_then(acting).filter(|backup| Some(backup) != owner.as_ref());
    let mut contributors: Vec<String> = Vec::new();
    for handle in dossier.incident.people().into_iter().filter_map(|person| around.handle(Some(person))) {
        if !contributors.contains(&handle) {
            contributors.push(handle);
        }
    }
    let contribute_by = around.now.plus(plan.contribute_within);
    let head = Head { number: 1, revision: 1, created_at: around.now, updated_at: around.now };
    dossier.parts.retrospective.push(Retrospective {
        head,
        status: RetrospectiveStatus::Draft,
        owner: owner.clone(),
        backup: backup.clone(),
        template: plan.sections,
        sections: BTreeMap::new(),
        contribute_by,
        remind_every_ms: u64::try_from(plan.remind_every.as_millis()).unwrap_or(u64::MAX),
        remind_at: Some(around.now.plus(plan.remind_every)),
    });
    for person in &contributors {
        ask(dossier, person, around);
    }
    let about =
        json!({ "owner": owner, "backup": backup, "contributors": contributors, "contribute_by": contribute_by });
    let who = if contributors.is_empty() { "nobody yet".to_owned() } else { contributors.join(", ") };
    let text = format!("the retrospective is open: {who} may contribute until {contribute_by}");
    told.entry(EntryKind::Retrospective, text, about.clone());
    told.milestone(MilestoneKind::RetrospectiveOpened, about);
}

/// Asks somebody for a contribution, once.
pub fn ask(dossier: &mut Dossier, person: &str, around: &Surroundings<'_>) -> bool {
    let due_at = dossier.parts.retrospective.first().map_or(around.now, |one| one.contribute_by);
    if dossier.parts.contributions.iter().any(|one| one.person == person) {
        return false;
    }
    let Some(head) = part::next(&dossier.parts.contributions, around.now) else { return false };
    dossier.parts.contributions.push(Contribution {
        head,
        person: person.to_owned(),
        asked_at: around.now,
        due_at: due_at.max(around.now),
        sections: BTreeMap::new(),
        given_at: None,
        merged: false,
        reminders: 0,
    });
    true
}

fn pause_retrospective(dossier: &mut Dossier, told: &mut Told) {
    let Some(one) = dossier.parts.retrospective.first_mut() else { return };
    if one.status != RetrospectiveStatus::Paused {
        one.status = RetrospectiveStatus::Paused;
        told.entry(EntryKind::Retrospective, "the retrospective is paused: the incident goes on", json!({}));
    }
}

/// Starts the clocks of the deadlines whose condition holds for the first time. `scope` is the incident as expressions see
/// it; a condition that cannot be evaluated does not hold.
pub fn arm(dossier: &mut Dossier, scope: &Value, around: &Surroundings<'_>, told: &mut Told) {
    let Some(playbook) = around.playbook else { return };
    for deadline in &playbook.deadlines {
        if dossier.incident.details.notifications.contains_key(&deadline.id) || dossier.incident.is_over() {
            continue;
        }
        let names = BTreeMap::from([("incident", scope.clone())]);
        if !deadline.when.holds(&Scope { names }).unwrap_or(false) {
            continue;
        }
        let due_at = around.now.plus(deadline.within);
        let about =
            json!({ "deadline": deadline.id, "text": deadline.text, "group": deadline.group, "due_at": due_at });
        told.entry(EntryKind::Deadline, format!("until {due_at}: {}", deadline.text), about.clone());
        told.milestone(MilestoneKind::DeadlineBegan, about);
        let notification = Notification {
            text: deadline.text.clone(),
            group: deadline.group.clone(),
            began_at: around.now,
            due_at,
            done_at: None,
            done_by: None,
            note: None,
            warned: false,
            missed: false,
        };
        dossier.incident.details.notifications.insert(deadline.id.clone(), notification);
    }
}
