//! What a connection of this plugin says.

use wardroom_plugin_sdk::prelude::*;

/// The connection's options.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The room that messages go to when a step names none, such as `!abc:example.com`.
    pub(crate) default_room: Option<String>,
}
