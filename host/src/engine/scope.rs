//! The incident as expressions and plugins see it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::domain::{alert::Alert, id::PersonId, incident::Incident, person::Person};

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
    json!({
        "id": incident.id,
        "number": incident.reference(),
        "title": incident.title,
        "kind": incident.kind,
        "severity": incident.severity,
        "stage": incident.stage,
        "labels": incident.labels,
        "alerts": alerts.iter().map(alert_scope).collect::<Vec<_>>(),
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
