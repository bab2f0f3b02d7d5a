//! What is wrong with a document, and where.

use std::fmt;

use serde::Serialize;

use crate::document::node::Position;

/// Something wrong in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where.
    #[serde(flatten, with = "PositionFields")]
    pub at: Position,
    /// In which part, such as `steps[2].retry`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

#[derive(Serialize)]
#[serde(remote = "Position")]
pub(crate) struct PositionFields {
    line: usize,
    column: usize,
}

impl Fault {
    /// A fault at a place.
    pub fn new(at: Position, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { at, path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "{}: {}", self.at, self.message)
        } else {
            write!(f, "{}: {}: {}", self.at, self.path, self.message)
        }
    }
}
