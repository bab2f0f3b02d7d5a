//! Publishes incidents on a page of Atlassian Statuspage, updates and resolves them. Speaks version 1 of the API:
//! <https://developer.statuspage.io/>.

mod incidents;
mod page;

use wardroom_plugin_sdk::prelude::*;

use incidents::{Create, Resolve, Update};

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The page's id, as "API info" of Statuspage shows it.
    #[schemars(length(min = 1, max = 64))]
    page_id: String,
}

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
