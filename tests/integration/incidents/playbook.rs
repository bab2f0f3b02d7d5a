//! Playbooks over HTTP, and incidents that follow one.

use serde_json::json;

use crate::fixture::on_both;
use crate::incidents::{OUTAGE, events, open, patch, prepared, put_playbook, told};

#[tokio::test]
async fn a_playbook_is_kept_in_revisions_and_an_incident_keeps_the_one_it_began_with() {
    on_both(|api| async move {
        prepared(&api).await;
        let known = api.get("/playbooks/outage").await;
        assert_eq!((known.etag.as_deref(), &known.body["stale"]), (Some("\"1\""), &json!(null)));
        let incident = open(&api).await;
        let newer = OUTAGE.replace("it is known who is hit", "we know who is hit");
        assert_eq!(put_playbook(&api, "outage", &newer).await.ok()["revision"], json!(2));
        assert_eq!(
            put_playbook(&api, "outage", &newer).await.ok()["revision"],
            json!(2),
            "the same text is no revision"
        );
        let stale = api
            .send(reqwest::Method::PUT, "/playbooks/outage", &[("if-match", "\"1\"")], OUTAGE.as_bytes().to_vec())
            .await;
        assert_eq!(stale.problem(412)["detail"], json!("the playbook is at revision 2: read it again"));
        api.post(&format!("{incident}/stage"), json!({ "to": "triage" })).await.ok();
        let refused = api.post(&format!("{incident}/stage"), json!({ "to": "investigate" })).await.problem(409);
        assert!(refused["detail"].as_str().expect("a text").contains("it is known who is hit"), "{refused}");
        let revisions = api.get("/playbooks/outage/revisions").await.ok();
        assert_eq!(revisions["items"].as_array().expect("a list").len(), 2);
        api.send(reqwest::Method::DELETE, "/playbooks/outage", &[], Vec::new()).await;
        api.get("/playbooks/outage").await.problem(404);
        assert_eq!(api.get(&incident).await.ok()["playbook"], json!({ "name": "outage", "revision": 1 }));
    })
    .await;
}

#[tokio::test]
async fn a_wrong_playbook_is_refused_with_every_fault_and_its_place() {
    on_both(|api| async move {
        let source =
            "kind: playbook\nname: outage\nprio: 3\nstages:\n  triage:\n    workflows: [{ name: roll-back }]\n";
        let refused = put_playbook(&api, "outage", source).await.problem(422);
        let errors = refused["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), 1, "{refused:#}");
        assert_eq!((&errors[0]["line"], &errors[0]["column"]), (&json!(3), &json!(1)));
        let source = source.replace("prio: 3\n", "");
        let refused = put_playbook(&api, "outage", &source).await.problem(422);
        assert_eq!(refused["errors"][0]["message"], json!("there is no workflow \"roll-back\""));
        assert_eq!(refused["errors"][0]["line"], json!(5));
        put_playbook(&api, "other", OUTAGE).await.problem(422);
        let viewer = api.person("vera", "viewer").await;
        put_playbook(&viewer, "outage", OUTAGE).await.problem(403);
    })
    .await;
}

#[tokio::test]
async fn tasks_come_in_their_order_and_a_stage_is_left_when_it_may() {
    on_both(|api| async move {
        let [ada, _, cleo] = prepared(&api).await;
        let incident = open(&api).await;
        let tasks = api.get(&format!("{incident}/tasks")).await.ok();
        assert_eq!((&tasks["items"][0]["owner"], &tasks["items"][0]["due_at"]), (&json!("ada"), &json!(null)));
        ada.post(&format!("{incident}/stage"), json!({ "to": "triage" })).await.ok();
        let tasks = api.get(&format!("{incident}/tasks")).await.ok();
        assert!(tasks["items"][1]["due_at"].is_string(), "due from the stage on: {tasks:#}");
        assert_eq!(tasks["items"][1]["waits_for"], json!([1]));
        let early = patch(&cleo, &format!("{incident}/tasks/2"), json!({ "status": "done" })).await.problem(409);
        assert_eq!(early["detail"], json!("task 2 waits for task 1"));
        patch(&ada, &format!("{incident}/tasks/1"), json!({ "status": "done", "note": "all of them" })).await.ok();
        patch(&cleo, &format!("{incident}/tasks/2"), json!({ "status": "done" })).await.ok();
        let needed = patch(&ada, &format!("{incident}/tasks/1"), json!({ "status": "open" })).await.problem(409);
        assert_eq!(needed["detail"], json!("task 1 cannot be opened again: task 2 came after it and is done"));
        patch(&cleo, &format!("{incident}/tasks/2"), json!({ "status": "open" })).await.ok();
        let refused = ada.post(&format!("{incident}/stage"), json!({ "to": "investigate" })).await.problem(409);
        assert_eq!(refused["type"], json!("urn:wardroom:problem:unmet-criteria"));
        let body = json!({ "to": "investigate", "override": "the customer is on the phone" });
        ada.post(&format!("{incident}/stage"), body).await.ok();
        let stages = told(&api, &incident, "stage").await;
        let last = stages.last().expect("an entry");
        assert!(last.contains("it is known who is hit; people were told; overridden: the customer"), "{last}");
        let events = events(&api, &incident).await;
        assert_eq!(events.iter().filter(|word| *word == "task.done").count(), 2, "{events:?}");
        assert!(events.contains(&"task.reopened".to_owned()), "{events:?}");
    })
    .await;
}

#[tokio::test]
async fn an_answer_starts_a_deadline_once_and_it_can_be_met() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        let wrong = ada.put(&format!("{incident}/answers/data"), json!({ "answer": "perhaps" })).await.problem(422);
        assert!(wrong["detail"].as_str().expect("a text").contains("one of no, yes is wanted"), "{wrong}");
        ada.put(&format!("{incident}/answers/nothing"), json!({ "answer": "x" })).await.problem(404);
        for answer in ["no", "yes", "no", "yes"] {
            ada.put(&format!("{incident}/answers/data"), json!({ "answer": answer })).await.ok();
        }
        let shown = api.get(&incident).await.ok();
        assert_eq!(shown["answers"]["data"]["by"], json!("ada"));
        assert_eq!(shown["deadlines"]["regulator"]["group"], json!("law"));
        assert_eq!(told(&api, &incident, "deadline").await.len(), 1, "the clock begins once");
        let met = json!({ "note": "by telephone, Ms Moor" });
        ada.post(&format!("{incident}/deadlines/regulator/met"), met).await.ok();
        assert_eq!(api.get(&incident).await.ok()["deadlines"]["regulator"]["done_by"], json!("ada"));
        ada.post(&format!("{incident}/deadlines/none/met"), json!({ "note": "x" })).await.problem(404);
    })
    .await;
}

#[tokio::test]
async fn the_backup_acts_while_the_primary_is_away() {
    on_both(|api| async move {
        let [ada, bob, _] = prepared(&api).await;
        let away =
            json!({ "away": [{ "from": "2020-01-01T00:00:00Z", "until": "2199-01-01T00:00:00Z", "reason": "leave" }] });
        patch(&bob, "/people/ada", away.clone()).await.problem(403);
        patch(&ada, "/people/ada", away.clone()).await.ok();
        let incident = open(&api).await;
        let roles = told(&api, &incident, "role").await;
        assert!(roles[0].contains("ada is away until 2199"), "{roles:?}");
        let tasks = api.get(&format!("{incident}/tasks")).await.ok();
        assert_eq!(tasks["items"][0]["owner"], json!("bob"), "{tasks:#}");
        let taken = bob.post(&format!("{incident}/roles/commander/take"), json!({})).await.ok();
        assert_eq!(taken["roles"]["commander"]["stepped_in"], json!(true));
        patch(&bob, "/people/bob", away).await.ok();
        let both = open(&api).await;
        let roles = told(&api, &both, "role").await;
        assert!(roles[0].contains("warning: nobody of them is there"), "{roles:?}");
        let handed = json!({ "primary": "cleo", "backup": "ada", "handover": "Watch the queue." });
        api.put(&format!("{incident}/roles/commander"), handed).await.ok();
        let roles = told(&api, &incident, "role").await;
        assert!(
            roles.last().expect("an entry").contains("handed over from bob to cleo: Watch the queue."),
            "{roles:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_playbook_starts_its_workflows_when_a_stage_is_entered() {
    on_both(|api| async move {
        prepared(&api).await;
        let workflow = "name: note-it\non: [{ called: {} }]\ninputs: { text: { type: string } }\nsteps:\n  - id: note\n    \
                        uses: wardroom/add-timeline\n    with: { text: \"${{ inputs.text }}\" }\n";
        api.save("note-it", workflow).await;
        let with = "    workflows: [{ name: note-it, with: { text: \"${{ incident.number }} is in ${{ trigger.stage }}\" } }]\n";
        let source = OUTAGE.replace("  triage:\n", &format!("  triage:\n{with}"));
        put_playbook(&api, "outage", &source).await.ok();
        let incident = open(&api).await;
        api.post(&format!("{incident}/stage"), json!({ "to": "triage" })).await.ok();
        let wanted = format!("note: {} is in triage", incident.trim_start_matches("/incidents/"));
        let path = format!("{incident}/timeline?kind=note");
        api.until(&path, |page| page["items"].as_array().is_some_and(|all| all.iter().any(|one| one["text"] == wanted)))
            .await;
        let runs = api.get("/runs?workflow=note-it").await.ok();
        assert_eq!(runs["items"].as_array().expect("a list").len(), 1, "{runs:#}");
    })
    .await;
}
