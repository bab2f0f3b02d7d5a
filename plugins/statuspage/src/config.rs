//! What a connection of this plugin says.

use wardroom_plugin_sdk::prelude::*;

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The page's id, as "API info" of Statuspage shows it.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) page_id: String,
}
