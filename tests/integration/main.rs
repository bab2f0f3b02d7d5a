//! Wardroom's behaviour, through its public surface: one binary, a module per resource.

mod api;
mod crash;
mod plugin;
mod store;
