//! `concurrency`: of the runs of one key, one goes on at a time.

use serde_json::{Value, json};
use wardroom_tests::server::Api;

use crate::fixture::{connected, on_both};

/// Waits for an approval, then calls.
fn document(policy: &str) -> String {
    json!({
        "name": "flow",
        "on": [{ "manual": {} }, { "signal": "go", "with": { "service": "${{ trigger.payload.service }}" } }],
        "inputs": { "service": { "type": "string", "default": "checkout" } },
        "concurrency": { "key": "${{ inputs.service }}", "policy": policy },
        "timeout": "1h",
        "steps": [
            { "id": "gate", "approve": { "notify": "none" } },
            { "id": "act", "uses": "webhook/send", "connection": "hooks", "with": { "path": "/${{ run.id }}" } },
        ],
    })
    .to_string()
}

async fn started(api: &Api, service: &str) -> Value {
    api.post("/workflows/flow/runs", json!({ "inputs": { "service": service } })).await.ok()
}

fn path(run: &Value) -> String {
    format!("/runs/{}", run["id"].as_str().expect("an id"))
}

/// Waits until it is a run's turn, and lets it go on.
async fn let_go(api: &Api, run: &Value) {
    let run = api.until(&path(run), |run| run["status"] == json!("waiting")).await;
    assert_eq!(run["slot"]["held"], json!(true), "{run:#}");
    let approval = run["steps"]["gate"]["approval"].as_str().expect("an approval").to_owned();
    api.post(&format!("/approvals/{approval}/approve"), json!({})).await.ok();
}

#[tokio::test]
async fn runs_of_one_key_wait_for_their_turn_and_others_do_not() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        api.save("flow", &document("queue")).await;
        let (first, second, third_run) =
            (started(&api, "checkout").await, started(&api, "checkout").await, started(&api, "checkout").await);
        let other = started(&api, "search").await;
        api.until(&path(&other), |run| run["status"] == json!("waiting")).await;
        api.until(&path(&first), |run| run["status"] == json!("waiting")).await;
        let queued = api.get(&path(&second)).await.ok();
        assert_eq!((&queued["status"], &queued["slot"]["held"]), (&json!("queued"), &json!(false)), "{queued:#}");
        assert_eq!(queued["steps"]["gate"]["status"], json!("pending"));
        // One that waits can be stopped without ever having begun.
        api.post(&format!("{}/cancel", path(&second)), json!({})).await.ok();
        let canceled = api.ended(&second).await;
        assert_eq!((&canceled["status"], &canceled["steps"]["act"]["status"]), (&json!("canceled"), &json!("skipped")));
        let_go(&api, &first).await;
        let_go(&api, &third_run).await;
        assert_eq!(api.ended(&third_run).await["status"], json!("succeeded"));
        let asked: Vec<String> = third.asked().into_iter().map(|asked| asked.path).collect();
        let ids = [&first, &third_run].map(|run| format!("/{}", run["id"].as_str().expect("an id")));
        assert_eq!(asked, ids);
    })
    .await;
}

#[tokio::test]
async fn skip_makes_no_run_and_says_why() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        api.save("flow", &document("skip")).await;
        let incident = crate::fixture::opened(&api, "Checkout fails").await;
        let signals = (0..8).map(|_| {
            let body = json!({ "incident": incident["number"], "payload": { "service": "checkout" } });
            let api = api.clone();
            async move { api.post("/signals/go", body).await.ok() }
        });
        futures_util::future::join_all(signals).await;
        let known = api
            .until("/incidents/INC-1/automations", |known| {
                let told = |item: &&Value| item["type"] == json!("signal") && item["outcomes"][0].is_object();
                known["items"].as_array().is_some_and(|items| items.iter().filter(told).count() == 8)
            })
            .await;
        let outcomes: Vec<&Value> =
            known["items"].as_array().expect("a list").iter().map(|item| &item["outcomes"][0]).collect();
        let why: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome["why_not"].as_str()).collect();
        assert_eq!(why.len(), 7, "{known:#}");
        assert!(why.iter().all(|why| why.contains("goes on, and the policy is to skip")), "{why:?}");
        assert_eq!(api.get("/runs").await.ok()["items"].as_array().map(Vec::len), Some(1));
        let refused = api.post("/workflows/flow/runs", json!({})).await.problem(409);
        assert!(refused["detail"].as_str().expect("a text").contains("the policy is to skip"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn the_newest_takes_the_place_of_those_before_it() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        api.save("flow", &document("cancel-running")).await;
        let first = started(&api, "checkout").await;
        api.until(&path(&first), |run| run["status"] == json!("waiting")).await;
        let second = started(&api, "checkout").await;
        let newest = started(&api, "checkout").await;
        assert_eq!(api.ended(&first).await["status"], json!("canceled"));
        assert_eq!(api.ended(&second).await["status"], json!("canceled"));
        let_go(&api, &newest).await;
        assert_eq!(api.ended(&newest).await["status"], json!("succeeded"));
        assert_eq!(third.count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_queue_is_bounded_and_a_key_has_to_be_a_text() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        api.save("flow", &document("queue")).await;
        for _ in 0..101 {
            started(&api, "checkout").await;
        }
        let full = api.post("/workflows/flow/runs", json!({})).await.problem(409);
        assert!(full["detail"].as_str().expect("a text").contains("100 runs of \"checkout\" wait already"), "{full}");
        let broken = document("queue").replace("${{ inputs.service }}", "${{ [inputs.service] }}");
        api.save("flow", &broken).await;
        let refused = api.post("/workflows/flow/runs", json!({})).await.problem(409);
        assert!(refused["detail"].as_str().expect("a text").contains("a text is wanted"), "{refused}");
    })
    .await;
}
