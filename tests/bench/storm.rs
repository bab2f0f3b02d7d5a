//! The same delivery of an Alertmanager, 10,000 times over 64 connections: one incident, one run, and how fast.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_tests::{database::Kind, guests::root, server::Api};

use super::{
    clients::{self, Until, exchanges_per_second, side_by_side},
    figures::ratio,
    site::Site,
};

const CLIENTS: usize = 64;
const DELIVERIES: usize = 10_000;
/// How often it is looked whether the events have been heard.
const LOOK: Duration = Duration::from_millis(20);
/// How long the exchanges are counted that are the floor.
const EXCHANGES: Duration = Duration::from_secs(3);

/// Beside it, as the floor, HTTP exchanges that do nothing.
///
/// # Panics
/// When there is another number of incidents or runs than one.
pub(crate) async fn measure(kind: Kind) -> Value {
    let site = Site::start(kind).await;
    clients::prepare(&site.api).await;
    let document = json!({
        "name": "storm", "on": [{ "stage": "alerting" }],
        "steps": [{ "id": "s0", "uses": "hostile/ok", "connection": "main" }],
    });
    site.api.save("storm", &document.to_string()).await;
    let exchanges = exchanges_per_second(&site.api, CLIENTS, EXCHANGES).await;
    let body = capture();
    let before = site.metric("wardroom_store_commits_total").await;
    let pace = side_by_side(CLIENTS, Until::Done(DELIVERIES), || deliver(site.api.clone(), body.clone())).await;
    let commits = site.metric("wardroom_store_commits_total").await - before;
    // What the storm raised has to have started what it starts before the runs are counted.
    while undispatched(&site).await > 0 {
        tokio::time::sleep(LOOK).await;
    }
    site.api.until("/runs?workflow=storm", |runs| !runs["items"][0]["finished_at"].is_null()).await;
    let incidents = count(&site.api, "/incidents").await;
    let runs = count(&site.api, "/runs?workflow=storm").await;
    site.remove().await;
    assert_eq!((incidents, runs), (1, 1), "incidents and runs of {DELIVERIES} deliveries of one alert");
    json!({
        "deliveries": pace.times,
        "incidents": incidents,
        "runs": runs,
        "deliveries_per_second": pace.per_second.round(),
        "delivery_ms": pace.spread.json(),
        "refused": pace.refused,
        "commits": commits.round(),
        "http_exchanges_per_second": exchanges.round(),
        "ratios": { "of_http_exchanges": ratio(pace.per_second, exchanges) },
    })
}

async fn deliver(api: Api, body: Value) -> usize {
    clients::post(&api, "/hooks/alertmanager", body).await.1
}

/// How many events no trigger has looked at yet.
async fn undispatched(site: &Site) -> i64 {
    let sql = "SELECT COUNT(*) FROM events WHERE dispatched = 0";
    sqlx::query_scalar(sql).fetch_one(&mut site.connect().await).await.expect("the events can be counted")
}

async fn count(api: &Api, path: &str) -> usize {
    api.get(path).await.ok()["items"].as_array().map(Vec::len).unwrap_or_default()
}

/// A body that a real Alertmanager sent.
fn capture() -> Value {
    let path = root().join("tests/captures/alertmanager-firing.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}
