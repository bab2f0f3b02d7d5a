//! Limits of a plugin, whatever the connection.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use wardroom_tests::{server::Api, third_party::ThirdParty};

use crate::fixture::{marking, on_both};

/// The webhook plugin with two connections to a third party.
async fn connected(api: &Api, third: &ThirdParty) {
    api.install("webhook").await;
    for name in ["one", "two"] {
        let connection =
            json!({ "plugin": "webhook", "base_url": third.url(), "grant": { "networks": ["127.0.0.0/8"] } });
        api.put(&format!("/connections/{name}"), connection).await.ok();
    }
}

/// A workflow that calls through both connections at a time, twice each.
async fn spread(api: &Api) -> Value {
    let step = |id: &str, connection: &str| {
        json!({
            "id": id, "uses": "webhook/send", "connection": connection, "foreach": "[1, 2]", "max_parallel": 2,
            "with": { "path": "/", "body": { "text": "x".repeat(600) } }, "needs": [], "retry": { "attempts": 1 },
        })
    };
    let steps = [step("first", "one"), step("second", "two")];
    let document = json!({ "name": "flow", "on": [{ "manual": {} }], "steps": steps });
    api.save("flow", &document.to_string()).await;
    api.post("/workflows/flow/runs", json!({})).await.ok()
}

#[tokio::test]
async fn calls_through_every_connection_wait_for_their_plugin() {
    on_both(|api| async move {
        let third = ThirdParty::slowly(Duration::from_millis(100)).await;
        connected(&api, &third).await;
        let limits = json!({ "in_flight": 1 });
        assert_eq!(api.put("/plugins/webhook/limits", limits.clone()).await.ok(), limits);
        assert_eq!(api.get("/plugins/webhook/limits").await.ok(), limits);
        let run = api.ended(&spread(&api).await).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        let attempts = api.get(&format!("/runs/{}/attempts", run["id"].as_str().expect("an id"))).await.ok();
        let calls = attempts["items"].as_array().expect("attempts").iter();
        let waited = calls.filter(|call| call["trace"]["waited_ms"].is_u64()).count();
        assert_eq!((waited, third.count(), third.most_at_once()), (4, 4, 1), "one at a time");
        let audit = api.get("/audit?action=plugin.limits").await.ok();
        assert_eq!(audit["items"][0]["data"], json!({ "before": {}, "after": limits }), "{audit:#}");
    })
    .await;
}

#[tokio::test]
async fn a_call_whose_plugin_has_used_its_cpu_time_comes_back_as_the_same_try() {
    on_both(|api| async move {
        marking(&api).await;
        let workflow = |name: &str, action: &str| {
            let uses = format!("hostile/{action}");
            let step = json!({ "id": "call", "uses": uses, "connection": "marks", "retry": { "attempts": 1 } });
            json!({ "name": name, "on": [{ "manual": {} }], "steps": [step] }).to_string()
        };
        api.save("spin", &workflow("spin", "loop")).await;
        api.save("fine", &workflow("fine", "ok")).await;
        api.put("/plugins/hostile/limits", json!({ "cpu_ms_per_minute": 100 })).await.ok();
        let spun = api.post("/workflows/spin/runs", json!({})).await.ok();
        assert_eq!(api.ended(&spun).await["steps"]["call"]["error"]["code"], json!("cpu_limit"));
        let run = api.post("/workflows/fine/runs", json!({})).await.ok();
        let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
        let waits = api.until(&path, |run| run["steps"]["call"]["status"] == json!("waiting")).await;
        assert_eq!(waits["steps"]["call"]["error"], Value::Null, "{waits:#}");
        let why = waits["steps"]["call"]["summary"].to_string();
        assert!(why.contains("of CPU time a minute of plugin hostile"), "{waits:#}");
    })
    .await;
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_and_only_administrators_set_them() {
    on_both(|api| async move {
        let third = ThirdParty::start().await;
        connected(&api, &third).await;
        for (limits, field) in [
            (json!({ "in_flight": 0 }), "in_flight"),
            (json!({ "bytes_per_minute": 1 }), "bytes_per_minute"),
            (json!({ "cpu_ms_per_minute": 3_600_001 }), "cpu_ms_per_minute"),
            (json!({ "memory_bytes": 0 }), "memory_bytes"),
        ] {
            let problem = api.put("/plugins/webhook/limits", limits).await.problem(422);
            assert_eq!(problem["errors"][0]["field"], json!(field), "{problem:#}");
        }
        api.put("/plugins/webhook/limits", json!({ "per_hour": 1 })).await.problem(422);
        api.put("/plugins/absent/limits", json!({})).await.problem(404);
        let engineer = api.person("grace", "engineer").await;
        let refused = engineer.put("/plugins/webhook/limits", json!({})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        // What is left out is no longer limited.
        api.put("/plugins/webhook/limits", json!({ "in_flight": 1 })).await.ok();
        assert_eq!(api.put("/plugins/webhook/limits", json!({})).await.ok(), json!({}));
    })
    .await;
}
