//! `wardroom task|cause|update|role|retrospective …`: what people do during an incident and after it.

use clap::Subcommand;
use reqwest::{Method, header};
use serde_json::{Map, Value, json};

use super::{
    Failed,
    client::{ClientOptions, word},
    terminal,
};

#[derive(Subcommand)]
pub(super) enum Task {
    /// Lists the tasks of an incident.
    #[command(after_help = "Example:\n  wardroom task list INC-42")]
    List {
        /// The incident.
        incident: String,
    },
    /// Makes a task.
    #[command(after_help = "Example:\n  wardroom task add INC-42 'Call the provider' --owner ada --needs 1")]
    Add {
        /// The incident.
        incident: String,
        /// What to do.
        text: String,
        /// Who does it.
        #[arg(long)]
        owner: Option<String>,
        /// When it is due, as RFC 3339.
        #[arg(long)]
        due: Option<String>,
        /// A task that has to be done before; may be given several times.
        #[arg(long)]
        needs: Vec<u32>,
    },
    /// Marks a task as done.
    #[command(after_help = "Example:\n  wardroom task done INC-42 3 --note 'they are on it'")]
    Done {
        /// The incident.
        incident: String,
        /// The task's number.
        task: u32,
        /// What came of it.
        #[arg(long)]
        note: Option<String>,
    },
    /// Opens a task again.
    #[command(after_help = "Example:\n  wardroom task reopen INC-42 3")]
    Reopen {
        /// The incident.
        incident: String,
        /// The task's number.
        task: u32,
    },
    /// Gives a task to somebody.
    #[command(after_help = "Example:\n  wardroom task assign INC-42 3 bob")]
    Assign {
        /// The incident.
        incident: String,
        /// The task's number.
        task: u32,
        /// The handle.
        person: String,
    },
}

impl Task {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let (path, body) = match self {
            Self::List { incident } => {
                let items = client.list(&format!("/incidents/{incident}/tasks")).await?;
                return client.show_list(&items, &["task", "status", "owner", "due", "waits for", "text"], |one| {
                    let waits: Vec<String> =
                        one["waits_for"].as_array().into_iter().flatten().map(Value::to_string).collect();
                    let mut row = ["number", "status", "owner", "due_at"].map(|key| word(one, key)).to_vec();
                    row.extend([waits.join(" "), word(one, "text")]);
                    row
                });
            }
            Self::Add { incident, text, owner, due, needs } => {
                let body = json!({ "text": text, "owner": owner, "due_at": due, "needs": needs });
                let answer = client.post(&format!("/incidents/{incident}/tasks"), body).await?;
                return client.show(&answer, |one| format!("task {}: {}", word(one, "number"), word(one, "text")));
            }
            Self::Done { incident, task, note } => {
                (format!("/incidents/{incident}/tasks/{task}"), json!({ "status": "done", "note": note }))
            }
            Self::Reopen { incident, task } => {
                (format!("/incidents/{incident}/tasks/{task}"), json!({ "status": "open" }))
            }
            Self::Assign { incident, task, person } => {
                (format!("/incidents/{incident}/tasks/{task}"), json!({ "owner": person }))
            }
        };
        let answer = client.send(Method::PATCH, &path, Some(body)).await?;
        client.show(&answer, |one| {
            format!("task {} is {}: {}", word(one, "number"), word(one, "status"), word(one, "text"))
        })
    }
}

#[derive(Subcommand)]
pub(super) enum Cause {
    /// Lists what may be the reason.
    #[command(after_help = "Example:\n  wardroom cause list INC-42")]
    List {
        /// The incident.
        incident: String,
    },
    /// Names a cause that is suspected.
    #[command(after_help = "Example:\n  wardroom cause suspect INC-42 'The release of 09:40'")]
    Suspect {
        /// The incident.
        incident: String,
        /// What it would be.
        text: String,
    },
    /// Confirms a cause.
    #[command(after_help = "Example:\n  wardroom cause confirm INC-42 1 --why 'errors began with it'")]
    Confirm {
        /// The incident.
        incident: String,
        /// The cause's number.
        cause: u32,
        /// Why that is thought.
        #[arg(long)]
        why: Option<String>,
    },
    /// Strikes a cause off.
    #[command(after_help = "Example:\n  wardroom cause rule-out INC-42 2 --why 'the disk is half empty'")]
    RuleOut {
        /// The incident.
        incident: String,
        /// The cause's number.
        cause: u32,
        /// Why that is thought.
        #[arg(long)]
        why: Option<String>,
    },
}

impl Cause {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let answer = match self {
            Self::List { incident } => {
                let items = client.list(&format!("/incidents/{incident}/causes")).await?;
                return client.show_list(&items, &["cause", "status", "text", "why"], |one| {
                    ["number", "status", "text", "why"].map(|key| word(one, key)).to_vec()
                });
            }
            Self::Suspect { incident, text } => {
                client.post(&format!("/incidents/{incident}/causes"), json!({ "text": text })).await?
            }
            Self::Confirm { incident, cause, why } => judge(client, &incident, cause, "confirmed", why).await?,
            Self::RuleOut { incident, cause, why } => judge(client, &incident, cause, "ruled_out", why).await?,
        };
        client.show(&answer, |one| {
            format!("cause {} is {}: {}", word(one, "number"), word(one, "status"), word(one, "text"))
        })
    }
}

async fn judge(
    client: &ClientOptions,
    incident: &str,
    cause: u32,
    status: &str,
    why: Option<String>,
) -> Result<Value, Failed> {
    let path = format!("/incidents/{incident}/causes/{cause}");
    client.send(Method::PATCH, &path, Some(json!({ "status": status, "why": why }))).await
}

#[derive(Subcommand)]
pub(super) enum Update {
    /// Posts a status update and promises the next one.
    #[command(
        after_help = "Examples:\n  wardroom update post INC-42 'The fix is being rolled out.' --next-in 30m\n  wardroom update post INC-42 --template all-clear"
    )]
    Post {
        /// The incident.
        incident: String,
        /// What people are told.
        text: Option<String>,
        /// The playbook's template that makes the text.
        #[arg(long)]
        template: Option<String>,
        /// `internal`, `stakeholder` or `public`.
        #[arg(long)]
        audience: Option<String>,
        /// When the next one comes, such as `30m`; without it by the cadence.
        #[arg(long)]
        next_in: Option<String>,
    },
    /// Lists the updates of an incident.
    #[command(after_help = "Example:\n  wardroom update list INC-42")]
    List {
        /// The incident.
        incident: String,
    },
}

impl Update {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Post { incident, text, template, audience, next_in } => {
                let body =
                    given([("text", text), ("template", template), ("audience", audience), ("next_in", next_in)]);
                let answer = client.post(&format!("/incidents/{incident}/updates"), body).await?;
                client.show(&answer, |one| format!("posted; the next is promised for {}", word(one, "next_at")))
            }
            Self::List { incident } => {
                let items = client.list(&format!("/incidents/{incident}/updates")).await?;
                client.show_list(&items, &["at", "audience", "by", "text"], |one| {
                    ["at", "audience", "by", "text"].map(|key| word(one, key)).to_vec()
                })
            }
        }
    }
}

/// An object of what was given.
fn given<const N: usize>(fields: [(&str, Option<String>); N]) -> Value {
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))));
    Value::Object(there.collect::<Map<String, Value>>())
}

#[derive(Subcommand)]
pub(super) enum Role {
    /// Gives a role to a primary and a backup.
    #[command(
        after_help = "Example:\n  wardroom role assign INC-42 commander ada --backup bob --handover 'Watch the queue.'"
    )]
    Assign {
        /// The incident.
        incident: String,
        /// The role.
        role: String,
        /// The handle of who acts.
        primary: String,
        /// The handle of who steps in.
        #[arg(long)]
        backup: Option<String>,
        /// How long the primary may be silent, such as `5m`.
        #[arg(long)]
        answer_within: Option<String>,
        /// What the next one has to know.
        #[arg(long)]
        handover: Option<String>,
    },
    /// Takes a role that you were given, or steps in as its backup.
    #[command(after_help = "Example:\n  wardroom role take INC-42 commander")]
    Take {
        /// The incident.
        incident: String,
        /// The role.
        role: String,
    },
}

impl Role {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Assign { incident, role, primary, backup, answer_within, handover } => {
                let body = given([
                    ("primary", Some(primary.clone())),
                    ("backup", backup),
                    ("answer_within", answer_within),
                    ("handover", handover),
                ]);
                let path = format!("/incidents/{incident}/roles/{role}");
                let answer = client.send(Method::PUT, &path, Some(body)).await?;
                client.show(&answer, |_| format!("{role}: {primary}"))
            }
            Self::Take { incident, role } => {
                let answer = client.post(&format!("/incidents/{incident}/roles/{role}/take"), json!({})).await?;
                client.show(&answer, |_| format!("you are {role} of {incident}"))
            }
        }
    }
}

#[derive(Subcommand)]
pub(super) enum Retrospective {
    /// Prints the document as it would be published now.
    #[command(after_help = "Example:\n  wardroom retrospective show INC-42")]
    Show {
        /// The incident.
        incident: String,
    },
    /// Writes your contribution.
    #[command(after_help = "Example:\n  wardroom retrospective contribute INC-42 went_well 'The rollback was quick.'")]
    Contribute {
        /// The incident.
        incident: String,
        /// The section.
        section: String,
        /// What to say.
        text: String,
    },
    /// Takes what people contributed over into the draft.
    #[command(after_help = "Example:\n  wardroom retrospective merge INC-42")]
    Merge {
        /// The incident.
        incident: String,
    },
    /// Publishes the document as the next version.
    #[command(after_help = "Example:\n  wardroom retrospective publish INC-42")]
    Publish {
        /// The incident.
        incident: String,
    },
    /// Says why the incident may be closed without a retrospective.
    #[command(after_help = "Example:\n  wardroom retrospective waive INC-42 --reason 'the same as INC-41'")]
    Waive {
        /// The incident.
        incident: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

impl Retrospective {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let base = |incident: &str| format!("/incidents/{incident}/retrospective");
        match self {
            Self::Show { incident } => {
                if client.json {
                    let answer = client.get(&base(&incident)).await?;
                    return Ok(terminal::json(&answer)?);
                }
                let request = client.request(Method::GET, &base(&incident))?.header(header::ACCEPT, "text/markdown");
                Ok(terminal::line(client.response(request).await?.text().await?.trim_end())?)
            }
            Self::Contribute { incident, section, text } => {
                let me = client.get("/me").await?;
                let draft = client.get(&base(&incident)).await?;
                let asked = draft["contributions"].as_array().into_iter().flatten();
                let mine = asked.into_iter().find(|one| one["person"] == me["person"]["handle"]);
                let mine = mine.ok_or_else(|| Failed("nobody asked you to contribute to this one".to_owned()))?;
                let mut sections = mine["sections"].as_object().cloned().unwrap_or_default();
                sections.insert(section, Value::from(text));
                let path = format!("{}/contributions/{}", base(&incident), mine["number"]);
                let answer = client.send(Method::PUT, &path, Some(json!({ "sections": sections }))).await?;
                client.show(&answer, |_| "contributed: thank you".to_owned())
            }
            Self::Merge { incident } => {
                let answer = client.post(&format!("{}/merge", base(&incident)), json!({})).await?;
                client.show(&answer, |_| format!("merged what was contributed to {incident}"))
            }
            Self::Publish { incident } => {
                let answer = client.post(&format!("{}/publish", base(&incident)), json!({})).await?;
                client.show(&answer, |one| format!("published version {}", word(one, "number")))
            }
            Self::Waive { incident, reason } => {
                client.post(&format!("{}/waive", base(&incident)), json!({ "reason": reason })).await?;
                client.show(&json!({ "waived": incident }), |_| format!("waived the retrospective of {incident}"))
            }
        }
    }
}
