//! Workflows: their documents, bringing a folder of them, and what starts them.

mod apply;
mod documents;
mod examples;
mod triggers;
