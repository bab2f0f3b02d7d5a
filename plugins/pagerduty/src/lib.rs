//! Pages people through PagerDuty, and acknowledges, escalates and resolves its incidents. Speaks version 2 of the REST API:
//! <https://developer.pagerduty.com/api-reference/>. The Events API is not used: its routing key is a secret in the body.

mod api;
pub(crate) mod config;
mod escalate;
mod page;
mod status;

use wardroom_plugin_sdk::prelude::*;

use crate::config::Config;
use escalate::Escalate;
use page::Page;
use status::{Acknowledge, Resolve};

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
