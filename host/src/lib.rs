//! The Wardroom server put together: composition ([`app`]), its configuration ([`config`]) and the command line ([`cli`]).
//! Everything else is a layer in a crate of its own, and imports run only downwards:
//!
//! ```text
//! wardroom (cli, app)  ->  http  ->  engine  ->  store
//!                                       |          |
//!                                       +-> runtime|
//!                                       +---> domain        base: clock, fault points, telemetry
//! ```

pub mod app;
pub mod cli;
pub mod config;
