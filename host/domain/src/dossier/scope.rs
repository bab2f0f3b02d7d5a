//! An incident as expressions and plugins see it: the value of `incident`.

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::{Map, Value, json};

use super::{Dossier, Parts};
use crate::{
    alert::{Alert, AlertStatus},
    id::PersonId,
    incident::Incident,
    person::Person,
    playbook::Playbook,
};

/// How many alerts expressions see: the newest that fire, then the newest that do not.
const ALERTS_SEEN: usize = 50;

/// The fields of `incident`.
pub const FIELDS: &[&str] = &[
    "id",
    "number",
    "title",
    "kind",
    "severity",
    "stage",
    "labels",
    "alerts",
    "roles",
    "responders",
    "stakeholders",
    "playbook",
    "answers",
    "tasks",
    "causes",
    "artifacts",
    "fields",
    "next_update_at",
    "private",
];

/// The incident in the shape of `incident` in expressions. Lists are empty until known; the questions and tasks of its
/// playbook are there from the beginning.
pub fn incident_scope(
    dossier: &Dossier,
    alerts: &[Alert],
    people: &BTreeMap<PersonId, Person>,
    playbook: Option<&Playbook>,
) -> Value {
    let incident = &dossier.incident;
    let details = &incident.details;
    let seen = |id: &Option<PersonId>| id.and_then(|id| people.get(&id)).map_or(Value::Null, person_scope);
    let roles: Map<String, Value> = incident
        .roles
        .iter()
        .map(|(role, holders)| {
            (role.clone(), json!({ "primary": seen(&holders.primary), "backup": seen(&holders.backup) }))
        })
        .collect();
    let mut responders: Vec<Value> = Vec::new();
    for id in incident.people() {
        let person = seen(&Some(id));
        if !person.is_null() && !responders.contains(&person) {
            responders.push(person);
        }
    }
    let mut seen_alerts: Vec<&Alert> = alerts.iter().collect();
    seen_alerts.sort_by_key(|alert| (alert.signal.status != AlertStatus::Firing, Reverse(alert.changed_at)));
    seen_alerts.truncate(ALERTS_SEEN);
    json!({
        "id": incident.id,
        "number": incident.reference(),
        "title": incident.title,
        "kind": incident.kind,
        "severity": incident.severity,
        "stage": incident.stage,
        "labels": incident.labels,
        "alerts": seen_alerts.into_iter().map(alert_scope).collect::<Vec<_>>(),
        "roles": roles,
        "responders": responders,
        "stakeholders": details.stakeholders,
        "playbook": details.playbook.as_ref().map(|pin| &pin.name),
        "answers": answers(incident, playbook),
        "tasks": tasks(&dossier.parts),
        "causes": causes(&dossier.parts),
        "artifacts": artifacts(&dossier.parts),
        "fields": details.fields,
        "next_update_at": details.next_update_at,
        "private": details.visible_to.is_some(),
    })
}

/// Every question of the playbook, null until it is answered.
fn answers(incident: &Incident, playbook: Option<&Playbook>) -> Map<String, Value> {
    let asked = playbook.iter().flat_map(|playbook| &playbook.questions).map(|one| (one.id.clone(), Value::Null));
    let mut answers: Map<String, Value> = asked.collect();
    answers.extend(incident.details.answers.iter().map(|(id, answer)| (id.clone(), json!(answer.value))));
    answers
}

/// The status of each task of the playbook, by its identifier there.
fn tasks(parts: &Parts) -> Map<String, Value> {
    let status = |task: &super::Task| Some((task.id.clone()?, json!(task.status)));
    parts.tasks.iter().filter_map(status).collect()
}

fn causes(parts: &Parts) -> Vec<Value> {
    let seen =
        |cause: &super::Cause| json!({ "number": cause.head.number, "text": cause.text, "status": cause.status });
    parts.causes.iter().map(seen).collect()
}

fn artifacts(parts: &Parts) -> Vec<Value> {
    let kept = parts.artifacts.iter().filter(|artifact| !artifact.removed);
    kept.map(|one| json!({ "kind": one.kind, "label": one.label, "url": one.url })).collect()
}

fn person_scope(person: &Person) -> Value {
    json!({ "handle": person.handle, "name": person.name, "email": person.email })
}

fn alert_scope(alert: &Alert) -> Value {
    json!({
        "status": alert.signal.status,
        "source": alert.source,
        "fingerprint": alert.signal.fingerprint,
        "labels": alert.signal.labels,
        "annotations": alert.signal.annotations,
        "starts_at": alert.signal.starts_at,
    })
}
