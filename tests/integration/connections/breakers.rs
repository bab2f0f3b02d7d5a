//! A third party that keeps failing, as a run and an administrator see it.

use serde_json::json;
use wardroom_domain::breaker::{FAILURES, PAUSE};

use crate::fixture::{connected, on_both};

#[tokio::test]
async fn a_run_is_told_that_its_third_party_is_left_alone_and_the_connection_tells_until_when() {
    on_both(|api| async move {
        let third = connected(&api, json!({ "receiver_deduplicates": true })).await;
        let document = json!({
            "name": "flow", "on": [{ "manual": {} }],
            "steps": [{
                "id": "send", "uses": "webhook/send", "connection": "hooks", "with": { "path": "/broken" },
                "retry": { "attempts": 1 },
            }],
        });
        api.save("flow", &document.to_string()).await;
        let runs = async || {
            let run = api.post("/workflows/flow/runs", json!({})).await.ok();
            api.ended(&run).await
        };
        assert_eq!(api.get("/connections/hooks").await.ok()["breakers"], json!([]));
        for _ in 0..FAILURES {
            assert_ne!(runs().await["steps"]["send"]["error"]["code"], json!("held"));
        }
        // Where a pause is over before the next run asks, that one is a trial, and the next pause is twice as long.
        let mut held = runs().await;
        let mut failures = FAILURES;
        while held["steps"]["send"]["error"]["code"] != json!("held") && failures < FAILURES + 3 {
            held = runs().await;
            failures += 1;
        }
        let error = &held["steps"]["send"]["error"];
        assert_eq!((&held["status"], &error["code"]), (&json!("failed"), &json!("held")), "{held:#}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains(&third.url())), "{error}");
        assert_eq!(third.count(), failures as usize, "nothing was sent");
        let known = api.get("/connections/hooks").await.ok();
        let breaker = &known["breakers"][0];
        let told = json!({ "origin": third.url(), "state": "open", "failures": failures, "retry_after_ms": breaker["retry_after_ms"] });
        assert_eq!(breaker, &told);
        let left = u128::from(breaker["retry_after_ms"].as_u64().expect("a time"));
        assert!(left <= (PAUSE * 2_u32.pow(failures - FAILURES)).as_millis(), "{breaker}");
        assert_eq!(api.get("/connections").await.ok()["items"][0]["breakers"][0]["state"], json!("open"));
        // An administrator who sets the connection again has it tried again.
        let again = json!({
            "plugin": "webhook", "base_url": third.url(), "grant": { "networks": ["127.0.0.0/8"] },
            "config": { "receiver_deduplicates": true },
        });
        api.put("/connections/hooks", again).await.ok();
        assert_eq!(api.get("/connections/hooks").await.ok()["breakers"], json!([]));
        assert_ne!(runs().await["steps"]["send"]["error"]["code"], json!("held"));
        assert_eq!(third.count(), failures as usize + 1);
    })
    .await;
}
