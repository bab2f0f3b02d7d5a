//! Installing plugins: a component is inspected whole before anything is written.

use serde_json::{Value, json};

use super::{Caller, Engine, EngineError, between};
use crate::store::{Guard, StoredPlugin};

impl Engine {
    /// Installs a component, or makes an installed one the active version of its name again.
    pub async fn install_plugin(&self, caller: &Caller, component: Vec<u8>) -> Result<StoredPlugin, EngineError> {
        let inspected = self.plugins().inspect(&component).await?;
        let plugin = StoredPlugin {
            digest: inspected.digest,
            size: i64::try_from(component.len()).unwrap_or(i64::MAX),
            installed_at: self.now(),
            installed_by: caller.person.handle.clone(),
            active: true,
            manifest: inspected.manifest,
        };
        let name = plugin.manifest.name.clone();
        let known = self.store().active_plugins().await?.into_iter().find(|known| known.manifest.name == name);
        let data = between(known.as_ref().map(brief), brief(&plugin));
        let guard = Guard::Plugin(Box::new(plugin.clone()), component);
        self.change_platform(caller, guard, "plugin.install", &name, data).await?;
        Ok(plugin)
    }

    /// Takes a plugin out of use; runs pinned to it go on.
    pub async fn remove_plugin(&self, caller: &Caller, name: &str) -> Result<(), EngineError> {
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
}

/// What the audit log tells of a plugin.
fn brief(plugin: &StoredPlugin) -> Value {
    json!({ "version": plugin.manifest.version, "digest": plugin.digest })
}
