//! Upgrading while work goes on: the old version serves until the new one is granted, and finishes what it began.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_tests::{
    database::{BOTH, Kind},
    guests,
    server::{Api, Server},
    third_party::ThirdParty,
};

use crate::plugins::grants::{WORKFLOW, connect};

/// The next version, which asks for nothing new.
const NEXT: (&str, &str) = ("71.0.0", "72.0.0");
/// What a later version newly asks for.
const MORE: (&str, &str) = ("PUT /seats/**", "PUT /desks/**");

async fn greeting(kind: Kind) -> (Server, Api, ThirdParty) {
    let (server, third) = (Server::start(kind).await, ThirdParty::start().await);
    let api = server.api.clone();
    api.upload(guests::greeter(&[]), "").await.ok();
    connect(&api, &third, json!({ "networks": ["127.0.0.0/8"] })).await;
    api.save("greet", WORKFLOW).await;
    (server, api, third)
}

async fn start(api: &Api, inputs: Value) -> Value {
    api.post("/workflows/greet/runs", json!({ "inputs": inputs })).await.ok()
}

/// The version that ran.
async fn version(api: &Api, run: &Value) -> String {
    let run = api.ended(run).await;
    assert_eq!(run["status"], json!("succeeded"), "{run:#}");
    run["steps"]["greet"]["output"]["version"].as_str().expect("a version").to_owned()
}

async fn active(api: &Api) -> Value {
    api.get("/plugins/greeter").await.ok()["version"].clone()
}

#[tokio::test]
async fn a_version_that_asks_for_more_waits_while_the_one_before_it_serves() {
    for kind in BOTH {
        let (mut server, api, _third) = greeting(kind).await;
        let engineer = api.person("eve", "engineer").await;
        let same = engineer.upload(guests::greeter(&[NEXT]), "").await;
        assert_eq!((same.status.as_u16(), &same.body["waits_for"]), (201, &Value::Null), "{:#}", same.body);
        assert_eq!(active(&api).await, json!("72.0.0"));

        let more = guests::greeter(&[("71.0.0", "73.0.0"), MORE]);
        let offered = engineer.upload(more.clone(), "").await;
        assert_eq!(offered.status.as_u16(), 202, "{:#}", offered.body);
        assert_eq!(offered.body["newly"], json!(["PUT /desks/** under its connection's base_url"]));
        engineer.upload(more.clone(), "?grant=true").await.problem(403);
        assert_eq!(active(&api).await, json!("72.0.0"), "it serves");
        assert_eq!(version(&api, &start(&api, json!({})).await).await, "72.0.0");
        let id = offered.body["waits_for"].as_str().expect("a request");
        let waiting = api.get("/grants").await.ok();
        assert_eq!(waiting["items"][0]["subject"]["version"]["version"], json!("73.0.0"));
        api.post(&format!("/grants/{id}/approve"), json!({})).await.ok();
        assert_eq!(active(&api).await, json!("73.0.0"));
        assert_eq!(version(&api, &start(&api, json!({ "method": "PUT", "url": "/desks/1" })).await).await, "73.0.0");

        // Back to the one before, and to a named one; every version says where it came from.
        let back = engineer.post("/plugins/greeter/rollback", json!({})).await.ok();
        assert_eq!(back["version"], json!("72.0.0"));
        assert_eq!(version(&api, &start(&api, json!({})).await).await, "72.0.0");
        engineer.post("/plugins/greeter/rollback", json!({ "to": "71.0.0" })).await.ok();
        assert_eq!(active(&api).await, json!("71.0.0"));
        engineer.post("/plugins/greeter/rollback", json!({ "to": "9.9.9" })).await.problem(404);
        let versions = api.get("/plugins/greeter/versions").await.ok();
        let listed: Vec<&Value> =
            versions["items"].as_array().expect("a list").iter().map(|one| &one["version"]).collect();
        assert_eq!(listed, ["71.0.0", "72.0.0", "73.0.0"]);
        let audit = api.get("/audit?target=greeter").await.ok();
        let actions: Vec<&str> =
            audit["items"].as_array().expect("a list").iter().filter_map(|one| one["action"].as_str()).collect();
        assert_eq!(actions, ["plugin.rollback", "plugin.rollback", "plugin.offer", "plugin.install", "plugin.install"]);
        assert_eq!(audit["items"][3]["data"]["after"]["provenance"]["source"], json!("upload"));
        server.stop().await;
    }
}

#[tokio::test]
async fn an_engineers_first_version_that_reaches_beyond_its_connection_waits() {
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    let engineer = api.person("eve", "engineer").await;
    let offered = engineer.upload(guests::greeter(&[]), "").await;
    assert_eq!(offered.status.as_u16(), 202, "{:#}", offered.body);
    assert!(offered.body["newly"].to_string().contains("any request to http://127.0.0.9:99"));
    api.get("/plugins/greeter").await.problem(404);
    // What asks for nothing but its connection needs nobody else.
    let alone = engineer.upload(guests::bundled("matrix"), "").await;
    assert_eq!(alone.status.as_u16(), 201, "{:#}", alone.body);
    let id = offered.body["waits_for"].as_str().expect("a request");
    api.post(&format!("/grants/{id}/approve"), json!({})).await.ok();
    assert_eq!(active(&api).await, json!("71.0.0"));
    // A version that lacks an action some workflow uses is not taken.
    let third = ThirdParty::start().await;
    connect(&api, &third, json!({})).await;
    api.save("greet", WORKFLOW).await;
    let refused = api.upload(guests::greeter(&[("wave", "nods"), NEXT]), "").await;
    let refused = refused.problem(409);
    assert!(refused["detail"].as_str().is_some_and(|text| text.contains("greeter/wave")), "{refused:#}");
    server.stop().await;
}

#[tokio::test]
async fn no_run_fails_while_a_plugin_is_upgraded_and_each_finishes_on_its_own_version() {
    for kind in BOTH {
        let (mut server, api, third) = greeting(kind).await;
        // Long runs that began on the old version, and short ones all the while.
        let mut long = Vec::new();
        for seat in 0..40 {
            let inputs = json!({ "rounds": 15, "method": "PUT", "url": format!("/seats/{seat}") });
            long.push(start(&api, inputs).await);
        }
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let caller = api.clone();
        let load = tokio::spawn(async move {
            let mut runs = Vec::new();
            while stopped.try_recv().is_err() {
                let four = (0..4).map(|_| start(&caller, json!({})));
                runs.extend(futures_util::future::join_all(four).await);
            }
            runs
        });
        let next = [("71.0.0", "73.0.0"), MORE];
        let offered = api.upload(guests::greeter(&next), "").await;
        assert_eq!(offered.status.as_u16(), 202, "{:#}", offered.body);
        let id = offered.body["waits_for"].as_str().expect("a request");
        // Some short runs meanwhile, on the old version.
        let before = third.count();
        third.asked_often(before + 20).await;
        api.post(&format!("/grants/{id}/approve"), json!({})).await.ok();
        third.asked_often(third.count() + 20).await;
        stop.send(()).expect("it listens");
        let short = load.await.expect("no panic");
        let mut versions: BTreeMap<String, usize> = BTreeMap::new();
        for run in &short {
            *versions.entry(version(&api, run).await).or_default() += 1;
        }
        assert_eq!(versions.keys().collect::<Vec<_>>(), ["71.0.0", "73.0.0"], "{versions:?}");
        for run in &long {
            assert_eq!(version(&api, run).await, "71.0.0", "it finishes on what it began with");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn versions_that_nothing_needs_are_forgotten_and_those_of_kept_runs_are_not() {
    let (mut server, api, _third) = greeting(Kind::Sqlite).await;
    version(&api, &start(&api, json!({})).await).await;
    for number in 2..8 {
        api.upload(guests::greeter(&[("71.0.0", &format!("7{number}.0.0"))]), "").await.ok();
    }
    server.restart().await;
    let api = server.api.clone();
    let listed = api
        .until("/plugins/greeter/versions", |listed| listed["items"].as_array().is_some_and(|items| items.len() == 5))
        .await;
    let listed: Vec<&Value> = listed["items"].as_array().expect("a list").iter().map(|one| &one["version"]).collect();
    // In use; the three before it; and the one that a kept run is pinned to.
    assert_eq!(listed, ["77.0.0", "76.0.0", "75.0.0", "74.0.0", "71.0.0"]);
    server.stop().await;
}
