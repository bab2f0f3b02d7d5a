//! Journeys: whole incidents from alert to closed, the demo, and every command that the documentation shows.

pub(crate) mod api_types;
pub(crate) mod commands;
pub(crate) mod demo;
pub(crate) mod docs;
pub(crate) mod readmes;
pub(crate) mod rollback;
pub(crate) mod scenarios;
pub(crate) mod tickets;
