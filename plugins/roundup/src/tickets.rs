//! Tickets: opened, commented, closed, and the same taken back.

use wardroom_plugin_sdk::prelude::*;

use crate::tracker::Tracker;

/// Opens a ticket.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    /// What it is about.
    #[schemars(length(min = 1, max = 1_000))]
    title: String,
    /// The first message.
    #[schemars(length(min = 1, max = 60_000))]
    text: String,
    /// The name of a priority, such as `bug`; without one the tracker's own default.
    #[schemars(length(min = 1, max = 100))]
    priority: Option<String>,
    /// The user name of who works on it.
    #[schemars(length(min = 1, max = 100))]
    assigned_to: Option<String>,
}

/// Adds a message to a ticket.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comment {
    /// The ticket's number.
    #[schemars(regex(pattern = "^[0-9]{1,12}$"))]
    ticket: String,
    /// The message.
    #[schemars(length(min = 1, max = 60_000))]
    text: String,
}

/// Closes a ticket.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Close {
    /// The ticket's number.
    #[schemars(regex(pattern = "^[0-9]{1,12}$"))]
    ticket: String,
    /// The name of the status that means closed. Default `resolved`.
    #[serde(default = "resolved")]
    #[schemars(length(min = 1, max = 100))]
    status: String,
}

fn resolved() -> String {
    "resolved".to_owned()
}

/// A ticket.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Ticket {
    /// Its number.
    #[serde(rename = "ticket")]
    number: String,
    /// Where people read it.
    url: String,
    /// What it is about.
    title: String,
    /// Its status; null when it has none.
    status: Option<String>,
    /// Whether this changed it.
    changed: bool,
}

/// What a closing replaced.
#[derive(Serialize, Deserialize)]
struct Before {
    status: Option<String>,
}

fn sample(status: &str) -> Ticket {
    Ticket {
        number: "1".to_owned(),
        url: "https://bugs.example.com/shop/issue1".to_owned(),
        title: "A title".to_owned(),
        status: Some(status.to_owned()),
        changed: true,
    }
}

/// The ticket as it is now.
fn shown(tracker: &Tracker, ticket: &str, changed: bool) -> Result<Ticket, Failure> {
    let attributes = tracker.issue(ticket)?.attributes;
    let status = attributes.status.map(|status| status.name);
    Ok(Ticket { number: ticket.to_owned(), url: tracker.link(ticket), title: attributes.title, status, changed })
}

fn opened(tracker: &Tracker, ticket: &str) -> Result<Done<Ticket>, Failure> {
    let shown = shown(tracker, ticket, true).map_err(|failure| failure.effect(Effect::Applied))?;
    let (label, url) = (format!("ticket {ticket}"), shown.url.clone());
    Ok(Done::new(shown, format!("opened ticket {ticket}"))
        .artifact("ticket", label, url)
        .undo(json!({ "ticket": ticket })))
}

impl Action for Create {
    const NAME: &'static str = "create-ticket";
    const DESCRIPTION: &'static str = "Opens a ticket.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Ticket;

    fn run(self, call: &Call) -> Result<Reply<Ticket>, Failure> {
        let tracker = Tracker::of(call)?;
        let message = tracker.message(call, &self.text)?;
        let ticket = if let Some(known) = tracker.issue_with(&message)? {
            known
        } else {
            let mut item = json!({ "title": self.title, "messages": [message] });
            if let Some(priority) = &self.priority {
                item["priority"] = json!(priority);
            }
            if let Some(user) = &self.assigned_to {
                item["assignedto"] = json!(user);
            }
            tracker.create("issue", &item)?
        };
        Ok(opened(&tracker, &ticket)?.into())
    }

    fn sample() -> Option<Ticket> {
        Some(sample("unread"))
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let tracker = Tracker::of(call)?;
        let ticket = call.undo_data.as_ref().and_then(|undo| undo["ticket"].as_str());
        let Some(ticket) = ticket else { return done(json!({}), "no ticket had been opened") };
        match tracker.issue(ticket) {
            Ok(issue) => tracker.retire(ticket, &issue)?,
            Err(failure) if failure.code == "not_found" => {}
            Err(failure) => return Err(failure),
        }
        done(json!({}), format!("retired ticket {ticket}"))
    }

    fn check(self, call: &Call) -> Result<Finding<Ticket>, Failure> {
        let tracker = Tracker::of(call)?;
        let Some(message) = tracker.known_message(call)? else { return Ok(Finding::Absent) };
        match tracker.issue_with(&message)? {
            Some(ticket) => Ok(Finding::Applied(opened(&tracker, &ticket)?)),
            None => Ok(Finding::Absent),
        }
    }
}

impl Action for Comment {
    const NAME: &'static str = "comment";
    const DESCRIPTION: &'static str = "Adds a message to a ticket.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = Ticket;

    fn run(self, call: &Call) -> Result<Reply<Ticket>, Failure> {
        let tracker = Tracker::of(call)?;
        // That the ticket is there is known before a message is written.
        let issue = tracker.issue(&self.ticket)?;
        let message = tracker.message(call, &self.text)?;
        tracker.change(&self.ticket, &issue, &json!({ "@op": "add", "messages": message }))?;
        let shown = shown(&tracker, &self.ticket, true).map_err(|failure| failure.effect(Effect::Applied))?;
        done(shown, format!("commented on ticket {}", self.ticket))
    }

    fn sample() -> Option<Ticket> {
        Some(sample("chatting"))
    }
}

impl Action for Close {
    const NAME: &'static str = "close-ticket";
    const DESCRIPTION: &'static str = "Closes a ticket.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    type Output = Ticket;

    fn run(self, call: &Call) -> Result<Reply<Ticket>, Failure> {
        let tracker = Tracker::of(call)?;
        let issue = tracker.issue(&self.ticket)?;
        let before = issue.attributes.status.as_ref().map(|status| status.name.clone());
        if before.as_deref() == Some(&self.status) {
            let shown = shown(&tracker, &self.ticket, false)?;
            return done(shown, format!("ticket {} was {} already", self.ticket, self.status));
        }
        tracker.change(&self.ticket, &issue, &json!({ "status": self.status }))?;
        let shown = shown(&tracker, &self.ticket, true).map_err(|failure| failure.effect(Effect::Applied))?;
        let summary = format!("ticket {} is {}", self.ticket, self.status);
        Ok(Done::new(shown, summary).undo(json!(Before { status: before })).into())
    }

    fn sample() -> Option<Ticket> {
        Some(sample("resolved"))
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let tracker = Tracker::of(call)?;
        let before = call.undo_data.clone().and_then(|undo| serde_json::from_value::<Before>(undo).ok());
        let Some(before) = before else {
            return done(json!({}), format!("ticket {} had not been changed", self.ticket));
        };
        let issue = tracker.issue(&self.ticket)?;
        let now = issue.attributes.status.as_ref().map(|status| status.name.as_str());
        if now == before.status.as_deref() {
            return done(json!({}), format!("ticket {} is as it was", self.ticket));
        }
        if now != Some(&self.status) {
            let text = format!("Somebody gave ticket {} another status since: it stays as it is.", self.ticket);
            return Err(Failure::new("changed_meanwhile", text));
        }
        tracker.change(&self.ticket, &issue, &json!({ "status": before.status }))?;
        done(json!({}), format!("opened ticket {} again", self.ticket))
    }
}
