//! Pages people through PagerDuty, and acknowledges, escalates and resolves its incidents. Speaks version 2 of the REST API:
//! <https://developer.pagerduty.com/api-reference/>. The Events API is not used: its routing key is a secret in the body.

mod api;
mod escalate;
mod page;
mod status;

use wardroom_plugin_sdk::prelude::*;

use escalate::Escalate;
use page::Page;
use status::{Acknowledge, Resolve};

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The e-mail address of the PagerDuty user who acts: the API asks for one.
    #[schemars(length(min = 3, max = 254))]
    from: String,
    /// The id of the service when a step names none.
    #[schemars(length(min = 1, max = 64))]
    service: Option<String>,
}

struct PagerDuty;

impl Plugin for PagerDuty {
    fn describe() -> Description {
        Description::new(
            "pagerduty",
            env!("CARGO_PKG_VERSION"),
            "Pages people through PagerDuty, and acknowledges, escalates and resolves its incidents.",
        )
        .connection::<Config>(&["header", "bearer"])
        .action::<Page>()
        .action::<Acknowledge>()
        .action::<Escalate>()
        .action::<Resolve>()
    }
}

export_plugin!(PagerDuty);

#[cfg(test)]
mod tests;
