//! Roundup's REST interface, as far as tickets need it.

use wardroom_plugin_sdk::prelude::*;

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The tracker as people open it, such as `https://bugs.example.com/shop/`: tickets are linked below it, and Roundup takes
    /// a change only from who names its origin.
    #[schemars(length(min = 1, max = 500), regex(pattern = r"^https?://[^/]+/"))]
    tracker_url: String,
    /// The name of the user whom messages are from: the one whom the connection's `auth` belongs to. Roundup does not fill
    /// that in by itself.
    #[schemars(length(min = 1, max = 100))]
    author: String,
}

/// A tracker.
pub(crate) struct Tracker {
    url: String,
    author: String,
    origin: String,
}

/// A ticket as it is.
#[derive(Deserialize)]
pub(crate) struct Issue {
    #[serde(rename = "@etag")]
    pub(crate) etag: String,
    pub(crate) attributes: Attributes,
}

/// What a ticket says of itself.
#[derive(Deserialize)]
pub(crate) struct Attributes {
    pub(crate) title: String,
    pub(crate) status: Option<Named>,
}

/// A status, by its name.
#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Collection {
    collection: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    id: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: Message,
}

#[derive(Deserialize)]
struct Message {
    msg: String,
}

impl Tracker {
    /// The connection's.
    pub(crate) fn of(call: &Call) -> Result<Self, Failure> {
        let config: Config = call.config()?;
        let host = config.tracker_url.find("://").and_then(|scheme| {
            let slash = config.tracker_url[scheme + 3..].find('/')?;
            Some(config.tracker_url[..scheme + 3 + slash].to_owned())
        });
        let origin = host.ok_or_else(|| {
            Failure::new(
                "invalid_config",
                "The connection's tracker_url is a URL such as https://bugs.example.com/shop/.",
            )
        })?;
        Ok(Self { url: format!("{}/", config.tracker_url.trim_end_matches('/')), author: config.author, origin })
    }

    /// Where people read a ticket.
    pub(crate) fn link(&self, ticket: &str) -> String {
        format!("{}issue{ticket}", self.url)
    }

    /// A ticket.
    pub(crate) fn issue(&self, ticket: &str) -> Result<Issue, Failure> {
        let response = self.ask("GET", &format!("issue/{ticket}")).query("@verbose", 2).send()?;
        if response.status() == 404 {
            return Err(Failure::new("not_found", format!("There is no ticket {ticket}.")));
        }
        Ok(accepted(response)?.json::<Answer<Issue>>()?.data)
    }

    /// The ticket that a message is in.
    pub(crate) fn issue_with(&self, message: &str) -> Result<Option<String>, Failure> {
        first(self.ask("GET", "issue").query("messages", message))
    }

    /// The message of this step, which an earlier try may have written.
    pub(crate) fn message(&self, call: &Call, text: &str) -> Result<String, Failure> {
        if let Some(known) = self.known_message(call)? {
            return Ok(known);
        }
        self.create("msg", &json!({ "content": text, "messageid": mark(call), "author": self.author }))
    }

    /// The message of this step, if a try has written it.
    pub(crate) fn known_message(&self, call: &Call) -> Result<Option<String>, Failure> {
        first(self.ask("GET", "msg").query("messageid", mark(call)))
    }

    /// Makes an item; gives its id.
    pub(crate) fn create(&self, class: &str, item: &Value) -> Result<String, Failure> {
        let response = accepted(self.ask("POST", class).json(item).send()?)?;
        Ok(response.json::<Answer<Member>>()?.data.id)
    }

    /// Changes a ticket that is still as it was read.
    pub(crate) fn change(&self, ticket: &str, issue: &Issue, change: &Value) -> Result<(), Failure> {
        let request = self.ask("PATCH", &format!("issue/{ticket}")).header("if-match", &issue.etag);
        accepted(request.json(change).send()?).map(|_| ())
    }

    /// Takes a ticket out of the lists.
    pub(crate) fn retire(&self, ticket: &str, issue: &Issue) -> Result<(), Failure> {
        let request = self.ask("DELETE", &format!("issue/{ticket}")).header("if-match", &issue.etag);
        // Roundup asks for a JSON body here too.
        accepted(request.json(&json!({})).send()?).map(|_| ())
    }

    fn ask(&self, method: &str, path: &str) -> http::Request {
        let request = http::request(method, &format!("/rest/data/{path}"));
        request.header("origin", &self.origin).header("x-requested-with", "wardroom")
    }
}

fn first(request: http::Request) -> Result<Option<String>, Failure> {
    let answer: Answer<Collection> = accepted(request.send()?)?.json()?;
    Ok(answer.data.collection.into_iter().next().map(|member| member.id))
}

/// What marks the text of a step.
fn mark(call: &Call) -> String {
    format!("<{}@wardroom>", call.idempotency_key)
}

/// The answer if it is a success, otherwise what Roundup says of it.
fn accepted(response: http::Response) -> Result<http::Response, Failure> {
    let status = response.status();
    if status == 412 {
        let text = "Somebody changed the ticket meanwhile: nothing was written.";
        return Err(Failure::new("changed_meanwhile", text).retry(Retry::Backoff));
    }
    if let 400 | 405 | 409 = status
        && let Ok(refusal) = response.json::<Refusal>()
    {
        let text: String = refusal.error.msg.chars().take(300).collect();
        return Err(Failure::new("refused", format!("Roundup refuses: {text}")));
    }
    response.check()
}
