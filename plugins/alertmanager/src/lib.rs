//! Silences alerts of Prometheus' Alertmanager, ends silences and lists them. Speaks API v2 of Alertmanager 0.24 and later:
//! <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>.

mod api;
mod expire;
mod silence;
mod time;

use wardroom_plugin_sdk::prelude::*;

use expire::Expire;
use silence::{Create, Silences};

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Who silences when a step names nobody. Default `wardroom`.
    #[serde(default = "ourselves")]
    #[schemars(length(min = 1, max = 200))]
    created_by: String,
}

fn ourselves() -> String {
    "wardroom".to_owned()
}

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
