//! 1,000 runs in flight, the server killed under them and started again on the same data: how soon the first of them goes on,
//! and when all do.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Row;
use wardroom_tests::{database::Kind, process::now};

use super::{
    clients::{self, Until, begin, side_by_side},
    figures::ms,
    site::Site,
};

const RUNS: usize = 1_000;
const CLIENTS: usize = 64;
/// How often it is looked who has gone on.
const LOOK: Duration = Duration::from_millis(5);
/// How long it may take at most until all have.
const PATIENCE: Duration = Duration::from_mins(1);

/// The runs that the host of an older life still has.
const LEFT: &str =
    "SELECT COUNT(*) FROM runs WHERE host_id IS NOT NULL AND host_epoch < (SELECT MAX(epoch) FROM hosts)";
const LEASED: &str = "SELECT COUNT(*) FROM runs WHERE host_id IS NOT NULL";

/// Aims: the first within 1 s from the start of the process, all within 3 s.
///
/// # Panics
/// When they do not go on.
pub(crate) async fn measure(kind: Kind) -> Value {
    let mut site = Site::start(kind).await;
    clients::prepare(&site.api).await;
    side_by_side(CLIENTS, Until::Done(RUNS), || {
        let api = site.api.clone();
        async move { begin(&api, "forty", json!({})).await.1 }
    })
    .await;
    site.kill().await;
    let in_flight = count(&site, LEASED).await;
    let ready = site.start_again().await;
    let (begun, mut first) = (now(), None);
    let all = loop {
        let left = count(&site, LEFT).await;
        let took = ready + begun.elapsed();
        if left < in_flight {
            first.get_or_insert(took);
        }
        if left == 0 {
            break took;
        }
        assert!(took < PATIENCE, "{left} runs of {in_flight} do not go on");
        tokio::time::sleep(LOOK).await;
    };
    site.remove().await;
    json!({
        "runs": RUNS,
        "in_flight_at_the_kill": in_flight,
        "ready_ms": ms(ready),
        "first_resumed_ms_aim_1000": ms(first.unwrap_or(all)),
        "all_resumed_ms_aim_3000": ms(all),
    })
}

async fn count(site: &Site, sql: &'static str) -> i64 {
    let row = sqlx::query(sql).fetch_one(&mut site.connect().await).await.expect("a count");
    row.try_get(0).expect("a number")
}
