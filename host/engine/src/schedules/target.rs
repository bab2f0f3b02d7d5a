//! What a tick does: it starts a workflow, or raises the event of an incident's timer.

use serde_json::{Value, json};

use crate::{
    Engine, EngineError,
    platform::catalog::Catalog,
    runs::{
        start::{Begun, Seedling},
        trigger::admit,
    },
};
use wardroom_domain::{
    event::{Event, Fact},
    expression::{Scope, Template},
    id::{EventId, IncidentId},
    incident::Stage,
    person::Actor,
    run::Mode,
    schedule::{self, Schedule, tick::Start},
    timeline::{EntryKind, NewEntry},
};
use wardroom_store::Dependant;

/// What a timer's tick comes to.
pub(super) enum Rings {
    /// What is written with it.
    Yes(Vec<Dependant>),
    /// The timer is over, and why.
    Over(String),
}

impl Engine {
    /// Makes the run of a tick, in memory; `Err` says why it does not start.
    pub(super) async fn begin_tick(
        &self,
        schedule: &Schedule,
        start: Start,
        catalog: &Catalog,
        started_by: Actor,
    ) -> Result<Begun, EngineError> {
        let schedule::Target::Workflow { name, inputs } = &schedule.target else {
            return Err(EngineError::Internal(format!("schedule {} starts no workflow", schedule.name)));
        };
        let live = catalog.workflow(name)?;
        if let Some(why) = catalog.held(name, None) {
            return Err(EngineError::Conflict(why));
        }
        let trigger = frozen(schedule, start, self.now());
        let mut scope = Scope { names: [("incident", Value::Null), ("trigger", trigger.clone())].into() };
        let inputs = Template::parse(inputs)
            .map_err(|_| EngineError::Internal(format!("the inputs of schedule {} do not parse", schedule.name)))?
            .resolve(&scope)
            .map_err(|error| EngineError::Conflict(format!("its inputs: {error}")))?;
        let inputs = admit(&live.workflow, inputs, scope.clone())
            .map_err(|refusal| EngineError::NotAdmitted { workflow: name.clone(), refusal })?;
        scope.names.insert("inputs", inputs.clone());
        let seedling = Seedling {
            id: schedule::run_id(schedule, start.nominal, start.kind),
            live,
            incident: None,
            event: None,
            becomes_of: None,
            parent: None,
            slot: self.place(&live.workflow, &scope).await?,
            trigger,
            inputs,
            mode: Mode::Real,
            depth: 0,
            started_by,
            scope: Value::Null,
        };
        self.begin_run(seedling, catalog).await
    }

    /// What the tick of a timer writes.
    pub(super) async fn ring(
        &self,
        schedule: &Schedule,
        incident: IncidentId,
        start: Start,
    ) -> Result<Rings, EngineError> {
        let schedule::Target::Timer { name, text, until } = &schedule.target else {
            return Err(EngineError::Internal(format!("schedule {} is no timer", schedule.name)));
        };
        let Some(incident) = self.store().incident(incident).await? else {
            return Ok(Rings::Over("its incident is gone".to_owned()));
        };
        let over = matches!(incident.stage, Stage::Closed | Stage::Canceled) || until.contains(&incident.stage);
        if over {
            return Ok(Rings::Over(format!("{} is in {}", incident.reference(), incident.stage)));
        }
        let at = self.now();
        let entry = NewEntry {
            incident: incident.id,
            kind: EntryKind::Note,
            at,
            actor: Actor::System,
            text: text.clone(),
            data: json!({ "timer": name, "tick": start.nominal }),
        };
        let event = Event {
            id: EventId(self.new_id()),
            incident: Some(incident.id),
            at,
            depth: 0,
            fact: Fact::TimerFired { name: name.clone(), tick: start.nominal, text: text.clone() },
            snapshot: self.live_scope(&incident).await?,
        };
        Ok(Rings::Yes(vec![Dependant::Entry(entry), Dependant::Event(event)]))
    }
}

/// The tick as expressions see it in `trigger`.
fn frozen(schedule: &Schedule, start: Start, now: wardroom_domain::time::Timestamp) -> Value {
    let kind = start.kind.word();
    json!({ "type": "tick", "at": now, "schedule": schedule.name, "tick": start.nominal, "kind": kind })
}

/// The schedule behind a run, as its trigger tells it.
pub(super) fn schedule_of(trigger: &Value) -> Option<&str> {
    let is_tick = trigger.get("type").and_then(Value::as_str) == Some("tick");
    trigger.get("schedule").and_then(Value::as_str).filter(|_| is_tick)
}
