//! Several hosts over one database: each time starts once.

use serde_json::{Value, json};
use wardroom_domain::time::Timestamp;
use wardroom_tests::database::{Database, Kind};

use super::{count, every_second, nap, ticks};
use crate::durability::crash::Process;

#[tokio::test]
async fn two_hosts_start_each_time_once() {
    let database = Database::new(Kind::Postgres).await;
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let one = Process::start(folders[0].path(), &database.url).await;
    // A key of the first host's is the second's too: they share secrets.
    std::fs::create_dir_all(folders[1].path()).expect("a folder");
    std::fs::copy(folders[0].path().join("key"), folders[1].path().join("key")).expect("the key");
    let two = Process::start(folders[1].path(), &database.url).await;
    let names: Vec<String> = (0..20).map(|number| format!("pulse-{number}")).collect();
    for name in &names {
        one.api.save(name, &every_second(name, &json!({ "overlap": "allow" }), &nap("1ms"))).await;
    }
    for name in &names {
        ticks(&two.api, &format!("{name}.1"), |ticks| count(ticks, "started") >= 4).await;
    }
    // One host goes without a word: the other does its part.
    one.kill();
    let before = database.number("SELECT MAX(nominal) FROM ticks").await;
    for name in &names {
        let newer = |tick: &Value| {
            let at = tick["nominal"].as_str().and_then(|at| at.parse::<Timestamp>().ok()).expect("a time");
            at.unix_ms() > before
        };
        ticks(&two.api, &format!("{name}.1"), |ticks| ticks.iter().filter(|tick| newer(tick)).count() >= 3).await;
    }
    let twice = "SELECT COUNT(*) FROM (SELECT 1 FROM runs GROUP BY workflow, CAST(trigger_data AS jsonb) ->> 'tick' \
                 HAVING COUNT(*) > 1) AS twice";
    assert_eq!(database.number(twice).await, 0);
    let gaps = "SELECT COUNT(*) FROM (SELECT nominal - LAG(last_nominal) OVER (PARTITION BY schedule_id ORDER BY nominal) \
                AS gap FROM ticks) AS gaps WHERE gap <> 1000";
    assert_eq!(database.number(gaps).await, 0, "a time is missing");
    two.kill();
}
