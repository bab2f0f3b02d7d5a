//! Private incidents: those who are not named do not know that they exist.

use serde_json::json;

use crate::fixture::on_both;
use crate::incidents::{patch, prepared};

#[tokio::test]
async fn who_is_not_named_finds_nothing_of_a_private_incident() {
    on_both(|api| async move {
        let [ada, bob, cleo] = prepared(&api).await;
        let workflow = "name: wait\non: [{ manual: {} }]\nsteps:\n  - id: gate\n    approve: { role: commander, timeout: 1h, \
                        on_timeout: reject, notify: none }\n";
        api.save("wait", workflow).await;
        let body = json!({ "title": "A breach", "severity": "sev1", "visible_to": ["bob"] });
        let made = ada.post("/incidents", body).await.ok();
        assert_eq!(made["visible_to"], json!(["ada", "bob"]), "who opens it is always among them");
        let number = made["number"].as_str().expect("a number").to_owned();
        let incident = format!("/incidents/{number}");
        let run = ada.post("/workflows/wait/runs", json!({ "incident": number })).await.ok();
        let run = format!("/runs/{}", run["id"].as_str().expect("an id"));
        let pending = ada.until("/approvals?status=pending", |page| page["items"].get(0).is_some()).await;
        let approval = format!("/approvals/{}", pending["items"][0]["id"].as_str().expect("an id"));
        ada.post(&format!("{incident}/timers"), json!({ "name": "t", "in": "1h", "text": "x" })).await.ok();
        for seen in [&incident, &run, &approval] {
            bob.get(seen).await.ok();
        }
        for part in ["", "/timeline", "/timeline/events", "/tasks", "/causes", "/updates", "/artifacts", "/brief", "/alerts",
            "/automations", "/timers", "/follow-ups", "/retrospective"]
        {
            cleo.get(&format!("{incident}{part}")).await.problem(404);
        }
        for path in [&run, &format!("{run}/attempts"), &format!("{run}/events"), &approval] {
            cleo.get(path).await.problem(404);
        }
        for list in ["/incidents", "/runs", "/approvals"] {
            assert_eq!(cleo.get(list).await.ok()["items"], json!([]), "{list}");
            assert_eq!(bob.get(list).await.ok()["items"].as_array().expect("a list").len(), 1, "{list}");
        }
        cleo.post(&format!("{run}/cancel"), json!({})).await.problem(404);
        cleo.post(&format!("{approval}/approve"), json!({})).await.problem(404);
        cleo.post("/workflows/wait/runs", json!({ "incident": number })).await.problem(404);
        cleo.post("/signals/go", json!({ "incident": number })).await.problem(404);
        cleo.post(&format!("{incident}/timeline"), json!({ "text": "x" })).await.problem(404);
        patch(&cleo, &incident, json!({ "title": "x" })).await.problem(404);
        // An administrator lets people in, and is not let in by that.
        api.get(&incident).await.problem(404);
        let access = json!({ "visible_to": ["ada", "bob", "cleo"] });
        cleo.put(&format!("{incident}/access"), access.clone()).await.problem(404);
        assert_eq!(api.put(&format!("{incident}/access"), access).await.status, 204);
        cleo.get(&incident).await.ok();
        api.get(&incident).await.problem(404);
        let audit = api.get("/audit").await.ok();
        let entry = audit["items"].as_array().expect("a list").iter().find(|one| one["action"] == "incident.access");
        assert_eq!(entry.expect("is audited")["data"]["before"], json!(["ada", "bob"]));
        assert_eq!(ada.put(&format!("{incident}/access"), json!({ "visible_to": null })).await.status, 204);
        api.get(&incident).await.ok();
    })
    .await;
}
