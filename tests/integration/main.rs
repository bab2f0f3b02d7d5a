//! Wardroom's behaviour, through its public surface: one binary, a module per resource.

mod alertmanager_plugin;
mod api;
mod backup;
pub(crate) mod crash;
mod demo;
mod docs;
mod examples;
mod incident;
mod plugin;
mod practice;
mod response;
mod rollback;
mod schedules;
mod store;
mod tickets;
