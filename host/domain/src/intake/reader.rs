//! Reading fields of a JSON body that others made: typed, bounded, and with the name of what is wrong.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Wrong;
use crate::{alert::Labels, hex, time::Timestamp};

/// The most labels or annotations of an alert.
pub(super) const MAX_LABELS: usize = 64;
const MAX_NAME: usize = 128;
const MAX_VALUE: usize = 4_096;

/// An object of a body, with its path.
pub(super) struct Fields<'a> {
    fields: &'a Map<String, Value>,
    path: String,
}

impl<'a> Fields<'a> {
    /// An object, or what is wrong.
    pub(super) fn of(value: &'a Value, path: &str) -> Result<Self, Wrong> {
        let named = if path.is_empty() { "body" } else { path };
        let fields = value.as_object().ok_or_else(|| Wrong::new(named, "an object is wanted"))?;
        Ok(Self { fields, path: path.to_owned() })
    }

    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A field that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn need(&self, name: &str) -> Result<&'a Value, Wrong> {
        self.get(name).ok_or_else(|| Wrong::new(self.path(name), "is missing"))
    }

    /// A text of at most so many characters.
    pub(super) fn maybe_text(&self, name: &str, most: usize) -> Result<Option<&'a str>, Wrong> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| Wrong::new(self.path(name), "a text is wanted"))?;
        if text.chars().count() > most {
            return Err(Wrong::new(self.path(name), format!("at most {most} characters are wanted")));
        }
        Ok(Some(text))
    }

    /// A text of 1 to so many characters that has to be there.
    pub(super) fn text(&self, name: &str, most: usize) -> Result<&'a str, Wrong> {
        self.need(name)?;
        let text = self.maybe_text(name, most)?.unwrap_or_default();
        if text.is_empty() {
            return Err(Wrong::new(self.path(name), format!("1 to {most} characters are wanted")));
        }
        Ok(text)
    }

    /// A point in time of RFC 3339.
    pub(super) fn maybe_time(&self, name: &str) -> Result<Option<Timestamp>, Wrong> {
        let Some(text) = self.maybe_text(name, 64)? else { return Ok(None) };
        let wrong = || Wrong::new(self.path(name), "a time such as 2026-11-23T04:09:06Z is wanted");
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// Labels whose values are texts.
    pub(super) fn labels(&self, name: &str) -> Result<Labels, Wrong> {
        let Some(value) = self.get(name) else { return Ok(Labels::new()) };
        let path = self.path(name);
        let given = value.as_object().ok_or_else(|| Wrong::new(&path, "an object of texts is wanted"))?;
        let mut labels = Labels::new();
        for (name, value) in given {
            let text =
                value.as_str().ok_or_else(|| Wrong::new(format!("{path}.{}", short(name)), "a text is wanted"))?;
            labels.insert(name.clone(), text.to_owned());
        }
        bounded(&path, &labels)?;
        Ok(labels)
    }

    /// Any fields, brought to texts and cut to what a label may hold: what a person reads beside the alert.
    pub(super) fn details(&self, name: &str) -> Labels {
        let Some(Value::Object(given)) = self.get(name) else { return Labels::new() };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let cut = |(name, value): (&String, &Value)| {
            (name.chars().take(MAX_NAME).collect(), text(value).chars().take(MAX_VALUE).collect())
        };
        given.iter().filter(|(name, _)| !name.is_empty()).take(MAX_LABELS / 2).map(cut).collect()
    }
}

/// Whether labels are within their limits.
pub(super) fn bounded(path: &str, labels: &Labels) -> Result<(), Wrong> {
    if labels.len() > MAX_LABELS {
        return Err(Wrong::new(path, format!("there are {}: at most {MAX_LABELS} are wanted", labels.len())));
    }
    if labels.iter().any(|(name, value)| name.chars().count() > MAX_NAME || value.chars().count() > MAX_VALUE) {
        return Err(Wrong::new(path, format!("a name has at most {MAX_NAME} characters, a value {MAX_VALUE}")));
    }
    Ok(())
}

fn short(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

/// Stands in when the source gives none: a hash of texts, each with its length.
pub(super) fn fingerprint<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hex(&hash.finalize()[..16])
}
