//! Nouns for store tests, as plain as they can be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use uuid::Uuid;
use wardroom::{
    clock::{SystemClock, SystemRandom, new_id},
    domain::workflow::Section,
    domain::{
        event::{Event, Fact},
        id::{EventId, IncidentId, RunId},
        incident::{Incident, IncidentKind, Origin, Severity, Stage, Times},
        person::Actor,
        run::{Mode, Run, RunStatus, StepRun},
        time::Timestamp,
        timeline::{EntryKind, NewEntry},
    },
    store::{Dependant, Store},
};

pub(super) fn id() -> Uuid {
    new_id(&SystemClock, &SystemRandom)
}

pub(super) fn at(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms)
}

pub(super) async fn incident(store: &Store, group: Option<&str>) -> Incident {
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
        revision: 1,
        version: 1,
    }
}

pub(super) fn entry(incident: IncidentId, text: &str) -> Dependant {
    Dependant::Entry(NewEntry {
        incident,
        kind: EntryKind::Note,
        at: at(2_000),
        actor: Actor::System,
        text: text.to_owned(),
        data: json!({}),
    })
}

pub(super) fn event(incident: IncidentId) -> Event {
    Event {
        id: EventId(id()),
        incident: Some(incident),
        at: at(1_000),
        depth: 0,
        fact: Fact::StageEntered { from: None, stage: Stage::Alerting, first: true, reason: None },
        snapshot: json!({ "number": "INC-1" }),
    }
}

pub(super) fn run(event: Option<EventId>) -> Run {
    Run {
        id: RunId(id()),
        workflow: "roll-back".to_owned(),
        revision: 1,
        status: RunStatus::Queued,
        mode: Mode::Real,
        incident: None,
        event,
        rerun_of: None,
        undo_of: None,
        parent: None,
        becomes_of: None,
        slot: None,
        trigger: json!({ "type": "manual" }),
        inputs: json!({}),
        depth: 0,
        pins: BTreeMap::new(),
        started_by: Actor::System,
        created_at: at(1_000),
        finished_at: None,
        deadline: at(9_000_000_000_000),
        section: Section::Main,
        hold: None,
        signals: Vec::new(),
        ending: None,
        version: 1,
        lease: None,
        wake_at: Some(at(1_000)),
        steps: vec![StepRun::pending("first"), StepRun::pending("second")],
    }
}
