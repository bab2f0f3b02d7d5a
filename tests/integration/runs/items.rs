//! `foreach`: a step for each item of a list.

use serde_json::{Value, json};
use wardroom_tests::server::Api;

use crate::fixture::{connected, on_both};

fn document(list: &str) -> Value {
    json!({
        "name": "flow",
        "on": [{ "manual": {} }],
        "inputs": { "all": { "default": ["a", "b", "c"] } },
        "steps": [
            {
                "id": "each", "uses": "webhook/send", "connection": "hooks", "foreach": list, "max_parallel": 2,
                "with": { "path": "/${{ item }}" }, "retry": { "attempts": 1 },
            },
            {
                "id": "after", "uses": "webhook/send", "connection": "hooks",
                "with": { "path": "/after", "body": "${{ steps.each.output }}" },
            },
        ],
    })
}

async fn ran(api: &Api, document: &Value, body: Value) -> Value {
    api.save("flow", &document.to_string()).await;
    let started = api.post("/workflows/flow/runs", body).await.ok();
    api.ended(&started).await
}

#[tokio::test]
async fn each_item_is_done_once_and_the_outputs_stay_in_order() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let run = ran(&api, &document("inputs.all"), json!({})).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        assert_eq!(run["order"], json!(["each", "after"]));
        let asked = third.asked();
        let mut paths: Vec<&str> = asked.iter().map(|asked| asked.path.as_str()).collect();
        assert_eq!(paths.pop(), Some("/after"));
        paths.sort_unstable();
        assert_eq!(paths, ["/a", "/b", "/c"]);
        let keys: std::collections::BTreeSet<&String> =
            asked.iter().filter_map(|asked| asked.headers.get("idempotency-key")).collect();
        assert_eq!(keys.len(), 4, "each item has a key of its own");
        let items = run["steps"]["each"]["items"].as_array().expect("items");
        let inputs: Vec<&Value> = items.iter().map(|item| &item["input"]["path"]).collect();
        assert_eq!(inputs, [&json!("/a"), &json!("/b"), &json!("/c")]);
        let done: Value = serde_json::from_str(&asked[3].body).expect("JSON");
        assert_eq!(done.as_array().map(Vec::len), Some(3));
        let attempts = api.get(&format!("/runs/{}/attempts", run["id"].as_str().expect("an id"))).await.ok();
        let mut of: Vec<Option<i64>> =
            attempts["items"].as_array().expect("attempts").iter().map(|attempt| attempt["item"].as_i64()).collect();
        of.sort_unstable();
        assert_eq!(of, [None, Some(0), Some(1), Some(2)]);
    })
    .await;
}

#[tokio::test]
async fn an_empty_list_succeeds_and_what_is_no_list_fails() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let run = ran(&api, &document("inputs.all"), json!({ "inputs": { "all": [] } })).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        assert_eq!((&run["steps"]["each"]["output"], third.asked()[0].body.as_str()), (&json!([]), "[]"));
        let message = |run: &Value| run["steps"]["each"]["error"]["message"].as_str().expect("a text").to_owned();
        let run = ran(&api, &document("inputs.all"), json!({ "inputs": { "all": 7 } })).await;
        assert_eq!(run["status"], json!("failed"));
        assert_eq!(message(&run), "`foreach`: a list is wanted, not 7");
        let many: Vec<u32> = (0..1_001).collect();
        let run = ran(&api, &document("inputs.all"), json!({ "inputs": { "all": many } })).await;
        assert_eq!(message(&run), "`foreach`: 1001 items are more than 1000");
        assert_eq!(third.asked().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_failed_item_stops_no_other_and_fails_the_step_in_the_end() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let mut document = document("inputs.all");
        let all = json!({ "inputs": { "all": ["a", "redirect?/", "c"] } });
        let run = ran(&api, &document, all.clone()).await;
        assert_eq!(run["status"], json!("failed"), "{run:#}");
        let each = &run["steps"]["each"];
        let of = |key: &str| -> Vec<Value> {
            each["items"].as_array().expect("items").iter().map(|item| item[key].clone()).collect()
        };
        assert_eq!(of("status"), [json!("succeeded"), json!("failed"), json!("succeeded")]);
        assert_eq!(each["error"]["details"]["items"], json!([1]));
        let message = each["error"]["message"].as_str().expect("a text");
        assert!(message.starts_with("1 of 3 items did not succeed, the first is item 1: "), "{message}");
        assert_eq!(run["steps"]["after"]["error"]["code"], json!("upstream_failed"));
        document["steps"][0]["on_error"] = json!("continue");
        let run = ran(&api, &document, all).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        let told: Value = serde_json::from_str(&third.asked().last().expect("asked").body).expect("JSON");
        assert!(told[0].is_object() && told[1].is_null() && told[2].is_object(), "{told}");
    })
    .await;
}

#[tokio::test]
async fn an_approval_shows_and_freezes_every_item() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let mut document = document("inputs.all");
        let gate = json!({ "id": "gate", "approve": { "notify": "none" } });
        document["steps"].as_array_mut().expect("steps").insert(0, gate);
        api.save("flow", &document.to_string()).await;
        let run = api.post("/workflows/flow/runs", json!({})).await.ok();
        let pending = api.until("/approvals?status=pending", |page| page["items"][0].is_object()).await;
        let shown = &pending["items"][0]["shows"]["each"]["with"];
        assert_eq!(shown, &json!([{ "path": "/a" }, { "path": "/b" }, { "path": "/c" }]));
        let path = format!("/approvals/{}/approve", pending["items"][0]["id"].as_str().expect("an id"));
        api.post(&path, json!({})).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        assert_eq!(third.asked().len(), 4);
    })
    .await;
}
