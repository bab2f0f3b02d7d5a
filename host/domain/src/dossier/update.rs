//! Status updates, which are promised at times, and artifacts, which are kept.

use serde::{Deserialize, Serialize};

use super::Head;
use crate::{playbook::Audience, time::Timestamp};

/// What people were told. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Number and revision.
    #[serde(flatten)]
    pub head: Head,
    /// Whom it is for.
    pub audience: Audience,
    /// What they were told: 1 to 4,000 characters.
    pub text: String,
    /// When the next one was promised with it.
    pub next_at: Option<Timestamp>,
    /// Who or what posted it.
    pub by: String,
}

/// What kind of thing is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// A place to write to each other.
    Channel,
    /// A place to speak to each other.
    Bridge,
    /// A ticket.
    Ticket,
    /// A document.
    Document,
    /// A dashboard.
    Dashboard,
    /// A chart.
    Chart,
    /// A text.
    Text,
    /// Any other link.
    Link,
}

/// Something worth keeping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Number and revision.
    #[serde(flatten)]
    pub head: Head,
    /// What kind of thing.
    pub kind: ArtifactKind,
    /// What it is: 1 to 200 characters.
    pub label: String,
    /// Where it is: an `http` or `https` address of at most 2,000 characters.
    pub url: Option<String>,
    /// Who or what attached it.
    pub by: String,
    /// Whether it was taken off again.
    pub removed: bool,
}
