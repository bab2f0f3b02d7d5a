//! What a connection of this plugin says.

use wardroom_plugin_sdk::prelude::*;

/// The connection's options.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The team whose channels are meant when a step names none: the name in its URL.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) team: Option<String>,
    /// The id of the channel that messages go to when a step names none.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) default_channel: Option<String>,
    /// Where people open Mattermost, such as `https://chat.example.com`; without it channels get no link.
    #[schemars(length(min = 1, max = 500))]
    pub(crate) site_url: Option<String>,
}
