//! Ticks and the ends of the server: killed at any point of a tick, or gone for a while.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_domain::time::Timestamp;
use wardroom_tests::{
    database::{BOTH, Database, Kind},
    process::{GUARD, now},
    server::Server,
};

use super::{count, every_second, nap, ticks};
use crate::durability::crash::Process;

/// Where the server ends, and at which pass.
const FAULTS: [&str; 9] = [
    "schedule.look=abort@1",
    "schedule.write=abort@1",
    "schedule.written=abort@1",
    "schedule.look=abort@3",
    "schedule.write=abort@3",
    "schedule.written=abort@3",
    "journal.guards=abort@4",
    "journal.commit=abort@5",
    "journal.committed=abort@4",
];

#[tokio::test]
async fn a_server_that_ends_within_a_tick_loses_and_doubles_none() {
    for kind in BOTH {
        kind.announce();
        let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
        let server = Process::start(folder.path(), &database.url).await;
        let terms = json!({ "overlap": "allow", "catch_up": "all" });
        server.api.save("pulse", &every_second("pulse", &terms, &nap("5ms"))).await;
        server.kill();
        for fault in FAULTS {
            let mut server = Process::spawn(folder.path(), &database.url, &[fault.to_owned()]);
            let deadline = now() + GUARD;
            while !server.has_ended() {
                assert!(now() < deadline, "{fault} was not passed");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        let server = Process::start(folder.path(), &database.url).await;
        let before = database.number("SELECT COUNT(*) FROM ticks").await;
        let more = |ticks: &[Value]| i64::try_from(ticks.len()).is_ok_and(|count| count >= before + 2);
        let mut all = ticks(&server.api, "pulse.1", more).await;
        all.reverse();
        // Each second from the first on is in one tick, and each tick has a run of its own that ended well.
        for pair in all.windows(2) {
            let seconds = |tick: &Value, field: &str| {
                tick[field].as_str().and_then(|at| at.parse::<Timestamp>().ok()).expect("a time").unix_ms() / 1_000
            };
            assert_eq!(seconds(&pair[1], "nominal") - seconds(&pair[0], "last"), 1, "{pair:#?}");
        }
        for tick in &all {
            assert!(["started", "caught_up"].contains(&tick["outcome"].as_str().expect("a word")), "{tick:#}");
            let run = server.api.ended(&json!({ "id": tick["run"] })).await;
            assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        }
        let lonely = "SELECT COUNT(*) FROM runs WHERE id NOT IN (SELECT run_id FROM ticks WHERE run_id IS NOT NULL)";
        assert_eq!(database.number(lonely).await, 0, "a run belongs to no tick");
        server.kill();
    }
}

#[tokio::test]
async fn of_the_times_while_nobody_was_there_the_latest_is_caught_up() {
    for kind in BOTH {
        kind.announce();
        let mut server = Server::ticking(kind).await;
        server.api.save("pulse", &every_second("pulse", &json!({}), &nap("1ms"))).await;
        let first = ticks(&server.api, "pulse.1", |ticks| count(ticks, "started") >= 1).await;
        server.api.ended(&json!({ "id": first[0]["run"] })).await;
        server.stop().await;
        // A minute passes: for the database it is a minute earlier now.
        let ago = "UPDATE ticks SET nominal = nominal - 60000, last_nominal = last_nominal - 60000";
        server.database.execute(ago).await;
        let earlier = match kind {
            Kind::Sqlite => {
                "UPDATE schedules SET state = json_set(state, '$.mark', strftime('%Y-%m-%dT%H:%M:%fZ', \
                 (julianday(json_extract(state, '$.mark')) - 2440587.5) * 86400.0 - 60, 'unixepoch')), \
                 due_at = due_at - 60000"
            }
            Kind::Postgres => {
                "UPDATE schedules SET due_at = due_at - 60000, state = jsonb_set(CAST(state AS jsonb), '{mark}', \
                 to_jsonb(to_char(CAST(CAST(state AS jsonb) ->> 'mark' AS timestamptz) - interval '60 seconds', \
                 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')))::text"
            }
        };
        server.database.execute(earlier).await;
        server.restart().await;
        let after = ticks(&server.api, "pulse.1", |ticks| {
            count(ticks, "caught_up") >= 1 && ticks.first().is_some_and(|newest| newest["outcome"] == "started")
        })
        .await;
        // On a busy machine a single time may be late, and caught up, on its own.
        let merged = after.iter().find(|tick| tick["outcome"] == "merged" && tick["count"].as_u64() >= Some(40));
        let merged = merged.unwrap_or_else(|| panic!("the older ones are not merged: {after:#?}"));
        assert_eq!(merged["why"], json!("a later time was late too"));
        server.stop().await;
    }
}
