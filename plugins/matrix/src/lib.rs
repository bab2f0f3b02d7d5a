//! Opens, uses and archives rooms of a Matrix homeserver.

mod room;

use wardroom_plugin_sdk::prelude::*;

use room::{Archive, CreateRoom, Post, SetTopic};

/// The connection's options.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The room that messages go to when a step names none, such as `!abc:example.com`.
    default_room: Option<String>,
}

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
