//! A step over 1,000 items and a step after it: how fast one run can go wide and come together again.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_tests::{database::Kind, process::now};

use super::{
    clients,
    figures::{Spread, number, ratio},
    floor::Floor,
    site::Site,
};

/// The most items a `foreach` takes.
const ITEMS: usize = 1_000;
const TIMES: usize = 7;
/// How often it is looked whether the run has ended: the resolution of the time it takes.
const LOOK: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_mins(2);

/// The time from the request until no run is live. The floor is that of the run's rows and calls, with nothing overlapping.
///
/// # Panics
/// When an item is missing at the end.
pub(crate) async fn measure(kind: Kind, floor: &Floor) -> Value {
    let site = Site::start(kind).await;
    clients::prepare(&site.api).await;
    once(&site).await;
    let before = site.metric("wardroom_store_rows_written_total").await;
    let mut measured = Vec::new();
    for _ in 0..TIMES {
        measured.push(once(&site).await);
    }
    let rows = (site.metric("wardroom_store_rows_written_total").await - before) / number(TIMES);
    site.remove().await;
    let took = Spread::of(measured);
    let (seconds, least) = (took.p50.as_secs_f64(), floor.least_seconds(rows, number(ITEMS + 1)));
    json!({
        "items": ITEMS,
        "run_ms": took.json(),
        "items_per_second": (number(ITEMS) / seconds).round(),
        "rows_per_run": rows.round(),
        "least_ms": (least * 1e3).round(),
        "ratios": { "run_to_least": ratio(seconds, least) },
    })
}

/// One run. It is not followed: the whole run after each of its many changes would be most of what is measured.
async fn once(site: &Site) -> Duration {
    let items: Vec<usize> = (0..ITEMS).collect();
    let started = now();
    let (run, _) = clients::begin(&site.api, "fan", json!({ "inputs": { "all": items } })).await;
    while site.metric("wardroom_runs_live").await > 0.0 {
        assert!(started.elapsed() < PATIENCE, "the run does not end");
        tokio::time::sleep(LOOK).await;
    }
    let took = started.elapsed();
    let run = site.api.get(&format!("/runs/{}", run["id"].as_str().unwrap_or_default())).await.ok();
    assert_eq!(run["status"], json!("succeeded"), "{}", run["steps"]["each"]["error"]);
    assert_eq!(run["steps"]["each"]["output"].as_array().map(Vec::len), Some(ITEMS));
    took
}
