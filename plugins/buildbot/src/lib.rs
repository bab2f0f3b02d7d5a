//! Starts builds of Buildbot and waits for what becomes of them; a rollback pipeline is such a build. Speaks its REST and
//! JSON-RPC interface of 2.0 and later: <https://docs.buildbot.net/latest/developer/rest.html>. Every build that this starts
//! carries the step's key in its reason, by which a second try finds what the first one started.

mod build;
mod master;

use wardroom_plugin_sdk::prelude::*;

use build::{Builds, Start};
use master::Config;

struct Buildbot;

impl Plugin for Buildbot {
    fn describe() -> Description {
        Description::new(
            "buildbot",
            env!("CARGO_PKG_VERSION"),
            "Starts builds of Buildbot and waits for their results.",
        )
        .connection::<Config>(&["basic", "bearer", "header"])
        .action::<Start>()
        .action::<Builds>()
    }
}

export_plugin!(Buildbot);

#[cfg(test)]
mod tests;
