//! `wardroom incident|approval|signal …`: what responders do.

use clap::{Args, Subcommand};
use reqwest::{Method, header};
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
        /// The playbook to follow; without it the one that fits best.
        #[arg(long)]
        playbook: Option<String>,
        /// Somebody who may see it, and nobody else but you; may be given several times.
        #[arg(long, value_name = "HANDLE")]
        visible_to: Vec<String>,
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
        /// Why the playbook's exit criteria do not count this time.
        #[arg(long = "override", value_name = "REASON")]
        override_reason: Option<String>,
    },
    /// Acknowledge an incident: you have taken it in hand. Stage and roles stay.
    #[command(after_help = "Example:\n  wardroom incident acknowledge INC-42")]
    Acknowledge {
        /// The incident.
        incident: String,
        /// A note for the timeline.
        #[arg(long)]
        note: Option<String>,
    },
    /// Say that people are no longer affected. The stage stays: the fix is not confirmed.
    #[command(after_help = "Example:\n  wardroom incident mitigate INC-42 --note 'traffic is on the other region'")]
    Mitigate {
        /// The incident.
        incident: String,
        /// A note for the timeline.
        #[arg(long)]
        note: Option<String>,
    },
    /// Change the severity.
    #[command(after_help = "Example:\n  wardroom incident severity INC-42 sev1 --reason 'every customer is affected'")]
    Severity {
        /// The incident.
        incident: String,
        /// `sev1` to `sev4`.
        severity: String,
        /// Why, for the timeline.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Page people through the workflow that the playbook names under `page`.
    #[command(after_help = "Example:\n  wardroom incident page INC-42 --who database --message 'replica lost'")]
    Page {
        /// The incident.
        incident: String,
        /// Whom: the workflow's input `who`.
        #[arg(long)]
        who: Option<String>,
        /// What they are told: the workflow's input `message`.
        #[arg(long)]
        message: Option<String>,
    },
    /// Answers a question of the playbook.
    #[command(after_help = "Example:\n  wardroom incident answer INC-42 who_is_hit 'Everybody who pays by card'")]
    Answer {
        /// The incident.
        incident: String,
        /// The question's identifier.
        question: String,
        /// The answer.
        answer: String,
    },
    /// Prints a brief for people who join late.
    #[command(after_help = "Example:\n  wardroom incident brief INC-42")]
    Brief {
        /// The incident.
        incident: String,
    },
    /// Merges a duplicate into another incident.
    #[command(after_help = "Example:\n  wardroom incident merge INC-43 INC-42")]
    Merge {
        /// The duplicate.
        duplicate: String,
        /// The incident that goes on.
        into: String,
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
            Self::Open { title, severity, labels, drill, playbook, visible_to } => {
                let mut given = serde_json::Map::new();
                for label in labels {
                    let (name, value) =
                        label.split_once('=').ok_or_else(|| Failed(format!("{label:?}: name=value is wanted")))?;
                    given.insert(name.to_owned(), Value::from(value));
                }
                let kind = if drill { "drill" } else { "incident" };
                let visible_to = Some(visible_to).filter(|handles| !handles.is_empty());
                let body = json!({
                    "title": title, "severity": severity, "labels": given, "kind": kind, "playbook": playbook,
                    "visible_to": visible_to,
                });
                let answer = client.post("/incidents", body).await?;
                client.show(&answer, |one| format!("opened {}", summary(one)))
            }
            Self::Stage { incident, stage, reason, override_reason } => {
                let body = json!({ "to": stage, "reason": reason, "override": override_reason });
                let answer = client.post(&format!("/incidents/{incident}/stage"), body).await?;
                client.show(&answer, summary)
            }
            Self::Acknowledge { incident, note } => {
                let path = format!("/incidents/{incident}/acknowledge");
                client.show(&client.post(&path, json!({ "note": note })).await?, summary)
            }
            Self::Mitigate { incident, note } => {
                let path = format!("/incidents/{incident}/mitigate");
                client.show(&client.post(&path, json!({ "note": note })).await?, summary)
            }
            Self::Severity { incident, severity, reason } => {
                let body = json!({ "severity": severity, "reason": reason });
                client.show(&client.post(&format!("/incidents/{incident}/severity"), body).await?, summary)
            }
            Self::Page { incident, who, message } => {
                let body = json!({ "who": who, "message": message });
                let run = client.post(&format!("/incidents/{incident}/page"), body).await?;
                client.show(&run, |run| format!("{} pages people: run {}", word(run, "workflow"), word(run, "id")))
            }
            Self::Answer { incident, question, answer } => {
                let path = format!("/incidents/{incident}/answers/{question}");
                let answer = client.send(Method::PUT, &path, Some(json!({ "answer": answer }))).await?;
                client.show(&answer, summary)
            }
            Self::Brief { incident } => {
                let path = format!("/incidents/{incident}/brief");
                if client.json {
                    return Ok(terminal::json(&client.get(&path).await?)?);
                }
                let request = client.request(Method::GET, &path)?.header(header::ACCEPT, "text/markdown");
                Ok(terminal::line(client.response(request).await?.text().await?.trim_end())?)
            }
            Self::Merge { duplicate, into } => {
                let answer = client.post(&format!("/incidents/{duplicate}/merge"), json!({ "into": into })).await?;
                client.show(&answer, |one| format!("merged {duplicate} into {}", summary(one)))
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
    format!("{}  {}  {}", paint(Colour::Grey, clock), paint(colour, &format!("{who:<20}")), word(entry, "text"))
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

#[derive(Args)]
pub(super) struct Signal {
    /// The signal's name.
    name: String,
    /// The incident it is about.
    #[arg(long)]
    incident: Option<String>,
    /// JSON that comes with it.
    #[arg(long, default_value = "null")]
    payload: String,
}

impl Signal {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let payload: Value =
            serde_json::from_str(&self.payload).map_err(|error| Failed(format!("--payload: {error}")))?;
        let body = json!({ "payload": payload, "incident": self.incident });
        let answer = client.post(&format!("/signals/{}", self.name), body).await?;
        client.show(&answer, |sent| format!("sent, as event {}", word(sent, "event")))
    }
}
