//! The schedules that a workflow's document brings: they are written with its revision, and go with it.

use serde_json::json;

use super::super::Engine;
use wardroom_domain::{
    schedule::{Owner, Target},
    workflow::{TriggerKind, Workflow},
};
use wardroom_store::Dependant;

impl Engine {
    /// What saving a workflow writes for its scheduled triggers; none of them for one that goes out of use.
    pub(crate) fn schedules_of_workflow(&self, name: &str, workflow: Option<&Workflow>, by: &str) -> Vec<Dependant> {
        let triggers = workflow.into_iter().flat_map(|workflow| &workflow.on);
        let mut then = Vec::new();
        for trigger in triggers {
            let TriggerKind::Scheduled(terms) = &trigger.kind else { continue };
            let position = i64::try_from(then.len() + 1).unwrap_or(i64::MAX);
            let inputs = trigger.with.as_ref().map_or_else(|| json!({}), |with| with.source().clone());
            let target = Target::Workflow { name: name.to_owned(), inputs };
            let owner = Owner::Workflow { name: name.to_owned() };
            let mut schedule = self.new_schedule(&format!("{name}.{position}"), owner, target, Clone::clone(terms), by);
            schedule.position = position;
            then.push(Dependant::Define(Box::new(schedule)));
        }
        let stay = i64::try_from(then.len()).unwrap_or(i64::MAX);
        then.push(Dependant::Undefine { workflow: name.to_owned(), stay });
        then
    }
}
