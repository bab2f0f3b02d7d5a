//! Retention as people see it: what is old is gone after a while, and what they need is there.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::{
    database::BOTH,
    server::{Api, Server},
};

use crate::fixture::{connected, opened};

const GATED: &str = "
name: gated
on: [{ stage: triage }]
if: incident != null
steps:
  - { id: gate, approve: { notify: none } }
  - { id: act, uses: webhook/send, connection: hooks, with: { path: /act } }
";

/// Opens an incident and moves it on; gives the run that this started, waiting for its approval.
async fn started(api: &Api, number: u32) -> Value {
    opened(api, "Checkout fails").await;
    api.post(&format!("/incidents/INC-{number}/stage"), json!({ "to": "triage" })).await.ok();
    let path = format!("/runs?incident=INC-{number}");
    let page = api.until(&path, |page| page["items"][0]["status"] == json!("waiting")).await;
    api.get(&format!("/runs/{}", page["items"][0]["id"].as_str().expect("an id"))).await.ok()
}

async fn approve(api: &Api, run: &Value) -> Value {
    let approval = run["steps"]["gate"]["approval"].as_str().expect("an approval");
    api.post(&format!("/approvals/{approval}/approve"), json!({})).await.ok();
    api.ended(run).await
}

async fn metric(api: &Api, name: &str) -> u64 {
    let text = api.client().get(format!("{}/metrics", api.url)).send().await.expect("answers");
    let text = text.text().await.expect("a text");
    let value = text.lines().find_map(|line| line.strip_prefix(name)).expect("the metric");
    value.trim().parse().expect("a number")
}

#[tokio::test]
async fn a_server_forgets_old_runs_and_keeps_what_is_young_or_goes_on() {
    for kind in BOTH {
        kind.announce();
        let mut server = Server::start(kind).await;
        let third = connected(&server.api, json!({})).await;
        server.api.save("gated", GATED).await;
        let old = started(&server.api, 1).await;
        approve(&server.api, &old).await;
        // Ages everything that is there by two hours; what comes later is young.
        server.stop().await;
        for statement in [
            "UPDATE runs SET finished_at = finished_at - 7200000",
            "UPDATE events SET at = at - 7200000 WHERE dispatched = 1",
        ] {
            server.database.execute(statement).await;
        }
        server.restart().await;
        let young = started(&server.api, 2).await;
        approve(&server.api, &young).await;
        let live = started(&server.api, 3).await;
        server.keep_runs = Some(Duration::from_hours(1));
        server.restart().await;
        let api = &server.api;
        let path = format!("/runs/{}", old["id"].as_str().expect("an id"));
        api.until(&path, |problem| problem["status"] == json!(404)).await;
        api.until("/incidents/INC-1/automations", |page| page["items"] == json!([])).await;
        api.get(&format!("{path}/attempts")).await.problem(404);
        let approvals = api.get("/approvals").await.ok();
        let runs: Vec<&Value> = approvals["items"].as_array().expect("items").iter().map(|one| &one["run"]).collect();
        assert_eq!(runs, [&young["id"], &live["id"]]);
        let timeline = api.get("/incidents/INC-1/timeline").await.ok();
        let entries = timeline["items"].as_array().expect("items");
        assert!(entries.iter().any(|entry| entry["data"]["run"] == old["id"]), "{timeline:#}");
        let automations = api.get("/incidents/INC-2/automations").await.ok();
        assert!(automations["items"].as_array().is_some_and(|items| !items.is_empty()), "{automations:#}");
        assert_eq!(metric(api, "wardroom_runs_forgotten_total").await, 1);
        let path = format!("/runs/{}", young["id"].as_str().expect("an id"));
        assert_eq!(api.get(&path).await.ok()["status"], json!("succeeded"));
        assert_eq!(approve(api, &live).await["status"], json!("succeeded"));
        assert_eq!(third.count(), 3);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_rerun_that_is_kept_still_shows_the_calls_of_its_old_original() {
    for kind in BOTH {
        kind.announce();
        let mut server = Server::start(kind).await;
        connected(&server.api, json!({ "receiver_deduplicates": true })).await;
        let step =
            |id: &str| json!({ "id": id, "uses": "webhook/send", "connection": "hooks", "with": { "path": "/a" } });
        let document = json!({ "name": "flow", "on": [{ "manual": {} }], "steps": [step("a"), step("b")] });
        server.api.save("flow", &document.to_string()).await;
        let first = server.api.post("/workflows/flow/runs", json!({})).await.ok();
        let other = server.api.post("/workflows/flow/runs", json!({})).await.ok();
        for run in [&first, &other] {
            server.api.ended(run).await;
        }
        server.stop().await;
        server.database.execute("UPDATE runs SET finished_at = finished_at - 7200000").await;
        server.restart().await;
        let path = format!("/runs/{}/rerun", first["id"].as_str().expect("an id"));
        let again = server.api.json(Method::POST, &path, &[], &json!({ "from": "b" })).await.ok();
        server.api.ended(&again).await;
        server.keep_runs = Some(Duration::from_hours(1));
        server.restart().await;
        let forgotten = format!("/runs/{}", other["id"].as_str().expect("an id"));
        server.api.until(&forgotten, |problem| problem["status"] == json!(404)).await;
        let calls = server.api.get(&format!("/runs/{}/attempts", again["id"].as_str().expect("an id"))).await.ok();
        let seen: Vec<(bool, &str)> = calls["items"]
            .as_array()
            .expect("calls")
            .iter()
            .map(|call| (call["run"] == again["id"], call["step"].as_str().expect("a step")))
            .collect();
        assert_eq!(seen, [(true, "b"), (false, "a")]);
        server.stop().await;
    }
}
