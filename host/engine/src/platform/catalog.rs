//! What is installed and configured, as one consistent picture that is read often and changes seldom. A change on another
//! host is seen within a second.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use crate::{Engine, EngineError};
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
use wardroom_store::DocumentKind;

/// How old the picture may be before the database is asked whether it changed.
const FRESH: Duration = Duration::from_secs(1);

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

impl Engine {
    /// The picture, at most a second behind other hosts and never behind this one.
    pub async fn catalog(&self) -> Result<Arc<Catalog>, EngineError> {
        let known = self.0.catalog.read().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.now();
        if let Some(known) = known {
            // A clock that jumps back must not freeze the picture.
            if now >= known.checked_at && now.since(known.checked_at) < FRESH {
                return Ok(known);
            }
            if self.store().catalog_version().await? == known.version {
                let fresh = Arc::new(Catalog { checked_at: now, ..(*known).clone() });
                self.keep(&fresh);
                return Ok(fresh);
            }
        }
        self.refresh().await
    }

    /// Reads the picture anew; called after every change this host makes.
    pub(crate) async fn refresh(&self) -> Result<Arc<Catalog>, EngineError> {
        let checked_at = self.now();
        // The version is read first: a change in between makes the picture look older than it is, never newer.
        let version = self.store().catalog_version().await?;
        let mut plugins = BTreeMap::from([(
            wardroom_domain::workflow::builtin::NAME.to_owned(),
            Installed {
                pin: PluginPin { version: env!("CARGO_PKG_VERSION").to_owned(), digest: String::new() },
                manifest: wardroom_domain::workflow::builtin::manifest(),
            },
        )]);
        for plugin in self.store().active_plugins().await? {
            let pin = PluginPin { version: plugin.manifest.version.clone(), digest: plugin.digest };
            plugins.insert(plugin.manifest.name.clone(), Installed { pin, manifest: Arc::new(plugin.manifest) });
        }
        let connections = self.store().connections().await?;
        let (mut workflows, mut unreadable) = (BTreeMap::new(), BTreeMap::new());
        for stored in self.store().live_documents(DocumentKind::Workflow).await? {
            match Self::parsed(&stored.name, stored.revision, &stored.source) {
                Ok(workflow) => _ = workflows.insert(stored.name, Live { revision: stored.revision, workflow }),
                Err(error) => {
                    tracing::error!(workflow.name = %stored.name, %error, "a stored workflow is left out: save it again");
                    unreadable.insert(stored.name, error.to_string());
                }
            }
        }
        let mut playbooks = BTreeMap::new();
        for stored in self.store().live_documents(DocumentKind::Playbook).await? {
            match Self::parsed_playbook(&stored) {
                Ok(playbook) => _ = playbooks.insert(stored.name, LivePlaybook { revision: stored.revision, playbook }),
                Err(error) => {
                    tracing::error!(playbook.name = %stored.name, %error, "a stored playbook is left out: save it again");
                }
            }
        }
        let (sources, silences) = (self.store().sources().await?, self.store().silences(checked_at).await?);
        let catalog = Arc::new(Catalog {
            version,
            checked_at,
            plugins,
            grants: self.store().plugin_grants().await?.into_iter().map(|(name, one)| (name, Arc::new(one))).collect(),
            plugin_limits: self.store().plugin_limits().await?.into_iter().collect(),
            connections: connections.into_iter().map(|one| (one.name.clone(), Arc::new(one))).collect(),
            workflows,
            playbooks,
            sources: sources.into_iter().map(|one| (one.name.clone(), Arc::new(one))).collect(),
            silences: silences.into_iter().map(|one| one.silence).collect(),
            unreadable,
            pauses: self.store().pauses().await?,
        });
        self.keep(&catalog);
        self.set_limits(&catalog);
        Ok(catalog)
    }

    fn keep(&self, catalog: &Arc<Catalog>) {
        let mut slot = self.0.catalog.write().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_none_or(|known| known.version <= catalog.version) {
            *slot = Some(Arc::clone(catalog));
        }
    }
}
