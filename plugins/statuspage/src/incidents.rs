//! The actions. What each does is found again by the step's key, which the incident's metadata keeps.

use wardroom_plugin_sdk::prelude::*;

use crate::page::{Change, Incident, Page, Published};

/// What people read when a new incident is taken back.
const WITHDRAWN: &str = "This report has been withdrawn.";

/// How far an incident is that is not over.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Its cause is not known.
    Investigating,
    /// Its cause is known.
    Identified,
    /// It is mended, and watched.
    Monitoring,
}

/// How bad it is.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Impact {
    /// Nobody notices.
    None,
    /// Some notice.
    Minor,
    /// Many notice.
    Major,
    /// Everybody notices.
    Critical,
}

/// Publishes an incident.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    /// Its name, which everybody reads.
    #[schemars(length(min = 1, max = 255))]
    name: String,
    /// The first message, which everybody reads.
    #[schemars(length(min = 1, max = 25000))]
    body: String,
    /// How far it is. Default `investigating`.
    #[serde(default = "investigating")]
    status: Status,
    /// How bad it is; without it, as the components say.
    impact: Option<Impact>,
    /// The ids of the components it affects. What state the page shows for them stays as it is.
    #[serde(default)]
    #[schemars(length(max = 100), inner(length(min = 1, max = 64)))]
    components: Vec<String>,
    /// Whether subscribers are told. Default true.
    #[serde(default = "yes")]
    notify: bool,
}

/// Posts an update of an incident.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Update {
    /// The incident's id.
    #[schemars(length(min = 1, max = 64))]
    incident: String,
    /// The message, which everybody reads.
    #[schemars(length(min = 1, max = 25000))]
    body: String,
    /// How far it is now; without it, as before.
    status: Option<Status>,
    /// Whether subscribers are told. Default true.
    #[serde(default = "yes")]
    notify: bool,
}

/// Says that an incident is over.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolve {
    /// The incident's id.
    #[schemars(length(min = 1, max = 64))]
    incident: String,
    /// The last message, which everybody reads. Default `This incident has been resolved.`
    #[serde(default = "resolved")]
    #[schemars(length(min = 1, max = 25000))]
    body: String,
    /// Whether subscribers are told. Default true.
    #[serde(default = "yes")]
    notify: bool,
}

/// What an undo of an update needs.
#[derive(Serialize, Deserialize)]
struct Before {
    /// The status that it gives back.
    before: String,
    /// The status that took its place.
    after: String,
}

fn investigating() -> Status {
    Status::Investigating
}

fn yes() -> bool {
    true
}

fn resolved() -> String {
    "This incident has been resolved.".to_owned()
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Investigating => "investigating",
            Self::Identified => "identified",
            Self::Monitoring => "monitoring",
        }
    }
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new("undo_data", format!("What was kept for the undo cannot be read: {error}."))
}

/// What publishing an incident did.
fn published(incident: &Incident) -> Done<Published> {
    incident.done(true, format!("published {:?}", incident.name)).undo(json!({ "id": incident.id }))
}

/// What an update did. The status after it is the one that it set, whatever others have made of it since.
fn changed(incident: &Incident, before: &str, after: &str) -> Done<Published> {
    let summary = format!("{:?} is {after}, it was {before}", incident.name);
    let before = Before { before: before.to_owned(), after: after.to_owned() };
    incident.done(true, summary).undo(json!(before))
}

/// Gives back the status that an update took away, unless somebody gave another one since.
fn restore(id: &str, notify: bool, call: &Call) -> Result<Reply<Value>, Failure> {
    let Some(undo) = call.undo_data.clone() else {
        return done(json!({}), "nothing had been changed on the page");
    };
    let Before { before, after } = serde_json::from_value(undo).map_err(|error| unreadable(&error))?;
    if before == after {
        return done(json!({}), format!("the status was {before} before, too: what was published stays"));
    }
    let page = Page::of(call)?;
    let found = page.get(id)?;
    let key = &call.idempotency_key;
    if found.before(key).is_some() || found.status == before {
        return done(json!({}), format!("{:?} is {} again", found.name, found.status));
    }
    if found.status != after {
        let text =
            format!("Somebody made the incident {} meanwhile: look at the page before you change it.", found.status);
        return Err(Failure::new("changed_meanwhile", text));
    }
    let body = format!("The update before this one is withdrawn. The status is {before} again.");
    page.change(&found, &Change { status: &before, body: &body, notify, key })?;
    done(json!({}), format!("{:?} is {before} again", found.name))
}

impl Action for Create {
    const NAME: &'static str = "create";
    const DESCRIPTION: &'static str = "Publishes an incident on the status page.";
    const RISK: Risk = Risk::Write;
    // The key in the metadata is looked for before an incident is made.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Published;

    fn run(self, call: &Call) -> Result<Reply<Published>, Failure> {
        let page = Page::of(call)?;
        if let Some(found) = page.made_by(&call.idempotency_key)? {
            return Ok(published(&found).into());
        }
        let mut incident = json!({
            "name": self.name,
            "status": self.status.word(),
            "body": self.body,
            "deliver_notifications": self.notify,
        });
        if let Some(impact) = self.impact {
            incident["impact_override"] = json!(impact);
        }
        if !self.components.is_empty() {
            incident["component_ids"] = json!(self.components);
        }
        Ok(published(&page.create(incident, &call.idempotency_key)?).into())
    }

    fn sample() -> Option<Published> {
        Some(Published::sample("investigating"))
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = &call.undo_data else {
            return done(json!({}), "nothing had been published");
        };
        let missing = || Failure::new("undo_data", "What was kept for the undo names no incident.");
        let page = Page::of(call)?;
        let found = page.get(undo["id"].as_str().ok_or_else(missing)?)?;
        if found.is_resolved() {
            return done(json!({}), format!("{:?} was resolved already", found.name));
        }
        let key = &call.idempotency_key;
        page.change(&found, &Change { status: "resolved", body: WITHDRAWN, notify: self.notify, key })?;
        done(json!({}), format!("resolved {:?}", found.name))
    }

    fn check(self, call: &Call) -> Result<Finding<Published>, Failure> {
        let found = Page::of(call)?.made_by(&call.idempotency_key)?;
        Ok(found.map_or(Finding::Absent, |found| Finding::Applied(published(&found))))
    }
}

impl Action for Update {
    const NAME: &'static str = "update";
    const DESCRIPTION: &'static str = "Posts an update of an incident on the status page.";
    const RISK: Risk = Risk::Write;
    // The key in the metadata is looked for before an update is posted.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Published;

    fn run(self, call: &Call) -> Result<Reply<Published>, Failure> {
        let page = Page::of(call)?;
        let found = page.get(&self.incident)?;
        if let Some(done) = self.posted(&found, call) {
            return Ok(done.into());
        }
        if found.is_resolved() {
            let text = "The incident is resolved, and an update would open it again: create another one.";
            return Err(Failure::new("resolved", text));
        }
        let (status, key) = (self.status(&found.status), &call.idempotency_key);
        let change = Change { status, body: &self.body, notify: self.notify, key };
        Ok(changed(&page.change(&found, &change)?, &found.status, status).into())
    }

    fn sample() -> Option<Published> {
        Some(Published::sample("identified"))
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        restore(&self.incident, self.notify, call)
    }

    fn check(self, call: &Call) -> Result<Finding<Published>, Failure> {
        let found = Page::of(call)?.get(&self.incident)?;
        Ok(self.posted(&found, call).map_or(Finding::Absent, Finding::Applied))
    }
}

impl Update {
    /// The status that it gives to an incident with this one.
    fn status<'a>(&self, before: &'a str) -> &'a str {
        match self.status {
            Some(status) => status.word(),
            None => before,
        }
    }

    /// What this did, if it did it before.
    fn posted(&self, found: &Incident, call: &Call) -> Option<Done<Published>> {
        let before = found.before(&call.idempotency_key)?;
        Some(changed(found, before, self.status(before)))
    }
}

impl Action for Resolve {
    const NAME: &'static str = "resolve";
    const DESCRIPTION: &'static str = "Says on the status page that an incident is over.";
    const RISK: Risk = Risk::Write;
    // An incident that is resolved stays as it is.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Published;

    fn run(self, call: &Call) -> Result<Reply<Published>, Failure> {
        let (page, key) = (Page::of(call)?, &call.idempotency_key);
        let found = page.get(&self.incident)?;
        if let Some(before) = found.before(key) {
            return Ok(changed(&found, before, "resolved").into());
        }
        if found.is_resolved() {
            return Ok(found.done(false, format!("{:?} was resolved already", found.name)).into());
        }
        let change = Change { status: "resolved", body: &self.body, notify: self.notify, key };
        Ok(changed(&page.change(&found, &change)?, &found.status, "resolved").into())
    }

    fn sample() -> Option<Published> {
        Some(Published::sample("resolved"))
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        restore(&self.incident, self.notify, call)
    }

    fn check(self, call: &Call) -> Result<Finding<Published>, Failure> {
        let found = Page::of(call)?.get(&self.incident)?;
        let before = found.before(&call.idempotency_key);
        Ok(before.map_or(Finding::Absent, |before| Finding::Applied(changed(&found, before, "resolved"))))
    }
}
