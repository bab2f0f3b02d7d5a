//! 1,000,000 runs that have ended: whether a history costs a server its start or its pace. Beside it stands a server of
//! the same kind without history, measured in turns with it.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_tests::database::Kind;

use super::{
    clients::{self, begin, one_step_runs},
    figures::{Progress, Spread, hundredths, median, ratio},
    fill::{self, Copies},
    site::Site,
};

const RUNS: u32 = 1_000_000;
/// One run every 2 s: 23 days of history.
const APART_MS: u32 = 2_000;
/// How often each server is killed and started again.
const STARTS: usize = 7;
/// How often each server takes its turn under load, how long, and with how many clients.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(8);
const WARM_UP: Duration = Duration::from_secs(3);
const CLIENTS: usize = 64;

/// Aims: ready within 1.5 times of a start without history; as many runs a second, within 10 %.
///
/// # Panics
/// When a server does not come up, or a run does not succeed.
pub(crate) async fn measure(kind: Kind, progress: &Progress) -> Value {
    let mut empty = Site::start(kind).await;
    clients::prepare(&empty.api).await;
    let mut full = Site::start(kind).await;
    clients::prepare(&full.api).await;
    let bytes_per_run = fill(&mut full, progress).await;
    progress.say(&format!("{kind:?}: history: starting"));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        without.push(start(&mut empty).await);
        with.push(start(&mut full).await);
    }
    let (without, with) = (Spread::of(without), Spread::of(with));
    for site in [&empty, &full] {
        one_step_runs(&site.api, CLIENTS, WARM_UP).await;
    }
    let (mut pace_without, mut pace_with) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        progress.say(&format!("{kind:?}: history: round {round} of {ROUNDS}"));
        pace_without.push(one_step_runs(&empty.api, CLIENTS, ROUND).await.per_second.round());
        pace_with.push(one_step_runs(&full.api, CLIENTS, ROUND).await.per_second.round());
    }
    empty.remove().await;
    full.remove().await;
    json!({
        "finished_runs": RUNS,
        "database_bytes_per_run": bytes_per_run.round(),
        "ready_ms": with.json(),
        "ready_ms_without_history": without.json(),
        "runs_per_second": pace_with,
        "runs_per_second_without_history": pace_without,
        "ratios": {
            "ready_to_without_history_aim_1_5": ratio(with.p50.as_secs_f64(), without.p50.as_secs_f64()),
            "runs_per_second_of_without_history_aim_0_9": hundredths(median(pace_with) / median(pace_without)),
        },
    })
}

/// Gives a server its history; gives the bytes of the database that a run takes. The server is started again.
async fn fill(site: &mut Site, progress: &Progress) -> f64 {
    let (run, _) = begin(&site.api, "one", json!({})).await;
    let run = site.api.ended(&run).await;
    site.kill().await;
    site.settle().await;
    let before = site.database_bytes().await;
    let copies = Copies { run: run["id"].as_str().unwrap_or_default(), count: RUNS, apart_ms: APART_MS };
    fill::copy(&mut site.connect().await, copies, progress).await;
    site.settle().await;
    let after = site.database_bytes().await;
    site.start_again().await;
    (after - before) / f64::from(RUNS)
}

async fn start(site: &mut Site) -> Duration {
    site.kill().await;
    site.start_again().await
}
