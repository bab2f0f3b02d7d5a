//! Playbooks that were parsed lately.

use std::{collections::BTreeMap, sync::Arc};

use wardroom_domain::playbook::Playbook;

/// Parsed revisions, by name and number: they never change.
pub(crate) type ParsedPlaybooks = std::sync::Mutex<BTreeMap<(String, i64), Arc<Playbook>>>;
