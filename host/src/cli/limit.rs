//! `wardroom plugin limit`.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Failed, client::ClientOptions};

/// Limits of a plugin.
#[derive(Args)]
pub(super) struct Limit {
    /// The plugin.
    name: String,
    #[command(flatten)]
    limits: Limits,
    /// Takes all limits away.
    #[arg(long, conflicts_with = "Limits")]
    none: bool,
}

/// What may be limited; what is left out has no limit from then on.
#[derive(Args)]
#[group(multiple = true)]
struct Limits {
    /// Calls at a time, 1 to 1000; further ones wait for their turn.
    #[arg(long, value_name = "CALLS")]
    in_flight: Option<u32>,
    /// Calls that begin within a minute, 1 to 100000; further ones wait for their turn.
    #[arg(long, value_name = "CALLS")]
    per_minute: Option<u32>,
    /// Bytes over the network within a minute; then requests are held back.
    #[arg(long, value_name = "BYTES")]
    bytes_per_minute: Option<u64>,
    /// CPU time within a minute; then calls come back later.
    #[arg(long, value_name = "MS")]
    cpu_ms_per_minute: Option<u64>,
    /// Memory of one call, 1048576 to 268435456; beyond it the call ends.
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<u64>,
}

impl Limit {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let (name, path) = (&self.name, format!("/plugins/{}/limits", self.name));
        let set = self.limits.set();
        let answer = if self.none || set.as_object().is_some_and(|set| !set.is_empty()) {
            client.send(Method::PUT, &path, Some(set)).await?
        } else {
            client.get(&path).await?
        };
        client.show(&answer, |limits| match in_words(limits) {
            none if none.is_empty() => format!("{name} has no limits of its own"),
            words => format!("{name} may have {words}"),
        })
    }
}

impl Limits {
    fn set(&self) -> Value {
        let all = [
            ("in_flight", self.in_flight.map(u64::from)),
            ("per_minute", self.per_minute.map(u64::from)),
            ("bytes_per_minute", self.bytes_per_minute),
            ("cpu_ms_per_minute", self.cpu_ms_per_minute),
            ("memory_bytes", self.memory_bytes),
        ];
        let set = all.into_iter().filter_map(|(field, limit)| Some((field.to_owned(), json!(limit?))));
        Value::Object(set.collect())
    }
}

/// Limits in a few words.
pub(super) fn in_words(limits: &Value) -> String {
    let words = [
        ("in_flight", "at a time"),
        ("per_minute", "a minute"),
        ("bytes_per_minute", "bytes a minute"),
        ("cpu_ms_per_minute", "ms of CPU a minute"),
        ("memory_bytes", "bytes of memory a call"),
    ];
    let set = words.iter().filter_map(|(field, words)| Some(format!("{} {words}", limits.get(*field)?.as_u64()?)));
    set.collect::<Vec<_>>().join(", ")
}
