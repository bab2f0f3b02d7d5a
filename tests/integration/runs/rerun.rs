//! Running again what has ended.

use serde_json::{Value, json};
use wardroom_tests::{server::Api, third_party::ThirdParty};

use crate::fixture::{connected, on_both};

fn document() -> Value {
    let step = |id: &str| {
        json!({
            "id": id, "uses": "webhook/send", "connection": "hooks", "retry": { "attempts": 1 },
            "with": { "path": format!("/{id}") },
        })
    };
    let mut document = json!({
        "name": "flow",
        "on": [{ "manual": {} }],
        "steps": [step("a"), { "id": "gate", "approve": { "notify": "none" } }, step("b"), step("c")],
        "finally": [step("z")],
    });
    document["steps"][0]["foreach"] = json!("[1, 2]");
    document["steps"][2]["with"]["path"] = json!("/flaky");
    document
}

async fn approved(api: &Api, run: &Value) -> Value {
    let pending = api.until("/approvals?status=pending", |page| page["items"][0]["run"] == run["id"]).await;
    let path = format!("/approvals/{}/approve", pending["items"][0]["id"].as_str().expect("an id"));
    api.post(&path, json!({})).await.ok();
    api.ended(run).await
}

fn paths(third: &ThirdParty) -> Vec<String> {
    third.asked().iter().map(|asked| asked.path.clone()).collect()
}

#[tokio::test]
async fn a_rerun_keeps_what_went_well_and_asks_again_where_somebody_approved() {
    on_both(|api| async move {
        let third = connected(&api, json!({ "receiver_deduplicates": true })).await;
        api.save("flow", &document().to_string()).await;
        let run = api.post("/workflows/flow/runs", json!({})).await.ok();
        let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
        let live = api.post(&format!("{path}/rerun"), json!({})).await.problem(409);
        assert!(live["detail"].as_str().expect("a text").contains("the run goes on"), "{live}");
        let failed = approved(&api, &run).await;
        assert_eq!((&failed["status"], &failed["steps"]["b"]["status"]), (&json!("failed"), &json!("failed")));
        assert_eq!(paths(&third), ["/a", "/a", "/flaky", "/z"]);
        api.post(&format!("{path}/rerun"), json!({ "from": "nowhere" })).await.problem(404);
        api.post(&format!("{path}/rerun"), json!({ "from": "z" })).await.problem(404);
        let again = api.post(&format!("{path}/rerun"), json!({ "from": "b" })).await.ok();
        assert_eq!((&again["rerun_of"], &again["steps"]["a"]["attempts"]), (&run["id"], &json!(0)), "{again:#}");
        let ended = approved(&api, &again).await;
        assert_eq!(ended["status"], json!("succeeded"), "{ended:#}");
        assert_eq!(ended["steps"]["a"]["output"], failed["steps"]["a"]["output"]);
        assert_eq!(ended["steps"]["a"]["items"].as_array().map(Vec::len), Some(2));
        assert_eq!(paths(&third)[4..], ["/flaky", "/c", "/z"]);
        let calls = api.get(&format!("/runs/{}/attempts", again["id"].as_str().expect("an id"))).await.ok();
        let seen: Vec<(bool, &str)> = calls["items"]
            .as_array()
            .expect("calls")
            .iter()
            .map(|call| (call["run"] == again["id"], call["step"].as_str().expect("a step")))
            .collect();
        assert_eq!(seen, [(true, "b"), (true, "c"), (true, "z"), (false, "a"), (false, "a")]);
        let keys: Vec<String> = third.asked().iter().map(|asked| asked.headers["idempotency-key"].clone()).collect();
        assert_ne!(keys[2], keys[4], "a rerun has keys of its own");
    })
    .await;
}

#[tokio::test]
async fn a_whole_rerun_does_everything_anew_and_a_key_makes_it_once() {
    on_both(|api| async move {
        let third = connected(&api, json!({ "receiver_deduplicates": true })).await;
        let mut document = document();
        document["steps"].as_array_mut().expect("steps").truncate(1);
        api.save("flow", &document.to_string()).await;
        let run = api.post("/workflows/flow/runs", json!({})).await.ok();
        api.ended(&run).await;
        let path = format!("/runs/{}/rerun", run["id"].as_str().expect("an id"));
        let key = [("idempotency-key", "again")];
        let again = api.json(reqwest::Method::POST, &path, &key, &json!({})).await.ok();
        let same = api.json(reqwest::Method::POST, &path, &key, &json!({})).await.ok();
        assert_eq!(again["id"], same["id"]);
        assert_eq!(api.ended(&again).await["status"], json!("succeeded"));
        assert_eq!(paths(&third).iter().filter(|path| *path == "/a").count(), 4);
        api.person("vera", "viewer").await.post(&path, json!({})).await.problem(403);
    })
    .await;
}

#[tokio::test]
async fn one_item_is_done_anew_and_the_others_keep_what_they_gave() {
    on_both(|api| async move {
        let third = connected(&api, json!({ "receiver_deduplicates": true })).await;
        let mut document = document();
        document["steps"] = json!([document["steps"][0]]);
        document["steps"][0]["foreach"] = json!("['/good', '/flaky/once']");
        document["steps"][0]["with"]["path"] = json!("${{ item }}");
        api.save("flow", &document.to_string()).await;
        let run = api.post("/workflows/flow/runs", json!({})).await.ok();
        let failed = api.ended(&run).await;
        assert_eq!(failed["steps"]["a"]["error"]["details"], json!({ "items": [1] }), "{failed:#}");
        let path = format!("/runs/{}/rerun", run["id"].as_str().expect("an id"));
        api.post(&path, json!({ "item": 1 })).await.problem(422);
        api.post(&path, json!({ "from": "a", "item": 2 })).await.problem(404);
        let again = api.post(&path, json!({ "from": "a", "item": 1 })).await.ok();
        let ended = api.ended(&again).await;
        assert_eq!(ended["status"], json!("succeeded"), "{ended:#}");
        assert_eq!(ended["steps"]["a"]["items"][0]["output"], failed["steps"]["a"]["items"][0]["output"]);
        assert_eq!(paths(&third).iter().filter(|path| *path == "/good").count(), 1);
        assert_eq!(paths(&third).iter().filter(|path| *path == "/flaky/once").count(), 2);
    })
    .await;
}
