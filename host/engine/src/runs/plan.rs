//! What driving a run needs to know beside its state: the pinned document, and what is known of each step's action now.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use serde_json::Value;

pub(crate) use crate::runs::planned::{Plan, PlanKey};
use crate::{Engine, EngineError, platform::catalog::Catalog};
use wardroom_domain::{
    connection::Connection,
    plugin::Risk,
    run::{
        PluginPin, Run,
        happening::{InDrills, StepFacts},
        undo,
    },
    workflow::{Notify, StepKind, UndoStep, Workflow, builtin},
};
use wardroom_store::DocumentKind;

/// How many plans are kept; beyond it the oldest picture's are dropped.
const PLANS_KEPT: usize = 1_024;

/// The plugins a workflow uses, approvals' notifications included, pinned to what is installed now.
pub(crate) fn pins(workflow: &Workflow, catalog: &Catalog) -> Result<BTreeMap<String, PluginPin>, String> {
    let mut pins = BTreeMap::new();
    let mut pin = |plugin: &str| match catalog.plugins.get(plugin) {
        Some(installed) => {
            pins.insert(plugin.to_owned(), installed.pin.clone());
            Ok(())
        }
        None => Err(format!("plugin {plugin} is not installed")),
    };
    for step in &workflow.steps {
        match &step.kind {
            StepKind::Action { plugin, connection, .. } => {
                pin(plugin)?;
                let Some(name) = connection else { continue };
                match catalog.connections.get(name) {
                    None => return Err(format!("there is no connection {name}")),
                    Some(found) if found.plugin != *plugin => {
                        return Err(format!("connection {name} is of plugin {} now, not {plugin}", found.plugin));
                    }
                    Some(_) => {}
                }
            }
            StepKind::Approve(approve) => {
                if let Notify::Connection(connection) = &approve.notify {
                    let Some(connection) = catalog.connections.get(connection) else {
                        return Err(format!("there is no connection {connection}"));
                    };
                    pin(&connection.plugin)?;
                }
            }
            StepKind::Undo(_) | StepKind::Run { .. } | StepKind::Sleep(_) | StepKind::WaitFor(_) => {}
        }
    }
    Ok(pins)
}

impl Engine {
    /// The plan of a run.
    pub(crate) async fn plan(&self, run: &Run) -> Result<Arc<Plan>, EngineError> {
        let catalog = self.catalog().await?;
        let key = PlanKey {
            workflow: run.workflow.clone(),
            revision: run.revision,
            catalog: catalog.version,
            pins: run.pins.values().map(|pin| pin.digest.clone()).collect(),
            undo_of: run.undo_of,
        };
        if let Some(plan) = self.0.plans.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(self.make_plan(run, catalog).await?);
        let mut plans = self.0.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= PLANS_KEPT {
            plans.clear();
        }
        plans.insert(key, Arc::clone(&plan));
        Ok(plan)
    }

    async fn make_plan(&self, run: &Run, catalog: Arc<Catalog>) -> Result<Plan, EngineError> {
        let mut workflow = match catalog.workflows.get(&run.workflow) {
            Some(live) if live.revision == run.revision => Arc::clone(&live.workflow),
            _ => {
                let stored = self.store().revision(DocumentKind::Workflow, &run.workflow, run.revision).await?;
                let stored = stored.ok_or_else(|| EngineError::not_found("workflow", &run.workflow))?;
                Self::parsed(&run.workflow, run.revision, &stored.source)?
            }
        };
        if let Some(original) = run.undo_of {
            let original = self.store().run(original).await?.ok_or_else(|| EngineError::not_found("run", original))?;
            workflow = Arc::new(undo::workflow(&original, &workflow));
        }
        let mut manifests = BTreeMap::new();
        for (name, pin) in &run.pins {
            let manifest = match catalog.plugins.get(name) {
                Some(installed) if installed.pin.digest == pin.digest => Arc::clone(&installed.manifest),
                _ => {
                    let stored = self.store().plugin(&pin.digest).await?;
                    Arc::new(stored.ok_or_else(|| EngineError::not_found("plugin", name))?.manifest)
                }
            };
            manifests.insert(name.clone(), manifest);
        }
        let mut plan = Plan { workflow: Arc::clone(&workflow), catalog, manifests, facts: BTreeMap::new() };
        for step in &workflow.steps {
            let facts = facts(&plan, &step.kind);
            plan.facts.insert(step.id.clone(), facts);
        }
        Ok(plan)
    }

    /// The incident as a run's expressions see it now; null without one.
    pub(crate) async fn run_scope(&self, run: &Run) -> Result<Value, EngineError> {
        let Some(id) = run.incident else { return Ok(Value::Null) };
        let Some(incident) = self.store().incident(id).await? else { return Ok(Value::Null) };
        self.live_scope(&incident).await
    }
}

/// How deep workflows that run workflows are looked into.
const LEVELS: u8 = 8;

/// The worst that a workflow's steps can do; what cannot be seen may do anything.
fn risk_of(catalog: &Catalog, workflow: &str, levels: u8) -> Risk {
    let Some(live) = catalog.workflows.get(workflow).filter(|_| levels > 0) else { return Risk::Destructive };
    let risk = |kind: &StepKind| match kind {
        StepKind::Action { plugin, action, .. } => {
            let action = catalog.plugins.get(plugin).and_then(|plugin| plugin.manifest.action(action));
            action.map_or(Risk::Destructive, |action| action.risk)
        }
        StepKind::Run { workflow, .. } => risk_of(catalog, workflow, levels - 1),
        StepKind::Undo(_) => Risk::Destructive,
        StepKind::Approve(_) | StepKind::Sleep(_) | StepKind::WaitFor(_) => Risk::Read,
    };
    live.workflow.steps.iter().map(|step| risk(&step.kind)).max().unwrap_or(Risk::Read)
}

fn facts(plan: &Plan, kind: &StepKind) -> StepFacts {
    let workflow = plan.workflow.name.as_str();
    match kind {
        StepKind::Run { .. } | StepKind::Approve(_) | StepKind::Sleep(_) | StepKind::WaitFor(_) => StepFacts {
            risk: match kind {
                StepKind::Run { workflow, .. } => risk_of(&plan.catalog, workflow, LEVELS),
                _ => Risk::Read,
            },
            idempotent: true,
            can_check: false,
            notifies: matches!(kind, StepKind::Approve(approve) if plan.telling(&approve.notify).is_some()),
            in_drills: InDrills::Recorded,
            connection_revision: None,
            held: plan.catalog.held(workflow, None),
        },
        StepKind::Action { plugin, action, connection, .. }
        | StepKind::Undo(UndoStep { plugin, action, connection }) => {
            let connected: Option<&Arc<Connection>> =
                connection.as_ref().and_then(|name| plan.catalog.connections.get(name));
            let config = connected.map_or(&Value::Null, |connection| &connection.config);
            let action = plan.manifests.get(plugin).and_then(|manifest| manifest.action(action));
            StepFacts {
                risk: action.map_or(Risk::Destructive, |action| action.risk),
                idempotent: plugin == builtin::NAME || action.is_some_and(|action| action.idempotent.holds(config)),
                can_check: action.is_some_and(|action| action.check) && !matches!(kind, StepKind::Undo(_)),
                notifies: false,
                in_drills: match connected {
                    Some(connection) if connection.real_in_drills => InDrills::Sent,
                    _ => InDrills::Recorded,
                },
                connection_revision: connected.map(|connection| connection.revision),
                held: plan.catalog.held(workflow, connection.as_deref()),
            }
        }
    }
}
