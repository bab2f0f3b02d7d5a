//! Journeys on real counterparts: the bundled playbooks from the alert to the closed incident, a rollback, tickets, the demo,
//! and every command that the documentation and the READMEs show.

pub(crate) mod api_types;
pub(crate) mod commands;
pub(crate) mod configuration;
pub(crate) mod demo;
pub(crate) mod docs;
pub(crate) mod readmes;
pub(crate) mod rollback;
pub(crate) mod scenarios;
pub(crate) mod tickets;
