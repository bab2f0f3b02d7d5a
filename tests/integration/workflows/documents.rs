//! Workflow documents: every fault with its place, revisions, and what an event meant for them.

use reqwest::Method;
use serde_json::json;
use wardroom_domain::time::Timestamp;
use wardroom_store::{Committed, Dependant, DocumentKind, DocumentRevision, Guard, Store, Write};
use wardroom_tests::{database::BOTH, server::Server};

use crate::fixture::{connected, on_both, opened};

const GOOD: &str = "
name: tell
on:
  - stage: triage
  - manual: {}
if: incident != null
steps:
  - id: tell
    uses: webhook/send
    connection: hooks
    with: { path: /told, body: { number: '${{ incident.number }}' } }
";

const BAD: &str = "
name: tell
colour: red
on:
  - stage: nowhere
steps:
  - id: first
    uses: webhook/send
    connection: hook
    with: { path: /x, shape: round }
  - id: second
    uses: webhook/dance
    connection: hooks
    if: steps.third.status == 'failed'
  - id: third
    uses: mail/send
    needs: [second, fourth]
";

#[tokio::test]
async fn every_fault_of_a_document_has_its_place() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        let yaml = [("content-type", "application/yaml")];
        let checked = api.send(Method::POST, "/workflows/validate", &yaml, BAD.into()).await.ok();
        assert_eq!(checked["valid"], json!(false));
        let faults: Vec<String> = checked["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|fault| {
                format!("{}:{} {}", fault["line"], fault["column"], fault["message"].as_str().expect("a text"))
            })
            .collect();
        for wanted in ["3:1 ", "5:12 ", "14:", "17:"] {
            assert!(faults.iter().any(|fault| fault.starts_with(wanted)), "{wanted}: {faults:#?}");
        }
        let problem = api.send(Method::PUT, "/workflows/tell", &yaml, BAD.into()).await.problem(422);
        assert!(problem["errors"].as_array().expect("errors").len() >= 4, "{problem:#}");
        api.get("/workflows/tell").await.problem(404);
        let installed = GOOD.replace("webhook/send", "webhook/sent").replace("connection: hooks", "connection: hocks");
        let checked = api.send(Method::POST, "/workflows/validate", &yaml, installed.into_bytes()).await.ok();
        let told = checked["errors"].to_string();
        assert!(told.contains("did you mean hooks?") && told.contains("has no action sent: it has send"), "{told}");
    })
    .await;
}

#[tokio::test]
async fn saving_makes_revisions_and_the_same_text_none() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        let yaml = [("content-type", "application/yaml")];
        let save = |text: String| api.send(Method::PUT, "/workflows/tell", &yaml, text.into_bytes());
        assert_eq!(save(GOOD.to_owned()).await.ok()["revision"], json!(1));
        assert_eq!(save(GOOD.to_owned()).await.ok()["revision"], json!(1));
        assert_eq!(save(GOOD.replace("/told", "/said")).await.ok()["revision"], json!(2));
        let named = api.send(Method::PUT, "/workflows/other", &yaml, GOOD.into()).await.problem(422);
        assert_eq!(named["errors"][0]["field"], json!("name"));
        assert_eq!(api.get("/workflows/tell/revisions").await.ok()["items"].as_array().expect("items").len(), 2);
        api.send(Method::DELETE, "/plugins/webhook", &[], Vec::new()).await.problem(409);
        assert_eq!(api.send(Method::DELETE, "/workflows/tell", &[], Vec::new()).await.status, 204);
        api.get("/workflows/tell").await.problem(404);
        assert_eq!(api.send(Method::DELETE, "/plugins/webhook", &[], Vec::new()).await.status, 204);
    })
    .await;
}

#[tokio::test]
async fn a_workflow_that_cannot_be_read_does_not_hold_up_the_others() {
    for kind in BOTH {
        let mut server = Server::start(kind).await;
        let third = connected(&server.api, json!({})).await;
        server.api.save("tell", GOOD).await;
        let store = Store::open(&server.database.url).await.expect("opens");
        let revision = DocumentRevision {
            kind: DocumentKind::Workflow,
            name: "old".to_owned(),
            revision: 1,
            source: "name: old\nsteps: nonsense".to_owned(),
            created_at: Timestamp::from_unix_ms(0),
            created_by: "somebody".to_owned(),
            deleted: false,
        };
        let guard = Guard::Document(Box::new(revision));
        let write = Write { guard, then: vec![Dependant::CatalogChanged] };
        assert_eq!(store.commit(write).await.expect("is written"), Committed::Applied);
        server.restart().await;
        let api = server.api.clone();
        let problem = api.post("/workflows/old/runs", json!({})).await.problem(409);
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains("old revision 1 does not parse") && detail.contains("save it again"), "{detail}");
        opened(&api, "Checkout fails").await;
        let run = api.post("/workflows/tell/runs", json!({ "incident": "INC-1" })).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        assert_eq!(third.asked().len(), 1);
        api.save("old", &GOOD.replace("name: tell", "name: old")).await;
        let run = api.post("/workflows/old/runs", json!({ "incident": "INC-1" })).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        server.stop().await;
    }
}

#[tokio::test]
async fn each_event_tells_what_started_and_why_not() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        api.save("tell", GOOD).await;
        api.save(
            "only-drills",
            &GOOD
                .replace("name: tell", "name: only-drills")
                .replace("incident != null", "incident != null && incident.kind == 'drill'"),
        )
        .await;
        opened(&api, "Checkout fails").await;
        let enter = |to: &'static str| api.post("/incidents/INC-1/stage", json!({ "to": to, "reason": "r" }));
        enter("triage").await.ok();
        enter("investigate").await.ok();
        enter("triage").await.ok();
        let told = |page: &serde_json::Value| {
            let items = page["items"].as_array().expect("items").iter();
            items.flat_map(|event| event["outcomes"].as_array().expect("outcomes").clone()).collect::<Vec<_>>()
        };
        let automations = api.until("/incidents/INC-1/automations", |page| told(page).len() == 4).await;
        let outcomes = told(&automations);
        let why: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome["why_not"].as_str()).collect();
        assert!(why.contains(&"its `if` was false"), "{why:?}");
        assert_eq!(why.iter().filter(|why| why.contains("first entry")).count(), 2, "{why:?}");
        let runs: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome["run"].as_str()).collect();
        assert_eq!(runs.len(), 1);
        let run = api.ended(&json!({ "id": runs[0] })).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        assert_eq!(third.asked()[0].body, "{\"number\":\"INC-1\"}");
    })
    .await;
}
