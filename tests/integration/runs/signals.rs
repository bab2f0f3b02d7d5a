//! `wait_for`: runs that wait to be told something.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::{
    clock::{SetClock, start},
    database::{BOTH, Database},
    server::Api,
};

use crate::fixture::{BEGINNING_MS, connected, on_both, on_both_by_clock};

fn document(wait: &Value) -> Value {
    json!({
        "name": "flow",
        "on": [{ "manual": {} }],
        "steps": [
            { "id": "wait", "wait_for": wait },
            {
                "id": "tell", "uses": "webhook/send", "connection": "hooks",
                "with": { "path": "/told", "body": "${{ steps.wait.output.payload }}" },
            },
        ],
    })
}

async fn started(api: &Api, wait: Value) -> (Value, String) {
    api.save("flow", &document(&wait).to_string()).await;
    let run = api.post("/workflows/flow/runs", json!({})).await.ok();
    let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
    (run, path)
}

#[tokio::test]
async fn a_signal_wakes_the_step_that_waits_and_counts_once() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let (run, path) = started(&api, json!("deployed")).await;
        api.until(&path, |run| run["steps"]["wait"]["status"] == json!("waiting")).await;
        api.post(&format!("{path}/signals/other"), json!({})).await.ok();
        let viewer = api.person("vera", "viewer").await;
        viewer.post(&format!("{path}/signals/deployed"), json!({})).await.problem(403);
        let send = |payload: Value| {
            let (api, path) = (api.clone(), format!("{path}/signals/deployed"));
            async move {
                let key = [("idempotency-key", "once")];
                api.json(Method::POST, &path, &key, &json!({ "payload": payload })).await
            }
        };
        send(json!({ "version": 7 })).await.ok();
        let ended = api.ended(&run).await;
        assert_eq!(ended["status"], json!("succeeded"), "{ended:#}");
        assert_eq!(third.asked()[0].body, "{\"version\":7}");
        assert_eq!(ended["steps"]["wait"]["output"]["by"]["handle"], json!("admin"));
        send(json!({ "version": 7 })).await.ok();
        assert_eq!(api.get(&path).await.ok()["signals"].as_array().map(Vec::len), Some(2));
        api.post(&format!("{path}/signals/deployed"), json!({})).await.problem(409);
    })
    .await;
}

#[tokio::test]
async fn a_signal_that_came_early_counts_and_survives_a_restart() {
    for kind in BOTH {
        let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
        let clock = SetClock::at(BEGINNING_MS);
        let (app, api) = start(folder.path(), &database, &clock).await;
        let third = connected(&api, json!({})).await;
        let mut early = document(&json!({ "signal": "deployed", "timeout": "1m" }));
        let pause = json!({ "id": "pause", "sleep": "1s" });
        early["steps"].as_array_mut().expect("steps").insert(0, pause);
        api.save("flow", &early.to_string()).await;
        let run = api.post("/workflows/flow/runs", json!({})).await.ok();
        let path = format!("/runs/{}/signals/deployed", run["id"].as_str().expect("an id"));
        for payload in [1, 2] {
            api.post(&path, json!({ "payload": payload })).await.ok();
        }
        app.stop().await;
        let (app, api) = start(folder.path(), &database, &clock).await;
        clock.pass(Duration::from_secs(1));
        let ended = api.ended(&run).await;
        assert_eq!(ended["status"], json!("succeeded"), "{ended:#}");
        assert_eq!(third.asked()[0].body, "1", "the first that came is taken first");
        assert_eq!(ended["signals"][1]["taken_by"], json!(null));
        app.stop().await;
    }
}

#[tokio::test]
async fn a_signal_that_does_not_come_times_the_step_out_and_bad_ones_are_refused() {
    on_both_by_clock(|api, clock| async move {
        connected(&api, json!({})).await;
        let (run, path) = started(&api, json!({ "signal": "deployed", "timeout": "2s" })).await;
        let key = [("idempotency-key", "k")];
        let send = |name: &'static str, payload: Value| {
            let (api, path) = (api.clone(), format!("{path}/signals/{name}"));
            async move { api.json(Method::POST, &path, &key, &json!({ "payload": payload })).await }
        };
        send("other", json!(1)).await.ok();
        let problem = send("other", json!(2)).await.problem(422);
        assert_eq!(problem["type"], json!("urn:wardroom:problem:key-reused"));
        let problem = send("Not-A-Word", json!(1)).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], json!("name"));
        for (levels, status) in [(63, 202), (64, 422), (126, 422)] {
            let deep = format!("{{\"payload\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
            let json = [("content-type", "application/json")];
            let answer = api.send(Method::POST, &format!("{path}/signals/deep"), &json, deep.into_bytes()).await;
            assert_eq!(answer.status, status, "{levels} levels");
        }
        let problem = send("large", json!("x".repeat(70_000))).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], json!("payload"));
        api.post("/runs/none/signals/other", json!({})).await.problem(404);
        clock.pass(Duration::from_secs(2));
        let ended = api.ended(&run).await;
        assert_eq!(ended["status"], json!("failed"), "{ended:#}");
        assert_eq!(ended["steps"]["wait"]["status"], json!("timed_out"));
        assert_eq!(ended["steps"]["wait"]["error"]["message"], json!("deployed did not come in time"));
        let (_, path) = started(&api, json!("never")).await;
        for _ in 0..100 {
            api.post(&format!("{path}/signals/other"), json!({})).await.ok();
        }
        let full = api.post(&format!("{path}/signals/other"), json!({})).await.problem(409);
        assert!(full["detail"].as_str().expect("a text").contains("100 signals"), "{full}");
    })
    .await;
}
