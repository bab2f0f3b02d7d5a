//! Steps that run another workflow. The child is a run of its own; the step is a job that goes on elsewhere: it looks at the
//! child now and then, and at once when the child's end is announced. Nothing here is remembered: the child's identifier
//! follows from the step's first try.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{
    Engine, EngineError,
    runs::{
        call::{Made, unmade},
        start::Seedling,
        trigger::admit,
    },
};
use wardroom_domain::{
    event::MAX_DEPTH,
    expression::Scope,
    id::{RunId, uuid_v7},
    person::Actor,
    run::{
        Parent, Purpose, Run, RunStatus, StepRun,
        happening::{Ended, Happening, Refused},
        idempotency_key,
    },
};

/// How often a step looks at its child when nobody announces its end: a quarter of its age, within these.
const LOOK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));
/// The largest outputs of a child that its step hands on, in bytes of JSON.
const MAX_OUTPUT: usize = 1 << 20;
/// How often a child's end is announced to a step that is just being written, and the pause in between.
const ANNOUNCEMENTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);

impl Engine {
    /// Makes the child, or looks how it is doing.
    pub(crate) async fn child(&self, run: &Run, state: &StepRun, workflow: &str) -> Made {
        let id = child_of(run, state);
        let looked = match self.store().run(id).await {
            Ok(Some(child)) => Ok(child),
            Ok(None) => self.make_child(run, state, workflow, id).await,
            Err(error) => Err(error.into()),
        };
        let ended = match looked {
            Ok(child) if child.status.is_terminal() => ended(&child),
            Ok(child) => {
                let age = self.now().since(child.created_at);
                let note = format!("{workflow} is {} (run {id})", child.status.as_str());
                Ended::Pending { after: (age / 4).clamp(LOOK.0, LOOK.1), resume: Vec::new(), note, undo: None }
            }
            Err(error @ (EngineError::Store(_) | EngineError::Stopping | EngineError::Overloaded)) => {
                Ended::NoResult { error: unmade(&error), nothing_sent: true }
            }
            Err(error) => Ended::refused("not_started", format!("{workflow} was not started: {error}")),
        };
        ended.into()
    }

    async fn make_child(&self, run: &Run, state: &StepRun, workflow: &str, id: RunId) -> Result<Run, EngineError> {
        let catalog = self.catalog().await?;
        let live = catalog.workflow(workflow)?;
        if !live.workflow.is_callable() {
            let message = format!("workflow {workflow} does not let others run it: it has no trigger `called`");
            return Err(EngineError::Conflict(message));
        }
        let depth = run.depth.saturating_add(1);
        if depth > MAX_DEPTH {
            return Err(EngineError::Conflict(format!("{MAX_DEPTH} runs stand above it already")));
        }
        let trigger = json!({
            "type": "called", "at": self.now(), "run": run.id, "workflow": run.workflow, "step": state.step,
        });
        let scope = self.run_scope(run).await?;
        let names = [("incident", scope.clone()), ("trigger", trigger.clone())];
        let given = state.input.clone().unwrap_or_default();
        let inputs = admit(&live.workflow, given, Scope { names: names.into() });
        let inputs = inputs.map_err(|refusal| EngineError::NotAdmitted { workflow: workflow.to_owned(), refusal })?;
        let seedling = Seedling {
            id,
            live,
            incident: run.incident,
            event: None,
            becomes_of: None,
            parent: Some(Parent { run: run.id, step: state.step.clone(), item: state.item }),
            // It stands within its parent's.
            slot: None,
            trigger,
            inputs,
            mode: run.mode,
            depth,
            started_by: run.started_by.clone(),
            scope,
        };
        let begun = self.begin_run(seedling, &catalog).await?;
        match self.launch(begun, None).await? {
            Some(child) => Ok(child),
            // Another host was faster with the same child.
            None => self.store().run(id).await?.ok_or(EngineError::Overloaded),
        }
    }

    /// Tells a run's parent that it has ended.
    pub(crate) fn announce(&self, child: &Run) {
        let Some(parent) = child.parent.clone().filter(|_| child.status.is_terminal()) else { return };
        let engine = self.clone();
        self.0.tasks.spawn(async move {
            for _ in 0..ANNOUNCEMENTS {
                let happening = Happening::ChildEnded { step: parent.step.clone(), item: parent.item };
                match engine.tell(parent.run, happening).await {
                    // The call that made the child has not been written yet.
                    Err(EngineError::Run(Refused::Stale { .. })) => tokio::time::sleep(PAUSE).await,
                    // The parent looks by itself.
                    Ok(_) | Err(_) => return,
                }
            }
        });
    }

    /// Stops the child of a step that does not want it any more.
    pub(crate) fn cancel_child(&self, run: &Run, step: &str, item: Option<u32>) {
        let Some(state) = run.step_or_item(step, item) else { return };
        let (engine, child, parent) = (self.clone(), child_of(run, state), run.workflow.clone());
        self.0.tasks.spawn(async move { engine.abandon(child, &parent).await });
    }

    /// Stops the children of runs that have ended without them: the host that should have done it is gone.
    pub(crate) async fn cancel_orphans(&self) {
        match self.store().orphaned_children().await {
            Ok(orphans) => {
                for child in orphans {
                    self.abandon(child, "the run above it").await;
                }
            }
            Err(error) => tracing::warn!(%error, "runs without a parent could not be looked for; trying again"),
        }
    }

    async fn abandon(&self, child: RunId, parent: &str) {
        let reason = Some(format!("{parent} does not wait for it any more"));
        if let Err(error) =
            self.tell(child, Happening::CancelRequested { by: Actor::System, reason, undo: false }).await
        {
            tracing::debug!(run.id = %child, %error, "a child run is ending already");
        }
    }
}

/// The run that a step makes: the same over every try.
fn child_of(run: &Run, state: &StepRun) -> RunId {
    let key = idempotency_key(run.id, &state.step, state.item, state.generation, Purpose::Child);
    let mut random = [0; 10];
    for (byte, pair) in random.iter_mut().zip(key.as_bytes().chunks(2)) {
        *byte = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default();
    }
    RunId(uuid_v7(state.started_at.unwrap_or(run.created_at).unix_ms(), random))
}

/// What the step gets from a child that has ended.
fn ended(child: &Run) -> Ended {
    let steps: Map<String, Value> = child
        .steps
        .iter()
        .filter(|step| step.item.is_none())
        .map(|step| (step.step.clone(), json!({ "status": step.status, "output": step.output })))
        .collect();
    let output = json!({ "run": child.id, "status": child.status, "steps": steps });
    if child.status != RunStatus::Succeeded {
        let failed =
            child.steps.iter().find_map(|step| Some(format!(": {}: {}", step.step, step.error.as_ref()?.message)));
        let status = child.status.as_str();
        let why = failed.filter(|_| child.status == RunStatus::Failed).unwrap_or_default();
        return Ended::refused(
            &format!("child_{status}"),
            format!("{} (run {}) is {status}{why}", child.workflow, child.id),
        );
    }
    if output.to_string().len() > MAX_OUTPUT {
        let message = format!("the outputs of {} are larger than {MAX_OUTPUT} bytes together", child.workflow);
        return Ended::refused("too_large", message);
    }
    Ended::Done { output, summary: format!("{} succeeded", child.workflow), undo: None }
}
