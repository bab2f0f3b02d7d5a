//! Incidents and what people do with them: opening, changing, stages, roles, tasks, findings, updates, exports. In reading order:
//!
//! - [`visibility`]: who may see a private incident; [`open`], [`change`]: how one begins, and the one way in which it changes
//! - [`verbs`]: what a responder does first; [`stage`], [`edit`], [`roles`], [`tasks`], [`findings`], [`updates`], `merge`: a use case each
//! - [`timeline`]: reading it and adding to it; `deadlines`: what the passing of time does to an incident
//! - `export`, `metrics`: out of the house, and figures over many

pub mod acting;
pub mod change;
pub mod change_request;
pub(crate) mod deadlines;
pub mod edit;
pub(crate) mod export;
pub mod findings;
pub(crate) mod merge;
pub(crate) mod metrics;
pub mod open;
pub(crate) mod parts;
pub mod roles;
pub mod stage;
pub mod tasks;
pub mod timeline;
pub mod updates;
pub mod verbs;
pub mod visibility;
