//! `wardroom run …`: seeing runs, and what people say to them.

use std::process::ExitCode;

use clap::Subcommand;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failed,
    client::{ClientOptions, word},
    terminal::{self, Colour, paint},
    waterfall,
};

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
    /// Holds a run: what is in flight finishes, nothing new is called.
    #[command(
        after_help = "Example:\n  wardroom run pause 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10 --reason 'wait for the vendor'"
    )]
    Pause {
        /// The run.
        id: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Lets a held run go on.
    #[command(after_help = "Example:\n  wardroom run resume 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10")]
    Resume {
        /// The run.
        id: String,
    },
    /// Starts a run that has ended again, whole or from a step: a new run.
    #[command(after_help = "Example:\n  wardroom run rerun 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10 --from rollback")]
    Rerun {
        /// The run.
        id: String,
        /// The step to begin with; the ones before it keep their outputs.
        #[arg(long)]
        from: Option<String>,
        /// Only this item of the step's `foreach`, from 0.
        #[arg(long, requires = "from")]
        item: Option<u32>,
    },
    /// Takes a run that has ended back: a new run undoes what it did, the newest first.
    #[command(after_help = "Example:\n  wardroom run undo 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10")]
    Undo {
        /// The run.
        id: String,
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
        /// Then take back what it did.
        #[arg(long)]
        undo: bool,
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
                    waterfall::print(&run, &attempts)?;
                    details(&attempts)?;
                }
            }
            Self::Watch { id } => return watch(client, &id).await,
            Self::Decide { id, step, outcome, item } => {
                let body = json!({ "outcome": outcome, "item": item });
                let answer = client.post(&format!("/runs/{id}/decisions/{step}"), body).await?;
                client.show(&answer, |run| format!("{step} is {}", word(&run["steps"][&step], "status")))?;
            }
            Self::Pause { id, reason } => {
                let answer = client.post(&format!("/runs/{id}/pause"), json!({ "reason": reason })).await?;
                client.show(&answer, |run| format!("run {} is {}", word(run, "id"), word(run, "status")))?;
            }
            Self::Resume { id } => {
                let answer = client.post(&format!("/runs/{id}/resume"), json!({})).await?;
                client.show(&answer, |run| format!("run {} is {}", word(run, "id"), word(run, "status")))?;
            }
            Self::Undo { id } => {
                let answer = client.post(&format!("/runs/{id}/undo"), json!({})).await?;
                client.show(&answer, |run| format!("run {} is {}", word(run, "id"), word(run, "status")))?;
            }
            Self::Rerun { id, from, item } => {
                let body = json!({ "from": from, "item": item });
                let answer = client.post(&format!("/runs/{id}/rerun"), body).await?;
                client.show(&answer, |run| format!("run {} is {}", word(run, "id"), word(run, "status")))?;
            }
            Self::Signal { id, name, payload } => {
                let payload: Value =
                    serde_json::from_str(&payload).map_err(|error| Failed(format!("--payload: {error}")))?;
                let answer = client.post(&format!("/runs/{id}/signals/{name}"), json!({ "payload": payload })).await?;
                client.show(&answer, |run| format!("run {} is {}", word(run, "id"), word(run, "status")))?;
            }
            Self::Cancel { id, reason, undo } => {
                let body = json!({ "reason": reason, "undo": undo });
                let answer = client.post(&format!("/runs/{id}/cancel"), body).await?;
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
