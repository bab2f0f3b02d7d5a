//! What a source sends and what is read from it: the shapes that the readers of all kinds share.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{alert::Delivery, incident::UnknownWord, time::Timestamp};

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
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Puts alerts together by their group. Of one that is there twice the last stands.
pub(crate) fn by_group(source: &str, alerts: Vec<(String, crate::alert::Signal)>, truncated: u64) -> Vec<Delivery> {
    let mut groups: BTreeMap<String, BTreeMap<String, crate::alert::Signal>> = BTreeMap::new();
    for (group, signal) in alerts {
        groups.entry(group).or_default().insert(signal.fingerprint.clone(), signal);
    }
    let delivery = |(group_key, signals): (String, BTreeMap<String, crate::alert::Signal>)| Delivery {
        source: source.to_owned(),
        group_key,
        signals: signals.into_values().collect(),
        truncated,
    };
    groups.into_iter().map(delivery).collect()
}

/// A word of a fixed list, or what would be right.
pub(crate) fn word<'a, T: Copy>(field: &str, noun: &str, text: &str, known: &[(&'a str, T)]) -> Result<T, Wrong>
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
