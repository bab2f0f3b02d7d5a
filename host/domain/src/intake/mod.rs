//! Alert intake: each kind of source has its own body, and all are brought to one shape. What is wrong with one alert of a
//! batch is told of that alert alone: the others are taken in. Reads no clock and checks no signature.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{alert::Delivery, incident::UnknownWord, time::Timestamp};

mod alertmanager;
mod cloudevents;
mod generic;
mod opsgenie;
mod pagerduty;
mod reader;
pub mod silence;
pub mod source;

pub use generic::Mapping;
pub use source::{Source, SourceKind};

/// The most alerts of a delivery.
pub const MAX_ALERTS: usize = 10_000;

/// A request of a source.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The source's name.
    pub source: &'a str,
    /// The headers, their names in lower case.
    pub headers: &'a BTreeMap<String, String>,
    /// The body; null when it is not JSON and the kind allows that.
    pub body: &'a Value,
    /// When it came.
    pub now: Timestamp,
}

/// What a request holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The alerts, by group.
    pub deliveries: Vec<Delivery>,
    /// Those that cannot be read.
    pub wrong: Vec<Wrong>,
    /// What a source of the kind `pagerduty` is answered with.
    pub dedup_key: Option<String>,
}

/// What is wrong with a body, or with one of its alerts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Wrong {
    /// The field, such as `alerts[2].labels`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Wrong {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Reads a request of a kind; the whole of it is refused when no alert of it can be read.
pub fn read(kind: SourceKind, mapping: Option<&Mapping>, request: &Request<'_>) -> Result<Taken, Wrong> {
    let taken = match (kind, mapping) {
        (SourceKind::Alertmanager, _) => alertmanager::read(request, "4")?,
        (SourceKind::Grafana, _) => alertmanager::read(request, "1")?,
        (SourceKind::Pagerduty, _) => pagerduty::read(request)?,
        (SourceKind::Opsgenie, _) => opsgenie::read(request)?,
        (SourceKind::Cloudevents, _) => cloudevents::read(request)?,
        (SourceKind::Generic, Some(mapping)) => generic::read(request, mapping)?,
        (SourceKind::Generic, None) => return Err(Wrong::new("mapping", "a generic source needs one")),
    };
    match taken.wrong.first() {
        Some(first) if taken.deliveries.is_empty() => Err(first.clone()),
        _ => Ok(taken),
    }
}

/// Puts alerts together by their group. Of one that is there twice the last stands.
fn by_group(source: &str, alerts: Vec<(String, super::alert::Signal)>, truncated: u64) -> Vec<Delivery> {
    let mut groups: BTreeMap<String, BTreeMap<String, super::alert::Signal>> = BTreeMap::new();
    for (group, signal) in alerts {
        groups.entry(group).or_default().insert(signal.fingerprint.clone(), signal);
    }
    let delivery = |(group_key, signals): (String, BTreeMap<String, super::alert::Signal>)| Delivery {
        source: source.to_owned(),
        group_key,
        signals: signals.into_values().collect(),
        truncated,
    };
    groups.into_iter().map(delivery).collect()
}

/// A word of a fixed list, or what would be right.
fn word<'a, T: Copy>(field: &str, noun: &str, text: &str, known: &[(&'a str, T)]) -> Result<T, Wrong>
where
    'a: 'static,
{
    let found = known.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| {
        let words = known.iter().map(|(word, _)| *word).collect();
        let unknown = UnknownWord { noun: noun.to_owned(), text: text.chars().take(64).collect(), known: words };
        Wrong::new(field, unknown.to_string())
    })
}
