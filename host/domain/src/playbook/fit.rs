//! Which playbook fits an incident.

use super::{Playbook, Rule};
use crate::{
    alert::Labels,
    incident::{IncidentKind, Severity},
};

impl Rule {
    /// Whether every condition holds.
    pub fn fits(&self, kind: IncidentKind, severity: Severity, labels: &Labels) -> bool {
        let kind_fits = self.kinds.is_empty() || self.kinds.contains(&kind);
        let severity_fits = self.severities.is_empty() || self.severities.contains(&severity);
        let label_fits =
            |(name, wanted): (&String, &String)| labels.get(name).is_some_and(|value| wanted == "*" || wanted == value);
        kind_fits && severity_fits && self.labels.iter().all(label_fits)
    }

    /// How many conditions it has: the more, the closer it fits.
    fn conditions(&self) -> usize {
        usize::from(!self.kinds.is_empty()) + usize::from(!self.severities.is_empty()) + self.labels.len()
    }
}

/// The playbook that fits best: of the highest priority, then of the rule with the most conditions, then the first by name.
pub fn best<'a>(
    playbooks: impl Iterator<Item = &'a Playbook>,
    kind: IncidentKind,
    severity: Severity,
    labels: &Labels,
) -> Option<&'a Playbook> {
    let fitting = playbooks.filter_map(|playbook| {
        let rules = playbook.rules.iter().filter(|rule| rule.fits(kind, severity, labels));
        Some((playbook, rules.map(Rule::conditions).max()?))
    });
    fitting
        .max_by(|(one, some), (other, more)| {
            (one.priority, some).cmp(&(other.priority, more)).then_with(|| other.name.cmp(&one.name))
        })
        .map(|(playbook, _)| playbook)
}
