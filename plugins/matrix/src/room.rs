//! The actions. Each is idempotent: rooms by their alias, messages by their transaction, the rest because setting a state
//! twice is setting it once.

use wardroom_plugin_sdk::prelude::*;

use crate::Config;

const CLIENT: &str = "/_matrix/client/v3";

/// Opens a room, or finds the one it opened before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRoom {
    /// The room's name; its alias is made from it.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// What it is for.
    topic: Option<String>,
    /// Who is invited: Matrix ids (`@ada:example.com`), or people whose handle is their name on this homeserver.
    #[serde(default)]
    invite: Vec<Invited>,
    /// The alias before the colon, when it should not be made from the name.
    alias: Option<String>,
}

/// Somebody to invite.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Invited {
    /// A Matrix id.
    Id(String),
    /// A person.
    Person {
        /// Their handle.
        handle: String,
    },
}

/// A room.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Room {
    /// Its id, such as `!abc:example.com`.
    #[serde(rename = "room_id")]
    id: String,
    /// Its alias, such as `#inc-42:example.com`.
    alias: String,
    /// A link that opens it.
    url: String,
}

#[derive(Deserialize)]
struct Whoami {
    user_id: String,
}

#[derive(Deserialize)]
struct RoomId {
    room_id: String,
}

#[derive(Deserialize)]
struct JoinedRooms {
    joined_rooms: Vec<String>,
}

#[derive(Deserialize)]
struct Refused {
    errcode: String,
}

#[derive(Deserialize)]
struct EventId {
    event_id: String,
}

/// The longest localpart of an alias that is made here, in bytes.
const LONGEST_ALIAS: usize = 100;

/// FNV-1a, 32 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

impl CreateRoom {
    fn localpart(&self) -> String {
        let wanted = self.alias.as_ref().unwrap_or(&self.name).to_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let mut alias: String = wanted.chars().map(|c| if plain(c) { c } else { '-' }).collect();
        // Two names must not come to share a room: where letters are lost, a hash of the whole name tells them apart.
        if alias.len() > LONGEST_ALIAS || wanted.chars().any(|c| !plain(c) && c != ' ') {
            alias.truncate(LONGEST_ALIAS - 9);
            alias = format!("{alias}-{:08x}", fnv1a(wanted.as_bytes()));
        }
        alias
    }

    /// The room behind the alias, if there is one and it is ours.
    fn existing(&self, server: &str) -> Result<Option<Room>, Failure> {
        let alias = format!("#{}:{server}", self.localpart());
        let response = http::get(&format!("{CLIENT}/directory/room/{}", http::encode(&alias))).send()?;
        if response.status() == 404 {
            return Ok(None);
        }
        let found: RoomId = response.check()?.json()?;
        let joined: JoinedRooms = http::get(&format!("{CLIENT}/joined_rooms")).send()?.check()?.json()?;
        if !joined.joined_rooms.contains(&found.room_id) {
            let text = format!("The alias {alias} belongs to a room this account is not in: choose another name.");
            return Err(Failure::new("alias_taken", text));
        }
        Ok(Some(room(found.room_id, alias)))
    }
}

impl Action for CreateRoom {
    const NAME: &'static str = "create-room";
    const DESCRIPTION: &'static str = "Opens a room with a name, a topic and people.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const CHECK: bool = true;
    type Output = Room;

    fn run(self, _call: &Call) -> Result<Reply<Room>, Failure> {
        let server = server()?;
        let invite: Vec<String> = self
            .invite
            .iter()
            .map(|invited| match invited {
                Invited::Id(id) => id.clone(),
                Invited::Person { handle } => format!("@{handle}:{server}"),
            })
            .collect();
        let response = http::post(&format!("{CLIENT}/createRoom"))
            .json(&json!({
                "room_alias_name": self.localpart(),
                "name": self.name,
                "topic": self.topic,
                "invite": invite,
                "preset": "private_chat",
            }))
            .send()?;
        let taken =
            response.status() == 400 && response.json::<Refused>().is_ok_and(|no| no.errcode == "M_ROOM_IN_USE");
        let room = if taken {
            let missing =
                || Failure::new("alias_taken", "The alias is in use and cannot be found.").retry(Retry::Backoff);
            self.existing(&server)?.ok_or_else(missing)?
        } else {
            let made: RoomId = response.check()?.json()?;
            room(made.room_id, format!("#{}:{server}", self.localpart()))
        };
        let (alias, url) = (room.alias.clone(), room.url.clone());
        let summary = if taken { format!("{alias} is open") } else { format!("opened {alias}") };
        Ok(Done::new(room, summary).artifact("channel", alias, url).into())
    }

    fn sample() -> Option<Room> {
        Some(room("!sample:example.com".to_owned(), "#sample:example.com".to_owned()))
    }

    fn check(self, _call: &Call) -> Result<Finding<Room>, Failure> {
        let found = self.existing(&server()?)?;
        Ok(found.map_or(Finding::Absent, |room| {
            let summary = format!("{} is open", room.alias);
            Finding::Applied(Done::new(room, summary))
        }))
    }
}

/// Writes a message.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Post {
    /// The room's id; without one the connection's default room.
    room: Option<String>,
    /// The text.
    #[schemars(length(min = 1, max = 30000))]
    text: String,
    /// The same as HTML.
    html: Option<String>,
}

/// A message.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Posted {
    /// The message's event.
    event_id: String,
    /// The room's id.
    room_id: String,
}

impl Action for Post {
    const NAME: &'static str = "post";
    const DESCRIPTION: &'static str = "Writes a message into a room.";
    const RISK: Risk = Risk::Write;
    // The homeserver keeps one event for each transaction, however often it is sent.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = Posted;

    fn run(self, call: &Call) -> Result<Reply<Posted>, Failure> {
        let config: Config = call.config()?;
        let missing = || Failure::new("no_room", "The step names no room, and the connection has no default_room.");
        let room = self.room.or(config.default_room).ok_or_else(missing)?;
        let mut message = json!({ "msgtype": "m.text", "body": self.text });
        if let Some(html) = self.html {
            message["format"] = json!("org.matrix.custom.html");
            message["formatted_body"] = json!(html);
        }
        let path = format!("{}/send/m.room.message/{}", room_path(&room), call.idempotency_key);
        let sent: EventId = http::put(&path).json(&message).send()?.check()?.json()?;
        done(Posted { event_id: sent.event_id, room_id: room }, "posted")
    }

    fn sample() -> Option<Posted> {
        Some(Posted { event_id: "$sample".to_owned(), room_id: "!sample:example.com".to_owned() })
    }
}

/// Sets a room's topic.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetTopic {
    /// The room's id.
    room: String,
    /// The topic.
    #[schemars(length(max = 10000))]
    topic: String,
}

/// A state that was set.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StateSet {
    /// The event that set it.
    event_id: String,
}

impl Action for SetTopic {
    const NAME: &'static str = "set-topic";
    const DESCRIPTION: &'static str = "Sets a room's topic.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = StateSet;

    fn run(self, _call: &Call) -> Result<Reply<StateSet>, Failure> {
        let set = set_state(&self.room, "m.room.topic", &json!({ "topic": self.topic }))?;
        done(set, "set the topic")
    }

    fn sample() -> Option<StateSet> {
        Some(StateSet { event_id: "$sample".to_owned() })
    }
}

/// Keeps a room for reading only.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Archive {
    /// The room's id.
    room: String,
}

/// The power a message needs in an archived room.
const NOBODY: i64 = 100;

impl Archive {
    /// Sets the power that messages need; gives what it was.
    fn set_power(&self, needed: i64) -> Result<(StateSet, i64), Failure> {
        let path = format!("{}/state/m.room.power_levels", room_path(&self.room));
        let mut levels: Value = http::get(&path).send()?.check()?.json()?;
        let before = levels["events_default"].as_i64().unwrap_or_default();
        levels["events_default"] = json!(needed);
        Ok((set_state(&self.room, "m.room.power_levels", &levels)?, before))
    }
}

impl Action for Archive {
    const NAME: &'static str = "archive";
    const DESCRIPTION: &'static str = "Keeps a room for reading only: nobody but its admins can write any more.";
    const RISK: Risk = Risk::Destructive;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    type Output = StateSet;

    fn run(self, _call: &Call) -> Result<Reply<StateSet>, Failure> {
        let (set, before) = self.set_power(NOBODY)?;
        // A second try finds the room archived by the first; zero is what rooms of this plugin begin with.
        let before = if before == NOBODY { 0 } else { before };
        Ok(Done::new(set, "archived the room").undo(json!({ "events_default": before })).into())
    }

    fn sample() -> Option<StateSet> {
        Some(StateSet { event_id: "$sample".to_owned() })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let before = call.undo_data.as_ref().and_then(|data| data["events_default"].as_i64()).unwrap_or_default();
        self.set_power(before)?;
        done(json!({}), "opened the room again")
    }
}

/// The homeserver's name, as it stands behind this account's own id.
fn server() -> Result<String, Failure> {
    let me: Whoami = http::get(&format!("{CLIENT}/account/whoami")).send()?.check()?.json()?;
    let server = me.user_id.split_once(':').map(|(_, server)| server.to_owned());
    server.ok_or_else(|| Failure::new("bad_answer", "The homeserver gave no user id."))
}

fn set_state(room: &str, kind: &str, content: &Value) -> Result<StateSet, Failure> {
    let set: EventId = http::put(&format!("{}/state/{kind}", room_path(room))).json(content).send()?.check()?.json()?;
    Ok(StateSet { event_id: set.event_id })
}

fn room_path(room: &str) -> String {
    format!("{CLIENT}/rooms/{}", http::encode(room))
}

fn room(room_id: String, alias: String) -> Room {
    let url = format!("https://matrix.to/#/{}", http::encode(&alias));
    Room { id: room_id, alias, url }
}
