//! `wardroom workflow|connection|secret|automation …`: what engineers and administrators keep.

use std::{
    io::{IsTerminal, Read},
    path::PathBuf,
    process::ExitCode,
};

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failed,
    client::{ClientOptions, fault, word},
    limit, rehearse, terminal,
};
use wardroom_domain::workflow::document;

#[derive(Subcommand)]
pub(super) enum Workflow {
    /// Checks documents; every fault is told with its line and column.
    #[command(after_help = "Example:\n  wardroom workflow validate roll-back.yaml")]
    Validate {
        /// The documents.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Saves documents, each under its own name.
    #[command(after_help = "Example:\n  wardroom workflow apply examples/workflows/*.yaml")]
    Apply {
        /// The documents.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Rehearses workflows without a server: mocked outcomes, a simulated clock, an expected route.
    #[command(after_help = "Example:\n  wardroom workflow test examples/rehearsals/roll-back.yaml")]
    Test {
        /// The rehearsals.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Prints the JSON Schema of a workflow document, for editors.
    #[command(after_help = "Example:\n  wardroom workflow schema > workflow.schema.json")]
    Schema,
    /// Lists workflows.
    #[command(after_help = "Example:\n  wardroom workflow list")]
    List,
    /// Starts a workflow.
    #[command(after_help = "Example:\n  wardroom workflow run roll-back --incident INC-42 --input service=checkout")]
    Run {
        /// Its name.
        name: String,
        /// The incident it is about.
        #[arg(long, value_name = "INC-N")]
        incident: Option<String>,
        /// An input, as `name=value`; a value that is JSON keeps its type.
        #[arg(long = "input", value_name = "NAME=VALUE")]
        inputs: Vec<String>,
        /// Records requests that change something instead of sending them.
        #[arg(long)]
        dry_run: bool,
    },
}

impl Workflow {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<ExitCode, Failed> {
        match self {
            Self::Validate { files } => {
                let mut faulty = false;
                for file in files {
                    let request = client.request(Method::POST, "/workflows/validate")?.body(read(&file)?);
                    let answer = client.answer(request.header("content-type", "application/yaml")).await?;
                    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
                    faulty |= !errors.is_empty();
                    if client.json {
                        terminal::json(&answer)?;
                    } else if errors.is_empty() {
                        terminal::line(&format!("{}: can be saved", file.display()))?;
                    }
                    for error in errors.iter().filter(|_| !client.json) {
                        terminal::line(&format!("{}:{}", file.display(), fault(error)))?;
                    }
                }
                return Ok(if faulty { ExitCode::FAILURE } else { ExitCode::SUCCESS });
            }
            Self::Apply { files } => {
                for file in files {
                    let source = read(&file)?;
                    let name = name(&source).ok_or_else(|| Failed(format!("{}: it has no `name`", file.display())))?;
                    let request = client.request(Method::PUT, &format!("/workflows/{name}"))?.body(source);
                    let answer = client.answer(request.header("content-type", "application/yaml")).await;
                    let answer = answer.map_err(|Failed(text)| Failed(format!("{}: {text}", file.display())))?;
                    client.show(&answer, |saved| {
                        format!("saved {} as revision {}", word(saved, "name"), saved["revision"])
                    })?;
                }
            }
            Self::Test { files } => return rehearse::run(&files, client.json),
            Self::Schema => terminal::line(document::SCHEMA.trim_end())?,
            Self::List => {
                let items = client.list("/workflows").await?;
                client.show_list(&items, &["name", "revision", "saved", "by"], |one| {
                    vec![word(one, "name"), word(one, "revision"), word(one, "created_at"), word(one, "created_by")]
                })?;
            }
            Self::Run { name, incident, inputs, dry_run } => {
                let mut given = serde_json::Map::new();
                for input in inputs {
                    let (key, value) =
                        input.split_once('=').ok_or_else(|| Failed(format!("{input:?}: name=value is wanted")))?;
                    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
                    given.insert(key.to_owned(), value);
                }
                let body = json!({ "incident": incident, "inputs": given, "dry_run": dry_run });
                let run = client.post(&format!("/workflows/{name}/runs"), body).await?;
                client.show(&run, |run| {
                    format!(
                        "run {} is {}; follow it: wardroom run watch {}",
                        word(run, "id"),
                        word(run, "status"),
                        word(run, "id")
                    )
                })?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn read(file: &PathBuf) -> Result<String, Failed> {
    std::fs::read_to_string(file).map_err(|error| Failed(format!("{}: {error}", file.display())))
}

/// The document's name, found without understanding the rest: the server checks the whole.
fn name(source: &str) -> Option<String> {
    if let Ok(document) = serde_json::from_str::<Value>(source) {
        return document["name"].as_str().map(str::to_owned);
    }
    let line = source.lines().find_map(|line| line.strip_prefix("name:"))?;
    let line = line.split(" #").next().unwrap_or(line);
    Some(line.trim().trim_matches(['"', '\'']).to_owned()).filter(|name| !name.is_empty())
}

#[derive(Subcommand)]
pub(super) enum Connection {
    /// Creates or replaces a connection from a JSON document.
    #[command(after_help = "Example:\n  wardroom connection set chat '{\"plugin\": \"matrix\", \"base_url\": \
                            \"https://chat.example.com\", \"auth\": {\"bearer\": \"matrix-bot\"}, \"limits\": {\"in_flight\": 8, \
                            \"per_minute\": 120}}'")]
    Set {
        /// Its name.
        name: String,
        /// The document, or `-` to read it from standard input.
        document: String,
    },
    /// Lists connections.
    #[command(after_help = "Example:\n  wardroom connection list")]
    List,
}

impl Connection {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Set { name, document } => {
                let text = if document == "-" { stdin()? } else { document };
                let body: Value =
                    serde_json::from_str(&text).map_err(|error| Failed(format!("the document: {error}")))?;
                let answer = client.send(Method::PUT, &format!("/connections/{name}"), Some(body)).await?;
                client.show(&answer, |one| format!("set {} (revision {})", word(one, "name"), one["revision"]))
            }
            Self::List => {
                let items = client.list("/connections").await?;
                client.show_list(&items, &["name", "plugin", "base url", "limits", "held back", "revision"], |one| {
                    let words = ["name", "plugin", "base_url"].map(|field| word(one, field));
                    words
                        .into_iter()
                        .chain([limit::in_words(&one["limits"]), held_back(&one["breakers"]), word(one, "revision")])
                        .collect()
                })
            }
        }
    }
}

/// The origins to which nothing is sent for now.
fn held_back(breakers: &Value) -> String {
    let open = breakers.as_array().into_iter().flatten().filter(|one| one["state"] != "closed");
    open.map(|one| word(one, "origin")).collect::<Vec<_>>().join(", ")
}

#[derive(Subcommand)]
pub(super) enum Secret {
    /// Creates or replaces a secret; its value is read from standard input, so that no shell keeps it.
    #[command(after_help = "Example:\n  wardroom secret set matrix-bot < token.txt")]
    Set {
        /// Its name.
        name: String,
    },
    /// Lists the names of secrets.
    #[command(after_help = "Example:\n  wardroom secret list")]
    List,
}

impl Secret {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Set { name } => {
                if std::io::stdin().is_terminal() {
                    terminal::line("the value, ended with Ctrl-D:")?;
                }
                let value = stdin()?;
                let body = json!({ "value": value.trim_end_matches(['\r', '\n']) });
                client.send(Method::PUT, &format!("/secrets/{name}"), Some(body)).await?;
                client.show(&json!({ "name": name }), |_| format!("set {name}"))
            }
            Self::List => {
                let items = client.list("/secrets").await?;
                client.show_list(&items, &["name", "set", "by"], |one| {
                    vec![word(one, "name"), word(one, "updated_at"), word(one, "updated_by")]
                })
            }
        }
    }
}

pub(super) fn stdin() -> Result<String, Failed> {
    let mut text = String::new();
    std::io::stdin().take(1 << 20).read_to_string(&mut text)?;
    Ok(text)
}

#[derive(Subcommand)]
pub(super) enum Automation {
    /// Holds automation: what is in flight finishes, nothing new starts.
    #[command(after_help = "Example:\n  wardroom automation pause --workflow roll-back --reason 'deploy freeze'")]
    Pause {
        /// One workflow.
        #[arg(long)]
        workflow: Option<String>,
        /// Every step through one connection.
        #[arg(long, conflicts_with = "workflow")]
        connection: Option<String>,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Ends a hold.
    #[command(after_help = "Example:\n  wardroom automation resume --workflow roll-back")]
    Resume {
        /// One workflow.
        #[arg(long)]
        workflow: Option<String>,
        /// Every step through one connection.
        #[arg(long, conflicts_with = "workflow")]
        connection: Option<String>,
    },
}

impl Automation {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let (path, workflow, connection, reason) = match self {
            Self::Pause { workflow, connection, reason } => ("/automation/pause", workflow, connection, Some(reason)),
            Self::Resume { workflow, connection } => ("/automation/resume", workflow, connection, None),
        };
        let (scope, name) = match (workflow, connection) {
            (Some(name), _) => ("workflow", Some(name)),
            (None, Some(name)) => ("connection", Some(name)),
            (None, None) => ("all", None),
        };
        let answer = client.post(path, json!({ "scope": scope, "name": name, "reason": reason })).await?;
        client.show(&answer, |_| if reason.is_some() { "held".to_owned() } else { "resumed".to_owned() })
    }
}
