//! The campaign: many runs with every kind of step in flight, and the server killed under them again and again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use wardroom_tests::{
    database::{BOTH, Database, Kind},
    process::{GUARD, now},
    server::Api,
    soak,
    third_party::ThirdParty,
};

use crate::durability::crash::Process;

/// How often the server is killed on each database, and how many runs there are; `make soak` takes more of both.
const KILLS: usize = 15;
const RUNS: usize = 150;

const WORKFLOW: &str = "
name: mixed
on: [{ manual: {} }]
steps:
  - { id: first, uses: webhook/send, connection: solid, with: { path: '/first/${{ run.id }}' } }
  - id: each
    uses: webhook/send
    connection: solid
    foreach: '[0, 1, 2]'
    max_parallel: 2
    with: { path: '/each/${{ run.id }}/${{ item }}' }
  - { id: nested, run: leaf, with: { path: '/nested/${{ run.id }}' } }
  - { id: nap, sleep: 300ms }
  - { id: gate, approve: { notify: none } }
  - { id: told, wait_for: go }
  - id: flaky
    uses: webhook/send
    connection: solid
    with: { path: '/flaky/${{ run.id }}' }
    retry: { attempts: 100, initial: 20ms, max: 100ms }
finally:
  - { id: clean, uses: webhook/send, connection: solid, with: { path: '/clean/${{ run.id }}' } }
";

const LEAF: &str = "
name: leaf
on: [{ called: {} }]
inputs: { path: { type: string } }
steps:
  - { id: act, uses: webhook/send, connection: solid, with: { path: '${{ inputs.path }}' } }
";

/// Runs of one key: none begins before the one before it has ended.
const KEYED: &str = "
name: keyed
on: [{ manual: {} }]
inputs: { key: { type: string } }
concurrency: { key: '${{ inputs.key }}' }
steps:
  - { id: begin, uses: webhook/send, connection: solid, with: { path: '/keyed/${{ inputs.key }}/${{ run.id }}' } }
  - { id: end, uses: webhook/send, connection: solid, with: { path: '/keyed/${{ inputs.key }}/${{ run.id }}?end' } }
";

/// The paths that a run of the workflow asks.
fn paths(run: &str) -> Vec<String> {
    let items = (0..3).map(|item| format!("/each/{run}/{item}"));
    ["first", "flaky", "nested", "clean"].iter().map(|step| format!("/{step}/{run}")).chain(items).collect()
}

#[tokio::test]
async fn no_run_in_flight_is_lost_or_doubled_by_kills() {
    for kind in BOTH {
        kind.announce();
        campaign(kind, soak::scaled(KILLS), soak::scaled(RUNS)).await;
    }
}

async fn campaign(kind: Kind, kills: usize, runs: usize) {
    let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
    let third = ThirdParty::slowly(Duration::from_millis(5)).await;
    let mut server = Process::start(folder.path(), &database.url).await;
    crate::durability::crash::prepare(&server.api, &third).await;
    for (name, document) in [("leaf", LEAF), ("mixed", WORKFLOW), ("keyed", KEYED)] {
        server.api.save(name, document).await;
    }
    let (mut acknowledged, mut keyed) = (Vec::new(), Vec::new());
    for kill in 0..kills {
        let more = (runs * (kill + 1) / kills).saturating_sub(acknowledged.len());
        acknowledged.extend(start(&server.api, "mixed", &json!({}), more).await);
        keyed.extend(start(&server.api, "keyed", &json!({ "key": (kill % 2).to_string() }), more.min(5)).await);
        // Some kills come at once, some when much has happened, or nothing more for a while. Nothing is expected in that time.
        let asked = third.count() + (kill * 37) % 60;
        let deadline = now() + Duration::from_secs(2);
        while third.count() < asked && now() < deadline {
            push_on(&server.api, &acknowledged).await;
        }
        server.kill();
        server = Process::start(folder.path(), &database.url).await;
    }
    for run in &acknowledged {
        let deadline = now() + GUARD;
        while unfinished(&server.api, run).await {
            assert!(now() < deadline, "run {run} does not end");
            push_on(&server.api, std::slice::from_ref(run)).await;
        }
        results_stand_once(&server.api, run).await;
    }
    for run in &keyed {
        let deadline = now() + GUARD;
        while unfinished(&server.api, run).await {
            assert!(now() < deadline, "run {run} does not end");
        }
    }
    runs_of_a_key_do_not_overlap(&third, keyed.len());
    every_effect_has_one_key(&third, &acknowledged);
    server.kill();
}

/// Starts runs side by side; gives those that were acknowledged.
async fn start(api: &Api, workflow: &str, inputs: &Value, count: usize) -> Vec<String> {
    let mut started = JoinSet::new();
    for _ in 0..count {
        let (api, path, body) = (api.clone(), format!("/workflows/{workflow}/runs"), json!({ "inputs": inputs }));
        started.spawn(async move { api.post(&path, body).await.ok() });
    }
    let runs = started.join_all().await;
    runs.iter().map(|run| run["id"].as_str().expect("an id").to_owned()).collect()
}

/// Approves what waits for an approval, and tells the runs what they wait for, perhaps early.
async fn push_on(api: &Api, runs: &[String]) {
    let none = || serde_json::to_vec(&json!({})).unwrap_or_default();
    let json = [("content-type", "application/json")];
    let page = api.try_send(Method::GET, "/approvals?status=pending&limit=50", &[], Vec::new()).await;
    let pending = page.map(|page| page.body["items"].as_array().cloned().unwrap_or_default()).unwrap_or_default();
    for approval in pending {
        let path = format!("/approvals/{}/approve", approval["id"].as_str().unwrap_or_default());
        // Decided between the two looks is as good.
        _ = api.try_send(Method::POST, &path, &json, none()).await;
    }
    for run in runs.iter().rev().take(20) {
        let headers = [json[0], ("idempotency-key", "go")];
        _ = api.try_send(Method::POST, &format!("/runs/{run}/signals/go"), &headers, none()).await;
    }
}

async fn unfinished(api: &Api, run: &str) -> bool {
    let run = api.get(&format!("/runs/{run}")).await.ok();
    let ended = !run["finished_at"].is_null();
    assert!(!ended || run["status"] == json!("succeeded"), "{run:#}");
    !ended
}

/// Every step and item has one call that ended as done.
async fn results_stand_once(api: &Api, run: &str) {
    let attempts = api.get(&format!("/runs/{run}/attempts")).await.ok();
    let mut done: BTreeMap<String, u32> = BTreeMap::new();
    let attempts: &Vec<Value> = attempts["items"].as_array().expect("items");
    for attempt in attempts.iter().filter(|attempt| attempt["outcome"] == json!("done")) {
        *done.entry(format!("{}{}", attempt["step"], attempt["item"])).or_default() += 1;
    }
    assert_eq!((done.len(), done.values().max()), (7, Some(&1)), "{run}: {done:?}");
}

/// The far end saw each run of a key begin and end, and no other in between.
fn runs_of_a_key_do_not_overlap(third: &ThirdParty, runs: usize) {
    let mut going: BTreeMap<String, String> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for path in third.asked().into_iter().map(|asked| asked.path).filter(|path| path.starts_with("/keyed/")) {
        let (path, end) = path.strip_suffix("?end").map_or((path.as_str(), false), |path| (path, true));
        let (key, run) = path.rsplit_once('/').expect("a run");
        // A call that was repeated after a kill may come again, but not after the next run has begun.
        let current = going.entry(key.to_owned()).or_insert_with(|| run.to_owned());
        if current.as_str() != run {
            assert!(ended.contains(current), "{run} began before {current} had ended");
            assert!(!ended.contains(run), "{run} goes on although {current} has begun");
            run.clone_into(current);
        }
        if end {
            ended.insert(run.to_owned());
        }
    }
    assert_eq!(ended.len(), runs);
}

/// Each effect was asked for under one key, and no key stands for two effects.
fn every_effect_has_one_key(third: &ThirdParty, runs: &[String]) {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut effects: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for asked in third.asked() {
        let key = asked.headers.get("idempotency-key").cloned().unwrap_or_default();
        effects.entry(key.clone()).or_default().insert(asked.path.clone());
        keys.entry(asked.path).or_default().insert(key);
    }
    for path in runs.iter().flat_map(|run| paths(run)) {
        assert_eq!(keys.get(&path).map(BTreeSet::len), Some(1), "{path}: {:?}", keys.get(&path));
    }
    assert!(effects.values().all(|paths| paths.len() == 1), "one key, several effects");
}
