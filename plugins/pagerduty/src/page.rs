//! Paging people: an incident of PagerDuty is opened, once for each key.

use wardroom_plugin_sdk::prelude::*;

use crate::api::{Api, Incident, Seen, kept};

/// The pause between looking for an incident and opening one, in milliseconds: the shortest that the host knows.
const PAUSE_MS: u64 = 100;

/// How much it hurries.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Urgency {
    /// Somebody is woken.
    High,
    /// It can wait.
    Low,
}

/// Pages whoever is on call for a service.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// What is wrong, in a line.
    #[schemars(length(min = 1, max = 1024))]
    title: String,
    /// More of it.
    #[schemars(length(min = 1, max = 10000))]
    details: Option<String>,
    /// The service's id; without it the connection's.
    #[schemars(length(min = 1, max = 64))]
    service: Option<String>,
    /// How much it hurries; without it, as the service says.
    urgency: Option<Urgency>,
    /// The id of the escalation policy; without it the service's.
    #[schemars(length(min = 1, max = 64))]
    escalation_policy: Option<String>,
    /// Nobody is paged while an incident of the service with this key is open. Without it the step's own key.
    #[schemars(length(min = 1, max = 255))]
    dedup_key: Option<String>,
}

impl Page {
    fn key<'a>(&'a self, call: &'a Call) -> &'a str {
        self.dedup_key.as_ref().unwrap_or(&call.idempotency_key)
    }

    /// The incident that this opened, if there is one and it can be told. Whatever has the step's own key is the step's;
    /// of a key that others use, too, what is newer than the one that the first call found.
    fn opened(&self, api: &Api, call: &Call) -> Result<Option<Incident>, Failure> {
        let newest = match (&self.dedup_key, &call.resume) {
            (None, _) => 0,
            (Some(_), Some(resume)) => kept(serde_json::from_slice(resume))?,
            (Some(_), None) => return Ok(None),
        };
        let found = api.find(api.service(self.service.as_ref())?, self.key(call))?;
        Ok(found.filter(|incident| incident.number > newest))
    }

    fn incident(&self, service: &str, key: &str) -> Value {
        let mut incident = json!({
            "type": "incident",
            "title": self.title,
            "service": { "id": service, "type": "service_reference" },
            "incident_key": key,
        });
        if let Some(details) = &self.details {
            incident["body"] = json!({ "type": "incident_body", "details": details });
        }
        if let Some(urgency) = self.urgency {
            incident["urgency"] = json!(urgency);
        }
        if let Some(policy) = &self.escalation_policy {
            incident["escalation_policy"] = json!({ "id": policy, "type": "escalation_policy_reference" });
        }
        incident
    }
}

/// What this did.
fn paged(incident: &Incident, key: &str) -> Done<Seen> {
    incident.done(Some(key), true, format!("paged for {}", incident.name())).undo(json!({ "id": incident.id }))
}

/// Others were paged before.
fn joined(incident: &Incident, key: &str) -> Done<Seen> {
    incident.done(Some(key), false, format!("{} is {} already", incident.name(), incident.status))
}

impl Action for Page {
    const NAME: &'static str = "page";
    const DESCRIPTION: &'static str = "Pages whoever is on call for a service.";
    const RISK: Risk = Risk::Write;
    // The key is looked for before an incident is opened, and PagerDuty opens no two with one key.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Seen;

    fn run(self, call: &Call) -> Result<Reply<Seen>, Failure> {
        let (api, key) = (Api::of(call)?, self.key(call));
        let service = api.service(self.service.as_ref())?;
        if self.dedup_key.is_some() && call.resume.is_none() {
            let found = api.find(service, key)?;
            if let Some(open) = found.as_ref().filter(|incident| !incident.is_resolved()) {
                return Ok(joined(open, key).into());
            }
            // The host keeps which incident was the last with this key, so that a second try knows its own from it.
            let newest = found.map_or(0, |incident| incident.number);
            return pending(PAUSE_MS, json!(newest).to_string(), format!("paging for {:?}", self.title));
        }
        if let Some(found) = self.opened(&api, call)? {
            return Ok(paged(&found, key).into());
        }
        if let Some(opened) = api.open(&self.incident(service, key))? {
            return Ok(paged(&opened, key).into());
        }
        let text = "PagerDuty says that an incident with this key is open, and does not show it yet.";
        let missing = || Failure::new("not_shown", text).retry(Retry::Backoff);
        let open = api.find(service, key)?.filter(|incident| !incident.is_resolved()).ok_or_else(missing)?;
        Ok(if self.dedup_key.is_some() { joined(&open, key) } else { paged(&open, key) }.into())
    }

    fn sample() -> Option<Seen> {
        Some(Seen::sample("triggered"))
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = &call.undo_data else {
            return done(json!({}), "nobody had been paged");
        };
        let missing = || Failure::new("undo_data", "What was kept for the undo names no incident.");
        let api = Api::of(call)?;
        let found = api.get(undo["id"].as_str().ok_or_else(missing)?)?;
        if found.is_resolved() {
            return done(json!({}), format!("{} was resolved already", found.name()));
        }
        api.change(&found.id, &json!({ "status": "resolved" }))?;
        done(json!({}), format!("resolved {}", found.name()))
    }

    fn check(self, call: &Call) -> Result<Finding<Seen>, Failure> {
        let found = self.opened(&Api::of(call)?, call)?;
        Ok(found.map_or(Finding::Absent, |found| Finding::Applied(paged(&found, self.key(call)))))
    }
}
