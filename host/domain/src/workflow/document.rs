//! The document as data: the JSON Schema that editors check it with, and its plain value. Knows nothing of what the keys
//! mean; that is `parse`'s.

pub use crate::document::value;

/// The JSON Schema (2020-12) of a workflow document, as it is published. It knows the parser's keys, types and limits; what
/// expressions read and what is installed it cannot see.
pub const SCHEMA: &str = include_str!("../../../../docs/workflow.schema.json");
