//! 100,000 runs that sleep: what they cost a server that has nothing else to do. A part is started through the API, which
//! shows what a run leaves in memory; the rest are copied in the database, because the API would take minutes.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_tests::database::Kind;

use super::{
    clients::{self, Until, side_by_side},
    figures::{Progress, hundredths, ms, number, ratio},
    fill::{self, Copies},
    site::Site,
};

const SLEEPERS: u32 = 100_000;
/// How many of them are started through the API.
const STARTED: usize = 10_000;
/// How many of those come first, so that the caches, which do not grow with the runs, are full before memory is compared.
const WARM_UP: usize = 2_000;
const CLIENTS: usize = 64;
/// How long the server is left alone before anything is measured: what was begun has ended then.
const CALM: Duration = Duration::from_secs(5);
/// How long the idle server is watched.
const IDLE: Duration = Duration::from_secs(20);
const MIB: f64 = 1024.0 * 1024.0;

/// Aim: idle CPU below 1 % of a core. The floor is a server without runs, watched as long.
///
/// # Panics
/// When the runs do not sleep.
pub(crate) async fn measure(kind: Kind, progress: &Progress) -> Value {
    let mut site = Site::start(kind).await;
    clients::prepare(&site.api).await;
    // The server once more, so that both servers have come up over what is there.
    site.kill().await;
    let empty_ready = site.start_again().await;
    let empty = Idle::watch(&site).await;
    start(&site, WARM_UP).await;
    let warm = site.resident_bytes();
    let template = start(&site, STARTED - WARM_UP).await;
    let kept = (site.resident_bytes() - warm) / number(STARTED - WARM_UP);
    site.kill().await;
    site.settle().await;
    let before = site.database_bytes().await;
    let rest = SLEEPERS - u32::try_from(STARTED).unwrap_or_default();
    let copies = Copies { run: &template, count: rest, apart_ms: 0 };
    fill::copy(&mut site.connect().await, copies, progress).await;
    site.settle().await;
    let stored = (site.database_bytes().await - before) / f64::from(rest);
    let ready = site.start_again().await;
    let asleep = site.metric("wardroom_runs_live").await;
    assert!((asleep - f64::from(SLEEPERS)).abs() < 0.5, "{asleep} runs sleep");
    let full = Idle::watch(&site).await;
    site.remove().await;
    json!({
        "sleeping_runs": SLEEPERS,
        "started_through_the_api": STARTED,
        "idle_cpu_percent_aim_1": hundredths(full.cpu_percent),
        "idle_cpu_percent_without_runs": hundredths(empty.cpu_percent),
        "resident_mib": hundredths(full.resident_bytes / MIB),
        "resident_mib_without_runs": hundredths(empty.resident_bytes / MIB),
        "resident_bytes_per_run": ((full.resident_bytes - empty.resident_bytes) / f64::from(SLEEPERS)).round(),
        "resident_bytes_per_run_started_here": kept.round(),
        "database_bytes_per_run": stored.round(),
        "ready_ms": ms(ready),
        "ratios": { "ready_to_without_runs": ratio(ready.as_secs_f64(), empty_ready.as_secs_f64()) },
    })
}

/// Starts so many runs through the API; gives one of them when all sleep.
async fn start(site: &Site, times: usize) -> String {
    side_by_side(CLIENTS, Until::Done(times), || {
        let api = site.api.clone();
        async move { clients::begin(&api, "sleep", json!({})).await.1 }
    })
    .await;
    tokio::time::sleep(CALM).await;
    let waiting = |runs: &Value| runs["items"][0]["status"] == json!("waiting");
    let runs = site.api.until("/runs?workflow=sleep&limit=1", waiting).await;
    runs["items"][0]["id"].as_str().unwrap_or_default().to_owned()
}

/// What an idle server costs.
struct Idle {
    /// Of one core.
    cpu_percent: f64,
    resident_bytes: f64,
}

impl Idle {
    async fn watch(site: &Site) -> Self {
        tokio::time::sleep(CALM).await;
        let before = site.cpu_time();
        tokio::time::sleep(IDLE).await;
        let used = site.cpu_time().saturating_sub(before);
        let cpu_percent = used.as_secs_f64() / IDLE.as_secs_f64() * 100.0;
        Self { cpu_percent, resident_bytes: site.resident_bytes() }
    }
}
