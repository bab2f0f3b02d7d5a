//! Write [Wardroom](https://github.com/wardroom/wardroom) plugins in Rust.
//!
//! A plugin offers *actions*; a workflow's steps call them. An action is a type: its input and output are serde types with
//! JSON Schemas, what it can do to the world is declared beside its code. It reaches only what an administrator granted.
//!
//! ```
//! use wardroom_plugin_sdk::prelude::*;
//!
//! /// What a step writes under `with:`.
//! #[derive(Deserialize, JsonSchema)]
//! struct Ping {
//!     /// The path to ask, under the connection's `base_url`.
//!     path: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Pong {
//!     status: u16,
//! }
//!
//! impl Action for Ping {
//!     const NAME: &'static str = "ping";
//!     const DESCRIPTION: &'static str = "Asks a service whether it answers.";
//!     const RISK: Risk = Risk::Read;
//!     const IDEMPOTENT: Idempotency = Idempotency::Yes;
//!     type Output = Pong;
//!
//!     fn run(self, _call: &Call) -> Result<Reply<Pong>, Failure> {
//!         let response = http::get(&self.path).send()?;
//!         done(Pong { status: response.status() }, format!("answered {}", response.status()))
//!     }
//! }
//!
//! struct Pinger;
//!
//! impl Plugin for Pinger {
//!     fn describe() -> Description {
//!         Description::new("pinger", "1.0.0", "Asks services whether they answer.").connection::<NoConfig>(&[]).action::<Ping>()
//!     }
//! }
//!
//! export_plugin!(Pinger);
//! ```
//!
//! Build it with `wardroom plugin build`; test it natively with [`testing`]. The contract itself is `wit/` in the repository.

mod action;
mod call;
pub mod clock;
pub(crate) mod convert;
mod description;
#[doc(hidden)]
pub mod export;
mod failure;
pub mod http;
pub mod incident;
pub mod log;
pub mod mail;
pub mod plugin;
pub mod secrets;
pub mod state;
mod sys;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
#[doc(hidden)]
pub mod wit;

pub use action::{Action, Artifact, Done, Finding, Idempotency, Plugin, Reply, Risk, done, pending};
pub use call::{Call, Mode};
pub use description::{Description, NoConfig};
pub use failure::{Effect, Failure, Retry};

/// Everything a plugin usually needs.
pub mod prelude {
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};

    pub use crate::{
        Action, Artifact, Call, Description, Done, Effect, Failure, Finding, Idempotency, Mode, NoConfig, Plugin,
        Reply, Retry, Risk, done, export_plugin, http, log, pending,
    };
}

/// Exports a [`Plugin`] as the component's own. Write it once, with the plugin's type.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ident) => {
        const _: fn() -> $crate::Description = <$plugin as $crate::Plugin>::describe;

        #[cfg(target_arch = "wasm32")]
        mod exported {
            #![expect(unsafe_code, reason = "the component's exports are generated")]

            struct Component;

            impl $crate::wit::exports::wardroom::plugin::plugin::Guest for Component {
                fn describe() -> String {
                    $crate::export::describe::<super::$plugin>()
                }

                fn run(call: $crate::export::WitCall) -> Result<$crate::export::WitReply, $crate::export::WitFailure> {
                    $crate::export::run::<super::$plugin>(&call)
                }
            }

            impl $crate::wit::exports::wardroom::plugin::undo::Guest for Component {
                fn undo(call: $crate::export::WitCall) -> Result<$crate::export::WitReply, $crate::export::WitFailure> {
                    $crate::export::undo::<super::$plugin>(&call)
                }
            }

            impl $crate::wit::exports::wardroom::plugin::check::Guest for Component {
                fn check(
                    call: $crate::export::WitCall,
                ) -> Result<$crate::export::WitFinding, $crate::export::WitFailure> {
                    $crate::export::check::<super::$plugin>(&call)
                }
            }

            $crate::wit::export_component!(Component with_types_in $crate::wit);
        }
    };
}
