//! From events to runs: reads the outbox and records, for each event and each workflow that listens, whether it started
//! and why not. One event starts a workflow at most once, whatever crashes in between.

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    Engine, EngineError,
    start::Begun,
    trigger::{Verdict, judge},
};
use crate::{
    domain::event::{Event, TriggerOutcome},
    fault,
    store::{Committed, Dependant, Guard, Write},
};

/// How many events are read at once.
const BATCH: u32 = 64;
/// How long the dispatcher sleeps when nobody tells it of an event (another host may have written one).
const POLL: Duration = Duration::from_millis(500);

impl Engine {
    pub(super) async fn dispatch(self) {
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

    async fn dispatch_batch(&self) -> Result<usize, EngineError> {
        let events = self.store().undispatched_events(BATCH).await?;
        let count = events.len();
        for result in join_all(events.into_iter().map(|event| self.dispatch_event(event))).await {
            result?;
        }
        Ok(count)
    }

    async fn dispatch_event(&self, event: Event) -> Result<(), EngineError> {
        fault::pass("engine.event").await.map_err(EngineError::broken)?;
        let catalog = self.catalog().await?;
        let mut then = Vec::new();
        let mut started: Vec<Begun> = Vec::new();
        for (name, live) in &catalog.workflows {
            let mut outcome =
                TriggerOutcome { event: event.id, workflow: name.clone(), run: None, why_not: None, at: self.now() };
            match judge(&live.workflow, &event) {
                Verdict::NotAsked => continue,
                Verdict::No { why } => outcome.why_not = Some(why),
                Verdict::Start { .. } if catalog.held(name, None).is_some() => {
                    outcome.why_not = catalog.held(name, None);
                }
                Verdict::Start { inputs } => {
                    match self.begin_run(Self::seedling_of(&event, live, inputs), &catalog).await {
                        Ok(begun) => {
                            outcome.run = Some(begun.run.id);
                            started.push(begun);
                        }
                        Err(error @ EngineError::Store(_)) => return Err(error),
                        Err(error) => outcome.why_not = Some(error.to_string()),
                    }
                }
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
                self.drive(begun.run, begun.effects);
            }
        }
        Ok(())
    }
}
