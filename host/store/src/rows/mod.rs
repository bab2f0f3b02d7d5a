//! Between the domain's nouns and rows: the columns of each table, in the order the cells are made.

use serde::Serialize;
use uuid::Uuid;

use super::{
    statement::{
        Cell, Cells, Kind,
        Kind::{Int, Text},
        SEPARATOR, Table,
    },
    write::KeyRecord,
};
use wardroom_domain::{
    alert::Alert,
    audit::AuditEntry,
    dossier::PartRow,
    event::{Event, TriggerOutcome},
    grant::{GrantRequest, PluginGrant},
    incident::Incident,
    time::Timestamp,
    timeline::NewEntry,
};

pub(crate) mod platform;
pub(crate) mod plugins;
mod runs;
mod schedules;

pub(super) use runs::{APPROVALS, ATTEMPTS, RUN_STATE, RUNS, STEPS, approval, attempt, run, run_state, step};
pub(super) use schedules::{DEFINE, SCHEDULES, TICKS, UNDEFINE, owner, schedule, tick};

const INCIDENT_COLUMNS: &[(&str, Kind)] = &[
    ("id", Text),
    ("number", Int),
    ("kind", Text),
    ("title", Text),
    ("severity", Text),
    ("stage", Text),
    ("labels", Text),
    ("roles", Text),
    ("times", Text),
    ("source", Text),
    ("group_key", Text),
    ("open_group", Text),
    ("recurrence_of", Text),
    ("entered", Text),
    ("created_at", Int),
    ("updated_at", Int),
    ("revision", Int),
    ("version", Int),
    ("details", Text),
    ("playbook", Text),
    ("visible_to", Text),
    ("due_at", Int),
];

pub(crate) const INCIDENTS: Table = Table { name: "incidents", columns: INCIDENT_COLUMNS, key: &["id"] };

pub(crate) fn incident(incident: &Incident) -> Cells {
    let origin = incident.origin.as_ref();
    let open = origin.filter(|_| incident.claims_alerts).map(|origin| open_group(&origin.source, &origin.group_key));
    vec![
        id(incident.id.0),
        Cell::int(incident.number),
        word(incident.kind),
        Cell::text(&incident.title),
        word(incident.severity),
        word(incident.stage),
        json(&incident.labels),
        json(&incident.roles),
        json(&incident.times),
        Cell::maybe(origin.map(|origin| &origin.source)),
        Cell::maybe(origin.map(|origin| &origin.group_key)),
        Cell::maybe(open),
        Cell::maybe(incident.recurrence_of),
        json(&incident.entered),
        time(incident.created_at),
        time(incident.updated_at),
        Cell::int(incident.revision),
        Cell::int(incident.version),
        json(&incident.details),
        Cell::maybe(incident.details.playbook.as_ref().map(|pin| &pin.name)),
        Cell::maybe(incident.details.visible_to.as_ref().map(between_commas)),
        maybe_time(incident.due_at),
    ]
}

/// Handles in a form that one can be looked for in.
fn between_commas(handles: &std::collections::BTreeSet<String>) -> String {
    handles.iter().fold(",".to_owned(), |all, handle| format!("{all}{handle},"))
}

pub(crate) const PARTS: Table = Table {
    name: "incident_parts",
    columns: &[("incident_id", Text), ("kind", Text), ("number", Int), ("document", Text)],
    key: &["incident_id", "kind", "number"],
};

pub(crate) fn part(row: &PartRow) -> Cells {
    vec![id(row.incident.0), word(row.kind), Cell::int(row.number), json(&row.document)]
}

/// What makes a group's claim unique.
pub(crate) fn open_group(source: &str, group_key: &str) -> String {
    format!("{source}{SEPARATOR}{group_key}")
}

pub(crate) const ALERTS: Table = Table {
    name: "alerts",
    columns: &[
        ("id", Text),
        ("incident_id", Text),
        ("source", Text),
        ("fingerprint", Text),
        ("signal", Text),
        ("received_at", Int),
        ("changed_at", Int),
    ],
    key: &["id"],
};

pub(crate) fn alert(alert: &Alert) -> Cells {
    vec![
        id(alert.id.0),
        id(alert.incident.0),
        Cell::text(&alert.source),
        Cell::text(&alert.signal.fingerprint),
        json(&alert.signal),
        time(alert.received_at),
        time(alert.changed_at),
    ]
}

pub(crate) const TIMELINE: Table = Table {
    name: "timeline",
    columns: &[
        ("incident_id", Text),
        ("seq", Int),
        ("kind", Text),
        ("at", Int),
        ("actor", Text),
        ("text", Text),
        ("data", Text),
    ],
    key: &["incident_id", "seq"],
};

pub(crate) fn entry(entry: &NewEntry, seq: i64) -> Cells {
    vec![
        id(entry.incident.0),
        Cell::int(seq),
        word(entry.kind),
        time(entry.at),
        json(&entry.actor),
        Cell::text(&entry.text),
        json(&entry.data),
    ]
}

pub(crate) const EVENTS: Table = Table {
    name: "events",
    columns: &[("id", Text), ("incident_id", Text), ("at", Int), ("depth", Int), ("fact", Text), ("snapshot", Text)],
    key: &["id"],
};

pub(crate) fn event(event: &Event) -> Cells {
    vec![
        id(event.id.0),
        Cell::maybe(event.incident),
        time(event.at),
        Cell::int(event.depth),
        json(&event.fact),
        json(&event.snapshot),
    ]
}

/// The one column that dispatching sets.
pub(crate) const DISPATCHED: Table =
    Table { name: "events", columns: &[("id", Text), ("dispatched", Int)], key: &["id"] };

pub(crate) const OUTCOMES: Table = Table {
    name: "trigger_outcomes",
    columns: &[("event_id", Text), ("workflow", Text), ("run_id", Text), ("why_not", Text), ("at", Int)],
    key: &["event_id", "workflow"],
};

pub(crate) fn outcome(outcome: &TriggerOutcome) -> Cells {
    vec![
        id(outcome.event.0),
        Cell::text(&outcome.workflow),
        Cell::maybe(outcome.run),
        Cell::maybe(outcome.why_not.as_ref()),
        time(outcome.at),
    ]
}

pub(crate) const KEYS: Table = Table {
    name: "keys",
    columns: &[("scope", Text), ("key", Text), ("request", Text), ("made", Text), ("at", Int)],
    key: &["scope", "key"],
};

pub(crate) fn key(record: &KeyRecord) -> Cells {
    vec![
        Cell::text(&record.scope),
        Cell::text(&record.key),
        Cell::text(&record.request),
        Cell::text(&record.made),
        time(record.at),
    ]
}

pub(crate) const AUDIT: Table = Table {
    name: "audit",
    columns: &[("id", Text), ("at", Int), ("actor", Text), ("action", Text), ("target", Text), ("data", Text)],
    key: &["id"],
};

pub(crate) fn audit(entry: &AuditEntry) -> Cells {
    vec![
        id(entry.id),
        time(entry.at),
        json(&entry.actor),
        Cell::text(&entry.action),
        Cell::text(&entry.target),
        json(&entry.data),
    ]
}

pub(crate) const PLUGIN_GRANTS: Table =
    Table { name: "plugin_grants", columns: &[("plugin", Text), ("document", Text)], key: &["plugin"] };

pub(crate) fn plugin_grant(plugin: &str, grant: &PluginGrant) -> Cells {
    vec![Cell::text(plugin), json(grant)]
}

pub(crate) const GRANT_REQUESTS: Table = Table {
    name: "grant_requests",
    columns: &[("id", Text), ("status", Text), ("at", Int), ("document", Text)],
    key: &["id"],
};

pub(crate) fn grant_request(request: &GrantRequest) -> Cells {
    vec![Cell::text(&request.id), Cell::text(request.status.as_str()), time(request.at), json(request)]
}

pub(crate) fn id(id: Uuid) -> Cell {
    Cell::text(id.to_string())
}

pub(crate) fn time(at: Timestamp) -> Cell {
    Cell::int(at.unix_ms())
}

pub(crate) fn maybe_time(at: Option<Timestamp>) -> Cell {
    Cell::Int(at.map(Timestamp::unix_ms))
}

/// A noun as JSON text. The domain's nouns have string keys and finite numbers, so they always have one.
pub(crate) fn json(value: &impl Serialize) -> Cell {
    Cell::text(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
}

fn maybe_json(value: Option<&impl Serialize>) -> Cell {
    Cell::Text(value.map(|value| serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())))
}

/// A word of a fixed list, without the quotes of its JSON form.
pub(crate) fn word(value: impl Serialize) -> Cell {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Cell::text(word),
        other => Cell::text(other.unwrap_or_default().to_string()),
    }
}
