//! `wardroom grant`: what plugins wait for.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Failed,
    client::{ClientOptions, word},
};

/// What plugins ask for and were not given.
#[derive(Subcommand)]
pub(super) enum Grant {
    /// Lists what waits: versions that ask for more than their plugin was given, and what calls were denied for.
    #[command(after_help = "Example:\n  wardroom grant list\n  wardroom grant list --status rejected")]
    List {
        /// `open`, `approved` or `rejected`.
        #[arg(long, default_value = "open")]
        status: String,
    },
    /// Shows what a plugin was given.
    #[command(after_help = "Example:\n  wardroom grant show matrix")]
    Show {
        /// The plugin.
        plugin: String,
    },
    /// Sets what a plugin is given from now on, whatever its version: at most what it asks for.
    #[command(after_help = "Example:\n  wardroom grant set matrix '[{\"request\": \"POST /rooms/*\"}, {\"host\": \
                            \"https://files.example.com\"}, {\"secret\": \"signing\"}]'")]
    Set {
        /// The plugin.
        plugin: String,
        /// A list of `{"request": "METHOD URL"}`, `{"read": "METHOD PATH"}`, `{"host": ORIGIN}` and `{"secret": WORD}`.
        asks: String,
    },
    /// Gives what a request asks for, and nothing more.
    #[command(
        after_help = "Examples:\n  wardroom grant approve 1f9a3c07d2\n  wardroom grant approve 1f9a3c07d2 --secret pager-token"
    )]
    Approve {
        /// The request.
        id: String,
        /// For a missing secret the name of the stored one.
        #[arg(long, value_name = "NAME")]
        secret: Option<String>,
    },
    /// Notes that a request is not given; it can still be approved later.
    #[command(after_help = "Example:\n  wardroom grant reject 1f9a3c07d2")]
    Reject {
        /// The request.
        id: String,
    },
}

impl Grant {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::List { status } => {
                let items = client.list(&format!("/grants?status={status}")).await?;
                client.show_list(&items, &["id", "plugin", "for", "asks for", "since"], |request| {
                    vec![
                        word(request, "id"),
                        word(request, "plugin"),
                        subject(request),
                        asks(request),
                        word(request, "at"),
                    ]
                })
            }
            Self::Show { plugin } => {
                let answer = client.get(&format!("/plugins/{plugin}/grant")).await?;
                client.show(&answer, |grant| given(&plugin, grant))
            }
            Self::Set { plugin, asks } => {
                let asks: Value = serde_json::from_str(&asks).map_err(|error| Failed(format!("the list: {error}")))?;
                let path = format!("/plugins/{plugin}/grant");
                let answer = client.send(Method::PUT, &path, Some(json!({ "asks": asks }))).await?;
                client.show(&answer, |grant| given(&plugin, grant))
            }
            Self::Approve { id, secret } => {
                let body = secret.map_or_else(|| json!({}), |secret| json!({ "secret": secret }));
                let answer = client.post(&format!("/grants/{id}/approve"), body).await?;
                client.show(&answer, |request| format!("{} now has: {}", word(request, "plugin"), asks(request)))
            }
            Self::Reject { id } => {
                let answer = client.post(&format!("/grants/{id}/reject"), json!({})).await?;
                client.show(&answer, |request| format!("rejected: {}", asks(request)))
            }
        }
    }
}

fn asks(request: &Value) -> String {
    let asks = request["asks"].as_array().map(Vec::as_slice).unwrap_or_default();
    asks.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

/// What a plugin has, one thing a line.
fn given(plugin: &str, grant: &Value) -> String {
    let one = |ask: &Value| {
        let (kind, what) = ask.as_object().and_then(|ask| ask.iter().next())?;
        Some(format!("\n  {kind} {}", what.as_str()?))
    };
    let all: String = grant["asks"].as_array().into_iter().flatten().filter_map(one).collect();
    if all.is_empty() { format!("{plugin} has nothing") } else { format!("{plugin} has:{all}") }
}

fn subject(request: &Value) -> String {
    let subject = &request["subject"];
    match subject["version"]["version"].as_str() {
        Some(version) => format!("version {version}"),
        None => format!("connection {}", word(&subject["denial"], "connection")),
    }
}
