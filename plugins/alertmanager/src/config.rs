//! What a connection of this plugin says.

use wardroom_plugin_sdk::prelude::*;

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Who silences when a step names nobody. Default `wardroom`.
    #[serde(default = "ourselves")]
    #[schemars(length(min = 1, max = 200))]
    pub(crate) created_by: String,
}

pub(crate) fn ourselves() -> String {
    "wardroom".to_owned()
}
