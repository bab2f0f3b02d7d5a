//! Opens, uses and archives channels of Slack, through its Web API: <https://docs.slack.dev/apis/web-api>. Each method has its
//! page under <https://docs.slack.dev/reference/methods>.

mod api;
mod channel;
pub(crate) mod config;
mod create;
mod members;
mod memory;
mod message;

use wardroom_plugin_sdk::prelude::*;

use crate::config::Config;
use channel::{Archive, SetTopic};
use create::CreateChannel;
use members::AddMembers;
use message::{Pin, Post};

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
