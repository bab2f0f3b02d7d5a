//! The platform as it is now, in one piece: what is installed, connected, granted, saved and held.

use std::{collections::BTreeMap, sync::Arc};

use wardroom_domain::{
    alert::Labels,
    connection::Connection,
    grant::PluginGrant,
    incident::{IncidentKind, Severity},
    intake::{Source, silence::Silence},
    limits::CallLimits,
    pause::{Pause, PauseScope},
    playbook::{Playbook, fit},
    plugin::Manifest,
    run::PluginPin,
    time::Timestamp,
    workflow::Workflow,
};

use crate::EngineError;

/// An installed plugin.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Version and digest.
    pub pin: PluginPin,
    /// What it says of itself.
    pub manifest: Arc<Manifest>,
}

/// A workflow's newest revision.
#[derive(Debug, Clone)]
pub struct Live {
    /// The revision.
    pub revision: i64,
    /// The document.
    pub workflow: Arc<Workflow>,
}

/// A playbook's newest revision.
#[derive(Debug, Clone)]
pub struct LivePlaybook {
    /// The revision.
    pub revision: i64,
    /// The document.
    pub playbook: Arc<Playbook>,
}

/// The picture.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Rises with every change.
    pub version: i64,
    /// When this was last known to be the newest.
    pub checked_at: Timestamp,
    /// Active plugins by name, the built-in one among them.
    pub plugins: BTreeMap<String, Installed>,
    /// What plugins were given, by name; of those without an entry what they ask for.
    pub grants: BTreeMap<String, Arc<PluginGrant>>,
    /// What plugins may use, by name; those without an entry have no limits of their own.
    pub plugin_limits: BTreeMap<String, CallLimits>,
    /// Connections by name.
    pub connections: BTreeMap<String, Arc<Connection>>,
    /// Workflows by name.
    pub workflows: BTreeMap<String, Live>,
    /// Playbooks by name.
    pub playbooks: BTreeMap<String, LivePlaybook>,
    /// Sources that have settings, by name.
    pub sources: BTreeMap<String, Arc<Source>>,
    /// Silences that are not over.
    pub silences: Vec<Silence>,
    /// Stored workflows that this version cannot read, with the reason: one of them must not hold up the others.
    pub unreadable: BTreeMap<String, String>,
    /// What the kill switch holds.
    pub pauses: Vec<Pause>,
}

impl Catalog {
    /// The playbook that fits an incident best, if any does.
    pub fn playbook_for(&self, kind: IncidentKind, severity: Severity, labels: &Labels) -> Option<&LivePlaybook> {
        let playbooks = self.playbooks.values().map(|live| &*live.playbook);
        let best = fit::best(playbooks, kind, severity, labels)?;
        self.playbooks.get(&best.name)
    }

    /// A source of alerts: one with settings, or one that is there from the start.
    pub fn source(&self, name: &str) -> Result<Arc<Source>, EngineError> {
        let known = self.sources.get(name).cloned();
        let known = known.or_else(|| Source::built_in(name).map(Arc::new));
        known.ok_or_else(|| EngineError::not_found("source", name))
    }

    /// What a plugin was given.
    pub(crate) fn given(&self, manifest: &Manifest) -> Arc<PluginGrant> {
        let asked = || Arc::new(PluginGrant { asks: manifest.asks() });
        self.grants.get(&manifest.name).cloned().unwrap_or_else(asked)
    }

    /// What a plugin may use, whatever the connection.
    pub fn limits(&self, plugin: &str) -> CallLimits {
        self.plugin_limits.get(plugin).copied().unwrap_or_default()
    }

    /// The workflow of this name, or why there is none.
    pub(crate) fn workflow(&self, name: &str) -> Result<&Live, EngineError> {
        if let Some(reason) = self.unreadable.get(name) {
            return Err(EngineError::Conflict(format!("{reason}: save it again")));
        }
        self.workflows.get(name).ok_or_else(|| EngineError::not_found("workflow", name))
    }

    /// Why nothing of this workflow (through this connection) may start now.
    pub fn held(&self, workflow: &str, connection: Option<&str>) -> Option<String> {
        self.pauses.iter().find(|pause| pause.holds(workflow, connection)).map(|pause| match &pause.scope {
            PauseScope::All => format!("all automation is paused: {}", pause.reason),
            PauseScope::Workflow(name) => format!("workflow {name} is paused: {}", pause.reason),
            PauseScope::Connection(name) => format!("connection {name} is paused: {}", pause.reason),
        })
    }
}
