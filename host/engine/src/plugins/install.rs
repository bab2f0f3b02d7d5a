//! Installing plugins: a component is inspected whole before anything is written. A version that asks for more than was given
//! is kept and waits, and the one before it serves.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{Caller, Engine, EngineError, platform::between};
use wardroom_domain::{
    grant::{Ask, GrantRequest, GrantStatus, GrantSubject, request_id},
    person::AccessRole,
    plugin::{Manifest, Provenance},
    workflow::StepKind,
};
use wardroom_store::{Dependant, Guard, StoredPlugin, Write};

/// How a component is to be installed.
#[derive(Debug, Clone, Default)]
pub struct Installing {
    /// Whether whatever it newly asks for is given at once; only administrators may.
    pub grant: bool,
    /// Where it comes from.
    pub source: Option<String>,
    /// A minisign signature of the component: the text of a `.minisig` file.
    pub signature: Option<String>,
}

/// What came of installing.
#[derive(Debug, Clone)]
pub struct Installed {
    /// The version.
    pub plugin: StoredPlugin,
    /// What it asks for beyond what had been given.
    pub newly: BTreeSet<Ask>,
    /// The request it waits for; none: it is in use.
    pub waits_for: Option<GrantRequest>,
}

impl Engine {
    /// The plugins in use, each in its version.
    pub async fn plugin_list(&self) -> Result<Vec<StoredPlugin>, EngineError> {
        Ok(self.store().active_plugins().await?)
    }

    /// The plugin of a name, in the version in use.
    pub async fn plugin(&self, name: &str) -> Result<StoredPlugin, EngineError> {
        let found = self.plugin_list().await?.into_iter().find(|plugin| plugin.manifest.name == name);
        found.ok_or_else(|| EngineError::not_found("plugin", name))
    }

    /// All versions of a plugin.
    pub async fn plugin_versions(&self, name: &str) -> Result<Vec<StoredPlugin>, EngineError> {
        let found = self.store().plugin_versions(name).await?;
        if found.is_empty() { Err(EngineError::not_found("plugin", name)) } else { Ok(found) }
    }

    /// Installs a component. It comes into use at once when it asks for nothing that was not given before; when an
    /// administrator installs the first version of a plugin, or says so; and when the first version asks for nothing but
    /// requests toward its connection. Otherwise it is kept and waits for a grant.
    pub async fn plugin_install(
        &self,
        caller: &Caller,
        component: Vec<u8>,
        how: Installing,
    ) -> Result<Installed, EngineError> {
        let administrator = caller.role >= AccessRole::Admin;
        if how.grant && !administrator {
            return Err(EngineError::Forbidden("only an administrator grants: install it without".to_owned()));
        }
        let signed_by = self.0.parts.signers.check(&component, how.signature.as_deref())?;
        let inspected = self.plugins().inspect(&component).await?;
        let manifest = inspected.manifest;
        self.check_workflows(&manifest).await?;
        let (name, catalog) = (manifest.name.clone(), self.catalog().await?);
        let known = catalog.plugins.get(&name);
        let held = known.map(|known| catalog.given(&known.manifest)).unwrap_or_default();
        let newly = held.lacks(&manifest.asks());
        let beyond = newly.iter().any(|ask| !matches!(ask, Ask::Request(pattern) if pattern.origin().is_none()));
        let given = match known {
            _ if newly.is_empty() || how.grant => true,
            None => administrator || !beyond,
            Some(_) => false,
        };
        let now = self.now();
        let provenance = Provenance { source: how.source.unwrap_or_else(|| "upload".to_owned()), signed_by };
        let plugin = StoredPlugin {
            digest: inspected.digest,
            size: i64::try_from(component.len()).unwrap_or(i64::MAX),
            installed_at: now,
            installed_by: caller.person.handle.clone(),
            active: given,
            activated_at: given.then_some(now),
            provenance,
            manifest,
        };
        let subject = GrantSubject::Version {
            version: plugin.manifest.version.clone(),
            digest: plugin.digest.clone(),
            asks: newly.clone(),
        };
        let id = request_id(&name, &subject);
        let status = if given { GrantStatus::Approved } else { GrantStatus::Open };
        let decided = given.then(|| (now, caller.actor()));
        let request = GrantRequest { id, plugin: name.clone(), subject, status, at: now, decided };
        let mut then = Vec::new();
        if given {
            then.push(self.larger_grant(&name, &newly).await?);
        }
        if !given || self.store().grant_request(&request.id).await?.is_some() {
            then.push(Dependant::GrantRequest(Box::new(request.clone())));
        }
        let before = known.map(|known| json!({ "version": known.pin.version, "digest": known.pin.digest }));
        let mut data = between(before, brief(&plugin));
        data["newly"] = json!(newly);
        let action = if given { "plugin.install" } else { "plugin.offer" };
        let write = Write { guard: Guard::Plugin(Box::new(plugin.clone()), component), then };
        self.change_platform_with(caller, write, action, &name, data).await?;
        Ok(Installed { plugin, newly, waits_for: (!given).then_some(request) })
    }

    /// Makes the plugins in use ready, one after the other, so that the first call of each after a start need not wait.
    pub(crate) async fn warm(self) {
        let catalog = match self.catalog().await {
            Ok(catalog) => catalog,
            Err(error) => return tracing::warn!(%error, "plugins are made ready when they are called first"),
        };
        for installed in catalog.plugins.values().filter(|installed| !installed.pin.digest.is_empty()) {
            let ready = tokio::select! {
                ready = self.loaded(&installed.pin.digest) => ready,
                () = self.stopping().cancelled() => return,
            };
            if let Err(error) = ready {
                tracing::warn!(plugin.name = %installed.manifest.name, %error, "a plugin could not be made ready");
            }
        }
    }

    /// Brings an earlier version of a plugin into use again: the named one, by version or digest, or the one used last.
    /// Runs pinned to another go on with it.
    pub async fn plugin_roll_back(
        &self,
        caller: &Caller,
        name: &str,
        to: Option<&str>,
    ) -> Result<StoredPlugin, EngineError> {
        let versions = self.store().plugin_versions(name).await?;
        let known = versions.iter().find(|one| one.active);
        let known = known.ok_or_else(|| EngineError::not_found("plugin", name))?;
        let mut earlier = versions.iter().filter(|one| !one.active && one.activated_at.is_some());
        let wanted = match to {
            None => earlier.next(),
            Some(to) => earlier.find(|one| one.manifest.version == to || one.digest == to),
        };
        let wanted = wanted.ok_or_else(|| match to {
            None => EngineError::Conflict(format!("no earlier version of {name} is kept")),
            Some(to) => EngineError::not_found("earlier version", to),
        })?;
        self.0.parts.signers.check_stored(wanted.provenance.signed_by.as_ref())?;
        self.check_workflows(&wanted.manifest).await?;
        // What it asks for was given when it was in use; what was taken back since stays taken back.
        let data = between(brief(known), brief(wanted));
        let at = self.now();
        let guard = Guard::PluginOn { name: name.to_owned(), digest: wanted.digest.clone(), at };
        if !self.change_platform(caller, guard, "plugin.rollback", name, data).await? {
            return Err(EngineError::Conflict("that version was forgotten meanwhile".to_owned()));
        }
        Ok(StoredPlugin { active: true, activated_at: Some(at), ..wanted.clone() })
    }

    /// Takes a plugin out of use; runs pinned to it go on.
    pub async fn plugin_delete(&self, caller: &Caller, name: &str) -> Result<(), EngineError> {
        let known = self.store().active_plugins().await?.into_iter().find(|plugin| plugin.manifest.name == name);
        let known = known.ok_or_else(|| EngineError::not_found("plugin", name))?;
        let used: Vec<String> = self
            .catalog()
            .await?
            .workflows
            .values()
            .filter(|live| live.workflow.uses(name))
            .map(|live| live.workflow.name.clone())
            .collect();
        if !used.is_empty() {
            return Err(EngineError::Conflict(format!("plugin {name} is used by workflow {}", used.join(", "))));
        }
        let data = between(brief(&known), Value::Null);
        self.change_platform(caller, Guard::PluginOff(name.to_owned()), "plugin.remove", name, data).await?;
        Ok(())
    }

    /// Whether a version offers every action that workflows use.
    pub(crate) async fn check_workflows(&self, manifest: &Manifest) -> Result<(), EngineError> {
        let catalog = self.catalog().await?;
        for live in catalog.workflows.values() {
            for step in &live.workflow.steps {
                if let StepKind::Action { plugin, action, .. } = &step.kind
                    && *plugin == manifest.name
                    && manifest.action(action).is_none()
                {
                    let message = format!(
                        "workflow {} uses {plugin}/{action}, which version {} does not offer: change the workflow first",
                        live.workflow.name, manifest.version
                    );
                    return Err(EngineError::Conflict(message));
                }
            }
        }
        Ok(())
    }
}

/// What the audit log tells of a plugin.
fn brief(plugin: &StoredPlugin) -> Value {
    json!({ "version": plugin.manifest.version, "digest": plugin.digest, "provenance": plugin.provenance })
}
