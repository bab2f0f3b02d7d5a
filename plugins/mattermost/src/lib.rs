//! Opens, uses and archives channels of Mattermost, through its REST API v4: <https://api.mattermost.com>, whose source is
//! <https://github.com/mattermost/mattermost/tree/master/api/v4/source>.

mod api;
mod channel;
pub(crate) mod config;
mod members;
mod memory;
mod message;

use wardroom_plugin_sdk::prelude::*;

use crate::config::Config;
use channel::{Archive, CreateChannel, SetTopic};
use members::AddMembers;
use message::{Pin, Post};

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
