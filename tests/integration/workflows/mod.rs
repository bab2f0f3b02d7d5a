//! Workflows: what is refused when a document is saved, revisions, triggers and why one started no run, `wardroom apply`,
//! and the bundled examples.

mod apply;
mod documents;
mod examples;
mod triggers;
