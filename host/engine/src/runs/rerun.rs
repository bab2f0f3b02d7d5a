//! Running again: a new run of the same revision on the same plugins, whole or from a step.

use crate::{Caller, Engine, EngineError, once::Once, runs::start::may_repeat};
use wardroom_domain::{
    id::RunId,
    run::{
        AttemptRecord, Run,
        rerun::{self, From},
    },
};

/// How far the calls of steps that kept their outputs are followed back.
const GENERATIONS: usize = 20;

impl Engine {
    /// Starts a run that has ended again; gives the new run once it is durable.
    pub(crate) async fn rerun(
        &self,
        caller: &Caller,
        id: RunId,
        from: &From,
        once: Option<&Once>,
    ) -> Result<Run, EngineError> {
        for _ in 0..2 {
            if let Some(run) = self.run_made_before(once).await? {
                return Ok(run);
            }
            let original = self.store().run(id).await?.ok_or_else(|| EngineError::not_found("run", id))?;
            let plan = self.plan(&original).await?;
            may_repeat(caller, &plan.workflow)?;
            let steps = rerun::steps(&original, &plan.workflow, from, self.now())?;
            let slot = match original.slot.clone() {
                Some(slot) => Some(self.place_of(&original.workflow, slot).await?),
                None => None,
            };
            let scope = self.run_scope(&original).await?;
            let run = Run {
                rerun_of: Some(id),
                undo_of: original.undo_of,
                slot,
                started_by: caller.actor(),
                steps,
                ..original.following(RunId(self.new_id()), &plan.workflow, self.now())
            };
            let begun = self.first_steps(run, &scope).await?;
            if let Some(run) = self.launch(begun, once).await? {
                return Ok(run);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Every call of a run, with those of the steps that kept what an earlier run gave.
    pub(crate) async fn calls_of(&self, run: &Run) -> Result<Vec<AttemptRecord>, EngineError> {
        let mut calls = self.store().attempts(run.id).await?;
        let mut kept: Vec<String> =
            run.steps.iter().filter(|step| step.is_kept()).map(|step| step.step.clone()).collect();
        let mut earlier = run.rerun_of;
        for _ in 0..GENERATIONS {
            let Some(id) = earlier.filter(|_| !kept.is_empty()) else { break };
            let Some(original) = self.store().run(id).await? else { break };
            let found = self.store().attempts(id).await?;
            calls.extend(found.into_iter().filter(|call| kept.contains(&call.step)));
            kept.retain(|step| original.step(step).is_some_and(wardroom_domain::run::StepRun::is_kept));
            earlier = original.rerun_of;
        }
        Ok(calls)
    }
}
