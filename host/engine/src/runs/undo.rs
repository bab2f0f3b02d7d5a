//! Taking a run back: a new run on the same plugins that calls `undo` of what the first one did, the newest first. A person asks
//! for it, or the document does for runs that failed, or whoever cancels.

use crate::{
    Caller, Engine, EngineError,
    once::Once,
    runs::{plan::Plan, start::may_repeat},
};
use wardroom_domain::{
    id::RunId,
    person::Actor,
    run::{Ending, Run, Slot, SlotPolicy, undo},
    workflow::{StepKind, Workflow},
};

impl Engine {
    /// Takes a run that has ended back; gives the new run once it is durable.
    pub(crate) async fn undo_run(&self, caller: &Caller, id: RunId, once: Option<&Once>) -> Result<Run, EngineError> {
        for _ in 0..2 {
            if let Some(run) = self.run_made_before(once).await? {
                return Ok(run);
            }
            let original = self.store().run(id).await?.ok_or_else(|| EngineError::not_found("run", id))?;
            if original.undo_of.is_some() {
                return Err(EngineError::Conflict("this run took another back: run the workflow again".to_owned()));
            }
            if let Some(undo) = self.store().undo_of(id).await? {
                return Err(EngineError::Conflict(format!(
                    "the run is taken back already, by run {undo}: run that again"
                )));
            }
            let plan = self.plan(&original).await?;
            may_repeat(caller, &plan.workflow)?;
            let steps = undo::steps(&original, &plan.workflow)?;
            self.same_targets(&original, &plan).await?;
            let scope = self.run_scope(&original).await?;
            let run = Run { steps, ..self.undoing(&original, &plan.workflow, caller.actor()) };
            let begun = self.first_steps(run, &scope).await?;
            if let Some(run) = self.launch(begun, once).await? {
                return Ok(run);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// The run that takes back one that has just ended, if its document or whoever canceled it wants that.
    pub(crate) fn undo_after(&self, run: &Run, workflow: &Workflow) -> Option<Run> {
        let wanted = match &run.ending {
            Some(Ending::Failed | Ending::TimedOut) => workflow.undo,
            Some(Ending::Canceled { undo, .. }) => *undo,
            _ => false,
        };
        let steps = undo::steps(run, workflow).ok().filter(|_| wanted && run.undo_of.is_none())?;
        Some(Run { steps, ..self.undoing(run, workflow, Actor::System) })
    }

    fn undoing(&self, original: &Run, workflow: &Workflow, started_by: Actor) -> Run {
        // Between runs of the same key, like any other; it never gives way.
        let slot = original.slot.clone();
        let slot = slot.map(|slot| Slot { policy: SlotPolicy::Queue, held: false, ..slot });
        let run = original.following(RunId(self.new_id()), workflow, self.now());
        Run { undo_of: Some(original.id), slot, started_by, ..run }
    }

    /// Whether every connection still leads where the run went through it.
    async fn same_targets(&self, original: &Run, plan: &Plan) -> Result<(), EngineError> {
        for state in original.steps.iter().filter(|state| state.undo.is_some()) {
            let step = plan.workflow.step(&state.step).map(|step| &step.kind);
            let Some(StepKind::Action { connection: Some(name), .. }) = step else { continue };
            let Some(revision) = state.connection_revision else { continue };
            let before = self.store().connection_revision(name, revision).await?;
            let now = plan.catalog.connections.get(name);
            let same = match (&before, now) {
                (Some(before), Some(now)) => before.base_url == now.base_url && before.plugin == now.plugin,
                _ => false,
            };
            if !same {
                let message =
                    format!("connection {name} of step {} leads elsewhere now: it is not taken back", state.step);
                return Err(EngineError::Conflict(message));
            }
        }
        Ok(())
    }
}
