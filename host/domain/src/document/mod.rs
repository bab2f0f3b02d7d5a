//! Reading documents that people write: YAML or JSON as a tree whose parts know their places, typed values out of it, and
//! every fault of one reading with its line and column. Knows no kind of document; each kind reads its own keys.

use serde_json::Value;

pub(crate) mod fault;
mod node;
pub mod position;
mod reader;

pub use crate::document::fault::Fault;
pub(super) use node::{Data, Node, load};
pub use node::{MAX_SOURCE, Position};
pub use reader::nearest;
pub(super) use reader::{Fields, Reader};

/// A YAML or JSON document as plain JSON, whatever it means. Gives the faults of a text that is neither, that is larger than
/// [`MAX_SOURCE`], or that nests too deeply.
pub fn value(source: &str) -> Result<Value, Vec<Fault>> {
    Ok(load(source)?.value())
}

/// What a document says it is (`kind`); nothing if it does not say, or is no document.
pub fn kind(source: &str) -> Option<String> {
    let root = load(source).ok()?;
    let Data::Object(fields) = &root.data else { return None };
    let (_, node) = fields.iter().find(|(name, _)| name.text == "kind")?;
    node.as_text().map(str::to_owned)
}

/// Where the parts of a document stand, for faults that are found after it was read.
pub(super) struct Places(Option<Node>);

impl Places {
    /// The places of a source; of one that is no document, its beginning alone.
    pub(super) fn of(source: &str) -> Self {
        Self(load(source).ok())
    }

    /// The place of the part that a JSON pointer leads to, or of the deepest one on the way.
    pub(super) fn at(&self, pointer: &str) -> Position {
        self.0.as_ref().map_or(Position { line: 1, column: 1 }, |root| root.at_pointer(pointer).at)
    }
}
