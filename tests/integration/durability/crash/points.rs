//! Fault points: the server ends, or something breaks, exactly between two things that belong together. Started again
//! without the fault, it has lost nothing and done nothing twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use serde_json::json;
use tokio::task::JoinSet;
use wardroom_base::fault::POINTS;
use wardroom_tests::{
    database::{BOTH, Database, Kind, OwnPostgres},
    process::{GUARD, now},
    server::{Answer, Api},
    soak,
    third_party::ThirdParty,
};

use crate::durability::crash::Process;

/// At which passes of each point the server ends: the first, and one in the midst of the work. Each further round of
/// `make soak` ends it one pass later.
const PASSES: [usize; 2] = [1, 4];

/// Starts by hand and by an event; between its calls it rests, and is claimed again.
const WORKFLOW: &str = "
name: pointed
on: [{ manual: {} }, { stage: triage }]
steps:
  - { id: first, uses: webhook/send, connection: solid, with: { path: '/first/${{ run.id }}' } }
  - { id: nap, sleep: 30ms }
  - { id: last, uses: webhook/send, connection: solid, with: { path: '/last/${{ run.id }}' } }
";

/// What the API said yes to.
#[derive(Default)]
struct Acknowledged {
    runs: BTreeSet<String>,
    incidents: BTreeSet<String>,
    /// The incidents that entered triage: each starts the workflow.
    triaged: BTreeSet<String>,
}

#[tokio::test]
async fn an_end_at_any_point_loses_nothing_on_sqlite() {
    end_at_every_point(Kind::Sqlite).await;
}

#[tokio::test]
async fn an_end_at_any_point_loses_nothing_on_postgres() {
    end_at_every_point(Kind::Postgres).await;
}

async fn end_at_every_point(kind: Kind) {
    let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
    let third = prepared(folder.path(), &database).await;
    let mut said = Acknowledged::default();
    // Those of schedules are passed by schedules alone, and have a test beside those.
    let points: Vec<_> = POINTS.iter().filter(|point| !point.starts_with("schedule.")).collect();
    let passes = |round| points.iter().flat_map(move |point| PASSES.map(|pass| (point, pass + round)));
    for (point, pass) in (0..soak::scaled(1)).flat_map(passes) {
        let fault = format!("{point}=abort@{pass}");
        let mut server = Process::spawn(folder.path(), &database.url, std::slice::from_ref(&fault));
        let deadline = now() + GUARD;
        while !server.has_ended() {
            assert!(now() < deadline, "{fault} was not passed: is the server built with its fault points?");
            work(&server.api, &mut said).await;
        }
        let server = Process::start(folder.path(), &database.url).await;
        comes_to_rest(&database, &fault).await;
        server.kill();
    }
    let server = Process::start(folder.path(), &database.url).await;
    everything_happened_once(&server.api, &database, &third, &said).await;
    server.kill();
}

/// What fails inside the journal costs nobody an answer: the write is done again, or found to be there.
#[tokio::test]
async fn a_broken_write_is_done_once() {
    for kind in BOTH {
        kind.announce();
        let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
        let third = prepared(folder.path(), &database).await;
        // A COMMIT whose answer is lost after it was done is PostgreSQL's alone: SQLite has no network in between.
        let points = ["journal.begin", "journal.guards", "journal.commit", "journal.committed"];
        let points = &points[..if kind == Kind::Sqlite { 3 } else { 4 }];
        let faults: Vec<String> =
            points.iter().flat_map(|point| [2, 5, 11].map(|pass| format!("{point}=error@{pass}"))).collect();
        let server = Process::spawn(folder.path(), &database.url, &faults);
        server.ready().await;
        let mut said = Acknowledged::default();
        for _ in 0..3 {
            let mut asked = JoinSet::new();
            for _ in 0..5 {
                let api = server.api.clone();
                asked.spawn(async move { api.post("/workflows/pointed/runs", json!({})).await.ok() });
            }
            let runs = asked.join_all().await;
            said.runs.extend(runs.iter().map(|run| run["id"].as_str().expect("an id").to_owned()));
            work(&server.api, &mut said).await;
        }
        comes_to_rest(&database, "a broken write").await;
        everything_happened_once(&server.api, &database, &third, &said).await;
        let runs = database.number("SELECT COUNT(*) FROM runs").await;
        let started = i64::try_from(said.runs.len() + said.triaged.len()).expect("a few");
        assert_eq!(runs, started, "a start was done twice");
        server.kill();
    }
}

/// What is leased to a host and has no actor there is found, and an event that was read and left is read again.
#[tokio::test]
async fn what_is_left_between_lease_and_actor_goes_on() {
    for kind in BOTH {
        kind.announce();
        let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
        let third = prepared(folder.path(), &database).await;
        let faults = ["engine.launched", "engine.claimed", "engine.event", "engine.dispatched"];
        let faults = faults.map(|point| format!("{point}=error@1"));
        let server = Process::spawn(folder.path(), &database.url, &faults);
        server.ready().await;
        let mut said = Acknowledged::default();
        // The first start is written and not driven, so it is not acknowledged; it ends all the same.
        server.api.post("/workflows/pointed/runs", json!({})).await.problem(500);
        for _ in 0..3 {
            work(&server.api, &mut said).await;
        }
        assert_eq!((said.runs.len(), said.triaged.len()), (3, 3));
        comes_to_rest(&database, "a lost lease").await;
        everything_happened_once(&server.api, &database, &third, &said).await;
        assert_eq!(database.number("SELECT COUNT(*) FROM runs").await, 7);
        server.kill();
    }
}

/// After a crash PostgreSQL gives numbers of transactions out again that had not reached its disk. A COMMIT on its way at
/// that moment must not be taken for done because another transaction bears its number now.
#[tokio::test]
async fn a_commit_that_a_crash_swallowed_is_not_taken_for_done() {
    let (postgres, folder) = (OwnPostgres::start(), tempfile::tempdir().expect("a folder"));
    let database = postgres.database();
    prepared(folder.path(), &database).await;
    let fault = "journal.commit=pause:8000@1".to_owned();
    let server = Process::spawn(folder.path(), &database.url, &[fault]);
    server.ready().await;
    let opening = {
        let api = server.api.clone();
        tokio::spawn(async move { open_once(&api).await })
    };
    let deadline = now() + GUARD;
    let held = "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'idle in transaction'";
    while database.number(held).await == 0 {
        assert!(now() < deadline, "the write did not come to its COMMIT");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    postgres.stop();
    postgres.start_again();
    // Others take the next numbers, the lost one among them.
    database.execute("CREATE TABLE others (number BIGINT)").await;
    for _ in 0..20 {
        database.execute("INSERT INTO others VALUES (1)").await;
    }
    let answer = opening.await.expect("the request ends").expect("there is an answer");
    assert!([201, 503].contains(&answer.status.as_u16()), "{answer:?}");
    let there = "SELECT COUNT(*) FROM incidents WHERE title = 'swallowed'";
    assert_eq!(database.number(there).await, i64::from(answer.status == 201), "{answer:?}");
    let again = open_once(&server.api).await.expect("there is an answer").ok();
    assert_eq!(again["title"], json!("swallowed"));
    assert_eq!(database.number(there).await, 1);
    server.kill();
}

async fn open_once(api: &Api) -> Result<Answer, reqwest::Error> {
    let body = json!({ "title": "swallowed", "severity": "sev4" });
    api.try_post("/incidents", &[("idempotency-key", "swallowed")], &body).await
}

async fn prepared(data: &Path, database: &Database) -> ThirdParty {
    let third = ThirdParty::start().await;
    let server = Process::start(data, &database.url).await;
    crate::durability::crash::prepare(&server.api, &third).await;
    server.api.save("pointed", WORKFLOW).await;
    server.kill();
    third
}

/// Opens an incident, moves it, starts a run; notes what was acknowledged. The server may end at any moment.
async fn work(api: &Api, said: &mut Acknowledged) {
    let incident = json!({ "title": "weather", "severity": "sev4" });
    let Some(incident) = made(api, "/incidents", &incident).await else {
        return tokio::time::sleep(Duration::from_millis(5)).await;
    };
    said.incidents.insert(incident.clone());
    if made(api, &format!("/incidents/{incident}/stage"), &json!({ "to": "triage" })).await.is_some() {
        said.triaged.insert(incident);
    }
    said.runs.extend(made(api, "/workflows/pointed/runs", &json!({})).await);
}

/// The identifier of what a request made, if it was acknowledged.
async fn made(api: &Api, path: &str, body: &serde_json::Value) -> Option<String> {
    let answer = api.try_post(path, &[], body).await.ok().filter(|answer| answer.status.is_success())?;
    answer.body["id"].as_str().map(str::to_owned)
}

/// Waits until no run is under way and no event waits; then nothing is leased either.
async fn comes_to_rest(database: &Database, after: &str) {
    let deadline = now() + GUARD;
    let under_way = "SELECT (SELECT COUNT(*) FROM runs WHERE finished_at IS NULL) + \
                     (SELECT COUNT(*) FROM events WHERE dispatched = 0)";
    loop {
        let left = database.number(under_way).await;
        if left == 0 {
            break;
        }
        assert!(now() < deadline, "after {after}: {left} runs and events are still under way");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM runs WHERE host_id IS NOT NULL").await, 0, "after {after}");
}

async fn everything_happened_once(api: &Api, database: &Database, third: &ThirdParty, said: &Acknowledged) {
    let twice = "SELECT COUNT(*) FROM (SELECT 1 FROM attempts WHERE outcome = 'done' \
                 GROUP BY run_id, step, item, phase HAVING COUNT(*) > 1) AS twice";
    assert_eq!(database.number(twice).await, 0, "a result was recorded twice");
    let failed = "SELECT COUNT(*) FROM runs WHERE status <> 'succeeded'";
    assert_eq!(database.number(failed).await, 0, "a run did not succeed");
    for incident in &said.incidents {
        api.get(&format!("/incidents/{incident}")).await.ok();
    }
    let mut runs = said.runs.clone();
    for incident in &said.triaged {
        let automations = api.get(&format!("/incidents/{incident}/automations")).await.ok();
        let events = automations["items"].as_array().expect("items");
        let started: Vec<&str> = events
            .iter()
            .flat_map(|event| event["outcomes"].as_array().into_iter().flatten())
            .filter_map(|outcome| outcome["run"].as_str())
            .collect();
        assert_eq!(started.len(), 1, "{automations:#}");
        runs.extend(started.into_iter().map(str::to_owned));
    }
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for asked in third.asked() {
        keys.entry(asked.path).or_default().insert(asked.headers["idempotency-key"].clone());
    }
    for run in &runs {
        assert_eq!(api.get(&format!("/runs/{run}")).await.ok()["status"], json!("succeeded"));
        for path in [format!("/first/{run}"), format!("/last/{run}")] {
            assert_eq!(keys.get(&path).map(BTreeSet::len), Some(1), "{path} was asked under {:?}", keys.get(&path));
        }
    }
}
