//! What a playbook wants before a stage is left forward: the exit criteria of every stage that is left behind.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    expression::Scope,
    incident::Stage,
    playbook::{GuardMode, Playbook},
};

/// A criterion that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// For people.
    pub text: String,
    /// What it does.
    pub mode: GuardMode,
}

/// The criteria that do not hold for a change from one stage to a later one; `scope` is the incident as expressions see it.
/// One that cannot be evaluated does not hold, and says why. Going back and canceling are always allowed.
pub fn unmet(playbook: &Playbook, from: Stage, to: Stage, scope: &Value) -> Vec<Unmet> {
    if to <= from || to == Stage::Canceled || from == Stage::Canceled {
        return Vec::new();
    }
    let left = playbook.stages.range(from..to).flat_map(|(_, plan)| &plan.exit);
    left.filter_map(|criterion| {
        let names = BTreeMap::from([("incident", scope.clone())]);
        let text = match criterion.when.holds(&Scope { names }) {
            Ok(true) => return None,
            Ok(false) => criterion.text.clone(),
            Err(error) => format!("{} ({error})", criterion.text),
        };
        Some(Unmet { text, mode: criterion.mode })
    })
    .collect()
}
