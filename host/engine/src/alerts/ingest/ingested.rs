//! What became of a delivery.

use wardroom_domain::incident::Incident;

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ingested {
    /// The incident it opened or joined; none when resolved alerts met no open incident.
    pub incident: Option<Incident>,
    /// Whether it opened the incident.
    pub opened: bool,
    /// How many alerts were new or changed their status.
    pub changed: usize,
    /// How many were silenced.
    pub silenced: usize,
}
