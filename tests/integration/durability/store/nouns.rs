//! Nouns for store tests, as plain as they can be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use uuid::Uuid;
use wardroom_base::clock::{SystemClock, SystemRandom, new_id};
use wardroom_domain::{
    event::{Event, Fact},
    id::{EventId, IncidentId, RunId},
    incident::{Details, Incident, IncidentKind, Origin, Severity, Stage, Times},
    person::Actor,
    run::Run,
    time::Timestamp,
    timeline::{EntryKind, NewEntry},
    workflow::{Workflow, parse},
};
use wardroom_store::{Dependant, Store};

pub(crate) fn id() -> Uuid {
    new_id(&SystemClock, &SystemRandom)
}

pub(crate) fn at(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms)
}

pub(crate) async fn incident(store: &Store, group: Option<&str>) -> Incident {
    let number = store.next_incident_number().await.expect("a number");
    Incident {
        id: IncidentId(id()),
        number,
        kind: IncidentKind::Incident,
        title: "Checkout fails".to_owned(),
        severity: Severity::Sev1,
        stage: Stage::Alerting,
        labels: BTreeMap::from([("service".to_owned(), "checkout".to_owned())]),
        roles: BTreeMap::new(),
        times: Times::default(),
        origin: group.map(|group| Origin { source: "test".to_owned(), group_key: group.to_owned() }),
        claims_alerts: group.is_some(),
        recurrence_of: None,
        entered: BTreeSet::from([Stage::Alerting]),
        created_at: at(1_000),
        updated_at: at(1_000),
        details: Details::default(),
        due_at: None,
        revision: 1,
        version: 1,
    }
}

pub(crate) fn entry(incident: IncidentId, text: &str) -> Dependant {
    Dependant::Entry(NewEntry {
        incident,
        kind: EntryKind::Note,
        at: at(2_000),
        actor: Actor::System,
        text: text.to_owned(),
        data: json!({}),
    })
}

pub(crate) fn event(incident: IncidentId) -> Event {
    Event {
        id: EventId(id()),
        incident: Some(incident),
        at: at(1_000),
        depth: 0,
        fact: Fact::StageEntered { from: None, stage: Stage::Alerting, first: true, reason: None },
        snapshot: json!({ "number": "INC-1" }),
    }
}

pub(crate) fn run(event: Option<EventId>) -> Run {
    Run { event, trigger: json!({ "type": "manual" }), version: 1, ..Run::new(RunId(id()), &two_steps(), 1, at(1_000)) }
}

fn two_steps() -> Workflow {
    let text = "
name: roll-back
on: [manual: {}]
timeout: 7d
steps:
  - { id: first, sleep: 1s }
  - { id: second, sleep: 1s }
";
    parse(text).expect("a workflow")
}
