//! The incident as expressions and plugins see it.

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::{Map, Value, json};

use crate::domain::{
    alert::{Alert, AlertStatus},
    id::PersonId,
    incident::Incident,
    person::Person,
};

/// How many alerts expressions see: the newest that fire, then the newest that do not.
const ALERTS_SEEN: usize = 50;

/// The incident in the shape of `incident` in expressions. Lists are empty until known.
pub fn incident_scope(incident: &Incident, alerts: &[Alert], people: &BTreeMap<PersonId, Person>) -> Value {
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
        "stakeholders": [],
    })
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
