//! The document as data: the JSON Schema that editors check it with, and its plain value. Knows nothing of what the keys
//! mean; that is `parse`'s.

use serde_json::Value;

use super::{Fault, node};

/// The JSON Schema (2020-12) of a workflow document, as it is published. It knows the parser's keys, types and limits; what
/// expressions read and what is installed it cannot see.
pub const SCHEMA: &str = include_str!("../../../../docs/workflow.schema.json");

/// A YAML or JSON document as plain JSON, whatever it means. Gives the faults of a text that is neither, that is larger than
/// [`MAX_SOURCE`](super::MAX_SOURCE), or that nests too deeply.
pub fn value(source: &str) -> Result<Value, Vec<Fault>> {
    Ok(node::load(source)?.value())
}
