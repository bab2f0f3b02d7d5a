//! Incidents: the stage machine, edits, roles and the timeline.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{on_both, opened};

fn texts(timeline: &Value) -> Vec<String> {
    let items = timeline["items"].as_array().expect("items").iter();
    items.map(|entry| entry["text"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn an_incident_goes_through_its_stages_and_no_other_way() {
    on_both(|api| async move {
        let incident = opened(&api, "Checkout fails").await;
        assert_eq!((&incident["number"], &incident["stage"]), (&json!("INC-1"), &json!("alerting")));
        let enter = |to: &'static str, reason: Option<&'static str>| {
            api.post("/incidents/INC-1/stage", json!({ "to": to, "reason": reason }))
        };
        let unknown = enter("panic", None).await.problem(422);
        assert!(unknown["detail"].as_str().expect("a text").contains("triage"), "{unknown}");
        enter("alerting", None).await.problem(409);
        enter("closed", None).await.problem(409);
        enter("canceled", None).await.problem(409);
        let investigate = enter("investigate", None).await.ok();
        assert!(!investigate["times"]["acknowledged_at"].is_null());
        enter("triage", None).await.problem(409);
        enter("triage", Some("wrong service")).await.ok();
        let resolution = enter("resolution", None).await.ok();
        assert!(!resolution["times"]["resolved_at"].is_null());
        enter("retrospective", None).await.ok();
        let waived = json!({ "reason": "a trial" });
        assert_eq!(api.post("/incidents/INC-1/retrospective/waive", waived).await.status, 204);
        enter("closed", None).await.ok();
        enter("triage", Some("again")).await.problem(409);
        enter("investigate", None).await.ok();
        let timeline = api.get("/incidents/INC-1/timeline?kind=opened,stage").await.ok();
        assert_eq!(
            texts(&timeline),
            [
                "opened as sev1: Checkout fails",
                "entered investigate from alerting",
                "entered triage from investigate: wrong service",
                "entered resolution from triage",
                "entered retrospective from resolution",
                "entered closed from retrospective",
                "entered investigate from closed",
            ]
        );
        assert_eq!(timeline["items"][0]["actor"]["handle"], json!("admin"));
    })
    .await;
}

#[tokio::test]
async fn edits_expect_the_revision_that_was_read() {
    on_both(|api| async move {
        opened(&api, "Checkout fails").await;
        let read = api.get("/incidents/INC-1").await;
        let etag = read.etag.expect("an ETag");
        let edit = |etag: String, body: Value| {
            let api = api.clone();
            async move { api.json(Method::PATCH, "/incidents/INC-1", &[("if-match", &etag)], &body).await }
        };
        let edited =
            edit(etag.clone(), json!({ "severity": "sev2", "impact_started_at": "2026-11-23T04:00:00Z" })).await.ok();
        assert_eq!(edited["severity"], json!("sev2"));
        assert_eq!(edited["times"]["impact_started_at"], json!("2026-11-23T04:00:00.000Z"));
        edit(etag, json!({ "title": "late" })).await.problem(412);
        let cleared = edit("*".to_owned(), json!({ "impact_started_at": null })).await.ok();
        assert_eq!(cleared["times"]["impact_started_at"], json!(null));
        let before = cleared["revision"].clone();
        api.post("/incidents/INC-1/timeline", json!({ "text": "a note" })).await.ok();
        api.post("/incidents/INC-1/timeline", json!({ "text": "a\u{0}note" })).await.ok();
        assert_eq!(api.get("/incidents/INC-1").await.ok()["revision"], before, "notes are not what people edit");
    })
    .await;
}

#[tokio::test]
async fn a_key_makes_a_repeated_request_one() {
    on_both(|api| async move {
        let open = |title: &'static str| {
            let api = api.clone();
            async move {
                let body = json!({ "title": title, "severity": "sev3" });
                api.json(Method::POST, "/incidents", &[("idempotency-key", "k-1")], &body).await
            }
        };
        let (first, second) = tokio::join!(open("one"), open("one"));
        let (first, second) = (first.ok(), second.ok());
        assert_eq!(first["id"], second["id"]);
        assert_eq!(open("one").await.ok()["id"], first["id"]);
        let other = open("two").await.problem(422);
        assert_eq!(other["type"], json!("urn:wardroom:problem:key-reused"));
        assert_eq!(api.get("/incidents").await.ok()["items"].as_array().expect("items").len(), 1);
        let spaced = api.json(Method::POST, "/incidents", &[("idempotency-key", "a b")], &json!({})).await;
        spaced.problem(400);
    })
    .await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    on_both(|api| async move {
        for number in 1..=5 {
            opened(&api, &format!("incident {number}")).await;
        }
        let first = api.get("/incidents?limit=2").await.ok();
        let numbers = |page: &Value| -> Vec<String> {
            let items = page["items"].as_array().expect("items").iter();
            items.map(|one| one["number"].as_str().expect("a number").to_owned()).collect()
        };
        assert_eq!(numbers(&first), ["INC-5", "INC-4"]);
        let after = first["next"].as_str().expect("a cursor");
        let second = api.get(&format!("/incidents?limit=2&after={after}")).await.ok();
        assert_eq!(numbers(&second), ["INC-3", "INC-2"]);
        let after = second["next"].as_str().expect("a cursor");
        let last = api.get(&format!("/incidents?limit=2&after={after}")).await.ok();
        assert_eq!((numbers(&last), &last["next"]), (vec!["INC-1".to_owned()], &json!(null)));
    })
    .await;
}

#[tokio::test]
async fn roles_have_a_primary_and_a_backup() {
    on_both(|api| async move {
        opened(&api, "Checkout fails").await;
        api.person("ada", "responder").await;
        api.person("bob", "responder").await;
        let assign = |body| api.put("/incidents/INC-1/roles/commander", body);
        let unknown = assign(json!({ "primary": "zoe" })).await.problem(422);
        assert_eq!(unknown["errors"][0]["field"], json!("primary"));
        assign(json!({ "primary": "ada", "backup": "ada" })).await.problem(422);
        let assigned = assign(json!({ "primary": "ada", "backup": "bob" })).await.ok();
        assert!(assigned["roles"]["commander"]["backup"].is_string());
        let timeline = api.get("/incidents/INC-1/timeline").await.ok();
        assert_eq!(texts(&timeline)[1], "commander: ada (primary), bob (backup)");
    })
    .await;
}
