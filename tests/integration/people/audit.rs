//! The audit log: every change of the platform leaves one entry with what was before and after, and never a secret.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_base::clock::{Clock as _, SystemClock};
use wardroom_tests::server::Api;

use crate::fixture::on_both;

const WORKFLOW: &str = "name: flow\non: [{ manual: {} }]\nsteps:\n  - { id: a, uses: wardroom/add-timeline, with: { text: a } }\nif: incident != null\n";

async fn yaml(api: &Api, path: &str, source: &str) {
    let headers = [("content-type", "application/yaml")];
    api.send(Method::PUT, path, &headers, source.as_bytes().to_vec()).await.ok();
}

async fn delete(api: &Api, path: &str) {
    let answer = api.send(Method::DELETE, path, &[], Vec::new()).await;
    assert_eq!(answer.status, 204, "{path}: {:#}", answer.body);
}

/// The only entry of an action for a target: what was before and after.
async fn told(api: &Api, action: &str, target: &str) -> (Value, Value) {
    let page = api.get(&format!("/audit?action={action}&target={target}")).await.ok();
    let items = page["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1, "{action} {target}: {page:#}");
    (items[0]["data"]["before"].clone(), items[0]["data"]["after"].clone())
}

#[tokio::test]
async fn every_change_leaves_what_was_before_and_after() {
    on_both(|api| async move {
        api.install("webhook").await;
        let (before, after) = told(&api, "plugin.install", "webhook").await;
        assert_eq!((&before, after["version"].is_string()), (&json!(null), true), "{after}");
        api.put("/secrets/bot", json!({ "value": "hush-hush" })).await.ok();
        let (before, after) = told(&api, "secret.set", "bot").await;
        assert_eq!((&before, &after["updated_by"]), (&json!(null), &json!("admin")));
        let hooks = |url: &str| json!({ "plugin": "webhook", "base_url": url });
        api.put("/connections/hooks", hooks("https://a.example")).await.ok();
        api.put("/connections/hooks", hooks("https://b.example")).await.ok();
        let page = api.get("/audit?action=connection.&target=hooks").await.ok();
        let change = &page["items"][0]["data"];
        assert_eq!(
            (&change["before"]["base_url"], &change["after"]["base_url"]),
            (&json!("https://a.example"), &json!("https://b.example"))
        );
        yaml(&api, "/workflows/flow", WORKFLOW).await;
        assert_eq!(told(&api, "workflow.save", "flow").await, (json!(null), json!({ "revision": 1 })));
        delete(&api, "/workflows/flow").await;
        assert_eq!(told(&api, "workflow.delete", "flow").await, (json!({ "revision": 1 }), json!(null)));
        yaml(&api, "/playbooks/small", "kind: playbook\nname: small\nstages: {}\n").await;
        assert_eq!(told(&api, "playbook.save", "small").await, (json!(null), json!({ "revision": 1 })));
        let person = json!({ "handle": "ada", "name": "Ada" });
        api.post("/people", person).await.ok();
        api.json(Method::PATCH, "/people/ada", &[], &json!({ "name": "Ada Lovelace" })).await.ok();
        let (before, after) = told(&api, "person.edit", "ada").await;
        assert_eq!((&before["name"], &after["name"]), (&json!("Ada"), &json!("Ada Lovelace")));
        let token = api.post("/tokens", json!({ "person": "ada", "role": "viewer" })).await.ok();
        let id = token["id"].as_str().expect("an id");
        delete(&api, &format!("/tokens/{id}")).await;
        let (before, after) = told(&api, "token.revoke", id).await;
        assert_eq!((&before["revoked_at"], after["revoked_at"].is_string()), (&json!(null), true));
        api.put("/sources/grafana", json!({ "kind": "grafana" })).await.ok();
        assert_eq!(told(&api, "source.set", "grafana").await.1["kind"], json!("grafana"));
        let ends_at = SystemClock.now().plus(Duration::from_hours(1)).to_string();
        let silence = json!({ "labels": { "team": "blue" }, "ends_at": ends_at, "reason": "works" });
        let silence = api.post("/silences", silence).await.ok();
        let id = silence["id"].as_str().expect("an id");
        delete(&api, &format!("/silences/{id}")).await;
        let (before, after) = told(&api, "silence.end", id).await;
        assert_eq!(before["ends_at"], json!(ends_at));
        assert_ne!(after["ends_at"], before["ends_at"]);
        let everything = api.get("/audit?limit=200").await.ok().to_string();
        let secret = token["token"].as_str().expect("a token");
        assert!(!everything.contains("hush-hush") && !everything.contains(secret), "{everything}");
    })
    .await;
}

#[tokio::test]
async fn entries_are_found_by_who_what_and_when() {
    on_both(|api| async move {
        let ada = api.person("ada_l", "admin").await;
        ada.put("/secrets/one", json!({ "value": "x" })).await.ok();
        ada.put("/secrets/two", json!({ "value": "x" })).await.ok();
        let count = async |query: &str| {
            let page = api.get(&format!("/audit?{query}")).await.ok();
            page["items"].as_array().expect("a list").len()
        };
        assert_eq!(count("actor=ada_l").await, 2);
        assert_eq!((count("actor=adaxl").await, count("actor=a%25").await), (0, 0), "a handle is no pattern");
        assert_eq!(count("actor=ada_l&action=secret.").await, 2);
        assert_eq!(count("action=secret.se").await, 0, "a part of an action is none");
        assert_eq!(count("target=two").await, 1);
        assert_eq!(count("until=2020-01-01T00:00:00Z").await, 0);
        assert_eq!(count("actor=ada_l&since=2020-01-01T00:00:00Z").await, 2);
        assert_eq!(count("actor=ada_l&limit=1").await, 1);
        for wrong in ["actor=", "since=2021-01-01T00:00:00Z&until=2020-01-01T00:00:00Z", "since=yesterday"] {
            let answer = api.get(&format!("/audit?{wrong}")).await;
            assert!(answer.status.is_client_error(), "{wrong}");
        }
    })
    .await;
}
