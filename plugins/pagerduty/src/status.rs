//! Acknowledging and resolving the open incident with a key, and taking that back. The host keeps which incident it is before
//! it is changed: a second try must not change the one that comes after it.

use wardroom_plugin_sdk::prelude::*;

use crate::api::{Api, Incident, Seen, Taken, kept};

/// The pause between finding an incident and changing it, in milliseconds: the shortest that the host knows.
const PAUSE_MS: u64 = 100;

/// Which incident.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The key it was opened with.
    #[schemars(length(min = 1, max = 255))]
    dedup_key: String,
    /// The id of its service; without it the connection's.
    #[schemars(length(min = 1, max = 64))]
    service: Option<String>,
}

/// Acknowledges the open incident with a key.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Acknowledge(Which);

/// Resolves the open incident with a key.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Resolve(Which);

impl Which {
    /// What this did.
    fn changed(&self, before: &Incident, now: &Incident, status: &str) -> Done<Seen> {
        let summary = format!("{} is {status}", now.name());
        now.done(Some(&self.dedup_key), true, summary).undo(json!(Taken::new(before, status)))
    }

    fn find(&self, api: &Api, status: &str) -> Result<Reply<Seen>, Failure> {
        let key = &self.dedup_key;
        let found = api.find(api.service(self.service.as_ref())?, key)?.ok_or_else(|| {
            Failure::new("not_found", format!("The service has no incident with the key {key:?}: was anybody paged?"))
        })?;
        if found.status == status {
            return Ok(found.done(Some(key), false, format!("{} was {status} already", found.name())).into());
        }
        if found.is_resolved() {
            return Err(closed(&found));
        }
        pending(PAUSE_MS, json!(found).to_string(), format!("{} is to be {status}", found.name()))
    }

    fn set(&self, call: &Call, status: &str) -> Result<Reply<Seen>, Failure> {
        let api = Api::of(call)?;
        let Some(resume) = &call.resume else {
            return self.find(&api, status);
        };
        let before: Incident = kept(serde_json::from_slice(resume))?;
        let mut now = api.get(&before.id)?;
        if now.status != status {
            // To acknowledge a resolved incident would open it again.
            if now.is_resolved() {
                return Err(closed(&now));
            }
            now = api.change(&before.id, &json!({ "status": status }))?;
        }
        Ok(self.changed(&before, &now, status).into())
    }

    fn look(&self, call: &Call, status: &str) -> Result<Finding<Seen>, Failure> {
        // Nothing is changed before the host has kept which incident it is.
        let Some(resume) = &call.resume else { return Ok(Finding::Absent) };
        let before: Incident = kept(serde_json::from_slice(resume))?;
        let now = Api::of(call)?.get(&before.id)?;
        Ok(if now.status == status {
            Finding::Applied(self.changed(&before, &now, status))
        } else if now.status == before.status {
            Finding::Absent
        } else {
            Finding::Unknown
        })
    }
}

fn closed(incident: &Incident) -> Failure {
    let text = format!("{} is resolved, and this would open it again: page anew if it is needed.", incident.name());
    Failure::new("resolved", text)
}

impl Action for Acknowledge {
    const NAME: &'static str = "acknowledge";
    const DESCRIPTION: &'static str = "Acknowledges the open incident with a key, so that nobody else is paged for it.";
    const RISK: Risk = Risk::Write;
    // An incident that is acknowledged stays as it is.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Seen;

    fn run(self, call: &Call) -> Result<Reply<Seen>, Failure> {
        self.0.set(call, "acknowledged")
    }

    fn sample() -> Option<Seen> {
        Some(Seen::sample("acknowledged"))
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        Taken::restore(call)
    }

    fn check(self, call: &Call) -> Result<Finding<Seen>, Failure> {
        self.0.look(call, "acknowledged")
    }
}

impl Action for Resolve {
    const NAME: &'static str = "resolve";
    const DESCRIPTION: &'static str = "Resolves the open incident with a key.";
    const RISK: Risk = Risk::Write;
    // An incident that is resolved stays as it is.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Seen;

    fn run(self, call: &Call) -> Result<Reply<Seen>, Failure> {
        self.0.set(call, "resolved")
    }

    fn sample() -> Option<Seen> {
        Some(Seen::sample("resolved"))
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        Taken::restore(call)
    }

    fn check(self, call: &Call) -> Result<Finding<Seen>, Failure> {
        self.0.look(call, "resolved")
    }
}
