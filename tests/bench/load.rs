//! What a client waits at 70 % of what goes through: runs come by the clock, whether or not the earlier ones have ended, as
//! they do in life. A latency counts from when the clock said, so that a server that stalls cannot hide it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};
use wardroom_tests::{database::Kind, process::now, server::Api};

use super::{
    clients::{self, one_step_runs},
    figures::{Progress, Spread, number, ratio},
    floor::Floor,
    site::Site,
};

const CLIENTS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(2);
/// How long it is measured what goes through.
const SUSTAINED: Duration = Duration::from_secs(10);
/// How long the load lasts.
const LOAD: Duration = Duration::from_secs(30);
const SHARE: f64 = 0.7;
/// Runs under way at once; beyond it they queue at the client, and the wait counts.
const IN_FLIGHT: usize = 512;

/// Aim: the 99th percentile within 50 times that of an `fdatasync`.
///
/// # Panics
/// When a run does not succeed.
pub(crate) async fn measure(kind: Kind, floor: &Floor, progress: &Progress) -> Value {
    let site = Site::start(kind).await;
    clients::prepare(&site.api).await;
    one_step_runs(&site.api, CLIENTS, WARM_UP).await;
    let sustained = one_step_runs(&site.api, CLIENTS, SUSTAINED).await.per_second;
    let rate = sustained * SHARE;
    progress.say(&format!("{kind:?}: load: {rate:.0} runs a second"));
    let seen = by_the_clock(&site.api, rate).await;
    site.remove().await;
    let fdatasync = floor.fdatasync.p99.as_secs_f64();
    json!({
        "sustained_runs_per_second": sustained.round(),
        "runs_per_second": rate.round(),
        "runs_per_second_reached": (number(seen.times) / seen.took.as_secs_f64()).round(),
        "accepted_ms": seen.accepted.json(),
        "ended_ms": seen.ended.json(),
        "refused": seen.refused,
        "ratios": {
            "accepted_p99_to_fdatasync_p99_aim_50": ratio(seen.accepted.p99.as_secs_f64(), fdatasync),
            "ended_p99_to_fdatasync_p99_aim_50": ratio(seen.ended.p99.as_secs_f64(), fdatasync),
        },
    })
}

/// What the clients saw.
struct Seen {
    times: usize,
    took: Duration,
    accepted: Spread,
    ended: Spread,
    refused: usize,
}

async fn by_the_clock(api: &Api, rate: f64) -> Seen {
    let (started, places) = (now(), Arc::new(Semaphore::new(IN_FLIGHT)));
    let (mut due, mut working) = (Duration::ZERO, JoinSet::new());
    let apart = Duration::from_secs_f64(1.0 / rate);
    while due < LOAD {
        let at = started + due;
        tokio::time::sleep_until(at.into()).await;
        let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
        let api = api.clone();
        working.spawn(async move {
            let seen = once(&api, at).await;
            drop(place);
            seen
        });
        due += apart;
    }
    let seen = working.join_all().await;
    Seen {
        times: seen.len(),
        took: started.elapsed(),
        accepted: Spread::of(seen.iter().map(|(accepted, _, _)| *accepted).collect()),
        ended: Spread::of(seen.iter().map(|(_, ended, _)| *ended).collect()),
        refused: seen.iter().map(|(_, _, refused)| refused).sum(),
    }
}

/// One run that was due at a moment: how long after it the run was accepted and had ended, and how often it was refused.
async fn once(api: &Api, due: Instant) -> (Duration, Duration, usize) {
    let met = clients::complete(api, "one").await;
    (met.accepted.duration_since(due), due.elapsed(), met.refused)
}
