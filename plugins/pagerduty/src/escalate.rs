//! Escalating an incident: people of a higher level are paged, which nothing takes back.

use wardroom_plugin_sdk::prelude::*;

use crate::api::{Api, Seen};

/// Pages a higher level of an incident's escalation policy.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Escalate {
    /// The incident's id.
    #[schemars(length(min = 1, max = 64))]
    incident: String,
    /// The level of its escalation policy; the first that is paged by itself is 1.
    #[schemars(range(min = 2, max = 20))]
    level: u32,
}

impl Action for Escalate {
    const NAME: &'static str = "escalate";
    const DESCRIPTION: &'static str = "Pages a higher level of an incident's escalation policy.";
    const RISK: Risk = Risk::Write;
    // To escalate to a level twice pages its people twice, and the API does not show an incident's level.
    const IDEMPOTENT: Idempotency = Idempotency::No;
    type Output = Seen;

    fn run(self, call: &Call) -> Result<Reply<Seen>, Failure> {
        let api = Api::of(call)?;
        let found = api.get(&self.incident)?;
        if found.is_resolved() {
            let text = format!("{} is resolved: nobody is paged for it any more.", found.name());
            return Err(Failure::new("resolved", text));
        }
        let now = api.change(&found.id, &json!({ "escalation_level": self.level }))?;
        Ok(now.done(None, true, format!("escalated {} to level {}", now.name(), self.level)).into())
    }

    fn sample() -> Option<Seen> {
        Some(Seen::sample("triggered"))
    }
}
