//! What is installed and configured, as one consistent picture that is read often and changes seldom. A change on another
//! host is seen within a second.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

pub use crate::platform::picture::{Catalog, Installed, Live, LivePlaybook};
use crate::{Engine, EngineError};
use wardroom_domain::run::PluginPin;
use wardroom_store::DocumentKind;

/// How old the picture may be before the database is asked whether it changed.
const FRESH: Duration = Duration::from_secs(1);

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
