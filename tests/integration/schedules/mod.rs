//! Schedules: ticks and the runs they start, overlap, pauses, catching up after an outage, several hosts, and schedules that
//! no workflow brings, over the API and the CLI.

use serde_json::{Value, json};
use wardroom_tests::{
    database::{BOTH, Kind},
    server::{Api, Server},
};

mod documents;
mod hosts;
mod overlap;
mod owned;
mod pages;
mod run_endings;
mod simulated;

/// Runs a test against a server on each database whose schedules may come every second.
pub(crate) async fn on_both<F: Future>(test: impl Fn(Api) -> F) {
    for kind in BOTH {
        on(kind, &test).await;
    }
}

pub(crate) async fn on<F: Future>(kind: Kind, test: impl Fn(Api) -> F) {
    kind.announce();
    let mut server = Server::ticking(kind).await;
    test(server.api.clone()).await;
    server.stop().await;
}

/// A workflow that comes every second with these terms, and steps.
pub(crate) fn every_second(name: &str, terms: &Value, steps: &Value) -> String {
    let mut trigger = json!({ "every": "1s" });
    let fields = trigger.as_object_mut().expect("an object");
    fields.extend(terms.as_object().cloned().unwrap_or_default());
    json!({ "name": name, "on": [trigger], "steps": steps }).to_string()
}

pub(crate) fn nap(duration: &str) -> Value {
    json!([{ "id": "nap", "sleep": duration }])
}

/// The ticks of a schedule, the newest first, once they are as wanted.
pub(crate) async fn ticks(api: &Api, schedule: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let path = format!("/schedules/{schedule}/ticks?limit=200");
    let page = api.until(&path, |page| page["items"].as_array().is_some_and(|ticks| wanted(ticks))).await;
    page["items"].as_array().cloned().unwrap_or_default()
}

/// How many ticks fared so.
pub(crate) fn count(ticks: &[Value], outcome: &str) -> usize {
    ticks.iter().filter(|tick| tick["outcome"] == outcome).count()
}
