//! Approvals: who may decide, what silence means, and that nothing happens before.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_tests::server::Api;

use crate::fixture::{connected, on_both, on_both_by_clock, opened};

fn gated(extra: &str) -> String {
    format!(
        "
name: gated
on: [{{ manual: {{}} }}]
if: incident != null
steps:
  - id: gate
    approve: {{ role: commander, notify: none{extra} }}
  - {{ id: act, uses: webhook/send, connection: hooks, with: {{ path: /act, body: '${{{{ incident.number }}}}' }} }}
"
    )
}

/// Starts the gated workflow and waits for its approval.
async fn waiting(api: &Api, extra: &str) -> (Value, String) {
    api.save("gated", &gated(extra)).await;
    let run = api.post("/workflows/gated/runs", json!({ "incident": "INC-1" })).await.ok();
    let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
    let run = api.until(&path, |run| run["status"] == json!("waiting")).await;
    let approval = run["steps"]["gate"]["approval"].as_str().expect("an approval").to_owned();
    (run, approval)
}

#[tokio::test]
async fn nothing_happens_before_somebody_approves() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        opened(&api, "Checkout fails").await;
        let (run, approval) = waiting(&api, "").await;
        assert_eq!(third.asked(), []);
        let pending = api.get("/approvals?status=pending").await.ok();
        assert_eq!(pending["items"][0]["id"], json!(approval));
        assert_eq!(pending["items"][0]["shows"]["act"]["with"]["body"], json!("INC-1"));
        let decided =
            api.post(&format!("/approvals/{approval}/approve"), json!({ "reason": "errors are up" })).await.ok();
        assert_eq!(decided["status"], json!("approved"));
        assert_eq!(decided["reason"], json!("errors are up (nobody holds the role commander)"));
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        assert_eq!(third.asked().len(), 1);
        api.post(&format!("/approvals/{approval}/reject"), json!({})).await.problem(409);
    })
    .await;
}

#[tokio::test]
async fn a_rejection_ends_the_run_as_rejected() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        opened(&api, "Checkout fails").await;
        let (run, approval) = waiting(&api, "").await;
        api.post(&format!("/approvals/{approval}/reject"), json!({ "reason": "wrong flag" })).await.ok();
        let run = api.ended(&run).await;
        assert_eq!(run["status"], json!("rejected"));
        assert_eq!(run["steps"]["act"]["status"], json!("skipped"));
        assert_eq!(third.asked(), []);
    })
    .await;
}

#[tokio::test]
async fn only_the_role_or_its_backup_decides() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        opened(&api, "Checkout fails").await;
        let (ada, bob, eve) = (
            api.person("ada", "responder").await,
            api.person("bob", "responder").await,
            api.person("eve", "responder").await,
        );
        api.put("/incidents/INC-1/roles/commander", json!({ "primary": "ada", "backup": "bob" })).await.ok();
        let (run, approval) = waiting(&api, "").await;
        let path = format!("/approvals/{approval}/approve");
        let refused = eve.post(&path, json!({})).await.problem(403);
        assert!(refused["detail"].as_str().expect("a text").contains("commander of INC-1"), "{refused}");
        ada.with_token("").post(&path, json!({})).await.problem(401);
        bob.post(&path, json!({})).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        ada.post(&path, json!({})).await.problem(409);
    })
    .await;
}

#[tokio::test]
async fn silence_means_what_the_document_says() {
    on_both_by_clock(|api, clock| async move {
        let third = connected(&api, json!({})).await;
        opened(&api, "Checkout fails").await;
        let (run, _) = waiting(&api, ", timeout: 1s, on_timeout: reject").await;
        clock.pass(Duration::from_secs(1));
        assert_eq!(api.ended(&run).await["status"], json!("rejected"));
        assert_eq!(third.asked(), []);
        let (run, _) = waiting(&api, ", timeout: 1s, on_timeout: approve").await;
        clock.pass(Duration::from_secs(1));
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        assert_eq!(third.asked().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn whoever_started_a_run_does_not_approve_its_destructive_steps() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        api.install("unleash").await;
        let flags = json!({ "plugin": "unleash", "base_url": third.url(), "grant": { "networks": ["127.0.0.0/8"] } });
        api.put("/connections/flags", flags).await.ok();
        opened(&api, "Checkout fails").await;
        let source =
            gated("").replace("uses: webhook/send, connection: hooks", "uses: unleash/disable-flag, connection: flags");
        let source = source.replace("{ path: /act, body: '${{ incident.number }}' }", "{ flag: till }");
        api.save("gated", &source).await;
        let run = api.post("/workflows/gated/runs", json!({ "incident": "INC-1" })).await.ok();
        let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
        let run = api.until(&path, |run| run["status"] == json!("waiting")).await;
        let approve = format!("/approvals/{}/approve", run["steps"]["gate"]["approval"].as_str().expect("an approval"));
        let refused = api.post(&approve, json!({})).await.problem(403);
        assert!(refused["detail"].as_str().expect("a text").contains("somebody else"), "{refused}");
        assert_eq!(third.asked(), []);
        let ada = api.person("ada", "responder").await;
        assert_eq!(ada.post(&approve, json!({})).await.ok()["destructive"], json!(true));
    })
    .await;
}

#[tokio::test]
async fn as_many_different_people_as_the_document_wants_have_to_agree() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        opened(&api, "Checkout fails").await;
        let (ada, bob) = (api.person("ada", "responder").await, api.person("bob", "responder").await);
        let eve = api.person("eve", "responder").await;
        let source = gated("").replace("role: commander", "people: [ada, bob], quorum: 2");
        api.save("gated", &source).await;
        let run = api.post("/workflows/gated/runs", json!({ "incident": "INC-1" })).await.ok();
        let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
        let waiting = api.until(&path, |run| run["status"] == json!("waiting")).await;
        let approval = format!("/approvals/{}", waiting["steps"]["gate"]["approval"].as_str().expect("an approval"));
        let approve = format!("{approval}/approve");
        let refused = eve.post(&approve, json!({})).await.problem(403);
        assert_eq!(refused["detail"], json!("only ada, bob may decide this"));
        let first = ada.post(&approve, json!({ "reason": "errors are up" })).await.ok();
        assert_eq!((&first["status"], &first["quorum"]), (&json!("pending"), &json!(2)), "{first:#}");
        assert_eq!(first["votes"][0]["reason"], json!("errors are up"));
        let twice = ada.post(&approve, json!({})).await.problem(409);
        assert!(twice["detail"].as_str().expect("a text").contains("somebody else has to"), "{twice}");
        assert_eq!(api.get(&path).await.ok()["status"], json!("waiting"));
        assert_eq!(bob.post(&approve, json!({})).await.ok()["status"], json!("approved"));
        let run = api.ended(&run).await;
        assert_eq!(run["steps"]["gate"]["output"]["votes"].as_array().map(Vec::len), Some(2), "{run:#}");
        // One no is enough.
        let run = api.post("/workflows/gated/runs", json!({ "incident": "INC-1" })).await.ok();
        let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
        let waiting = api.until(&path, |run| run["status"] == json!("waiting")).await;
        let approval = waiting["steps"]["gate"]["approval"].as_str().expect("an approval");
        ada.post(&format!("/approvals/{approval}/approve"), json!({})).await.ok();
        bob.post(&format!("/approvals/{approval}/reject"), json!({})).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("rejected"));
    })
    .await;
}
