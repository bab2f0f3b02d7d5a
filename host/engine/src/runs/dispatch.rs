//! From events to runs: reads the outbox and records, for each event and each workflow that listens, whether it started
//! and why not. One event starts a workflow at most once, whatever crashes in between.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use serde_json::Value;

use crate::{
    Engine, EngineError,
    platform::catalog::{Catalog, Live},
    runs::{
        start::Begun,
        trigger::{Verdict, judge},
    },
};
use wardroom_base::fault;
use wardroom_domain::{
    event::{Event, Fact, TriggerOutcome},
    expression::Template,
    workflow::Workflow,
};
use wardroom_store::{Committed, Dependant, Guard, Write};

/// How many events are read at once.
const BATCH: u32 = 64;
/// How long the dispatcher sleeps when nobody tells it of an event (another host may have written one).
const POLL: Duration = Duration::from_millis(500);

impl Engine {
    pub(crate) async fn dispatch(self) {
        while !self.0.stop.is_cancelled() {
            match self.dispatch_batch().await {
                Ok(dispatched) if dispatched == BATCH as usize => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "events could not be dispatched; trying again"),
            }
            tokio::select! {
                () = self.0.events.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                () = self.0.stop.cancelled() => {}
            }
        }
    }

    /// The events of one incident are dispatched in their order, those of different ones side by side.
    async fn dispatch_batch(&self) -> Result<usize, EngineError> {
        let events = self.store().undispatched_events(BATCH).await?;
        let count = events.len();
        let mut lanes: BTreeMap<_, Vec<Event>> = BTreeMap::new();
        for event in events {
            let lane = event.incident.map_or_else(|| event.id.to_string(), |incident| incident.to_string());
            lanes.entry(lane).or_default().push(event);
        }
        let lanes = lanes.into_values().map(|events| async {
            for event in events {
                self.dispatch_event(event).await?;
            }
            Ok(())
        });
        join_all(lanes).await.into_iter().collect::<Result<(), EngineError>>()?;
        Ok(count)
    }

    async fn dispatch_event(&self, event: Event) -> Result<(), EngineError> {
        fault::pass("engine.event").await.map_err(EngineError::broken)?;
        let catalog = self.catalog().await?;
        let mut verdicts = Vec::new();
        let brought = self.brought(&event).await?;
        for (name, live) in &catalog.workflows {
            let became = self.became(&live.workflow, &event).await?;
            verdicts.push((name, live, judge(&live.workflow, &event, brought.get(name), became)));
        }
        // Between the look and the write no other run of the key may be made.
        let skips = |(_, live, verdict): &(_, &Live, Verdict)| {
            matches!(verdict, Verdict::Start { .. }) && live.workflow.skips()
        };
        let _one_at_a_time = self.one_at_a_time(verdicts.iter().any(skips)).await;
        let unknown = brought.keys().filter(|name| !catalog.workflows.contains_key(*name));
        let mut then: Vec<Dependant> = unknown.map(|name| self.no_such_workflow(&event, name)).collect();
        let mut started: Vec<Begun> = Vec::new();
        for (name, live, verdict) in verdicts {
            let mut outcome =
                TriggerOutcome { event: event.id, workflow: name.clone(), run: None, why_not: None, at: self.now() };
            match verdict {
                Verdict::NotAsked => continue,
                Verdict::No { why } => outcome.why_not = Some(why),
                Verdict::Start { .. } if catalog.held(name, None).is_some() => {
                    outcome.why_not = catalog.held(name, None);
                }
                Verdict::Start { inputs, becomes } => match self.begun(&event, live, inputs, becomes, &catalog).await {
                    Ok(begun) => {
                        outcome.run = Some(begun.run.id);
                        started.push(begun);
                    }
                    Err(error @ EngineError::Store(_)) => return Err(error),
                    Err(error) => outcome.why_not = Some(error.to_string()),
                },
            }
            then.push(Dependant::Outcome(outcome));
        }
        for begun in &mut started {
            then.push(Dependant::NewRun(Box::new(begun.run.clone())));
            then.append(&mut begun.then);
        }
        let write = Write { guard: Guard::Dispatched(event.id), then };
        if self.store().commit(write).await? == Committed::Applied {
            for begun in started {
                fault::pass("engine.dispatched").await.map_err(EngineError::broken)?;
                self.take_up(begun.run, begun.effects);
            }
        }
        Ok(())
    }

    async fn begun(
        &self,
        event: &Event,
        live: &Live,
        inputs: Value,
        becomes: bool,
        catalog: &Catalog,
    ) -> Result<Begun, EngineError> {
        let seedling = self.seedling_of(event, live, inputs, becomes).await?;
        self.begin_run(seedling, catalog).await
    }

    /// The workflows that the incident's playbook starts at an event, with their inputs: when a stage is entered for the
    /// first time.
    async fn brought(&self, event: &Event) -> Result<BTreeMap<String, Template>, EngineError> {
        let (Some(id), Fact::StageEntered { stage, first: true, .. }) = (event.incident, &event.fact) else {
            return Ok(BTreeMap::new());
        };
        let Some(incident) = self.store().incident(id).await? else { return Ok(BTreeMap::new()) };
        let playbook = self.playbook_of(&incident).await?;
        let plans = playbook.iter().filter_map(|playbook| playbook.stages.get(stage)).flat_map(|plan| &plan.workflows);
        Ok(plans.map(|plan| (plan.name.clone(), plan.with.clone())).collect())
    }

    /// Says why what the playbook brings does not start: it was deleted since.
    fn no_such_workflow(&self, event: &Event, name: &str) -> Dependant {
        let why_not = Some("the playbook starts it, but there is no such workflow".to_owned());
        Dependant::Outcome(TriggerOutcome {
            event: event.id,
            workflow: name.to_owned(),
            run: None,
            why_not,
            at: self.now(),
        })
    }

    /// Whether a condition has started the workflow for the event's incident before.
    async fn became(&self, workflow: &Workflow, event: &Event) -> Result<bool, EngineError> {
        match event.incident.filter(|_| workflow.has_condition_trigger()) {
            Some(incident) => Ok(self.store().became(&workflow.name, incident).await?),
            None => Ok(false),
        }
    }
}
