//! Silences alerts of Prometheus' Alertmanager, ends silences and lists them. Speaks API v2 of Alertmanager 0.24 and later:
//! <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>.

mod api;
pub(crate) mod config;
mod expire;
mod silence;
mod time;

use wardroom_plugin_sdk::prelude::*;

use crate::config::Config;
use expire::Expire;
use silence::{Create, Silences};

struct Alertmanager;

impl Plugin for Alertmanager {
    fn describe() -> Description {
        Description::new(
            "alertmanager",
            env!("CARGO_PKG_VERSION"),
            "Silences alerts of Alertmanager, ends silences and lists them.",
        )
        .connection::<Config>(&["basic", "bearer", "header"])
        .action::<Create>()
        .action::<Expire>()
        .action::<Silences>()
    }
}

export_plugin!(Alertmanager);

#[cfg(test)]
mod tests;
