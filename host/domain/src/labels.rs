//! Labels: what tells alerts and incidents apart.

use std::collections::BTreeMap;

/// Labels and annotations: at most 64 of each, names of at most 128 and values of at most 4,096 characters.
pub type Labels = BTreeMap<String, String>;
