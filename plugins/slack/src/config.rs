//! What a connection of this plugin says.

use wardroom_plugin_sdk::prelude::*;

/// The connection's options.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The id of the channel that messages go to when a step names none, such as `C012AB3CD`.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) default_channel: Option<String>,
}
