//! Taking back what a run did.

use serde_json::{Value, json};
use wardroom_tests::{server::Api, third_party::ThirdParty};

use crate::fixture::{marking, on_both};

/// Marks `a`, then each of `b` and `c`, then what `last` says; taken back under `back`.
fn document(last: &Value, back: &str) -> Value {
    let mark = |id: &str, name: &str| {
        json!({
            "id": id, "uses": "hostile/mark", "connection": "marks", "retry": { "attempts": 1 },
            "with": { "name": name, "undo": format!("{back}/{name}") },
        })
    };
    let mut each = mark("each", "${{ item }}");
    each["foreach"] = json!("['b', 'c']");
    each["max_parallel"] = json!(1);
    json!({ "name": "flow", "on": [{ "manual": {} }], "steps": [mark("first", "a"), each, last] })
}

fn failing() -> Value {
    json!({ "id": "bad", "uses": "hostile/fail", "connection": "marks" })
}

async fn ran(api: &Api, document: &Value) -> Value {
    api.save("flow", &document.to_string()).await;
    let run = api.post("/workflows/flow/runs", json!({})).await.ok();
    api.ended(&run).await
}

fn paths(third: &ThirdParty) -> Vec<String> {
    third.asked().iter().map(|asked| asked.path.clone()).collect()
}

fn undo(run: &Value) -> String {
    format!("/runs/{}/undo", run["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_run_is_taken_back_in_reverse_order_and_once() {
    on_both(|api| async move {
        let third = marking(&api).await;
        let run = ran(&api, &document(&failing(), "/flaky")).await;
        assert_eq!(run["status"], json!("failed"), "{run:#}");
        assert_eq!(run["steps"]["first"]["can_undo"], json!(true));
        let undone = api.post(&undo(&run), json!({})).await.ok();
        assert_eq!((&undone["undo_of"], &undone["order"]), (&run["id"], &json!(["each_1", "each_0", "first"])));
        // The far end refuses the first try of each: a step that fails holds up what comes before it.
        let stuck = api.ended(&undone).await;
        assert_eq!(stuck["status"], json!("failed"), "{stuck:#}");
        assert_eq!(stuck["steps"]["each_0"]["status"], json!("skipped"));
        let again = api.post(&undo(&run), json!({})).await.problem(409);
        assert!(again["detail"].as_str().expect("a text").contains("taken back already, by run"), "{again}");
        let mut last = stuck;
        for from in ["each_1", "each_0", "first"] {
            let path = format!("/runs/{}/rerun", last["id"].as_str().expect("an id"));
            let retried = api.post(&path, json!({ "from": from })).await.ok();
            last = api.ended(&retried).await;
        }
        assert_eq!(last["status"], json!("succeeded"), "{last:#}");
        let marks = ["/mark/a", "/mark/b", "/mark/c"];
        let unmarks = ["/flaky/c", "/flaky/c", "/flaky/b", "/flaky/b", "/flaky/a", "/flaky/a"];
        assert_eq!(paths(&third), [&marks[..], &unmarks].concat());
        let before = api.get(&format!("/runs/{}", run["id"].as_str().expect("an id"))).await.ok();
        assert_eq!(before["status"], json!("failed"), "what has ended stays as it is");
    })
    .await;
}

#[tokio::test]
async fn the_document_or_whoever_cancels_may_want_it() {
    on_both(|api| async move {
        let third = marking(&api).await;
        let mut document = document(&failing(), "/back");
        document["undo"] = json!(true);
        let run = ran(&api, &document).await;
        let wanted =
            |page: &Value| page["items"][0]["undo_of"] == run["id"] && !page["items"][0]["finished_at"].is_null();
        api.until("/runs", wanted).await;
        let back = ["/back/c", "/back/b", "/back/a"];
        assert_eq!(paths(&third)[3..], back);
        document["undo"] = json!(false);
        document["steps"][2] = json!({ "id": "bad", "approve": { "notify": "none" } });
        api.save("flow", &document.to_string()).await;
        let run = api.post("/workflows/flow/runs", json!({})).await.ok();
        let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
        api.until(&path, |run| run["status"] == json!("waiting")).await;
        api.post(&undo(&run), json!({})).await.problem(409);
        api.post(&format!("{path}/cancel"), json!({ "undo": true, "reason": "wrong flag" })).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("canceled"));
        let wanted =
            |page: &Value| page["items"][0]["undo_of"] == run["id"] && !page["items"][0]["finished_at"].is_null();
        let page = api.until("/runs", wanted).await;
        assert_eq!(page["items"][0]["status"], json!("succeeded"), "{page:#}");
        assert_eq!(paths(&third)[9..], back);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_goes_on_elsewhere_is_taken_back_when_its_run_is_canceled() {
    on_both(|api| async move {
        let third = marking(&api).await;
        let document = json!({
            "name": "flow", "on": [{ "manual": {} }],
            "steps": [
                { "id": "first", "uses": "hostile/mark", "connection": "marks", "with": { "name": "a", "undo": "/back/a" } },
                { "id": "job", "uses": "hostile/mark", "connection": "marks",
                  "with": { "name": "b", "undo": "/back/b", "goes_on": true } },
            ],
        });
        api.save("flow", &document.to_string()).await;
        let run = api.post("/workflows/flow/runs", json!({})).await.ok();
        let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
        api.until(&path, |run| run["steps"]["job"]["can_undo"] == json!(true)).await;
        api.post(&format!("{path}/cancel"), json!({ "undo": true, "reason": "wrong job" })).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("canceled"));
        let wanted =
            |page: &Value| page["items"][0]["undo_of"] == run["id"] && !page["items"][0]["finished_at"].is_null();
        let page = api.until("/runs", wanted).await;
        assert_eq!(page["items"][0]["status"], json!("succeeded"), "{page:#}");
        assert_eq!(paths(&third), ["/mark/a", "/mark/b", "/back/b", "/back/a"], "what is not finished first");
    })
    .await;
}

#[tokio::test]
async fn what_leads_elsewhere_now_is_not_taken_back() {
    on_both(|api| async move {
        let third = marking(&api).await;
        let run = ran(&api, &document(&failing(), "/flaky")).await;
        let asked = third.count();
        let other = ThirdParty::start().await;
        let moved = json!({ "plugin": "hostile", "base_url": other.url(), "grant": { "networks": ["127.0.0.0/8"] } });
        api.put("/connections/marks", moved).await.ok();
        let refused = api.post(&undo(&run), json!({})).await.problem(409);
        assert!(refused["detail"].as_str().expect("a text").contains("leads elsewhere now"), "{refused}");
        let plain = json!({
            "name": "plain", "on": [{ "manual": {} }],
            "steps": [{ "id": "ok", "uses": "hostile/note", "connection": "marks", "on_error": "continue" }],
        });
        api.save("plain", &plain.to_string()).await;
        let run = api.post("/workflows/plain/runs", json!({})).await.ok();
        let run = api.ended(&run).await;
        let refused = api.post(&undo(&run), json!({})).await.problem(409);
        assert!(
            refused["detail"].as_str().expect("a text").contains("left anything to take it back with"),
            "{refused}"
        );
        assert_eq!((third.count(), other.count()), (asked, 0));
    })
    .await;
}

#[tokio::test]
async fn what_an_event_started_can_be_run_again_and_taken_back_by_hand() {
    on_both(|api| async move {
        let third = marking(&api).await;
        let mut document = document(&failing(), "/back");
        document["on"] = json!([{ "signal": "go" }]);
        api.save("flow", &document.to_string()).await;
        api.post("/signals/go", json!({})).await.ok();
        let ended = |page: &Value| page["items"][0]["status"] == json!("failed");
        let run = api.until("/runs", ended).await["items"][0].clone();
        api.post("/workflows/flow/runs", json!({})).await.problem(409);
        let undone = api.post(&undo(&run), json!({})).await.ok();
        assert_eq!(api.ended(&undone).await["status"], json!("succeeded"));
        let again = format!("/runs/{}/rerun", run["id"].as_str().expect("an id"));
        let again = api.post(&again, json!({ "from": "bad" })).await.ok();
        assert_eq!(api.ended(&again).await["status"], json!("failed"));
        assert_eq!(paths(&third), ["/mark/a", "/mark/b", "/mark/c", "/back/c", "/back/b", "/back/a"]);
    })
    .await;
}
