//! The plugin runtime: runs WebAssembly components in sandboxes that reach only what was granted. Knows neither HTTP
//! routes nor SQL; what it needs of the layer above it asks for as traits. In reading order:
//!
//! - [`invocation`], [`error`]: what goes into a call, what comes out, and how it fails
//! - [`limits`]: every limit; `quota`: what plugins and connections used in the last minute
//! - `host`: [`PluginHost`], the runtime itself; `call`: one call and how it ends; `tier`: its two engines; `lane`: who may
//!   compute where; `inspect` and `registry` are how components get in
//! - `guest`: what a guest may ask for; `outbound`: its way to the network; `sign`: what the host signs for it; `redact`: what
//!   nobody may see; [`recording`]: what may be played again
//! - [`ports`]: what the runtime asks of the layer above

pub(crate) mod answer;
pub mod artifact;
mod bindings;
mod cache;
mod call;
pub(crate) mod cut;
mod engine;
pub mod error;
mod guest;
mod host;
mod inspect;
pub mod invocation;
mod lane;
pub mod limits;
pub(crate) mod milliseconds;
mod outbound;
mod outcome;
pub mod ports;
mod quota;
pub mod recording;
mod redact;
mod registry;
pub(crate) mod session;
pub(crate) mod shared;
mod sign;
mod stop;
mod tier;

pub use engine::configuration as engine_configuration;
pub use error::{Failure, LoadError, PluginError, PluginErrorKind, RefusedPlugin, StartError};
pub use host::{Options, PluginHost};
pub use inspect::Inspection;
pub use invocation::{
    Allowance, Artifact, Called, Content, Denial, Done, Finding, Function, Invocation, Note, Outcome, Overlay, Pending,
    Trace,
};
pub use outbound::{BreakerState, Proxy, UnfitProxy, UnfitTls};
