//! Opens a channel, and finds it again.

use wardroom_plugin_sdk::prelude::*;

use crate::{
    api::{self, Channel, Nothing, Search, WithChannel, says},
    channel::archive,
    memory::{keep, left, marker, recall},
};

/// The longest name of a channel, in bytes.
const LONGEST_NAME: usize = 80;

/// How many pages of the account's own channels are looked through, 200 channels each.
const PAGES: usize = 20;

/// Opens a channel, or finds the one it opened before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateChannel {
    /// The channel's name; what Slack allows in names is made of it.
    #[schemars(length(min = 1, max = 80))]
    name: String,
    /// What it is for.
    #[schemars(length(max = 200))]
    #[serde(default)]
    purpose: String,
    /// Whether only those who are added can see it. Default false.
    #[serde(default)]
    private: bool,
}

/// A channel.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Opened {
    /// Its id, such as `C012AB3CD`.
    channel_id: String,
    /// Its name, without `#`.
    name: String,
    /// A link that opens it.
    url: String,
}

/// The account's own channels.
#[derive(Deserialize)]
struct Channels {
    channels: Vec<Channel>,
}

/// Whose token it is.
#[derive(Deserialize)]
struct Whoami {
    user_id: String,
}

/// What an undo archives.
#[derive(Serialize, Deserialize)]
struct Made {
    channel_id: String,
}

/// FNV-1a, 32 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// What Slack allows: lower case letters, digits, `-` and `_`.
fn handle(name: &str) -> String {
    let wanted = name.to_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let letters: String = wanted.chars().map(|c| if plain(c) { c } else { '-' }).collect();
    let handle = letters.trim_matches(['-', '_']);
    let whole = !handle.is_empty() && handle.len() == wanted.len() && wanted.chars().all(|c| plain(c) || c == ' ');
    if whole {
        return handle.to_owned();
    }
    // Two names should not come to want one channel: where letters are lost, a hash of the whole name tells them apart.
    let start = handle.get(..LONGEST_NAME - 9).unwrap_or(handle);
    format!("{start}-{:08x}", fnv1a(wanted.as_bytes())).trim_start_matches('-').to_owned()
}

impl CreateChannel {
    /// The account's own channel of this name.
    fn named(&self) -> Result<Search<Channel>, Failure> {
        let name = handle(&self.name);
        let kind = if self.private { "private_channel" } else { "public_channel" };
        let query = [("types", kind), ("exclude_archived", "true"), ("limit", "200")];
        api::search("users.conversations", &query, PAGES, |page: Channels| {
            page.channels.into_iter().find(|channel| channel.name == name)
        })
    }

    /// The channel that this step made, marked or about to be: Slack takes a name and a purpose only one after the other.
    fn found(&self, call: &Call, tried: bool) -> Result<Option<Channel>, Failure> {
        let Search::Found(channel) = self.named()? else { return Ok(None) };
        if channel.purpose.value.contains(&marker(call)) {
            return Ok(Some(channel));
        }
        if !tried || !channel.purpose.value.is_empty() {
            return Ok(None);
        }
        let Whoami { user_id } = api::get("auth.test", &[])?;
        Ok(Some(channel).filter(|channel| channel.creator == user_id))
    }

    fn mark(&self, channel: &Channel, call: &Call) -> Result<(), Failure> {
        let marker = marker(call);
        if channel.purpose.value.contains(&marker) {
            return Ok(());
        }
        let purpose = format!("{} [{marker}]", self.purpose);
        let body = json!({ "channel": channel.id, "purpose": purpose.trim_start() });
        // The channel is there: trying again finds it.
        api::post::<Nothing>("conversations.setPurpose", &body).map_err(|no| no.effect(Effect::Unknown))?;
        Ok(())
    }
}

fn opened(channel: Channel, word: &str) -> Done<Opened> {
    let Channel { id, name, .. } = channel;
    let url = format!("https://slack.com/app_redirect?channel={}", http::encode(&id));
    let (summary, label, undo) =
        (format!("{word} #{name}"), format!("#{name}"), json!(Made { channel_id: id.clone() }));
    let output = Opened { channel_id: id, name, url: url.clone() };
    Done::new(output, summary).artifact("channel", label, url).undo(undo)
}

impl Action for CreateChannel {
    const NAME: &'static str = "create-channel";
    const DESCRIPTION: &'static str = "Opens a channel with a name and a purpose.";
    const RISK: Risk = Risk::Write;
    // A workspace has one channel of a name, and the purpose tells which step made it.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Opened;

    fn run(self, call: &Call) -> Result<Reply<Opened>, Failure> {
        let tried = recall(call)?.is_some();
        keep(call, json!({ "name": self.name }))?;
        let body = json!({ "name": handle(&self.name), "is_private": self.private });
        let (channel, word) = match api::post::<WithChannel>("conversations.create", &body) {
            Ok(made) => (made.channel, "opened"),
            Err(no) if says(&no, "name_taken") => (self.found(call, tried)?.ok_or(no)?, "found"),
            Err(no) => return Err(no),
        };
        self.mark(&channel, call)?;
        Ok(opened(channel, word).into())
    }

    fn sample() -> Option<Opened> {
        let (channel_id, name) = ("C012AB3CD".to_owned(), "sample".to_owned());
        Some(Opened { channel_id, name, url: "https://slack.com/app_redirect?channel=C012AB3CD".to_owned() })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = &call.undo_data else { return done(json!({}), "no channel had been opened") };
        let made: Made = left(undo)?;
        let changed = !api::channel(&made.channel_id)?.is_archived;
        if changed {
            archive(&made.channel_id)?;
        }
        done(json!({}), if changed { "archived the channel" } else { "the channel was archived already" })
    }

    fn check(self, call: &Call) -> Result<Finding<Opened>, Failure> {
        Ok(match self.named()? {
            Search::Found(channel) if channel.purpose.value.contains(&marker(call)) => {
                Finding::Applied(opened(channel, "found"))
            }
            // Without its mark it is not done: a further try marks it, or says that the name is taken.
            Search::Found(_) | Search::NotThere => Finding::Absent,
            Search::TooFar => Finding::Unknown,
        })
    }
}
