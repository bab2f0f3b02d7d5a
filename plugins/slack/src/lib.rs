//! Opens, uses and archives channels of Slack, through its Web API: <https://docs.slack.dev/apis/web-api>. Each method has its
//! page under <https://docs.slack.dev/reference/methods>.

mod api;
mod channel;
mod create;
mod members;
mod memory;
mod message;

use wardroom_plugin_sdk::prelude::*;

use channel::{Archive, SetTopic};
use create::CreateChannel;
use members::AddMembers;
use message::{Pin, Post};

/// The connection's options.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The id of the channel that messages go to when a step names none, such as `C012AB3CD`.
    #[schemars(length(min = 1, max = 64))]
    default_channel: Option<String>,
}

struct Slack;

impl Plugin for Slack {
    fn describe() -> Description {
        Description::new("slack", env!("CARGO_PKG_VERSION"), "Opens, uses and archives channels of Slack.")
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

export_plugin!(Slack);

#[cfg(test)]
mod tests;
