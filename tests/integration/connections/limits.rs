//! Limits of a connection: calls at a time, calls a minute, and what becomes of a call that waits for its turn.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use wardroom_tests::{
    database::BOTH,
    server::{Api, Server},
    third_party::ThirdParty,
};

use crate::fixture::{on_both, opened};

/// A connection `hooks` with limits.
async fn limited(api: &Api, third: &ThirdParty, limits: Value) -> Value {
    let connection = json!({
        "plugin": "webhook", "base_url": third.url(), "grant": { "networks": ["127.0.0.0/8"] }, "limits": limits,
    });
    api.put("/connections/hooks", connection).await.ok()
}

/// A workflow that calls once for each item of `all`, all at a time.
async fn spread(api: &Api, all: &[&str], timeout: &str) {
    let document = json!({
        "name": "flow", "on": [{ "manual": {} }], "inputs": { "all": { "default": all } },
        "steps": [{
            "id": "each", "uses": "webhook/send", "connection": "hooks", "foreach": "inputs.all", "max_parallel": 20,
            "with": { "path": "/${{ item }}" }, "retry": { "attempts": 1 }, "timeout": timeout,
        }],
    });
    api.save("flow", &document.to_string()).await;
}

async fn started(api: &Api) -> Value {
    api.post("/workflows/flow/runs", json!({})).await.ok()
}

fn path(run: &Value) -> String {
    format!("/runs/{}", run["id"].as_str().expect("an id"))
}

/// How long each item waited for its turn, the shortest wait first.
async fn waits(api: &Api, run: &Value) -> Vec<u64> {
    let attempts = api.get(&format!("{}/attempts", path(run))).await.ok();
    let calls = attempts["items"].as_array().expect("attempts").iter().filter(|call| !call["item"].is_null());
    let mut waits: Vec<u64> = calls.map(|call| call["trace"]["waited_ms"].as_u64().expect("a wait")).collect();
    waits.sort_unstable();
    waits
}

#[tokio::test]
async fn no_more_calls_go_out_at_a_time_and_the_wait_costs_no_timeout() {
    on_both(|api| async move {
        // Twenty calls, two at a time: the last one waits for longer than its timeout, which is many times what a call takes.
        let third = ThirdParty::slowly(Duration::from_millis(800)).await;
        api.install("webhook").await;
        let connection = limited(&api, &third, json!({ "in_flight": 2 })).await;
        assert_eq!(connection["limits"], json!({ "in_flight": 2 }));
        let all: Vec<String> = (0..20).map(|item| item.to_string()).collect();
        spread(&api, &all.iter().map(String::as_str).collect::<Vec<_>>(), "5s").await;
        let run = api.ended(&started(&api).await).await;
        assert_eq!(run["status"], json!("succeeded"), "the last call waits longer than its timeout: {run:#}");
        assert_eq!((third.count(), third.most_at_once()), (20, 2));
        let waits = waits(&api, &run).await;
        assert!(waits.len() == 20 && waits[19] > 5_000, "{waits:?}");
        assert_eq!(api.get("/connections/hooks").await.ok()["limits"], json!({ "in_flight": 2 }));
    })
    .await;
}

#[tokio::test]
async fn calls_a_minute_are_counted_and_a_raised_limit_holds_at_once() {
    on_both(|api| async move {
        let third = ThirdParty::start().await;
        api.install("webhook").await;
        limited(&api, &third, json!({ "per_minute": 3 })).await;
        spread(&api, &["a", "b", "c", "d", "e"], "1m").await;
        let run = started(&api).await;
        third.asked_often(3).await;
        // A call of another connection goes past those who wait.
        let other = json!({ "plugin": "webhook", "base_url": third.url(), "grant": { "networks": ["127.0.0.0/8"] } });
        api.put("/connections/other", other).await.ok();
        let step = json!({ "id": "act", "uses": "webhook/send", "connection": "other", "with": { "path": "/other" } });
        let document = json!({ "name": "past", "on": [{ "manual": {} }], "steps": [step] });
        api.save("past", &document.to_string()).await;
        let past = api.ended(&api.post("/workflows/past/runs", json!({})).await.ok()).await;
        assert_eq!((&past["status"], third.count()), (&json!("succeeded"), 4));
        assert_eq!(api.get(&path(&run)).await.ok()["finished_at"], json!(null));
        limited(&api, &third, json!({ "per_minute": 5 })).await;
        let run = api.ended(&run).await;
        assert_eq!((&run["status"], third.count()), (&json!("succeeded"), 6), "{run:#}");
    })
    .await;
}

#[tokio::test]
async fn a_call_that_waits_ends_with_its_run() {
    on_both(|api| async move {
        let third = ThirdParty::start().await;
        api.install("webhook").await;
        limited(&api, &third, json!({ "per_minute": 1 })).await;
        spread(&api, &["a"], "1m").await;
        api.ended(&started(&api).await).await;
        let (canceled, late) = (started(&api).await, started(&api).await);
        api.post(&format!("{}/cancel", path(&canceled)), json!({})).await.ok();
        assert_eq!(api.ended(&canceled).await["status"], json!("canceled"));
        // A held run calls nothing when its turn comes.
        api.post(&format!("{}/pause", path(&late)), json!({})).await.ok();
        limited(&api, &third, json!({ "per_minute": 2 })).await;
        api.until(&path(&late), |run| run["status"] == json!("paused")).await;
        assert_eq!(third.count(), 1);
        api.post(&format!("{}/resume", path(&late)), json!({})).await.ok();
        assert_eq!(api.ended(&late).await["status"], json!("succeeded"));
        assert_eq!(third.count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_waits_outlives_the_server() {
    for kind in BOTH {
        let mut server = Server::start(kind).await;
        let third = ThirdParty::start().await;
        server.api.install("webhook").await;
        limited(&server.api, &third, json!({ "per_minute": 1 })).await;
        spread(&server.api, &["a"], "1m").await;
        server.api.ended(&started(&server.api).await).await;
        let run = started(&server.api).await;
        server.restart().await;
        // What is counted is counted on a host while it runs.
        let run = server.api.ended(&run).await;
        assert_eq!((&run["status"], third.count()), (&json!("succeeded"), 2), "{run:#}");
        assert_eq!(run["steps"]["each"]["items"][0]["attempts"], json!(1), "a try that was not made is not counted");
        server.stop().await;
    }
}

#[tokio::test]
async fn incidents_take_turns_and_come_before_maintenance() {
    on_both(|api| async move {
        let third = ThirdParty::start().await;
        api.install("webhook").await;
        limited(&api, &third, json!({ "per_minute": 1 })).await;
        spread(&api, &["spent"], "1m").await;
        api.ended(&started(&api).await).await;
        let step = json!({
            "id": "each", "uses": "webhook/send", "connection": "hooks", "foreach": "[1, 2, 3]", "max_parallel": 3,
            "with": { "path": "/${{ inputs.who }}" },
        });
        let inputs = json!({ "who": { "type": "string" } });
        let document = json!({ "name": "flow", "on": [{ "manual": {} }], "inputs": inputs, "steps": [step] });
        api.save("flow", &document.to_string()).await;
        for title in ["One", "Two"] {
            opened(&api, title).await;
        }
        let mut runs = Vec::new();
        let mut start = json!({ "inputs": { "who": "m" } });
        runs.push(api.post("/workflows/flow/runs", start.clone()).await.ok());
        for (who, incident) in [("a", "INC-1"), ("b", "INC-2")] {
            start["incident"] = json!(incident);
            start["inputs"]["who"] = json!(who);
            runs.push(api.post("/workflows/flow/runs", start.clone()).await.ok());
        }
        for run in &runs {
            api.until(&path(run), |run| run["steps"]["each"]["items"].as_array().is_some_and(|all| all.len() == 3))
                .await;
        }
        // The minute is spent: everybody waits. From now on one call goes out at a time.
        limited(&api, &third, json!({ "in_flight": 1 })).await;
        for run in &runs {
            assert_eq!(api.ended(run).await["status"], json!("succeeded"));
        }
        let asked = third.asked();
        let order: String = asked.iter().skip(1).map(|asked| asked.path.trim_start_matches('/')).collect();
        assert!(order == "abababmmm" || order == "bababammm", "{order}");
    })
    .await;
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused() {
    on_both(|api| async move {
        let third = ThirdParty::start().await;
        api.install("webhook").await;
        for (limits, field) in [
            (json!({ "in_flight": 0 }), "limits.in_flight"),
            (json!({ "in_flight": 1_001 }), "limits.in_flight"),
            (json!({ "per_minute": 0 }), "limits.per_minute"),
            (json!({ "per_minute": 100_001 }), "limits.per_minute"),
            (json!({ "bytes_per_minute": 1_023 }), "limits.bytes_per_minute"),
            (json!({ "cpu_ms_per_minute": 99 }), "limits.cpu_ms_per_minute"),
            (json!({ "memory_bytes": 1_000_000 }), "limits.memory_bytes"),
            (json!({ "memory_bytes": 268_435_457 }), "limits.memory_bytes"),
        ] {
            let connection = json!({ "plugin": "webhook", "base_url": third.url(), "limits": limits });
            let problem = api.put("/connections/hooks", connection).await.problem(422);
            assert_eq!(problem["errors"][0]["field"], json!(field), "{problem:#}");
            assert!(problem["detail"].as_str().expect("a detail").contains(" is wanted"), "{problem:#}");
        }
        let connection = json!({ "plugin": "webhook", "base_url": third.url(), "limits": { "per_hour": 1 } });
        let problem = api.put("/connections/hooks", connection).await.problem(422);
        assert!(problem["detail"].as_str().expect("a detail").contains("per_hour"), "{problem:#}");
        assert_eq!(api.get("/connections/hooks").await.status, StatusCode::NOT_FOUND);
    })
    .await;
}
