//! `concurrency`: taking a place among the runs of one workflow and key, and letting the next one begin. A run with a key is
//! always written as one that waits; its turn is a change of its own, so that however many hosts look at once, one of them
//! gives it and the others lose.

use crate::{
    Engine, EngineError,
    runs::trigger::{NotAdmitted, key_of},
};
use wardroom_domain::{
    expression::Scope,
    person::Actor,
    run::{MAX_QUEUED, Run, Slot, SlotPolicy, happening::Happening, next_turn},
    workflow::Workflow,
};

impl Engine {
    /// The place of a run that is about to be made; none when its workflow wants none. `Err` says why it does not start.
    pub(crate) async fn place(&self, workflow: &Workflow, scope: &Scope) -> Result<Option<Slot>, EngineError> {
        let Some(concurrency) = &workflow.concurrency else { return Ok(None) };
        let refused = |refusal| EngineError::NotAdmitted { workflow: workflow.name.clone(), refusal };
        let key = key_of(concurrency, scope).map_err(|message| refused(NotAdmitted::Expression(message)))?;
        self.place_of(&workflow.name, Slot { key, policy: concurrency.policy, held: false }).await.map(Some)
    }

    /// Holds others back, from the look at a slot to the write, where a run is not made while another of its key goes on.
    pub(crate) async fn one_at_a_time(&self, skips: bool) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if skips { Some(self.0.admission.lock().await) } else { None }
    }

    /// A place under a key that is known.
    pub(crate) async fn place_of(&self, workflow: &str, slot: Slot) -> Result<Slot, EngineError> {
        let refused = |refusal| EngineError::NotAdmitted { workflow: workflow.to_owned(), refusal };
        let occupants = self.store().occupants(workflow, &slot.key).await?;
        match (slot.policy, occupants.first()) {
            (SlotPolicy::Skip, Some(other)) => Err(refused(NotAdmitted::Occupied { key: slot.key, run: other.run })),
            (SlotPolicy::Queue, _) if occupants.len() > MAX_QUEUED => Err(refused(NotAdmitted::QueueFull(slot.key))),
            _ => Ok(Slot { held: false, ..slot }),
        }
    }

    /// Looks after a run's slot, if it has one: after it was written, after it ended, and when it has waited for a while.
    pub(crate) fn tend(&self, run: &Run) {
        let Some(slot) = run.slot.clone().filter(|slot| !slot.held || run.status.is_terminal()) else { return };
        let (engine, workflow) = (self.clone(), run.workflow.clone());
        self.0.tasks.spawn(async move {
            if let Err(error) = engine.turn(&workflow, &slot.key).await {
                // Whoever waits looks again by itself.
                tracing::debug!(workflow.name = %workflow, %error, "a slot could not be looked after now");
            }
        });
    }

    async fn turn(&self, workflow: &str, key: &str) -> Result<(), EngineError> {
        let turn = next_turn(&self.store().occupants(workflow, key).await?);
        for run in turn.superseded {
            self.stop_waiting(run, format!("a newer run of {key:?} takes its place")).await;
        }
        for run in turn.skipped {
            self.stop_waiting(run, format!("another run of {key:?} goes on, and the policy is to skip")).await;
        }
        if let Some(run) = turn.grant {
            self.tell(run, Happening::SlotGranted).await?;
        }
        Ok(())
    }

    /// Ends a run that makes room; one that is ending already is left alone.
    async fn stop_waiting(&self, run: wardroom_domain::id::RunId, reason: String) {
        let happening = Happening::CancelRequested { by: Actor::System, reason: Some(reason), undo: false };
        if let Err(error) = self.tell(run, happening).await {
            tracing::debug!(run.id = %run, %error, "a run that makes room is ending already");
        }
    }
}
