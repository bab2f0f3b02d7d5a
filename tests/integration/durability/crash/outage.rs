//! The database is gone for longer than a lease holds, and comes back: requests are refused in words meanwhile, and
//! afterwards everything ends without hands.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use wardroom_tests::{database::OwnPostgres, process::now, third_party::ThirdParty};

use crate::durability::crash::Process;

/// The runs in flight when the database goes.
const RUNS: usize = 20;
/// A little longer than a lease.
const OUTAGE: Duration = Duration::from_secs(17);

const WORKFLOW: &str = "
name: steady
on: [{ manual: {} }]
steps:
  - { id: one, uses: webhook/send, connection: solid, with: { path: '/one/${{ run.id }}' } }
  - { id: nap, sleep: 100ms }
  - { id: two, uses: webhook/send, connection: solid, with: { path: '/two/${{ run.id }}' } }
  - id: each
    uses: webhook/send
    connection: solid
    foreach: '[0, 1, 2, 3]'
    max_parallel: 2
    with: { path: '/each/${{ run.id }}/${{ item }}' }
  - { id: three, uses: webhook/send, connection: solid, with: { path: '/three/${{ run.id }}' } }
";

#[tokio::test]
async fn a_database_that_went_and_came_back_lost_nothing() {
    let (postgres, folder) = (OwnPostgres::start(), tempfile::tempdir().expect("a folder"));
    let database = postgres.database();
    let third = ThirdParty::slowly(Duration::from_millis(40)).await;
    let mut server = Process::start(folder.path(), &database.url).await;
    crate::durability::crash::prepare(&server.api, &third).await;
    server.api.save("steady", WORKFLOW).await;
    let mut runs = Vec::new();
    for number in 0..RUNS {
        let incident = json!({ "title": format!("acknowledged {number}"), "severity": "sev4" });
        server.api.post("/incidents", incident).await.ok();
        runs.push(server.api.post("/workflows/steady/runs", json!({})).await.ok()["id"].clone());
    }
    third.asked_often(RUNS).await;
    postgres.stop();

    let since = now();
    let mut asked = 0;
    while now() < since + OUTAGE {
        // What writes, what reads, and what says whether to ask at all.
        let body = json!({ "title": "refused", "severity": "sev4" });
        let (written, read, ready) = tokio::join!(
            server.api.post("/incidents", body),
            server.api.get("/incidents"),
            server.api.get("//readyz"),
        );
        for answer in [written, read, ready] {
            assert!(answer.retry_after.is_some(), "{answer:?}");
            answer.problem(503);
        }
        asked += 1;
    }
    assert!(asked > 0 && !server.has_ended(), "the server ended");

    postgres.start_again();
    server.ready().await;
    let run_is_over = |run: &serde_json::Value| !run["finished_at"].is_null();
    for run in &runs {
        let path = format!("/runs/{}", run.as_str().expect("an id"));
        let ended = server.api.until(&path, run_is_over).await;
        assert_eq!(ended["status"], json!("succeeded"), "{ended:#}");
    }
    let twice = "SELECT COUNT(*) FROM (SELECT 1 FROM attempts WHERE outcome = 'done' \
                 GROUP BY run_id, step, item, phase HAVING COUNT(*) > 1) AS twice";
    assert_eq!(database.number(twice).await, 0, "a result was recorded twice");
    assert_eq!(database.number("SELECT COUNT(*) FROM runs WHERE host_id IS NOT NULL").await, 0, "a lease is left");
    let acknowledged = "SELECT COUNT(*) FROM incidents WHERE title LIKE 'acknowledged %'";
    assert_eq!(database.number(acknowledged).await, i64::try_from(RUNS).expect("a few"));
    // Each effect was asked for, under one key that is no other's.
    let asked: BTreeSet<(String, String)> =
        third.asked().into_iter().map(|asked| (asked.path, asked.headers["idempotency-key"].clone())).collect();
    let (paths, keys): (BTreeSet<&String>, BTreeSet<&String>) = asked.iter().map(|(path, key)| (path, key)).unzip();
    assert_eq!((paths.len(), keys.len(), asked.len()), (RUNS * 7, RUNS * 7, RUNS * 7));
    server.kill();
}
