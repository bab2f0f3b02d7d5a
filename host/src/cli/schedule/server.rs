//! `wardroom schedule …` and `wardroom timer …` against a server: what engineers keep, and what responders set.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::{
    Failed,
    client::{ClientOptions, fault, word},
    terminal,
};
use wardroom_domain::schedule::document;

/// The next times of a schedule on the server.
pub(super) async fn preview(client: &ClientOptions, name: &str, from: Option<&str>, count: u16) -> Result<(), Failed> {
    let from = from.map_or_else(String::new, |from| format!("&from={}", escaped(from)));
    let answer = client.get(&format!("/schedules/{name}/preview?count={count}{from}")).await?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    client.show_list(&items, &["local", "utc", "note", "blackout"], |time| {
        ["local", "utc", "note", "blackout"].map(|key| word(time, key)).to_vec()
    })
}

/// Lists schedules.
#[derive(Args)]
pub(crate) struct List {
    /// Only those of `people`, of a `workflow`, or of an `incident`.
    #[arg(long)]
    owner: Option<String>,
}

impl List {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let query = self.owner.map_or_else(String::new, |owner| format!("?owner={}", escaped(&owner)));
        let items = client.list(&format!("/schedules{query}")).await?;
        client.show_list(&items, &["name", "next", "runs", "when", "state"], |one| {
            let what = if one["workflow"].is_string() { word(one, "workflow") } else { word(one, "timer") };
            vec![word(one, "name"), word(&one["next"], "local"), what, word(one, "description"), state(one)]
        })
    }
}

/// What is worth knowing of a schedule beside its times.
fn state(schedule: &Value) -> String {
    if let Some(why) = schedule["ended"].as_str() {
        return format!("ended: {why}");
    }
    if schedule["paused"].is_object() {
        return format!("paused: {}", word(&schedule["paused"], "reason"));
    }
    word(schedule, "warning")
}

/// Shows a schedule.
pub(super) async fn show(client: &ClientOptions, name: &str) -> Result<(), Failed> {
    let schedule = client.get(&format!("/schedules/{name}")).await?;
    client.show(&schedule, summary)
}

fn summary(schedule: &Value) -> String {
    let next = match schedule["next"]["local"].as_str() {
        Some(next) => format!("next {next}"),
        None => "no further time".to_owned(),
    };
    let state =
        Some(state(schedule)).filter(|state| !state.is_empty()).map_or_else(String::new, |state| format!("; {state}"));
    format!(
        "{}: {} (revision {}); {next}{state}",
        word(schedule, "name"),
        word(schedule, "description"),
        schedule["revision"]
    )
}

/// Checks documents without saving them.
#[derive(Args)]
pub(crate) struct Validate {
    /// Documents, YAML or JSON.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl Validate {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let mut wrong = 0;
        for file in &self.files {
            let request = client.request(Method::POST, "/schedules/validate")?.body(read(file)?);
            let answer = client.answer(request).await?;
            let name = file.display();
            wrong += usize::from(answer["valid"] != json!(true));
            client.show(&answer, |answer| {
                let faults = answer["errors"].as_array().into_iter().flatten();
                let lines: Vec<String> = faults.map(|error| format!("{name}:{}", fault(error))).collect();
                if lines.is_empty() { format!("{name}: can be saved") } else { lines.join("\n") }
            })?;
        }
        if wrong == 0 { Ok(()) } else { Err(Failed(format!("{wrong} of {} cannot be saved", self.files.len()))) }
    }
}

/// Saves documents.
#[derive(Args)]
pub(crate) struct Put {
    /// Documents, YAML or JSON.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl Put {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        for file in &self.files {
            let source = read(file)?;
            let parsed = document::parse(&source).map_err(|faults| {
                let lines: Vec<String> = faults.iter().map(|fault| format!("{}:{fault}", file.display())).collect();
                Failed(lines.join("\n"))
            })?;
            let request = client.request(Method::PUT, &format!("/schedules/{}", parsed.name))?.body(source);
            client.show(&client.answer(request).await?, summary)?;
        }
        Ok(())
    }
}

/// Deletes a schedule; its runs go on.
pub(super) async fn delete(client: &ClientOptions, name: &str) -> Result<(), Failed> {
    let answer = client.send(Method::DELETE, &format!("/schedules/{name}"), None).await?;
    client.show(&answer, |_| format!("{name} is deleted"))
}

/// Holds a schedule.
#[derive(Args)]
pub(crate) struct Pause {
    /// Its name.
    name: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// It resumes by itself then (RFC 3339).
    #[arg(long)]
    until: Option<String>,
}

impl Pause {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let body = json!({ "reason": self.reason, "until": self.until });
        client.show(&client.post(&format!("/schedules/{}/pause", self.name), body).await?, summary)
    }
}

/// Lets a schedule go on.
pub(super) async fn resume(client: &ClientOptions, name: &str) -> Result<(), Failed> {
    client.show(&client.post(&format!("/schedules/{name}/resume"), json!({})).await?, summary)
}

/// Starts a schedule now.
pub(super) async fn trigger(client: &ClientOptions, name: &str) -> Result<(), Failed> {
    let tick = client.post(&format!("/schedules/{name}/trigger"), json!({})).await?;
    client.show(&tick, |tick| format!("started run {}", word(tick, "run")))
}

/// Makes up for times of the past.
#[derive(Args)]
pub(crate) struct Backfill {
    /// Its name.
    name: String,
    /// From (RFC 3339), included.
    #[arg(long)]
    from: String,
    /// To (RFC 3339), included; not after now.
    #[arg(long)]
    until: String,
    /// Starts them; without it they are only listed.
    #[arg(long)]
    start: bool,
}

impl Backfill {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let body = json!({ "from": self.from, "until": self.until, "dry_run": !self.start });
        let answer = client.post(&format!("/schedules/{}/backfill", self.name), body).await?;
        client.show(&answer, |answer| {
            let times = answer["times"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let mut lines: Vec<String> = times.map(str::to_owned).collect();
            lines.push(match (lines.len(), self.start) {
                (0, _) => "every time between them was started".to_owned(),
                (count, true) => format!("{count} wait for their turn"),
                (count, false) => format!("{count} started nothing: --start makes up for them"),
            });
            lines.join("\n")
        })
    }
}

/// Lists what became of a schedule's times.
pub(super) async fn ticks(client: &ClientOptions, name: &str) -> Result<(), Failed> {
    let answer = client.get(&format!("/schedules/{name}/ticks?limit=200")).await?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    client.show_list(&items, &["time", "to", "count", "kind", "outcome", "why", "run"], |tick| {
        ["nominal", "last", "count", "kind", "outcome", "why", "run"].map(|key| word(tick, key)).to_vec()
    })
}

/// `wardroom timer …`: reminders and deadlines of an incident.
#[derive(Subcommand)]
pub(in crate::cli) enum Timer {
    /// Starts a timer: each time it comes the timeline says its text, and workflows that listen to it start.
    #[command(
        after_help = "Examples:\n  wardroom timer add INC-42 update --every 30m --text 'Time for an update.' --until resolution\n  wardroom timer add INC-42 regulator --in 72h --text 'The regulator has to be told.'"
    )]
    Add(Add),
    /// Lists the timers of an incident.
    #[command(after_help = "Example:\n  wardroom timer list INC-42")]
    List {
        /// The incident.
        incident: String,
    },
    /// Removes a timer.
    #[command(after_help = "Example:\n  wardroom timer remove INC-42 update")]
    Remove {
        /// The incident.
        incident: String,
        /// The timer.
        name: String,
    },
}

/// A timer to start.
#[derive(Args)]
pub(in crate::cli) struct Add {
    /// The incident.
    incident: String,
    /// The timer's name: `a-z 0-9 -`.
    name: String,
    /// Again and again, such as 30m.
    #[arg(long, required_unless_present_any = ["at", "after"], conflicts_with_all = ["at", "after"])]
    every: Option<String>,
    /// Once, then (RFC 3339).
    #[arg(long, conflicts_with = "after")]
    at: Option<String>,
    /// Once, after this long, such as 72h.
    #[arg(long = "in", id = "after")]
    after: Option<String>,
    /// What the timeline says.
    #[arg(long)]
    text: String,
    /// A stage in which it is over, beside closed and canceled; may be given several times.
    #[arg(long)]
    until: Vec<String>,
}

impl Timer {
    pub(in crate::cli) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Add(Add { incident, name, every, at, after, text, until }) => {
                let body = json!({ "name": name, "every": every, "at": at, "in": after, "text": text, "until": until });
                client.show(&client.post(&format!("/incidents/{incident}/timers"), body).await?, summary)
            }
            Self::List { incident } => {
                let answer = client.get(&format!("/incidents/{incident}/timers")).await?;
                let items = answer["items"].as_array().cloned().unwrap_or_default();
                client.show_list(&items, &["timer", "next", "when", "text", "state"], |one| {
                    let text = word(&one["document"], "text");
                    vec![word(one, "timer"), word(&one["next"], "utc"), word(one, "description"), text, state(one)]
                })
            }
            Self::Remove { incident, name } => {
                let answer = client.send(Method::DELETE, &format!("/incidents/{incident}/timers/{name}"), None).await?;
                client.show(&answer, |_| format!("{name} is removed"))
            }
        }
    }
}

/// Prints the JSON Schema of a schedule's document.
pub(super) fn schema() -> Result<(), Failed> {
    Ok(terminal::line(document::SCHEMA.trim_end())?)
}

/// A text as a part of a query: the `+` of a time such as `2026-03-28T00:00:00+01:00` would be read as a space.
fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn read(file: &PathBuf) -> Result<String, Failed> {
    std::fs::read_to_string(file).map_err(|error| Failed(format!("{}: {error}", file.display())))
}
