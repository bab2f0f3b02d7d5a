//! What a plugin may use, whatever the connection.

use crate::{Caller, Engine, EngineError, platform::between};
use wardroom_domain::limits::CallLimits;
use wardroom_store::Guard;

impl Engine {
    /// A plugin's limits.
    pub async fn plugin_limits(&self, name: &str) -> Result<CallLimits, EngineError> {
        let catalog = self.catalog().await?;
        if !catalog.plugins.contains_key(name) {
            return Err(EngineError::not_found("plugin", name));
        }
        Ok(catalog.limits(name))
    }

    /// Sets a plugin's limits, from now on and for every version; what is left out has none.
    pub async fn plugin_set_limits(
        &self,
        caller: &Caller,
        name: &str,
        limits: CallLimits,
    ) -> Result<CallLimits, EngineError> {
        let before = self.plugin_limits(name).await?;
        limits.check().map_err(|wrong| EngineError::invalid(wrong.field, wrong.to_string()))?;
        let guard = Guard::PluginLimits(name.to_owned(), limits);
        self.change_platform(caller, guard, "plugin.limits", name, between(before, limits)).await?;
        Ok(limits)
    }
}

/// Whether a connection's limits make sense.
pub(crate) fn check_limits(limits: &CallLimits) -> Result<(), EngineError> {
    limits.check().map_err(|wrong| EngineError::invalid(format!("limits.{}", wrong.field), wrong.to_string()))
}
