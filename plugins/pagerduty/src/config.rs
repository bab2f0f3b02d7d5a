//! What a connection of this plugin says.

use wardroom_plugin_sdk::prelude::*;

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The e-mail address of the PagerDuty user who acts: the API asks for one.
    #[schemars(length(min = 3, max = 254))]
    pub(crate) from: String,
    /// The id of the service when a step names none.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) service: Option<String>,
}
