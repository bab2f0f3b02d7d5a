//! Alerts as sources send them, already parsed into one shape; the rules of deduplication and grouping are in `intake`.

use serde::{Deserialize, Serialize};

use super::{
    id::{AlertId, IncidentId},
    incident::Severity,
    time::Timestamp,
};
pub use crate::labels::Labels;

/// Whether the condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// It holds.
    Firing,
    /// It held.
    Resolved,
}

/// One alert of a delivery, in the shape all sources are brought to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Whether the condition holds.
    pub status: AlertStatus,
    /// What makes two alerts the same, within a source.
    pub fingerprint: String,
    /// Labels.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
    /// Since when the condition holds.
    pub starts_at: Timestamp,
    /// Until when it held; absent while it is open.
    pub ends_at: Option<Timestamp>,
    /// Link to the rule.
    pub generator_url: Option<String>,
}

/// One delivery of a source: the alerts of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The source's name, such as `alertmanager`.
    pub source: String,
    /// What groups alerts into one incident.
    pub group_key: String,
    /// The alerts, at most 10,000.
    pub signals: Vec<Signal>,
    /// How many more the source says it left out.
    pub truncated: u64,
}

/// An alert as an incident holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Identifier.
    pub id: AlertId,
    /// The incident it belongs to.
    pub incident: IncidentId,
    /// The source's name.
    pub source: String,
    /// The newest signal.
    #[serde(flatten)]
    pub signal: Signal,
    /// When it was first received.
    pub received_at: Timestamp,
    /// When its status last changed.
    pub changed_at: Timestamp,
}

impl Signal {
    /// The severity its `severity` label asks for; sev3 without one.
    pub fn severity(&self) -> Severity {
        match self.labels.get("severity").map(String::as_str) {
            Some("critical") => Severity::Sev1,
            Some("error") => Severity::Sev2,
            Some("info") => Severity::Sev4,
            _ => Severity::Sev3,
        }
    }

    /// A title for the incident it opens: `summary`, else `alertname`, else a plain sentence; at most 200 characters.
    pub fn title(&self) -> String {
        let title = [self.annotations.get("summary"), self.labels.get("alertname")]
            .into_iter()
            .flatten()
            .find(|text| !text.trim().is_empty())
            .map_or("An alert without a name", String::as_str);
        title.trim().chars().take(200).collect()
    }
}
