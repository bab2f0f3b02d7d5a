//! Opens, uses and archives channels of Mattermost, through its REST API v4: <https://api.mattermost.com>, whose source is
//! <https://github.com/mattermost/mattermost/tree/master/api/v4/source>.

mod api;
mod channel;
mod members;
mod memory;
mod message;

use wardroom_plugin_sdk::prelude::*;

use channel::{Archive, CreateChannel, SetTopic};
use members::AddMembers;
use message::{Pin, Post};

/// The connection's options.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The team whose channels are meant when a step names none: the name in its URL.
    #[schemars(length(min = 1, max = 64))]
    team: Option<String>,
    /// The id of the channel that messages go to when a step names none.
    #[schemars(length(min = 1, max = 64))]
    default_channel: Option<String>,
    /// Where people open Mattermost, such as `https://chat.example.com`; without it channels get no link.
    #[schemars(length(min = 1, max = 500))]
    site_url: Option<String>,
}

struct Mattermost;

impl Plugin for Mattermost {
    fn describe() -> Description {
        Description::new("mattermost", env!("CARGO_PKG_VERSION"), "Opens, uses and archives channels of Mattermost.")
            .connection::<Config>(&["bearer"])
            .action::<CreateChannel>()
            .action::<AddMembers>()
            .action::<Post>()
            .action::<Pin>()
            .action::<SetTopic>()
            .action::<Archive>()
            .notify("post", "text", &[("channel", "channel_id")])
    }
}

export_plugin!(Mattermost);

#[cfg(test)]
mod tests;
