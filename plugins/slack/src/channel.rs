//! A channel's topic, and archiving it.

use wardroom_plugin_sdk::prelude::*;

use crate::{
    api::{self, Nothing, channel},
    memory::{keep, left, recall},
};

/// Sets a channel's topic.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetTopic {
    /// The channel's id.
    #[schemars(length(min = 1, max = 64))]
    channel: String,
    /// The topic: plain text.
    #[schemars(length(max = 250))]
    topic: String,
}

/// A channel after a change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Changed {
    /// The channel's id.
    channel_id: String,
    /// Whether this changed it.
    changed: bool,
}

/// What an undo puts back.
#[derive(Serialize, Deserialize)]
struct Before {
    topic: String,
}

/// Whether two topics are one: Slack gives `&`, `<` and `>` escaped.
fn is_same(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.trim().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    plain(one) == plain(other)
}

impl SetTopic {
    fn set(&self, topic: &str) -> Result<(), Failure> {
        let body = json!({ "channel": self.channel, "topic": topic });
        api::post::<Nothing>("conversations.setTopic", &body)?;
        Ok(())
    }
}

impl Action for SetTopic {
    const NAME: &'static str = "set-topic";
    const DESCRIPTION: &'static str = "Sets a channel's topic.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    type Output = Changed;

    fn run(self, call: &Call) -> Result<Reply<Changed>, Failure> {
        let now = channel(&self.channel)?.topic.value;
        let before = if is_same(&now, &self.topic) {
            recall(call)?
        } else {
            let before = json!(Before { topic: now });
            keep(call, before.clone())?;
            self.set(&self.topic)?;
            Some(before)
        };
        Ok(changed(self.channel, before, ["set the topic", "the topic was so already"]))
    }

    fn sample() -> Option<Changed> {
        Some(Changed { channel_id: "C012AB3CD".to_owned(), changed: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = &call.undo_data else { return done(json!({}), "the topic had not been changed") };
        let before: Before = left(undo)?;
        let now = channel(&self.channel)?.topic.value;
        if is_same(&now, &before.topic) {
            return done(json!({}), "the topic is as it was before");
        }
        if !is_same(&now, &self.topic) {
            let text = "Somebody changed the topic meanwhile: it was left as it is. Look at it, and set it by hand.";
            return Err(Failure::new("changed_meanwhile", text));
        }
        self.set(&before.topic)?;
        done(json!({}), "put the topic back")
    }
}

/// Archives a channel.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Archive {
    /// The channel's id.
    #[schemars(length(min = 1, max = 64))]
    channel: String,
}

impl Action for Archive {
    const NAME: &'static str = "archive";
    const DESCRIPTION: &'static str = "Archives a channel: nobody can write into it any more.";
    const RISK: Risk = Risk::Destructive;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    type Output = Changed;

    fn run(self, call: &Call) -> Result<Reply<Changed>, Failure> {
        let before = if channel(&self.channel)?.is_archived {
            recall(call)?
        } else {
            let before = json!({ "archived": false });
            keep(call, before.clone())?;
            archive(&self.channel)?;
            Some(before)
        };
        Ok(changed(self.channel, before, ["archived the channel", "the channel was archived already"]))
    }

    fn sample() -> Option<Changed> {
        Some(Changed { channel_id: "C012AB3CD".to_owned(), changed: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        if call.undo_data.is_none() {
            return done(json!({}), "the channel had been archived before");
        }
        if !channel(&self.channel)?.is_archived {
            return done(json!({}), "the channel is open");
        }
        let body = json!({ "channel": self.channel });
        api::post::<Nothing>("conversations.unarchive", &body).map_err(|mut no| {
            if no.retry == Retry::Never {
                no.message
                    .push_str(" Slack lets no bot token (xoxb) open an archived channel: a user token (xoxp) can.");
            }
            no
        })?;
        done(json!({}), "opened the channel again")
    }
}

/// Archives a channel that is open.
pub(crate) fn archive(id: &str) -> Result<(), Failure> {
    api::post::<Nothing>("conversations.archive", &json!({ "channel": id }))?;
    Ok(())
}

/// The outcome of a change: with what was there before it is this step's, whichever try made it.
fn changed(channel_id: String, before: Option<Value>, [made, was]: [&str; 2]) -> Reply<Changed> {
    let mut done =
        Done::new(Changed { channel_id, changed: before.is_some() }, if before.is_some() { made } else { was });
    done.undo = before;
    done.into()
}
