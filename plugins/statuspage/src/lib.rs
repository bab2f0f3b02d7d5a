//! Publishes incidents on a page of Atlassian Statuspage, updates and resolves them. Speaks version 1 of the API:
//! <https://developer.statuspage.io/>.

pub(crate) mod config;
mod incidents;
mod page;

use wardroom_plugin_sdk::prelude::*;

use crate::config::Config;
use incidents::{Create, Resolve, Update};

struct Statuspage;

impl Plugin for Statuspage {
    fn describe() -> Description {
        Description::new(
            "statuspage",
            env!("CARGO_PKG_VERSION"),
            "Publishes incidents on a page of Atlassian Statuspage, updates and resolves them.",
        )
        .connection::<Config>(&["header"])
        .action::<Create>()
        .action::<Update>()
        .action::<Resolve>()
    }
}

export_plugin!(Statuspage);

#[cfg(test)]
mod tests;
