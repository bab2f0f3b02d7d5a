//! Alert intake with bodies that a real Alertmanager sent.

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::guests::root;

use crate::fixture::on_both;

fn capture(name: &str) -> Value {
    let path = root().join("tests/captures").join(format!("alertmanager-{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn an_alert_opens_one_incident_and_a_redelivery_changes_nothing() {
    on_both(|api| async move {
        let deliver = |body: Value| api.post("/hooks/alertmanager", body);
        let first = deliver(capture("firing")).await.ok();
        assert_eq!(first, json!({ "incident": "INC-1", "opened": true, "changed": 1 }));
        let incident = api.get("/incidents/INC-1").await.ok();
        assert_eq!((&incident["severity"], &incident["stage"]), (&json!("sev1"), &json!("alerting")));
        assert!(incident["title"].as_str().expect("a title").ends_with("is down"), "{incident}");
        assert_eq!(incident["labels"]["service"], json!("checkout"));
        let again = deliver(capture("firing")).await.ok();
        assert_eq!(again, json!({ "incident": "INC-1", "opened": false, "changed": 0 }));
        let resolved = deliver(capture("resolved")).await.ok();
        assert_eq!(resolved, json!({ "incident": "INC-1", "opened": false, "changed": 1 }));
        let after = api.get("/incidents/INC-1").await.ok();
        assert_eq!(after["stage"], json!("alerting"), "a resolved alert moves no stage");
        assert_eq!(after["revision"], incident["revision"], "alerts are not what people edit");
        assert_eq!(api.get("/incidents/INC-1/alerts").await.ok()["items"][0]["status"], json!("resolved"));
        assert_eq!(api.get("/incidents").await.ok()["items"].as_array().expect("items").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_group_is_one_incident_and_a_later_firing_a_recurrence() {
    on_both(|api| async move {
        let deliver = |body: Value| api.post("/hooks/alertmanager", body);
        let body = capture("grouped-firing");
        let alerts = body["alerts"].as_array().expect("alerts").len();
        let taken = deliver(body.clone()).await.ok();
        assert_eq!((&taken["opened"], &taken["changed"]), (&json!(true), &json!(alerts)));
        for stage in ["resolution", "retrospective"] {
            api.post("/incidents/INC-1/stage", json!({ "to": stage })).await.ok();
        }
        deliver(capture("grouped-resolved")).await.ok();
        let taken = deliver(body).await.ok();
        assert_eq!((&taken["incident"], &taken["opened"]), (&json!("INC-2"), &json!(true)));
        let first = api.get("/incidents/INC-1").await.ok();
        assert_eq!(api.get("/incidents/INC-2").await.ok()["recurrence_of"], first["id"]);
    })
    .await;
}

#[tokio::test]
async fn many_deliveries_at_once_open_one_incident() {
    on_both(|api| async move {
        let mut deliveries = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let api = api.clone();
            deliveries.spawn(async move { api.post("/hooks/alertmanager", capture("firing")).await.ok() });
        }
        let opened = deliveries.join_all().await.iter().filter(|taken| taken["opened"] == json!(true)).count();
        assert_eq!(opened, 1);
        assert_eq!(api.get("/incidents").await.ok()["items"].as_array().expect("items").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_source_delivers_with_its_own_token_and_nothing_else() {
    on_both(|api| async move {
        api.put("/secrets/source-alertmanager", json!({ "value": "hook-token" })).await.ok();
        let source = api.with_token("hook-token");
        source.post("/hooks/alertmanager", capture("firing")).await.ok();
        source.get("/incidents").await.problem(401);
        api.with_token("hook-tokem").post("/hooks/alertmanager", capture("firing")).await.problem(401);
        let viewer = api.person("vera", "viewer").await;
        viewer.post("/hooks/alertmanager", capture("firing")).await.problem(403);
        api.post("/hooks/pigeon", json!({})).await.problem(404);
    })
    .await;
}

#[tokio::test]
async fn half_a_body_is_refused_by_the_field_that_is_missing() {
    on_both(|api| async move {
        let without = |pointer: &str, key: &str| {
            let mut body = capture("firing");
            body.pointer_mut(pointer).and_then(Value::as_object_mut).expect("an object").remove(key);
            body
        };
        for (pointer, key) in [("", "alerts"), ("", "groupKey"), ("/alerts/0", "status"), ("/alerts/0", "labels")] {
            let problem = api.post("/hooks/alertmanager", without(pointer, key)).await.problem(422);
            assert!(problem["detail"].as_str().expect("a text").contains(key), "{problem}");
        }
        let mut old = capture("firing");
        old["version"] = json!("3");
        assert_eq!(api.post("/hooks/alertmanager", old).await.problem(422)["errors"][0]["field"], json!("version"));
        let fine = without("/alerts/0", "fingerprint");
        api.post("/hooks/alertmanager", fine).await.ok();
        api.send(Method::POST, "/hooks/alertmanager", &[], b"{".to_vec()).await.problem(400);
        assert_eq!(api.get("/incidents").await.ok()["items"].as_array().expect("items").len(), 1);
    })
    .await;
}
