//! What a responder does first: acknowledge, mitigate, severity, page; over HTTP and from the command line.

use serde_json::{Value, json};

use crate::fixture::on_both;
use crate::incidents::{OUTAGE, events, open, prepared, put_playbook, told};
use crate::plugins::authoring::{said, wardroom};

const PAGE: &str = "name: page-people\non: [{ manual: {} }]\ninputs:\n  who: { type: string, default: on-call }\n  message: { type: \
                    string, default: help }\nsteps:\n  - id: wait\n    wait_for: { signal: seen, timeout: 30d }\n";

#[tokio::test]
async fn to_acknowledge_is_a_person_s_act_and_changes_neither_stage_nor_role() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        let before = ada.get(&incident).await.ok();
        assert!(before["times"]["acknowledged_at"].is_null());
        let note = json!({ "note": "on it" });
        let after = ada.post(&format!("{incident}/acknowledge"), note.clone()).await.ok();
        assert!(!after["times"]["acknowledged_at"].is_null());
        assert_eq!((&after["stage"], &after["roles"]), (&before["stage"], &before["roles"]));
        // Done twice it is done once.
        let again = ada.post(&format!("{incident}/acknowledge"), note).await.ok();
        assert_eq!((&again["times"], &again["revision"]), (&after["times"], &after["revision"]));
        assert_eq!(told(&api, &incident, "edited").await, ["acknowledged the incident: on it"]);
        let words = events(&api, &incident).await;
        assert_eq!(words.iter().filter(|word| *word == "incident.acknowledged").count(), 1, "{words:?}");
        let long = json!({ "note": "x".repeat(2_001) });
        let refused = ada.post(&format!("{incident}/acknowledge"), long).await.problem(422);
        assert_eq!(refused["detail"], json!("note: expected 1 to 2000 characters"));
    })
    .await;
}

#[tokio::test]
async fn a_workflow_that_changes_the_stage_acknowledges_nothing() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let triage = "name: triage\non: [{ manual: {} }]\nif: incident != null\nsteps:\n  - id: enter\n    uses: wardroom/set-stage\n    \
                      with: { to: triage }\n";
        api.save("triage", triage).await;
        let incident = open(&api).await;
        let number = incident.trim_start_matches("/incidents/").to_owned();
        let run = ada.post("/workflows/triage/runs", json!({ "incident": number })).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        let shown = ada.get(&incident).await.ok();
        assert_eq!((&shown["stage"], &shown["times"]["acknowledged_at"]), (&json!("triage"), &Value::Null));
        // A person who changes it has taken the incident in hand.
        let body = json!({ "to": "investigate", "override": "a test" });
        let shown = ada.post(&format!("{incident}/stage"), body).await.ok();
        assert!(!shown["times"]["acknowledged_at"].is_null());
    })
    .await;
}

#[tokio::test]
async fn mitigating_and_the_severity_are_told_with_their_reasons() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        let path = format!("{incident}/mitigate");
        let shown = ada.post(&path, json!({ "note": "traffic is on the other region" })).await.ok();
        assert!(!shown["times"]["mitigated_at"].is_null() && shown["stage"] == json!("alerting"), "{shown:#}");
        assert!(events(&api, &incident).await.contains(&"incident.mitigated".to_owned()));
        let body = json!({ "severity": "sev2", "reason": "one region only" });
        let shown = ada.post(&format!("{incident}/severity"), body).await.ok();
        assert_eq!(shown["severity"], json!("sev2"));
        let texts = told(&api, &incident, "edited").await;
        assert_eq!(
            texts,
            ["mitigated the incident: traffic is on the other region", "edited severity: one region only"]
        );
        ada.post(&format!("{incident}/severity"), json!({ "severity": "sev9" })).await.problem(422);
    })
    .await;
}

#[tokio::test]
async fn paging_starts_the_workflow_that_the_playbook_names_once_and_says_so() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        let refused = ada.post(&format!("{incident}/page"), json!({})).await.problem(409);
        assert!(refused["detail"].as_str().is_some_and(|why| why.contains("add `page: WORKFLOW`")), "{refused:#}");
        let paging = format!("{OUTAGE}page: page-people\n");
        let unknown = put_playbook(&api, "outage", &paging).await.problem(422);
        assert_eq!(unknown["errors"][0]["field"], json!("page"), "{unknown:#}");
        api.save("page-people", PAGE).await;
        put_playbook(&api, "outage", &paging).await.ok();
        let incident = open(&api).await;
        let body = json!({ "who": "database", "message": "replica lost" }).to_string().into_bytes();
        let headers = [("idempotency-key", "one"), ("content-type", "application/json")];
        let mut runs = Vec::new();
        for _ in 0..2 {
            let path = format!("{incident}/page");
            runs.push(ada.send(reqwest::Method::POST, &path, &headers, body.clone()).await.ok()["id"].clone());
        }
        assert_eq!(runs[0], runs[1], "a repeated request pages once");
        let run = ada.get(&format!("/runs/{}", runs[0].as_str().expect("an id"))).await.ok();
        assert_eq!(run["inputs"], json!({ "who": "database", "message": "replica lost" }), "{run:#}");
        let texts = told(&api, &incident, "run").await;
        let asked = texts.iter().filter(|text| *text == "asked page-people to page database").count();
        assert_eq!(asked, 1, "{texts:?}");
        assert!(events(&api, &incident).await.contains(&"page.requested".to_owned()));
        let wrong = ada.post(&format!("{incident}/page"), json!({ "message": "" })).await.problem(422);
        assert_eq!(wrong["detail"], json!("message: expected 1 to 500 characters"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verbs_are_commands() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        api.save("page-people", PAGE).await;
        put_playbook(&api, "outage", &format!("{OUTAGE}page: page-people\n")).await.ok();
        let incident = open(&api).await;
        let number = incident.trim_start_matches("/incidents/").to_owned();
        let folder = tempfile::tempdir().expect("a folder");
        for (line, expected) in [
            ("acknowledge INC --note 'on it'", "alerting"),
            ("mitigate INC", "alerting"),
            ("severity INC sev2 --reason 'one region only'", "sev2"),
            ("page INC --who database", "page-people pages people: run "),
        ] {
            let line = line.replace("INC", &number);
            let line = format!("WARDROOM_URL={} WARDROOM_TOKEN={} wardroom incident {line}", ada.url, ada.token());
            let output = wardroom(folder.path(), &line);
            assert!(output.status.success() && said(&output).contains(expected), "{line}: {}", said(&output));
        }
    })
    .await;
}
