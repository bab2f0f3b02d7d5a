//! Artifacts: what a call leaves for people.

use serde_json::Value;

/// Something worth keeping with the incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    /// `link`, `channel`, `ticket`, `document`, `chart` or `text`.
    pub kind: String,
    /// At most 200 characters.
    pub label: String,
    /// Where it lives, if elsewhere.
    pub url: Option<String>,
    /// Its content, if kept here.
    pub content: Option<Content>,
}

/// An artifact's own content.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Structured.
    Json(Value),
    /// Media type and data, at most 1 MiB.
    Bytes(String, Vec<u8>),
}
