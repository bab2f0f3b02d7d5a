//! Messages: writing one, pinning one.

use wardroom_plugin_sdk::prelude::*;

use crate::{
    Config,
    api::{self, Nothing, Search, says},
    memory::{keep, marker, recall},
};

/// How many pages of a channel's newest messages are looked through for a lost one, 100 messages each.
const PAGES: usize = 5;

/// What this plugin calls the metadata of its messages.
const EVENT: &str = "wardroom_post";

/// Writes a message.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Post {
    /// The channel's id; without one the connection's default channel.
    #[schemars(length(min = 1, max = 64))]
    channel: Option<String>,
    /// The text.
    #[schemars(length(min = 1, max = 20000))]
    text: String,
    /// Whether the text is Slack's own markup (mrkdwn), with links and mentions. Default false: it is shown as it is.
    #[serde(default)]
    markup: bool,
}

/// A message.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Posted {
    /// The message's id in its channel: its `ts`.
    message_id: String,
    /// The channel's id.
    channel_id: String,
}

#[derive(Deserialize)]
struct Sent {
    ts: String,
    channel: String,
}

#[derive(Deserialize)]
struct History {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    ts: String,
    /// What its app attached: this plugin its marker.
    #[serde(default)]
    metadata: Value,
}

impl Post {
    fn channel(&self, call: &Call) -> Result<String, Failure> {
        let config: Config = call.config()?;
        let missing =
            || Failure::new("no_channel", "The step names no channel, and the connection has no default_channel.");
        self.channel.clone().or(config.default_channel).ok_or_else(missing)
    }

    /// What Slack is sent: without markup, the three letters that mean something to it are escaped.
    fn text(&self) -> String {
        if self.markup {
            return self.text.clone();
        }
        self.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    }
}

/// Looks for the message that this step wrote.
fn look(channel: &str, call: &Call) -> Result<Search<Done<Posted>>, Failure> {
    let marker = marker(call);
    let query = [("channel", channel), ("include_all_metadata", "true"), ("limit", "100")];
    api::search("conversations.history", &query, PAGES, |page: History| {
        let ours = |metadata: &Value| {
            metadata["event_type"] == EVENT && metadata["event_payload"]["marker"] == marker.as_str()
        };
        let found = page.messages.into_iter().find(|message| ours(&message.metadata))?;
        Some(posted(found.ts, channel.to_owned()))
    })
}

fn posted(message_id: String, channel_id: String) -> Done<Posted> {
    Done::new(Posted { message_id, channel_id }, "posted")
}

impl Action for Post {
    const NAME: &'static str = "post";
    const DESCRIPTION: &'static str = "Writes a message into a channel.";
    const RISK: Risk = Risk::Write;
    // Slack keeps every message it is sent; a lost one can be found again by its marker.
    const IDEMPOTENT: Idempotency = Idempotency::No;
    const CHECK: bool = true;
    type Output = Posted;

    fn run(self, call: &Call) -> Result<Reply<Posted>, Failure> {
        let channel = self.channel(call)?;
        // Telling people of an approval is repeated after a crash. Where one cannot look, the message goes out.
        if call.attempt > 1
            && let Ok(Search::Found(found)) = look(&channel, call)
        {
            return Ok(found.into());
        }
        let body = json!({
            "channel": channel,
            "text": self.text(),
            "mrkdwn": self.markup,
            "metadata": { "event_type": EVENT, "event_payload": { "marker": marker(call) } },
        });
        let sent: Sent = api::post("chat.postMessage", &body)?;
        Ok(posted(sent.ts, sent.channel).into())
    }

    fn sample() -> Option<Posted> {
        Some(Posted { message_id: "1503435956.000247".to_owned(), channel_id: "C012AB3CD".to_owned() })
    }

    fn check(self, call: &Call) -> Result<Finding<Posted>, Failure> {
        Ok(match look(&self.channel(call)?, call)? {
            Search::Found(found) => Finding::Applied(found),
            Search::NotThere => Finding::Absent,
            Search::TooFar => Finding::Unknown,
        })
    }
}

/// Pins a message to its channel.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    /// The channel's id.
    #[schemars(length(min = 1, max = 64))]
    channel: String,
    /// The message's id, as `post` gives it.
    #[schemars(length(min = 1, max = 64))]
    message: String,
}

/// A pinned message.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Pinned {
    /// The message's id in its channel.
    message_id: String,
    /// The channel's id.
    channel_id: String,
    /// Whether this pinned it.
    changed: bool,
}

impl Pin {
    fn body(&self) -> Value {
        json!({ "channel": self.channel, "timestamp": self.message })
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
        let ours = json!({ "pinned": false });
        let earlier = recall(call)?;
        if earlier.is_none() {
            keep(call, ours.clone())?;
        }
        let changed = match api::post::<Nothing>("pins.add", &self.body()) {
            Ok(_) => true,
            // A first try that finds it pinned did not pin it; a later one finds the work of the one before.
            Err(no) if says(&no, "already_pinned") => earlier.is_some_and(|earlier| earlier == ours),
            Err(no) => return Err(no),
        };
        if !changed {
            keep(call, json!({ "pinned": true }))?;
        }
        let summary = if changed { "pinned the message" } else { "the message was pinned already" };
        let mut done = Done::new(Pinned { message_id: self.message, channel_id: self.channel, changed }, summary);
        done.undo = changed.then_some(ours);
        Ok(done.into())
    }

    fn sample() -> Option<Pinned> {
        let (message_id, channel_id) = ("1503435956.000247".to_owned(), "C012AB3CD".to_owned());
        Some(Pinned { message_id, channel_id, changed: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        if call.undo_data.is_none() {
            return done(json!({}), "the message had been pinned before");
        }
        match api::post::<Nothing>("pins.remove", &self.body()) {
            Err(no) if !says(&no, "no_pin") && !says(&no, "not_pinned") => Err(no),
            _ => done(json!({}), "unpinned the message"),
        }
    }
}
