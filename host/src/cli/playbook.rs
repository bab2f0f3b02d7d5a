//! `wardroom playbook …`: what a team decided beforehand.

use std::path::PathBuf;

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::{
    Failed,
    client::{ClientOptions, fault, word},
    terminal,
};
use wardroom_domain::playbook::document;

#[derive(Subcommand)]
pub(super) enum Playbook {
    /// Checks documents of playbooks without saving them.
    #[command(after_help = "Example:\n  wardroom playbook validate service-outage.yaml")]
    Validate {
        /// Documents, YAML or JSON.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Saves documents of playbooks; incidents keep the revision they began with.
    #[command(after_help = "Example:\n  wardroom playbook put service-outage.yaml")]
    Put {
        /// Documents, YAML or JSON.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Lists playbooks, and which of them should be looked at.
    #[command(after_help = "Example:\n  wardroom playbook list")]
    List,
    /// Prints a playbook's newest revision.
    #[command(after_help = "Example:\n  wardroom playbook show service-outage")]
    Show {
        /// Its name.
        name: String,
    },
    /// Notes that you looked at a playbook and found it good.
    #[command(after_help = "Example:\n  wardroom playbook review service-outage")]
    Review {
        /// Its name.
        name: String,
    },
    /// Takes a playbook out of use; incidents that follow it go on.
    #[command(after_help = "Example:\n  wardroom playbook delete service-outage")]
    Delete {
        /// Its name.
        name: String,
    },
    /// Prints the JSON Schema of a playbook's document, for editors.
    #[command(after_help = "Example:\n  wardroom playbook schema > playbook.schema.json")]
    Schema,
}

impl Playbook {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Validate { files } => validate(client, &files).await,
            Self::Put { files } => put(client, &files).await,
            Self::List => {
                let items = client.list("/playbooks").await?;
                client.show_list(&items, &["name", "revision", "last used", "reviewed", "stale"], |one| {
                    ["name", "revision", "last_used_at", "reviewed_at", "stale"].map(|key| word(one, key)).to_vec()
                })
            }
            Self::Show { name } => {
                let answer = client.get(&format!("/playbooks/{name}")).await?;
                client.show(&answer, |one| word(one, "source").trim_end().to_owned())
            }
            Self::Review { name } => {
                let answer = client.post(&format!("/playbooks/{name}/review"), json!({})).await?;
                client.show(&answer, |one| format!("reviewed {}", word(one, "name")))
            }
            Self::Delete { name } => {
                client.send(Method::DELETE, &format!("/playbooks/{name}"), None).await?;
                client.show(&json!({ "deleted": name }), |_| format!("deleted {name}"))
            }
            Self::Schema => Ok(terminal::line(document::SCHEMA.trim_end())?),
        }
    }
}

fn read(file: &PathBuf) -> Result<String, Failed> {
    std::fs::read_to_string(file).map_err(|error| Failed(format!("{}: {error}", file.display())))
}

async fn validate(client: &ClientOptions, files: &[PathBuf]) -> Result<(), Failed> {
    let mut wrong = 0;
    for file in files {
        let request = client.request(Method::POST, "/playbooks/validate")?.body(read(file)?);
        let answer = client.answer(request).await?;
        let name = file.display();
        wrong += usize::from(answer["valid"] != json!(true));
        client.show(&answer, |answer| {
            let faults = answer["errors"].as_array().into_iter().flatten();
            let lines: Vec<String> = faults.map(|error| format!("{name}:{}", fault(error))).collect();
            if lines.is_empty() { format!("{name}: can be saved") } else { lines.join("\n") }
        })?;
    }
    if wrong == 0 { Ok(()) } else { Err(Failed(format!("{wrong} of {} cannot be saved", files.len()))) }
}

/// The name under which a document is saved is its own.
async fn put(client: &ClientOptions, files: &[PathBuf]) -> Result<(), Failed> {
    for file in files {
        let source = read(file)?;
        let parsed = document::parse(&source).map_err(|faults| {
            let lines: Vec<String> = faults.iter().map(|fault| format!("{}:{fault}", file.display())).collect();
            Failed(lines.join("\n"))
        })?;
        let request = client.request(Method::PUT, &format!("/playbooks/{}", parsed.name))?.body(source);
        let answer = client.answer(request).await?;
        client.show(&answer, |one| format!("saved {} as revision {}", word(one, "name"), word(one, "revision")))?;
    }
    Ok(())
}
