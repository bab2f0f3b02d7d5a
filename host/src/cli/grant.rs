//! `wardroom grant`: what plugins wait for.

use clap::Subcommand;
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

fn subject(request: &Value) -> String {
    let subject = &request["subject"];
    match subject["version"]["version"].as_str() {
        Some(version) => format!("version {version}"),
        None => format!("connection {}", word(&subject["denial"], "connection")),
    }
}
