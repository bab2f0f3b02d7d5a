//! One layer of the configuration: what a file, the environment or the flags set.

use std::{collections::BTreeMap, ffi::OsString};

use super::source::Source;

/// What one source sets, by key. The file that holds a secret is set by a key of its own, such as `key_file`.
pub(crate) type Layer = BTreeMap<String, Setting>;

/// What sets an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) source: Source,
    /// One value, or those of a list. Checked when the layers are merged, together with those of all other sources.
    pub(crate) values: Vec<Given>,
}

/// One value as text, with its own place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) source: Source,
    pub(crate) text: OsString,
}

impl Setting {
    /// Values that have one place together, as variables and flags do.
    pub(crate) fn new(source: Source, texts: impl IntoIterator<Item = OsString>) -> Self {
        let values = texts.into_iter().map(|text| Given { source: source.clone(), text }).collect();
        Self { source, values }
    }
}
