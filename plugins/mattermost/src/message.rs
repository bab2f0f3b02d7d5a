//! Messages: writing one, pinning one.

use std::collections::BTreeMap;

use wardroom_plugin_sdk::prelude::*;

use crate::{
    Config,
    api::{API, channel_path, checked},
    memory::{keep, marker, recall},
};

/// How many of a channel's newest messages are looked through for a lost one: pages, and messages on each.
const PAGES: usize = 5;
const PAGE: usize = 60;

/// Writes a message.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Post {
    /// The channel's id; without one the connection's default channel.
    #[schemars(length(min = 1, max = 64))]
    channel: Option<String>,
    /// The text, in Markdown.
    #[schemars(length(min = 1, max = 16383))]
    text: String,
}

/// A message.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Posted {
    /// The message's id.
    message_id: String,
    /// The channel's id.
    channel_id: String,
}

/// A message as the server gives it.
#[derive(Deserialize)]
struct Message {
    id: String,
    channel_id: String,
    #[serde(default)]
    is_pinned: bool,
    /// What the sender attached: this plugin its marker.
    #[serde(default)]
    props: Value,
}

/// A page of messages.
#[derive(Deserialize)]
struct Page {
    order: Vec<String>,
    #[serde(default)]
    posts: BTreeMap<String, Message>,
}

/// What looking for a message found.
enum Look {
    There(Message),
    NotThere,
    /// The channel has more messages than were looked through.
    TooFar,
}

impl Post {
    fn channel(&self, call: &Call) -> Result<String, Failure> {
        let config: Config = call.config()?;
        let missing =
            || Failure::new("no_channel", "The step names no channel, and the connection has no default_channel.");
        self.channel.clone().or(config.default_channel).ok_or_else(missing)
    }
}

/// Looks for the message that this step wrote.
fn look(channel: &str, call: &Call) -> Result<Look, Failure> {
    let marker = marker(call);
    for number in 0..PAGES {
        let request = http::get(&format!("{}/posts", channel_path(channel)));
        let page: Page = checked(request.query("page", number).query("per_page", PAGE).send()?)?.json()?;
        let last = page.order.len() < PAGE;
        if let Some(message) = page.posts.into_values().find(|message| message.props["wardroom"] == marker.as_str()) {
            return Ok(Look::There(message));
        }
        if last {
            return Ok(Look::NotThere);
        }
    }
    Ok(Look::TooFar)
}

fn posted(message: Message) -> Done<Posted> {
    Done::new(Posted { message_id: message.id, channel_id: message.channel_id }, "posted")
}

impl Action for Post {
    const NAME: &'static str = "post";
    const DESCRIPTION: &'static str = "Writes a message into a channel.";
    const RISK: Risk = Risk::Write;
    // Mattermost keeps every message it is sent; a lost one can be found again by its marker.
    const IDEMPOTENT: Idempotency = Idempotency::No;
    const CHECK: bool = true;
    type Output = Posted;

    fn run(self, call: &Call) -> Result<Reply<Posted>, Failure> {
        let channel = self.channel(call)?;
        // Telling people of an approval is repeated after a crash. Where one cannot look, the message goes out.
        if call.attempt > 1
            && let Ok(Look::There(message)) = look(&channel, call)
        {
            return Ok(posted(message).into());
        }
        let body = json!({ "channel_id": channel, "message": self.text, "props": { "wardroom": marker(call) } });
        let message = checked(http::post(&format!("{API}/posts")).json(&body).send()?)?.json()?;
        Ok(posted(message).into())
    }

    fn sample() -> Option<Posted> {
        let (message_id, channel_id) =
            ("o5g1jxpbwtyh3jzaqd5mqqfgte".to_owned(), "4yxk8qd8kpyq3jx1m5s1h9w7fe".to_owned());
        Some(Posted { message_id, channel_id })
    }

    fn check(self, call: &Call) -> Result<Finding<Posted>, Failure> {
        Ok(match look(&self.channel(call)?, call)? {
            Look::There(message) => Finding::Applied(posted(message)),
            Look::NotThere => Finding::Absent,
            Look::TooFar => Finding::Unknown,
        })
    }
}

/// Pins a message to its channel.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    /// The message's id, as `post` gives it.
    #[schemars(length(min = 1, max = 64))]
    message: String,
}

/// A pinned message.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Pinned {
    /// The message's id.
    message_id: String,
    /// The channel's id.
    channel_id: String,
    /// Whether this pinned it.
    changed: bool,
}

impl Pin {
    fn path(&self) -> String {
        format!("{API}/posts/{}", http::encode(&self.message))
    }
}

impl Action for Pin {
    const NAME: &'static str = "pin";
    const DESCRIPTION: &'static str = "Pins a message to its channel.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    type Output = Pinned;

    fn run(self, call: &Call) -> Result<Reply<Pinned>, Failure> {
        let message: Message = checked(http::get(&self.path()).send()?)?.json()?;
        let before = if message.is_pinned {
            recall(call)?
        } else {
            let before = json!({ "pinned": false });
            keep(call, before.clone())?;
            checked(http::post(&format!("{}/pin", self.path())).json(&json!({})).send()?)?;
            Some(before)
        };
        let changed = before.is_some();
        let summary = if changed { "pinned the message" } else { "the message was pinned already" };
        let pinned = Pinned { message_id: message.id, channel_id: message.channel_id, changed };
        let mut done = Done::new(pinned, summary);
        done.undo = before;
        Ok(done.into())
    }

    fn sample() -> Option<Pinned> {
        let (message_id, channel_id) =
            ("o5g1jxpbwtyh3jzaqd5mqqfgte".to_owned(), "4yxk8qd8kpyq3jx1m5s1h9w7fe".to_owned());
        Some(Pinned { message_id, channel_id, changed: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        if call.undo_data.is_none() {
            return done(json!({}), "the message had been pinned before");
        }
        checked(http::post(&format!("{}/unpin", self.path())).json(&json!({})).send()?)?;
        done(json!({}), "unpinned the message")
    }
}
