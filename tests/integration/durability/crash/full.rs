//! The disk is full: writes are refused in words, nothing that was acknowledged is lost, the server stays up and idle, and
//! goes on by itself when there is room again. The limit of a file's size stands in for the disk; a running process can be
//! given one and freed of it.

use std::{process::Command, time::Duration};

use serde_json::json;
use wardroom_tests::{
    database::{Database, Kind},
    process::{GUARD, now},
    server::Answer,
    third_party::ThirdParty,
};

use crate::durability::crash::Process;

/// The runs in flight when the disk fills up.
const RUNS: usize = 10;

#[tokio::test]
async fn a_full_disk_is_told_and_got_over() {
    let (database, folder) = (Database::new(Kind::Sqlite).await, tempfile::tempdir().expect("a folder"));
    let third = ThirdParty::slowly(Duration::from_millis(100)).await;
    let mut server = Process::start(folder.path(), &database.url).await;
    crate::durability::crash::prepare(&server.api, &third).await;
    let mut runs = Vec::new();
    // None gets to its end before the disk is full.
    third.hold("/s5");
    for _ in 0..RUNS {
        runs.push(server.api.post("/workflows/long/runs", json!({})).await.ok());
    }
    // No file of the database may grow beyond what its write-ahead log has passed long ago.
    limit(&server, "32768:");
    let mut acknowledged = Vec::new();
    let deadline = now() + GUARD;
    let refused = loop {
        let title = format!("acknowledged {}", acknowledged.len());
        let answer = open(&server, &title).await;
        if !answer.status.is_success() {
            break answer;
        }
        acknowledged.push(title);
        assert!(now() < deadline, "the disk does not fill up");
    };
    assert!(refused.retry_after.is_some(), "{refused:?}");
    let problem = refused.problem(507);
    assert_eq!(problem["type"], json!("urn:wardroom:problem:storage-full"), "{problem:#}");
    let unready = server.api.get("//readyz").await;
    assert!(unready.retry_after.is_some(), "{unready:?}");
    assert_eq!(unready.problem(503)["type"], json!("urn:wardroom:problem:storage-full"));
    // What is on disk can still be read.
    let read = server.api.get(&format!("/runs/{}", runs[0]["id"].as_str().expect("an id"))).await.ok();
    assert!(read["finished_at"].is_null(), "{read:#}");
    third.let_go();

    // Long enough that the lease runs out, which cannot be written either.
    let (since, spent) = (now(), processor_time(&server));
    let expired = "SELECT COUNT(*) FROM hosts WHERE lease_expires_at < CAST(unixepoch('subsec') * 1000 AS BIGINT)";
    while database.number(expired).await == 0 {
        assert!(now() < since + GUARD, "the lease holds although nothing can be written");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let spent = processor_time(&server).saturating_sub(spent);
    assert!(!server.has_ended(), "the server ended");
    assert!(spent < (now() - since) / 2, "the server spins: {spent:?} of {:?}", now() - since);
    assert!(!server.api.is_ready().await);

    limit(&server, "unlimited:");
    server.ready().await;
    for run in &runs {
        let run = ended(&server, run["id"].as_str().expect("an id")).await;
        crate::durability::crash::results_stand_once(&server.api, run["id"].as_str().expect("an id")).await;
    }
    open(&server, "after the flood").await.ok();
    acknowledged.push("after the flood".to_owned());
    let page = server.api.get("/incidents?limit=200").await.ok();
    for title in &acknowledged {
        let there = page["items"].as_array().expect("items").iter().any(|one| one["title"] == json!(title));
        assert!(there, "{title} is lost");
    }
    crate::durability::crash::keys_belong_to_one_step(&third);
    server.kill();
}

async fn open(server: &Process, title: &str) -> Answer {
    server.api.post("/incidents", json!({ "title": title, "severity": "sev4" })).await
}

/// Waits for a run's end; where a call that cannot be repeated got lost, says that it happened.
async fn ended(server: &Process, run: &str) -> serde_json::Value {
    let deadline = now() + GUARD;
    loop {
        let state = server.api.get(&format!("/runs/{run}")).await.ok();
        if !state["finished_at"].is_null() {
            assert_eq!(state["status"], json!("succeeded"), "{state:#}");
            return state;
        }
        assert!(now() < deadline, "{state:#}");
        crate::durability::crash::settle(&server.api, std::slice::from_ref(&state)).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Limits the size of the files that the server writes, in bytes; `:` leaves the upper bound of the limit as it is.
fn limit(server: &Process, bytes: &str) {
    let pid = server.child.id().to_string();
    let status = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}")]).status();
    assert!(status.expect("prlimit runs").success());
}

/// The processor's time that the server has used; the kernel counts it in hundredths of a second.
fn processor_time(server: &Process) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.child.id())).expect("the process is there");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // User and system time are fields 14 and 15; the name, field 2, ends with the bracket.
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
