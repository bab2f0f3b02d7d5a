//! `wardroom source|silence …`: where alerts come from, and which are kept quiet for a while.

use std::{collections::BTreeMap, time::Duration};

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failed,
    client::{ClientOptions, word},
    people::duration,
    platform::stdin,
    terminal,
};
use wardroom_base::clock::{Clock as _, SystemClock};

#[derive(Subcommand)]
pub(super) enum Source {
    /// Creates a source, or changes one, from a JSON document.
    #[command(after_help = "Example:\n  wardroom source set grafana '{\"kind\": \"grafana\", \"auth\": {\"token\": \
                            \"grafana-hook\"}, \"storm\": {\"incidents\": 10, \"window_seconds\": 600}}'")]
    Set {
        /// Its name, which is also the last part of its URL.
        name: String,
        /// The document, or `-` to read it from standard input.
        document: String,
    },
    /// Lists the sources that have settings of their own.
    #[command(after_help = "Example:\n  wardroom source list")]
    List,
    /// Shows a source with its defaults.
    #[command(after_help = "Example:\n  wardroom source show alertmanager")]
    Show {
        /// Its name.
        name: String,
    },
    /// Takes a source's settings away; one that is there from the start goes on with its defaults.
    #[command(after_help = "Example:\n  wardroom source remove grafana")]
    Remove {
        /// Its name.
        name: String,
    },
}

impl Source {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Set { name, document } => {
                let text = if document == "-" { stdin()? } else { document };
                let body: Value =
                    serde_json::from_str(&text).map_err(|error| Failed(format!("the document: {error}")))?;
                let answer = client.send(Method::PUT, &format!("/sources/{name}"), Some(body)).await?;
                client.show(&answer, |one| {
                    format!("set {}; it delivers to /api/v1/hooks/{}", word(one, "name"), word(one, "name"))
                })
            }
            Self::List => {
                let items = client.list("/sources").await?;
                client.show_list(&items, &["name", "kind", "proof", "storm", "revision"], |one| {
                    vec![word(one, "name"), word(one, "kind"), proof(one), storm(one), word(one, "revision")]
                })
            }
            Self::Show { name } => {
                let source = client.get(&format!("/sources/{name}")).await?;
                if client.json {
                    return Ok(terminal::json(&source)?);
                }
                terminal::line(&format!("{}: {} at /api/v1/hooks/{}", name, word(&source, "kind"), name))?;
                terminal::line(&format!("proof: {}", proof(&source)))?;
                terminal::line(&format!("opens {}", storm(&source)))?;
                for (field, expression) in source["mapping"].as_object().into_iter().flatten() {
                    terminal::line(&format!("  {field}: {}", expression.as_str().unwrap_or_default()))?;
                }
                Ok(())
            }
            Self::Remove { name } => {
                client.send(Method::DELETE, &format!("/sources/{name}"), None).await?;
                client.show(&json!({ "name": name }), |_| format!("took the settings of {name} away"))
            }
        }
    }
}

/// How a source proves who it is, in a few words.
fn proof(source: &Value) -> String {
    let auth = &source["auth"];
    match (auth["token"].as_str(), auth["hmac"]["secret"].as_str()) {
        (Some(secret), _) => format!("token {secret}"),
        (_, Some(secret)) => format!("signature in {} by {secret}", word(&auth["hmac"], "header")),
        _ => format!("the secret source-{}, or an API token", word(source, "name")),
    }
}

fn storm(source: &Value) -> String {
    let storm = &source["storm"];
    format!("{} incidents in {} s", storm["incidents"], storm["window_seconds"])
}

#[derive(Subcommand)]
pub(super) enum Silence {
    /// Keeps alerts with these labels quiet for a while: they open no incident, and are counted.
    #[command(
        after_help = "Example:\n  wardroom silence add --label service=search --for 2h --reason 'the index is rebuilt'"
    )]
    Add {
        /// A label that an alert has to have, as `NAME=VALUE`; `*` stands for any value.
        #[arg(long = "label", value_name = "NAME=VALUE", required = true)]
        labels: Vec<String>,
        /// Only alerts of this source.
        #[arg(long)]
        source: Option<String>,
        /// For how long: at most 30d.
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        duration: Duration,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Lists the silences that are not over.
    #[command(after_help = "Example:\n  wardroom silence list")]
    List,
    /// Ends a silence now.
    #[command(after_help = "Example:\n  wardroom silence end 0199f0c4-7a51-7c3e-b0a9-5d7c1f2e8a44")]
    End {
        /// Its identifier, as `silence list` shows it.
        id: String,
    },
}

impl Silence {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Add { labels, source, duration, reason } => {
                let mut wanted = BTreeMap::new();
                for label in &labels {
                    let (name, value) =
                        label.split_once('=').ok_or_else(|| Failed(format!("{label:?}: NAME=VALUE is wanted")))?;
                    wanted.insert(name, value);
                }
                let ends_at = SystemClock.now().plus(duration);
                let body = json!({ "labels": wanted, "source": source, "ends_at": ends_at, "reason": reason });
                let made = client.post("/silences", body).await?;
                client.show(&made, |one| format!("silence {} until {}", word(one, "id"), word(one, "ends_at")))
            }
            Self::List => {
                let items = client.list("/silences").await?;
                client.show_list(&items, &["id", "labels", "until", "alerts", "by", "reason"], |one| {
                    let labels = one["labels"].as_object().into_iter().flatten();
                    let labels: Vec<String> =
                        labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect();
                    let rest = ["ends_at", "alerts", "by", "reason"].map(|field| word(one, field));
                    [word(one, "id"), labels.join(" ")].into_iter().chain(rest).collect()
                })
            }
            Self::End { id } => {
                client.send(Method::DELETE, &format!("/silences/{id}"), None).await?;
                client.show(&json!({ "id": id }), |_| format!("ended {id}"))
            }
        }
    }
}
