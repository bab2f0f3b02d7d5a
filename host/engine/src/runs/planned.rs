//! What a run is driven by: its workflow, the plugins it is pinned to, and what is known of its steps.

use std::{collections::BTreeMap, sync::Arc};

use wardroom_domain::{
    id::RunId,
    plugin::{Manifest, NotifySpec},
    run::happening::StepFacts,
    workflow::{Notify, StepKind, Workflow},
};

use crate::platform::catalog::Catalog;

/// A plan belongs to one workflow revision, one set of pins and one picture of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    pub(crate) workflow: String,
    pub(crate) revision: i64,
    pub(crate) catalog: i64,
    pub(crate) pins: Vec<String>,
    /// A run that takes another back has a document of its own.
    pub(crate) undo_of: Option<RunId>,
}

/// What driving a run needs to know.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) workflow: Arc<Workflow>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) manifests: BTreeMap<String, Arc<Manifest>>,
    pub(crate) facts: BTreeMap<String, StepFacts>,
}

/// How people are told of an approval.
pub(crate) struct Telling<'a> {
    pub(crate) plugin: &'a str,
    pub(crate) spec: &'a NotifySpec,
    pub(crate) connection: &'a str,
    /// The step whose output names the place.
    pub(crate) step: Option<&'a str>,
}

impl Plan {
    /// Where a workflow's approval step tells people, if it does.
    pub(crate) fn telling<'a>(&'a self, notify: &'a Notify) -> Option<Telling<'a>> {
        let (connection, step) = match notify {
            Notify::None => return None,
            Notify::Connection(connection) => (connection.as_str(), None),
            Notify::Step(step) => match &self.workflow.step(step)?.kind {
                StepKind::Action { connection: Some(connection), .. } => (connection.as_str(), Some(step.as_str())),
                _ => return None,
            },
        };
        let plugin = self.catalog.connections.get(connection)?.plugin.as_str();
        let spec = self.manifests.get(plugin)?.notify.as_ref()?;
        Some(Telling { plugin, spec, connection, step })
    }
}
