//! `wardroom token|person|audit …`: who may do what, who is there, and who changed what.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failed,
    client::{ClientOptions, word},
};
use wardroom_base::clock::{Clock as _, SystemClock};
use wardroom_domain::time::{Timestamp, parse_duration};

/// How much of a change is shown in a line, in characters.
const WIDEST: usize = 160;

#[derive(Subcommand)]
pub(super) enum Token {
    /// Makes a token for a person; it is shown this once.
    #[command(after_help = "Example:\n  wardroom token create ada --role responder --name laptop")]
    Create {
        /// The person's handle.
        person: String,
        /// `viewer`, `responder`, `engineer` or `admin`.
        #[arg(long)]
        role: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// Lists tokens, without their texts.
    #[command(after_help = "Example:\n  wardroom token list")]
    List,
    /// Revokes a token: it is refused from now on.
    #[command(after_help = "Example:\n  wardroom token revoke 0199f0c4-7a51-7c3e-b0a9-5d7c1f2e8a44")]
    Revoke {
        /// Its identifier, as `token list` shows it.
        id: String,
    },
}

impl Token {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Create { person, role, name } => {
                let answer = client.post("/tokens", json!({ "person": person, "role": role, "name": name })).await?;
                client.show(&answer, |made| word(made, "token"))
            }
            Self::List => {
                let items = client.list("/tokens").await?;
                client.show_list(&items, &["id", "person", "role", "name", "revoked"], |one| {
                    ["id", "person", "role", "name", "revoked_at"].map(|key| word(one, key)).into()
                })
            }
            Self::Revoke { id } => {
                client.send(Method::DELETE, &format!("/tokens/{id}"), None).await?;
                client.show(&json!({ "id": id }), |_| format!("revoked {id}"))
            }
        }
    }
}

#[derive(Subcommand)]
pub(super) enum Person {
    /// Adds a person.
    #[command(after_help = "Example:\n  wardroom person add ada --name 'Ada Lovelace' --email ada@example.com")]
    Add {
        /// Unique short name.
        handle: String,
        /// Full name.
        #[arg(long)]
        name: String,
        /// Address for mail.
        #[arg(long)]
        email: Option<String>,
    },
    /// Lists people, and who is away.
    #[command(after_help = "Example:\n  wardroom person list")]
    List,
    /// Sets the time zone, the chat names or the address of somebody. What is not given stays.
    #[command(
        after_help = "Example:\n  wardroom person set ada --time-zone Europe/Berlin --chat chat=@ada:example.com"
    )]
    Set {
        /// The handle.
        handle: String,
        /// An IANA time zone.
        #[arg(long, value_name = "ZONE")]
        time_zone: Option<String>,
        /// Who they are in chat, as `CONNECTION=NAME`; may be given several times. An empty name takes it away.
        #[arg(long, value_name = "CONNECTION=NAME")]
        chat: Vec<String>,
        /// Address for mail; administrators only.
        #[arg(long)]
        email: Option<String>,
    },
    /// Notes that somebody is away: their backups act meanwhile.
    #[command(after_help = "Example:\n  wardroom person away ada --for 14d --reason leave")]
    Away {
        /// The handle.
        handle: String,
        /// From when on, as RFC 3339. Default: now.
        #[arg(long, value_name = "TIME")]
        from: Option<Timestamp>,
        /// Until when, as RFC 3339.
        #[arg(long, value_name = "TIME", required_unless_present = "duration")]
        until: Option<Timestamp>,
        /// For how long, such as `8h` or `14d`.
        #[arg(long = "for", value_name = "DURATION", conflicts_with = "until", value_parser = duration)]
        duration: Option<Duration>,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Notes that somebody is there again: takes away the absences that are not over.
    #[command(after_help = "Example:\n  wardroom person back ada")]
    Back {
        /// The handle.
        handle: String,
    },
}

impl Person {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Add { handle, name, email } => {
                let answer = client.post("/people", json!({ "handle": handle, "name": name, "email": email })).await?;
                client.show(&answer, |one| format!("added {}", word(one, "handle")))
            }
            Self::List => {
                let now = SystemClock.now();
                let items = client.list("/people").await?;
                client.show_list(&items, &["handle", "name", "email", "time zone", "away until"], |one| {
                    let words = ["handle", "name", "email", "time_zone"].map(|field| word(one, field));
                    words.into_iter().chain([away_now(one, now)]).collect()
                })
            }
            Self::Set { handle, time_zone, chat, email } => {
                let mut body = json!({});
                if let Some(zone) = time_zone {
                    body["time_zone"] = json!(zone);
                }
                if let Some(email) = email {
                    body["email"] = json!(email);
                }
                let known = known(client, &handle).await?;
                if !chat.is_empty() {
                    body["chat"] = known["chat"].clone();
                }
                for one in &chat {
                    let (connection, name) =
                        one.split_once('=').ok_or_else(|| Failed(format!("{one:?}: CONNECTION=NAME is wanted")))?;
                    match name {
                        "" => _ = body["chat"].as_object_mut().and_then(|chat| chat.remove(connection)),
                        name => body["chat"][connection] = json!(name),
                    }
                }
                let changed = change(client, &known, &body).await?;
                client.show(&changed, |one| format!("changed {}", word(one, "handle")))
            }
            Self::Away { handle, from, until, duration, reason } => {
                let from = from.unwrap_or_else(|| SystemClock.now());
                let until = until.unwrap_or_else(|| from.plus(duration.unwrap_or_default()));
                let known = known(client, &handle).await?;
                let mut away = known["away"].as_array().cloned().unwrap_or_default();
                away.push(json!({ "from": from, "until": until, "reason": reason }));
                let changed = change(client, &known, &json!({ "away": away })).await?;
                client.show(&changed, |one| format!("{} is away from {from} until {until}", word(one, "handle")))
            }
            Self::Back { handle } => {
                let now = SystemClock.now();
                let known = known(client, &handle).await?;
                let mut away = known["away"].as_array().cloned().unwrap_or_default();
                away.retain(|one| time(one, "until").is_some_and(|until| until <= now));
                let changed = change(client, &known, &json!({ "away": away })).await?;
                client.show(&changed, |one| format!("{} is there", word(one, "handle")))
            }
        }
    }
}

async fn known(client: &ClientOptions, handle: &str) -> Result<Value, Failed> {
    let people = client.list("/people").await?;
    let found = people.into_iter().find(|one| one["handle"] == handle);
    found.ok_or_else(|| Failed(format!("there is no person {handle}")))
}

/// Changes a person that is still as it was read.
async fn change(client: &ClientOptions, known: &Value, body: &Value) -> Result<Value, Failed> {
    let path = format!("/people/{}", word(known, "handle"));
    let request = client.request(Method::PATCH, &path)?.header("if-match", format!("\"{}\"", known["revision"]));
    client.answer(request.json(body)).await
}

fn time(value: &Value, field: &str) -> Option<Timestamp> {
    value[field].as_str().and_then(|text| text.parse().ok())
}

/// Until when somebody is away; empty when they are there.
fn away_now(person: &Value, now: Timestamp) -> String {
    let away = person["away"].as_array().map(Vec::as_slice).unwrap_or_default();
    let holds = |one: &&Value| {
        time(one, "from").is_some_and(|from| from <= now) && time(one, "until").is_some_and(|until| until > now)
    };
    away.iter().find(holds).map(|one| word(one, "until")).unwrap_or_default()
}

/// A duration such as `8h`, for the options of commands.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| format!("{text:?} is no duration: 30m, 8h or 14d is wanted"))
}

#[derive(Args)]
pub(super) struct Audit {
    /// Only what this person did, by handle.
    #[arg(long, value_name = "HANDLE")]
    actor: Option<String>,
    /// Only this action, such as `connection.set`; with a dot at its end all of that kind, such as `connection.`.
    #[arg(long)]
    action: Option<String>,
    /// Only changes of what is called this.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Only at or after this time, as RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only before this time, as RFC 3339.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// At most this many: 1 to 200.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
}

impl Audit {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let Self { actor, action, target, since, until, limit } = self;
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let wanted =
            [("actor", actor), ("action", action), ("target", target), ("since", time(since)), ("until", time(until))];
        let mut path = format!("/audit?limit={limit}");
        for (name, value) in wanted.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            // Writing to a string cannot fail.
            _ = write!(path, "&{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC));
        }
        let page = client.get(&path).await?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        client.show_list(&items, &["when", "who", "what", "of what", "change"], |one| {
            let actor = &one["actor"];
            let who = if actor["handle"].is_string() { word(actor, "handle") } else { word(actor, "type") };
            vec![word(one, "at"), who, word(one, "action"), word(one, "target"), difference(&one["data"])]
        })
    }
}

/// What changed, field by field, as `field: before → after`; cut where it is long.
fn difference(data: &Value) -> String {
    let (before, after) = (&data["before"], &data["after"]);
    let text = match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            let changed = fields.into_iter().filter(|field| before.get(*field) != after.get(*field));
            let of = |side: &serde_json::Map<String, Value>, field: &str| {
                side.get(field).unwrap_or(&Value::Null).to_string()
            };
            let lines = changed.map(|field| format!("{field}: {} → {}", of(before, field), of(after, field)));
            lines.collect::<Vec<_>>().join(", ")
        }
        (Value::Null, Value::Null) => String::new(),
        (before, after) => format!("{before} → {after}"),
    };
    if text.chars().count() > WIDEST { text.chars().take(WIDEST).chain(['…']).collect() } else { text }
}
