//! The Wardroom server as a library. Layers import downwards only:
//!
//! ```text
//! cli, app  ->  http  ->  engine  ->  store
//!                            |          |
//!                            +-> plugin |
//!                            +---> domain
//! ```
//!
//! In reading order: [`domain`] (pure nouns and state machines), [`store`] (all SQL), [`plugin`] (the sandbox), [`engine`]
//! (use cases), [`http`] (the API), [`app`] (composition) and [`cli`]. [`clock`] is time and randomness as parameters, [`fault`]
//! is where tests break things.

pub mod app;
pub mod cli;
pub mod clock;
pub mod domain;
pub mod engine;
pub mod fault;
pub mod http;
pub mod plugin;
pub mod store;
pub mod telemetry;
