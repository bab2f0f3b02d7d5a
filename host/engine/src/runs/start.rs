//! Starting a run: pinning it to what is installed, beginning its first steps, and writing it all in one transaction.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::{
    Caller, Engine, EngineError,
    once::{Once, making},
    platform::catalog::{Catalog, Live},
    runs::{
        plan::{Plan, pins},
        trigger::{NotAdmitted, admit},
        worker::context,
    },
};
use wardroom_base::fault;
use wardroom_domain::{
    event::{Event, Fact},
    expression::Scope,
    id::{EventId, IncidentId, RunId},
    incident::{Incident, IncidentKind},
    person::{AccessRole, Actor},
    run::{
        Mode, Parent, Run, Slot,
        happening::{Effect, Happening},
        machine,
    },
    timeline::{EntryKind, NewEntry},
    workflow::{TriggerKind, Workflow},
};
use wardroom_store::{Committed, Dependant, Guard};

/// What a person asks for.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// The workflow.
    pub workflow: String,
    /// The incident, by identifier or number.
    pub incident: Option<String>,
    /// The inputs: an object.
    pub inputs: Value,
    /// Whether to record unsafe calls instead of sending them.
    pub dry_run: bool,
}

/// A run that has begun in memory and waits to be written.
pub(crate) struct Begun {
    pub(crate) run: Run,
    pub(crate) effects: Vec<Effect>,
    pub(crate) then: Vec<Dependant>,
}

/// What a new run is made of.
pub(crate) struct Seedling<'a> {
    pub(crate) id: RunId,
    pub(crate) live: &'a Live,
    pub(crate) incident: Option<IncidentId>,
    pub(crate) event: Option<EventId>,
    pub(crate) becomes_of: Option<IncidentId>,
    pub(crate) parent: Option<Parent>,
    pub(crate) slot: Option<Slot>,
    pub(crate) trigger: Value,
    pub(crate) inputs: Value,
    pub(crate) mode: Mode,
    pub(crate) depth: u8,
    pub(crate) started_by: Actor,
    /// The incident as expressions see it.
    pub(crate) scope: Value,
}

impl Engine {
    /// Starts a workflow for a person; gives the run once it is durable.
    pub(crate) async fn start_run(
        &self,
        caller: &Caller,
        request: &StartRequest,
        once: Option<Once>,
    ) -> Result<Run, EngineError> {
        for _ in 0..2 {
            if let Some(run) = self.run_made_before(once.as_ref()).await? {
                return Ok(run);
            }
            let catalog = self.catalog().await?;
            let skips = catalog.workflow(&request.workflow)?.workflow.skips();
            let _one_at_a_time = self.one_at_a_time(skips).await;
            let seedling = self.seedling(caller, request, &catalog).await?;
            let begun = self.begin_run(seedling, &catalog).await?;
            if let Some(run) = self.launch(begun, once.as_ref()).await? {
                return Ok(run);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Writes a run that has begun and drives it; none when the key has made another before.
    pub(crate) async fn launch(&self, begun: Begun, once: Option<&Once>) -> Result<Option<Run>, EngineError> {
        if self.0.stop.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        let boxed = Box::new(begun.run.clone());
        let (at, id) = (begun.run.created_at, begun.run.id);
        let guard = Guard::NewRun(boxed.clone());
        let Begun { run, effects, then } = begun;
        let write = making(once, id, at, guard, Dependant::NewRun(boxed), then);
        // Of its own: whoever asked may hang up in between, and a run that is written has to be driven.
        let engine = self.clone();
        let launched = self.0.tasks.spawn(async move {
            if engine.store().commit(write).await? == Committed::Lost {
                return Ok(None);
            }
            fault::pass("engine.launched").await.map_err(EngineError::broken)?;
            engine.take_up(run.clone(), effects);
            Ok(Some(run))
        });
        launched.await.map_err(|error| EngineError::Internal(format!("the start ended early: {error}")))?
    }

    /// Drives a run that was written, and looks after who hangs on it.
    pub(crate) fn take_up(&self, run: Run, effects: Vec<Effect>) {
        self.tend(&run);
        self.announce(&run);
        self.drive(run, effects);
    }

    /// The run that an earlier request under this key made.
    pub(crate) async fn run_made_before(&self, once: Option<&Once>) -> Result<Option<Run>, EngineError> {
        let Some(made) = self.made_before(once).await? else { return Ok(None) };
        let id: RunId = made.parse().map_err(|_| EngineError::not_found("run", &made))?;
        Ok(Some(self.store().run(id).await?.ok_or_else(|| EngineError::not_found("run", id))?))
    }

    async fn seedling<'a>(
        &self,
        caller: &Caller,
        request: &StartRequest,
        catalog: &'a Catalog,
    ) -> Result<Seedling<'a>, EngineError> {
        let live = catalog.workflow(&request.workflow)?;
        may_start(caller, &live.workflow)?;
        let incident = match &request.incident {
            Some(reference) => Some(self.acting_as(caller).seen_incident(reference).await?),
            None => None,
        };
        let scope = match &incident {
            Some(incident) => self.live_scope(incident).await?,
            None => Value::Null,
        };
        let trigger = json!({ "type": "manual", "at": self.now(), "by": caller.person.handle });
        let names = BTreeMap::from([("incident", scope.clone()), ("trigger", trigger.clone())]);
        let mut names = Scope { names };
        let inputs = admit(&live.workflow, request.inputs.clone(), names.clone()).map_err(|refusal| match refusal {
            NotAdmitted::Input { field, message } => EngineError::Invalid { field: format!("inputs.{field}"), message },
            refusal => EngineError::NotAdmitted { workflow: request.workflow.clone(), refusal },
        })?;
        names.names.insert("inputs", inputs.clone());
        let slot = self.place(&live.workflow, &names).await?;
        let drill = incident.as_ref().is_some_and(|incident| incident.kind == IncidentKind::Drill);
        Ok(Seedling {
            id: RunId(self.new_id()),
            live,
            incident: incident.map(|incident| incident.id),
            event: None,
            becomes_of: None,
            parent: None,
            slot,
            trigger,
            inputs,
            mode: Mode::of(drill, request.dry_run),
            depth: 0,
            started_by: caller.actor(),
            scope,
        })
    }

    /// What an event starts, where the triggers agreed.
    pub(crate) async fn seedling_of<'a>(
        &self,
        event: &Event,
        live: &'a Live,
        inputs: Value,
        becomes: bool,
    ) -> Result<Seedling<'a>, EngineError> {
        let drill = is_drill(&event.snapshot);
        let trigger = crate::runs::trigger::frozen(event);
        let names = [("incident", event.snapshot.clone()), ("trigger", trigger.clone()), ("inputs", inputs.clone())];
        Ok(Seedling {
            id: RunId(self.new_id()),
            live,
            incident: event.incident,
            event: Some(event.id),
            becomes_of: event.incident.filter(|_| becomes),
            parent: None,
            slot: self.place(&live.workflow, &Scope { names: names.into() }).await?,
            trigger,
            inputs,
            mode: Mode::of(drill, false),
            depth: event.depth,
            started_by: Actor::System,
            scope: event.snapshot.clone(),
        })
    }

    /// Makes the run and lets it take its first steps in memory: accepting it and starting its first attempts are one
    /// write.
    pub(crate) async fn begin_run(&self, seedling: Seedling<'_>, catalog: &Catalog) -> Result<Begun, EngineError> {
        let workflow = &seedling.live.workflow;
        let pins = pins(workflow, catalog).map_err(EngineError::Conflict)?;
        let run = Run {
            mode: seedling.mode,
            incident: seedling.incident,
            event: seedling.event,
            becomes_of: seedling.becomes_of,
            parent: seedling.parent,
            slot: seedling.slot,
            trigger: seedling.trigger,
            inputs: seedling.inputs,
            depth: seedling.depth,
            pins,
            started_by: seedling.started_by,
            ..Run::new(seedling.id, workflow, seedling.live.revision, self.now())
        };
        self.first_steps(run, &seedling.scope).await
    }

    /// Lets a new run take its first steps in memory.
    pub(crate) async fn first_steps(&self, mut run: Run, scope: &Value) -> Result<Begun, EngineError> {
        let plan = self.plan(&run).await?;
        let context = context(self, &plan, scope);
        let mut effects = vec![Effect::Entry {
            kind: EntryKind::Run,
            step: None,
            by: match &run.started_by {
                by @ Actor::Person { .. } => Some(by.clone()),
                _ => None,
            },
            text: match &run.slot {
                Some(slot) => format!("{} waits for its turn ({:?})", run.workflow, slot.key),
                None if run.undo_of.is_some() => format!("{} is taken back", run.workflow),
                None => format!("{} started{}", run.workflow, if run.rerun_of.is_some() { " again" } else { "" }),
            },
            data: json!({ "run": run.id, "mode": run.mode, "rerun_of": run.rerun_of, "undo_of": run.undo_of }),
        }];
        effects.extend(machine::apply(&mut run, Happening::Due, &context)?);
        let then = self.dependants(&run, &effects, &plan, scope);
        Ok(Begun { run, effects, then })
    }

    /// The incident as expressions see it now.
    pub(crate) async fn live_scope(&self, incident: &Incident) -> Result<Value, EngineError> {
        Ok(self.opened_from(incident.clone()).await?.scope())
    }

    /// What the machine's effects write beside the run itself.
    pub(crate) fn dependants(&self, run: &Run, effects: &[Effect], plan: &Plan, scope: &Value) -> Vec<Dependant> {
        let (catalog, workflow) = (&plan.catalog, &plan.workflow);
        let mut then = Vec::new();
        for effect in effects {
            match effect {
                Effect::Attempted(record) => then.push(Dependant::Attempt(record.clone())),
                Effect::Approval(approval) => then.push(Dependant::Approval(approval.clone())),
                Effect::Entry { kind, step, by, text, data } => {
                    let Some(incident) = run.incident else { continue };
                    let doer = || Actor::Run { id: run.id, workflow: run.workflow.clone(), step: step.clone() };
                    then.push(Dependant::Entry(NewEntry {
                        incident,
                        kind: *kind,
                        at: self.now(),
                        actor: by.clone().unwrap_or_else(doer),
                        text: text.chars().take(crate::incidents::edit::MAX_NOTE).collect(),
                        data: data.clone(),
                    }));
                }
                Effect::Ended => {
                    then.extend(self.finished(run, catalog, scope).map(Dependant::Event));
                    then.extend(self.undo_after(run, workflow).map(|undo| Dependant::NewRun(Box::new(undo))));
                }
                Effect::Call { .. } | Effect::CancelChild { .. } => {}
            }
        }
        then
    }
}

impl Engine {
    /// The event of a run's end, if a workflow listens to such. What a dry run ended with has not happened.
    fn finished(&self, run: &Run, catalog: &Catalog, scope: &Value) -> Option<Event> {
        let happened = run.mode != Mode::Simulated;
        let heard = catalog.workflows.values().any(|live| live.workflow.follows_runs());
        // That a run was taken back is no end of the workflow.
        (happened && heard && run.undo_of.is_none()).then(|| Event {
            id: EventId(self.new_id()),
            incident: run.incident,
            at: self.now(),
            depth: run.depth.saturating_add(1),
            fact: Fact::RunFinished { run: run.id, workflow: run.workflow.clone(), status: run.status },
            snapshot: scope.clone(),
        })
    }
}

/// Whether the incident, as expressions see it, is a drill.
fn is_drill(scope: &Value) -> bool {
    scope.get("kind").and_then(Value::as_str) == Some(IncidentKind::Drill.as_str())
}

/// Whether the caller may run again, or take back, what the workflow did: whoever may start it by hand, and any responder
/// when nobody starts it by hand.
pub(crate) fn may_repeat(caller: &Caller, workflow: &Arc<Workflow>) -> Result<(), EngineError> {
    if workflow.on.iter().any(|trigger| matches!(trigger.kind, TriggerKind::Manual { .. })) {
        may_start(caller, workflow)
    } else {
        Ok(())
    }
}

/// Whether the workflow has a manual trigger that lets the caller start it.
pub(crate) fn may_start(caller: &Caller, workflow: &Arc<Workflow>) -> Result<(), EngineError> {
    let mut manual = workflow.on.iter().filter_map(|trigger| match &trigger.kind {
        TriggerKind::Manual { allow } => Some(allow),
        _ => None,
    });
    let Some(first) = manual.next() else {
        let message = format!("workflow {} has no manual trigger: it cannot be started by hand", workflow.name);
        return Err(EngineError::Conflict(message));
    };
    let least = std::iter::once(first)
        .chain(manual)
        .map(|allow| allow.iter().copied().min().unwrap_or(AccessRole::Responder))
        .min()
        .unwrap_or(AccessRole::Responder)
        .max(AccessRole::Responder);
    if caller.role < least {
        return Err(EngineError::Forbidden(format!(
            "workflow {} may be started by {} and above: this token is of role {}",
            workflow.name,
            least.as_str(),
            caller.role.as_str()
        )));
    }
    Ok(())
}
