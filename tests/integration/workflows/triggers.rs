//! What starts workflows beside entering a stage: leaving one, severities, roles, and the ends of other runs.

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::server::Api;

use crate::fixture::{connected, on_both, opened};

/// Saves a workflow that tells the third party its name and `said`.
async fn listener(api: &Api, name: &str, trigger: Value, said: &str) {
    let document = json!({
        "name": name,
        "on": [trigger],
        "if": "incident != null",
        "steps": [{
            "id": "tell", "uses": "webhook/send", "connection": "hooks",
            "with": { "path": format!("/{name}"), "body": said },
        }],
    });
    api.save(name, &document.to_string()).await;
}

/// Every outcome of the incident's events, as `workflow: run or why not`.
fn outcomes(page: &Value) -> Vec<String> {
    let events = page["items"].as_array().expect("items").iter();
    let outcomes = events.flat_map(|event| event["outcomes"].as_array().expect("outcomes"));
    let told = |outcome: &Value| {
        let name = outcome["workflow"].as_str().expect("a name");
        outcome["why_not"].as_str().map_or_else(|| format!("{name}: started"), |why| format!("{name}: {why}"))
    };
    outcomes.map(told).collect()
}

/// Waits until every listed outcome is there.
async fn until(api: &Api, wanted: &[&str]) -> Vec<String> {
    let all = |page: &Value| wanted.iter().all(|one| outcomes(page).iter().any(|outcome| outcome == one));
    outcomes(&api.until("/incidents/INC-1/automations", all).await)
}

#[tokio::test]
async fn leaving_a_stage_changing_severity_and_taking_a_role_start_workflows() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        listener(&api, "left", json!({ "left": "triage" }), "${{ trigger.stage }}").await;
        listener(&api, "raised", json!({ "severity": "raised" }), "${{ trigger.from }} ${{ trigger.to }}").await;
        listener(&api, "lowered", json!({ "severity": "lowered" }), "${{ incident.severity }}").await;
        listener(&api, "took", json!({ "role": "commander" }), "${{ trigger.primary }}").await;
        opened(&api, "Checkout fails").await;
        api.post("/people", json!({ "handle": "ada", "name": "Ada" })).await.ok();
        for stage in ["triage", "investigate"] {
            api.post("/incidents/INC-1/stage", json!({ "to": stage })).await.ok();
        }
        let edit = |body: Value| {
            let api = api.clone();
            async move { api.json(Method::PATCH, "/incidents/INC-1", &[], &body).await.ok() }
        };
        edit(json!({ "severity": "sev3" })).await;
        edit(json!({ "title": "no event" })).await;
        edit(json!({ "severity": "sev2" })).await;
        let role = |role: &'static str, body: Value| {
            let api = api.clone();
            async move { api.put(&format!("/incidents/INC-1/roles/{role}"), body).await.ok() }
        };
        role("commander", json!({ "primary": "ada" })).await;
        role("scribe", json!({ "primary": "ada" })).await;
        role("commander", json!({ "primary": null })).await;
        let outcomes = until(
            &api,
            &[
                "left: started",
                "lowered: started",
                "raised: the severity went from sev1 to sev3",
                "raised: started",
                "lowered: the severity went from sev3 to sev2",
                "took: started",
                "took: nobody is commander now",
            ],
        )
        .await;
        assert_eq!(outcomes.len(), 7, "{outcomes:?}");
        for workflow in ["left", "raised", "lowered", "took"] {
            let runs = api.get(&format!("/runs?workflow={workflow}")).await.ok();
            assert_eq!(api.ended(&runs["items"][0]).await["status"], json!("succeeded"));
        }
        let mut told: Vec<String> =
            third.asked().iter().map(|asked| format!("{} {}", asked.path, asked.body)).collect();
        told.sort();
        assert_eq!(told, ["/left \"investigate\"", "/lowered \"sev3\"", "/raised \"sev3 sev2\"", "/took \"ada\""]);
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_run_starts_another_but_never_the_same_workflow() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let first = json!({ "manual": {} });
        listener(&api, "first", first, "x").await;
        let any = json!({ "run_finished": {} });
        listener(&api, "any", any, "${{ trigger.workflow }} ${{ trigger.status }}").await;
        listener(&api, "failed", json!({ "run_finished": { "workflow": "first", "status": "failed" } }), "x").await;
        opened(&api, "Checkout fails").await;
        let run = api.post("/workflows/first/runs", json!({ "incident": "INC-1" })).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        let outcomes = until(&api, &["any: started", "failed: the run of first is succeeded"]).await;
        assert_eq!(outcomes.len(), 2, "{outcomes:?}");
        let runs = api.get("/runs?workflow=any").await.ok();
        let ended = api.ended(&runs["items"][0]).await;
        assert_eq!(ended["status"], json!("succeeded"), "{ended:#}");
        assert_eq!(third.asked().last().expect("asked").body, "\"first succeeded\"");
        let dry = json!({ "incident": "INC-1", "dry_run": true });
        let run = api.post("/workflows/first/runs", dry).await.ok();
        api.ended(&run).await;
        // An event of the same incident that comes later is dispatched: the dry run's end was none.
        listener(&api, "later", json!({ "severity": "changed" }), "x").await;
        api.json(Method::PATCH, "/incidents/INC-1", &[], &json!({ "severity": "sev4" })).await.ok();
        until(&api, &["later: started"]).await;
        let runs = api.get("/runs?workflow=any").await.ok();
        let mut after_first = 0;
        for run in runs["items"].as_array().expect("runs") {
            let run = api.get(&format!("/runs/{}", run["id"].as_str().expect("an id"))).await.ok();
            after_first += usize::from(run["trigger"]["workflow"] == json!("first"));
        }
        assert_eq!(after_first, 1, "{runs:#}");
    })
    .await;
}

#[tokio::test]
async fn a_condition_that_becomes_true_starts_a_workflow_once_for_each_incident() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let condition =
            "incident.severity == 'sev1' && has(incident.labels.team) && incident.labels.team == 'payments'";
        listener(&api, "urgent", json!({ "becomes": condition }), "${{ incident.number }}").await;
        opened(&api, "Checkout fails").await;
        let edit = |body: Value| {
            let api = api.clone();
            async move { api.json(Method::PATCH, "/incidents/INC-1", &[], &body).await.ok() }
        };
        edit(json!({ "title": "Checkout is down" })).await;
        until(&api, &["urgent: its `becomes` is false"]).await;
        assert_eq!(third.count(), 0);
        edit(json!({ "labels": { "team": "payments" } })).await;
        until(&api, &["urgent: started"]).await;
        edit(json!({ "severity": "sev2" })).await;
        edit(json!({ "severity": "sev1" })).await;
        let told = until(&api, &["urgent: its `becomes` has started it for this incident before"]).await;
        assert_eq!(told.iter().filter(|outcome| *outcome == "urgent: started").count(), 1, "{told:?}");
        api.until("/runs", |page| !page["items"][0]["finished_at"].is_null()).await;
        assert_eq!(third.count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_signal_starts_what_listens_to_it() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        opened(&api, "Checkout fails").await;
        let said = "${{ incident.number }} ${{ trigger.payload.flag }} ${{ trigger.by }}";
        listener(&api, "deploy", json!({ "signal": "deployed" }), said).await;
        let body = json!({ "incident": "INC-1", "payload": { "flag": "till" } });
        let key = [("idempotency-key", "deploy-7")];
        let first = api.json(Method::POST, "/signals/deployed", &key, &body).await.ok();
        let same = api.json(Method::POST, "/signals/deployed", &key, &body).await.ok();
        assert_eq!(first["event"], same["event"]);
        until(&api, &["deploy: started"]).await;
        api.until("/runs", |page| !page["items"][0]["finished_at"].is_null()).await;
        let bodies: Vec<String> = third.asked().into_iter().map(|asked| asked.body).collect();
        assert_eq!(bodies, ["\"INC-1 till admin\""]);
        api.post("/signals/Not-A-Name", json!({})).await.problem(422);
        api.post("/signals/deployed", json!({ "incident": "INC-9" })).await.problem(404);
        api.person("vera", "viewer").await.post("/signals/deployed", json!({})).await.problem(403);
    })
    .await;
}

#[tokio::test]
async fn built_in_steps_change_the_incident_once_and_others_hear_of_it() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        api.post("/people", json!({ "handle": "ada", "name": "Ada" })).await.ok();
        listener(&api, "raised", json!({ "severity": "raised" }), "${{ trigger.to }}").await;
        listener(&api, "took", json!({ "role": "commander" }), "${{ trigger.primary }}").await;
        let steps = json!([
            { "id": "worse", "uses": "wardroom/set-severity", "with": { "to": "${{ inputs.to }}" } },
            { "id": "lead", "uses": "wardroom/assign-role", "with": { "role": "commander", "primary": "ada" } },
        ]);
        let document = json!({
            "name": "escalate", "on": [{ "manual": {} }], "steps": steps,
            "inputs": { "to": { "type": "string", "default": "sev1" } },
        });
        api.save("escalate", &document.to_string()).await;
        api.post("/incidents", json!({ "title": "Slow", "severity": "sev3" })).await.ok();
        let run = api.post("/workflows/escalate/runs", json!({ "incident": "INC-1" })).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        until(&api, &["raised: started", "took: started"]).await;
        let incident = api.get("/incidents/INC-1").await.ok();
        assert_eq!(incident["severity"], json!("sev1"), "{incident:#}");
        let timeline = api.get("/incidents/INC-1/timeline").await.ok();
        let edits = timeline["items"].as_array().expect("entries").iter();
        assert_eq!(edits.filter(|entry| entry["text"] == json!("edited severity")).count(), 1, "{timeline:#}");
        api.until("/runs?workflow=took", |page| !page["items"][0]["finished_at"].is_null()).await;
        api.until("/runs?workflow=raised", |page| !page["items"][0]["finished_at"].is_null()).await;
        let mut said: Vec<String> = third.asked().into_iter().map(|asked| asked.body).collect();
        said.sort_unstable();
        assert_eq!(said, ["\"ada\"", "\"sev1\""]);
        let wrong = json!({ "incident": "INC-1", "inputs": { "to": "sev9" } });
        let run = api.post("/workflows/escalate/runs", wrong).await.ok();
        let run = api.ended(&run).await;
        assert_eq!(run["steps"]["worse"]["error"]["code"], json!("invalid_input"), "{run:#}");
    })
    .await;
}
