//! A fault of a document in a set, with its file.

use wardroom_domain::document::Fault;

/// A fault of one of the documents.
#[derive(Debug, Clone)]
pub struct FileFault {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub fault: Fault,
}
