//! Channels: opening one, its header, archiving it.

use wardroom_plugin_sdk::prelude::*;

use crate::{
    Config,
    api::{API, Channel, archive, channel, channel_path, checked, refusal},
    memory::{keep, left, marker, recall},
};

/// The longest name of a channel, in bytes.
const LONGEST_NAME: usize = 64;

/// Opens a channel, or finds the one it opened before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateChannel {
    /// The channel's name as people read it; the name in its URL is made from it.
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// What it is for.
    #[schemars(length(max = 200))]
    #[serde(default)]
    purpose: String,
    /// Whether only those who are added can see it. Default false.
    #[serde(default)]
    private: bool,
    /// The team: the name in its URL; without one the connection's.
    #[schemars(length(min = 1, max = 64))]
    team: Option<String>,
}

/// A channel.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Opened {
    /// Its id.
    channel_id: String,
    /// Its name in its URL.
    name: String,
    /// A link that opens it; null when the connection has no `site_url`.
    url: Option<String>,
}

#[derive(Deserialize)]
struct Team {
    id: String,
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

/// The name in the URL: lower case letters, digits, `-` and `_`, with a letter or digit at both ends.
fn handle(name: &str) -> String {
    let wanted = name.to_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let letters: String = wanted.chars().map(|c| if plain(c) { c } else { '-' }).collect();
    let handle = letters.trim_matches(['-', '_']);
    let whole = handle.len() > 1 && handle.len() == wanted.len() && wanted.chars().all(|c| plain(c) || c == ' ');
    if whole {
        return handle.to_owned();
    }
    // Two names should not come to want one channel: where letters are lost, a hash of the whole name tells them apart.
    let start = handle.get(..LONGEST_NAME - 9).unwrap_or(handle);
    format!("{start}-{:08x}", fnv1a(wanted.as_bytes())).trim_start_matches('-').to_owned()
}

impl CreateChannel {
    fn team(&self, config: &Config) -> Result<String, Failure> {
        let missing = || Failure::new("no_team", "The step names no team, and the connection has none.");
        self.team.clone().or_else(|| config.team.clone()).ok_or_else(missing)
    }

    /// The channel that this step made, if it did; a failure when the name belongs to another.
    fn made(&self, team: &str, call: &Call) -> Result<Option<Channel>, Failure> {
        let name = handle(&self.name);
        let path = format!("{API}/teams/name/{}/channels/name/{name}", http::encode(team));
        let response = http::get(&path).query("include_deleted", true).send()?;
        if response.status() == 404 {
            return Ok(None);
        }
        let found: Channel = checked(response)?.json()?;
        if found.purpose.contains(&marker(call)) {
            return Ok(Some(found));
        }
        let text = format!("There is a channel {name} in {team} that this step did not make: choose another name.");
        Err(Failure::new("name_taken", text))
    }

    fn done(found: Channel, team: &str, config: &Config, word: &str) -> Done<Opened> {
        let site = config.site_url.as_deref().map(|site| site.trim_end_matches('/'));
        let url = site.map(|site| format!("{site}/{}/channels/{}", http::encode(team), found.name));
        let undo = Made { channel_id: found.id.clone() };
        let summary = format!("{word} ~{}", found.name);
        let label = found.name.clone();
        let mut done = Done::new(Opened { channel_id: found.id, name: found.name, url: url.clone() }, summary);
        done.artifacts.push(Artifact { kind: "channel".to_owned(), label, url });
        done.undo(json!(undo))
    }
}

impl Action for CreateChannel {
    const NAME: &'static str = "create-channel";
    const DESCRIPTION: &'static str = "Opens a channel with a name and a purpose.";
    const RISK: Risk = Risk::Write;
    // A team has one channel of a name, and the purpose tells which step made it.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Opened;

    fn run(self, call: &Call) -> Result<Reply<Opened>, Failure> {
        let config: Config = call.config()?;
        let team = self.team(&config)?;
        let path = format!("{API}/teams/name/{}", http::encode(&team));
        let Team { id } = checked(http::get(&path).send()?)?.json()?;
        let response = http::post(&format!("{API}/channels"))
            .json(&json!({
                "team_id": id,
                "name": handle(&self.name),
                "display_name": self.name,
                "purpose": format!("{} [{}]", self.purpose, marker(call)).trim_start(),
                "type": if self.private { "P" } else { "O" },
            }))
            .send()?;
        let taken = refusal(&response).is_some_and(|refusal| {
            matches!(
                refusal.id.as_str(),
                "store.sql_channel.save_channel.exists.app_error"
                    | "store.sql_channel.save_channel.previously.app_error"
            )
        });
        if !taken {
            let made: Channel = checked(response)?.json()?;
            return Ok(Self::done(made, &team, &config, "opened").into());
        }
        let hidden =
            || Failure::new("name_taken", "The name belongs to a channel that cannot be seen: choose another.");
        let made = self.made(&team, call)?.ok_or_else(hidden)?;
        Ok(Self::done(made, &team, &config, "found").into())
    }

    fn sample() -> Option<Opened> {
        let (channel_id, name) = ("4yxk8qd8kpyq3jx1m5s1h9w7fe".to_owned(), "sample".to_owned());
        Some(Opened { channel_id, name, url: Some("https://chat.example.com/team/channels/sample".to_owned()) })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = &call.undo_data else { return done(json!({}), "no channel had been opened") };
        let made: Made = left(undo)?;
        let summary =
            if archive(&made.channel_id)? { "archived the channel" } else { "the channel was archived already" };
        done(json!({}), summary)
    }

    fn check(self, call: &Call) -> Result<Finding<Opened>, Failure> {
        let config: Config = call.config()?;
        let team = self.team(&config)?;
        match self.made(&team, call) {
            Ok(Some(made)) => Ok(Finding::Applied(Self::done(made, &team, &config, "found"))),
            Ok(None) => Ok(Finding::Absent),
            // Somebody else's channel: this step made none, and a further try will say so.
            Err(failure) if failure.code == "name_taken" => Ok(Finding::Absent),
            Err(failure) => Err(failure),
        }
    }
}

/// Sets a channel's header.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetTopic {
    /// The channel's id.
    #[schemars(length(min = 1, max = 64))]
    channel: String,
    /// The header, in Markdown.
    #[schemars(length(max = 1024))]
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
    header: String,
}

impl SetTopic {
    fn set(&self, header: &str) -> Result<(), Failure> {
        let path = format!("{}/patch", channel_path(&self.channel));
        checked(http::put(&path).json(&json!({ "header": header })).send()?)?;
        Ok(())
    }
}

impl Action for SetTopic {
    const NAME: &'static str = "set-topic";
    const DESCRIPTION: &'static str = "Sets a channel's header.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    type Output = Changed;

    fn run(self, call: &Call) -> Result<Reply<Changed>, Failure> {
        let now = channel(&self.channel)?.header;
        let before = if now.trim() == self.topic.trim() {
            recall(call)?
        } else {
            let before = json!(Before { header: now });
            keep(call, before.clone())?;
            self.set(&self.topic)?;
            Some(before)
        };
        Ok(changed(self.channel, before, ["set the header", "the header was so already"]))
    }

    fn sample() -> Option<Changed> {
        Some(Changed { channel_id: "4yxk8qd8kpyq3jx1m5s1h9w7fe".to_owned(), changed: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = &call.undo_data else { return done(json!({}), "the header had not been changed") };
        let before: Before = left(undo)?;
        let now = channel(&self.channel)?.header;
        if now.trim() == before.header.trim() {
            return done(json!({}), "the header is as it was before");
        }
        if now.trim() != self.topic.trim() {
            let text = "Somebody changed the header meanwhile: it was left as it is. Look at it, and set it by hand.";
            return Err(Failure::new("changed_meanwhile", text));
        }
        self.set(&before.header)?;
        done(json!({}), "put the header back")
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
        let before = if channel(&self.channel)?.delete_at > 0 {
            recall(call)?
        } else {
            let before = json!({ "archived": false });
            keep(call, before.clone())?;
            checked(http::delete(&channel_path(&self.channel)).send()?)?;
            Some(before)
        };
        Ok(changed(self.channel, before, ["archived the channel", "the channel was archived already"]))
    }

    fn sample() -> Option<Changed> {
        Some(Changed { channel_id: "4yxk8qd8kpyq3jx1m5s1h9w7fe".to_owned(), changed: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        if call.undo_data.is_none() {
            return done(json!({}), "the channel had been archived before");
        }
        if channel(&self.channel)?.delete_at == 0 {
            return done(json!({}), "the channel is open");
        }
        checked(http::post(&format!("{}/restore", channel_path(&self.channel))).json(&json!({})).send()?)?;
        done(json!({}), "opened the channel again")
    }
}

/// The outcome of a change: with what was there before it is this step's, whichever try made it.
fn changed(channel_id: String, before: Option<Value>, [made, was]: [&str; 2]) -> Reply<Changed> {
    let mut done =
        Done::new(Changed { channel_id, changed: before.is_some() }, if before.is_some() { made } else { was });
    done.undo = before;
    done.into()
}
