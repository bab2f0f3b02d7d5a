//! Opens, uses and archives rooms of a Matrix homeserver.

pub(crate) mod config;
mod room;

use wardroom_plugin_sdk::prelude::*;

use crate::config::Config;
use room::{Archive, CreateRoom, Post, SetTopic};

struct Matrix;

impl Plugin for Matrix {
    fn describe() -> Description {
        Description::new("matrix", env!("CARGO_PKG_VERSION"), "Opens, uses and archives rooms of a Matrix homeserver.")
            .connection::<Config>(&["bearer"])
            .action::<CreateRoom>()
            .action::<Post>()
            .action::<SetTopic>()
            .action::<Archive>()
            .notify("post", "text", &[("room", "room_id")])
    }
}

export_plugin!(Matrix);

#[cfg(test)]
mod tests;
