//! `wardroom incident|run|approval …`: what responders do.

use std::process::ExitCode;

use clap::Subcommand;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failed,
    client::{ClientOptions, word},
    terminal::{self, Colour, paint},
};

#[derive(Subcommand)]
pub(super) enum Incident {
    /// Opens an incident.
    #[command(
        after_help = "Example:\n  wardroom incident open 'Checkout fails' --severity sev1 --label service=checkout"
    )]
    Open {
        /// What is wrong.
        title: String,
        /// `sev1` to `sev4`.
        #[arg(long, default_value = "sev3")]
        severity: String,
        /// A label, as `name=value`.
        #[arg(long = "label", value_name = "NAME=VALUE")]
        labels: Vec<String>,
        /// Practice: everything is simulated.
        #[arg(long)]
        drill: bool,
    },
    /// Enters a stage.
    #[command(after_help = "Example:\n  wardroom incident stage INC-42 triage")]
    Stage {
        /// The incident.
        incident: String,
        /// `triage`, `investigate`, `resolution`, `retrospective`, `closed` or `canceled`.
        stage: String,
        /// Why; going back and canceling need one.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Lists incidents.
    #[command(after_help = "Example:\n  wardroom incident list --stage triage")]
    List {
        /// Only in this stage.
        #[arg(long)]
        stage: Option<String>,
    },
    /// Shows an incident with its timeline and what its events started.
    #[command(after_help = "Example:\n  wardroom incident show INC-42")]
    Show {
        /// The incident.
        incident: String,
    },
}

impl Incident {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Open { title, severity, labels, drill } => {
                let mut given = serde_json::Map::new();
                for label in labels {
                    let (name, value) =
                        label.split_once('=').ok_or_else(|| Failed(format!("{label:?}: name=value is wanted")))?;
                    given.insert(name.to_owned(), Value::from(value));
                }
                let kind = if drill { "drill" } else { "incident" };
                let body = json!({ "title": title, "severity": severity, "labels": given, "kind": kind });
                let answer = client.post("/incidents", body).await?;
                client.show(&answer, |one| format!("opened {}", summary(one)))
            }
            Self::Stage { incident, stage, reason } => {
                let body = json!({ "to": stage, "reason": reason });
                let answer = client.post(&format!("/incidents/{incident}/stage"), body).await?;
                client.show(&answer, summary)
            }
            Self::List { stage } => {
                let query = stage.map_or_else(String::new, |stage| format!("?stage={stage}"));
                let items = client.list(&format!("/incidents{query}")).await?;
                client.show_list(&items, &["number", "severity", "stage", "kind", "opened", "title"], |one| {
                    ["number", "severity", "stage", "kind", "created_at", "title"].map(|key| word(one, key)).to_vec()
                })
            }
            Self::Show { incident } => show(client, &incident).await,
        }
    }
}

fn summary(incident: &Value) -> String {
    format!(
        "{} [{}, {}] {}",
        word(incident, "number"),
        word(incident, "severity"),
        word(incident, "stage"),
        word(incident, "title")
    )
}

async fn show(client: &ClientOptions, reference: &str) -> Result<(), Failed> {
    let incident = client.get(&format!("/incidents/{reference}")).await?;
    let timeline = client.list(&format!("/incidents/{reference}/timeline")).await?;
    let automations = client.get(&format!("/incidents/{reference}/automations")).await?;
    if client.json {
        let all = json!({ "incident": incident, "timeline": timeline, "automations": automations["items"] });
        return Ok(terminal::json(&all)?);
    }
    terminal::line(&summary(&incident))?;
    for entry in &timeline {
        terminal::line(&timeline_line(entry))?;
    }
    for event in automations["items"].as_array().into_iter().flatten() {
        for outcome in event["outcomes"].as_array().into_iter().flatten() {
            let what = match outcome["run"].as_str() {
                Some(run) => paint(Colour::Green, &format!("started run {run}")),
                None => paint(Colour::Grey, &format!("did not start: {}", word(outcome, "why_not"))),
            };
            terminal::line(&format!("{} {}: {what}", word(event, "type"), word(outcome, "workflow")))?;
        }
    }
    Ok(())
}

/// An entry as one line: time, who, what.
pub(super) fn timeline_line(entry: &Value) -> String {
    let at = word(entry, "at");
    let clock = at.get(11..19).unwrap_or(&at);
    let actor = &entry["actor"];
    let (who, colour) = match actor["type"].as_str() {
        Some("person") => (word(actor, "handle"), Colour::Yellow),
        Some("run") => (word(actor, "workflow"), Colour::Blue),
        Some("source") => (word(actor, "name"), Colour::Red),
        _ => ("wardroom".to_owned(), Colour::Grey),
    };
    format!("{}  {}  {}", paint(Colour::Grey, clock), paint(colour, &format!("{who:<18}")), word(entry, "text"))
}

#[derive(Subcommand)]
pub(super) enum Run {
    /// Lists runs.
    #[command(after_help = "Example:\n  wardroom run list --incident INC-42")]
    List {
        /// Only of this incident.
        #[arg(long)]
        incident: Option<String>,
    },
    /// Shows a run: its steps, tries, logs and requests.
    #[command(after_help = "Example:\n  wardroom run show 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10")]
    Show {
        /// The run.
        id: String,
    },
    /// Follows a run until it ends; exit code 0 only if it succeeded.
    #[command(after_help = "Example:\n  wardroom run watch 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10")]
    Watch {
        /// The run.
        id: String,
    },
    /// Settles a step whose effect is unknown.
    #[command(after_help = "Example:\n  wardroom run decide 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10 tell applied")]
    Decide {
        /// The run.
        id: String,
        /// The step.
        step: String,
        /// `applied` (it happened), `retry` (it did not) or `fail`.
        outcome: String,
        /// The item of a `foreach`, from 0.
        #[arg(long)]
        item: Option<u32>,
    },
    /// Tells a run something that a step waits for, or will.
    #[command(
        after_help = "Example:\n  wardroom run signal 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10 deployed --payload '{\"version\": 7}'"
    )]
    Signal {
        /// The run.
        id: String,
        /// The signal's name.
        name: String,
        /// JSON that comes with it.
        #[arg(long, default_value = "null")]
        payload: String,
    },
    /// Stops a run.
    #[command(
        after_help = "Example:\n  wardroom run cancel 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10 --reason 'wrong service'"
    )]
    Cancel {
        /// The run.
        id: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
}

impl Run {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<ExitCode, Failed> {
        match self {
            Self::List { incident } => {
                let query = incident.map_or_else(String::new, |incident| format!("?incident={incident}"));
                let items = client.list(&format!("/runs{query}")).await?;
                client.show_list(&items, &["id", "workflow", "status", "mode", "started"], |run| {
                    ["id", "workflow", "status", "mode", "created_at"].map(|key| word(run, key)).to_vec()
                })?;
            }
            Self::Show { id } => {
                let run = client.get(&format!("/runs/{id}")).await?;
                let attempts = client.get(&format!("/runs/{id}/attempts")).await?;
                if client.json {
                    terminal::json(&json!({ "run": run, "attempts": attempts["items"] }))?;
                } else {
                    terminal::line(&format!("{} {}", word(&run, "workflow"), terminal::status(&word(&run, "status"))))?;
                    steps(&run)?;
                    details(&attempts)?;
                }
            }
            Self::Watch { id } => return watch(client, &id).await,
            Self::Decide { id, step, outcome, item } => {
                let body = json!({ "outcome": outcome, "item": item });
                let answer = client.post(&format!("/runs/{id}/decisions/{step}"), body).await?;
                client.show(&answer, |run| format!("{step} is {}", word(&run["steps"][&step], "status")))?;
            }
            Self::Signal { id, name, payload } => {
                let payload: Value =
                    serde_json::from_str(&payload).map_err(|error| Failed(format!("--payload: {error}")))?;
                let answer = client.post(&format!("/runs/{id}/signals/{name}"), json!({ "payload": payload })).await?;
                client.show(&answer, |run| format!("run {} is {}", word(run, "id"), word(run, "status")))?;
            }
            Self::Cancel { id, reason } => {
                let answer = client.post(&format!("/runs/{id}/cancel"), json!({ "reason": reason })).await?;
                client.show(&answer, |run| format!("run {} is {}", word(run, "id"), word(run, "status")))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn steps(run: &Value) -> Result<(), Failed> {
    for name in run["order"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let step = &run["steps"][name];
        terminal::line(&step_line(name, step))?;
        for (index, item) in step["items"].as_array().into_iter().flatten().enumerate() {
            terminal::line(&step_line(&format!("  [{index}]"), item))?;
        }
    }
    Ok(())
}

fn step_line(name: &str, step: &Value) -> String {
    let why = if step["error"].is_null() { word(step, "summary") } else { word(&step["error"], "message") };
    format!("  {name:<18} {} {why}", terminal::status(&word(step, "status")))
}

/// The tries with what they logged and asked.
fn details(attempts: &Value) -> Result<(), Failed> {
    for attempt in attempts["items"].as_array().into_iter().flatten() {
        let (step, number) = (word(attempt, "step"), word(attempt, "attempt"));
        terminal::line(&paint(
            Colour::Grey,
            &format!("{step} #{number} {} {}", word(attempt, "phase"), word(attempt, "outcome")),
        ))?;
        let trace = &attempt["trace"];
        for call in trace["http"].as_array().into_iter().flatten() {
            let end = if call["status"].is_null() { word(call, "error") } else { word(call, "status") };
            let text = format!(
                "{} {}{} {end} {} ms",
                word(call, "method"),
                word(call, "host"),
                word(call, "path"),
                call["duration_ms"]
            );
            terminal::line(&format!("    {text}"))?;
        }
        for line in trace["log"].as_array().into_iter().flatten() {
            terminal::line(&format!("    {} {}", word(line, "level"), word(line, "message")))?;
        }
        if !trace["would_have_sent"].is_null() {
            terminal::line(&format!("    would have sent {}", trace["would_have_sent"]))?;
        }
    }
    Ok(())
}

async fn watch(client: &ClientOptions, id: &str) -> Result<ExitCode, Failed> {
    let response = client.response(client.request(Method::GET, &format!("/runs/{id}/events"))?).await?;
    let mut chunks = response.bytes_stream();
    let (mut buffer, mut seen) = (Vec::new(), Value::Null);
    while let Some(chunk) = chunks.next().await {
        buffer.extend_from_slice(&chunk?);
        while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = buffer.drain(..end + 2).collect();
            let text = String::from_utf8_lossy(&event);
            let Some(data) = text.lines().find_map(|line| line.strip_prefix("data:")) else { continue };
            let run: Value = serde_json::from_str(data.trim())?;
            if client.json {
                terminal::line(&run.to_string())?;
            } else {
                changes(&seen, &run)?;
            }
            seen = run;
        }
    }
    Ok(if seen["status"] == json!("succeeded") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what changed since the last picture.
fn changes(before: &Value, run: &Value) -> Result<(), Failed> {
    for name in run["order"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let step = &run["steps"][name];
        if step["status"] != json!("pending") && before["steps"][name]["status"] != step["status"] {
            terminal::line(&step_line(name, step))?;
        }
    }
    if before["status"] != run["status"] {
        terminal::line(&format!("{} {}", word(run, "workflow"), terminal::status(&word(run, "status"))))?;
    }
    Ok(())
}

#[derive(Subcommand)]
pub(super) enum Approval {
    /// Lists what waits for a decision.
    #[command(after_help = "Example:\n  wardroom approval list")]
    List,
    /// Approves: the gated steps go on.
    #[command(
        after_help = "Example:\n  wardroom approval approve 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10 --reason 'errors are up'"
    )]
    Approve {
        /// The approval.
        id: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Rejects: the run ends.
    #[command(
        after_help = "Example:\n  wardroom approval reject 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10 --reason 'wrong flag'"
    )]
    Reject {
        /// The approval.
        id: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
}

impl Approval {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let (id, word_for, reason) = match self {
            Self::List => {
                let items = client.list("/approvals?status=pending").await?;
                return client.show_list(&items, &["id", "step", "role", "asked", "shows"], |one| {
                    vec![word(one, "id"), word(one, "step"), word(one, "role"), word(one, "requested_at"), shows(one)]
                });
            }
            Self::Approve { id, reason } => (id, "approve", reason),
            Self::Reject { id, reason } => (id, "reject", reason),
        };
        let answer = client.post(&format!("/approvals/{id}/{word_for}"), json!({ "reason": reason })).await?;
        client.show(&answer, |one| terminal::status(&word(one, "status")))
    }
}

/// What an approval lets happen, in one line.
pub(super) fn shows(approval: &Value) -> String {
    let steps = approval["shows"].as_object().into_iter().flatten();
    let steps: Vec<String> = steps.map(|(_, step)| format!("{} {}", word(step, "uses"), step["with"])).collect();
    steps.join("; ")
}
