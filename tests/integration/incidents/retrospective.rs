//! The asynchronous retrospective: it opens by itself, people contribute each in their own way, it is published in versions,
//! and what it produced is followed up.

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::server::Api;

use crate::fixture::on_both;
use crate::incidents::{OUTAGE, events, open, patch, prepared, told};

async fn resolved(api: &Api) -> String {
    let incident = open(api).await;
    api.get(&format!("{incident}/retrospective")).await.problem(404);
    api.post(&format!("{incident}/stage"), json!({ "to": "resolution", "override": "it is over" })).await.ok();
    incident
}

fn contribution(retrospective: &Value, person: &str) -> u64 {
    let all = retrospective["contributions"].as_array().expect("a list");
    let one = all.iter().find(|one| one["person"] == person).unwrap_or_else(|| panic!("{person} is asked: {all:#?}"));
    one["number"].as_u64().expect("a number")
}

#[tokio::test]
async fn three_people_contribute_each_in_their_own_way_and_it_is_published() {
    on_both(|api| async move {
        let [ada, bob, cleo] = prepared(&api).await;
        let incident = resolved(&api).await;
        let path = format!("{incident}/retrospective");
        let draft = api.get(&path).await.ok();
        assert_eq!(
            (&draft["status"], &draft["owner"], &draft["backup"]),
            (&json!("draft"), &json!("ada"), &json!("cleo"))
        );
        assert!(events(&api, &incident).await.contains(&"retrospective.opened".to_owned()));
        let [of_ada, of_bob, of_cleo] = ["ada", "bob", "cleo"].map(|person| contribution(&draft, person));
        let good = json!({ "sections": { "went_well": "The rollback took a minute." } });
        // One by the API.
        ada.json(Method::PUT, &format!("{path}/contributions/{of_ada}"), &[], &good).await.ok();
        bob.json(Method::PUT, &format!("{path}/contributions/{of_ada}"), &[], &good).await.problem(403);
        let wrong = json!({ "sections": { "nothing": "x" } });
        ada.json(Method::PUT, &format!("{path}/contributions/{of_ada}"), &[], &wrong).await.problem(422);
        // One by a link, without a token.
        let link = api.post(&format!("{path}/contributions/{of_bob}/link"), json!({})).await.ok();
        let token = link["url"].as_str().expect("a link").rsplit('/').next().expect("a token").to_owned();
        let nobody = api.with_token("");
        let asked = nobody.get(&format!("/contributions/{token}")).await.ok();
        assert_eq!((&asked["person"], &asked["template"][0]["id"]), (&json!("bob"), &json!("summary")));
        let late = json!({ "sections": { "went_badly": "I was paged twice." } });
        nobody.post(&format!("/contributions/{token}"), late).await.ok();
        let mut tampered = token.clone().into_bytes();
        tampered[8] = if tampered[8] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(tampered).expect("ASCII");
        nobody.get(&format!("/contributions/{tampered}")).await.problem(404);
        nobody.get("/contributions/x").await.problem(404);
        // One is asked on top, and one says nothing.
        api.person("dan", "responder").await;
        api.post(&format!("{path}/contributions"), json!({ "person": "dan" })).await.ok();
        let early = api.post(&format!("{path}/contributions/{of_cleo}/merge"), json!({})).await.problem(409);
        assert_eq!(early["detail"], json!("cleo has not contributed yet"));
        for _ in 0..2 {
            let merged = cleo.post(&format!("{path}/merge"), json!({})).await.ok();
            assert_eq!(merged["sections"]["went_well"], json!("ada: The rollback took a minute."));
            assert_eq!(merged["sections"]["went_badly"], json!("bob: I was paged twice."));
        }
        nobody.post(&format!("/contributions/{token}"), good).await.problem(409);
        let read = api.get(&path).await;
        let etag = read.etag.expect("an ETag");
        let sections = json!({ "sections": { "summary": "Checkout failed for an hour." } });
        ada.json(Method::PATCH, &path, &[("if-match", etag.as_str())], &sections).await.ok();
        ada.json(Method::PATCH, &path, &[("if-match", etag.as_str())], &sections).await.problem(412);
        for _ in 0..2 {
            assert_eq!(ada.post(&format!("{path}/publish"), json!({})).await.ok()["number"], json!(1));
        }
        let url = format!("{}/api/v1{path}/versions/1", api.url);
        let text = api.client().get(url).bearer_auth(wardroom_tests::server::ADMIN).send().await.expect("an answer");
        let text = text.text().await.expect("a text");
        for wanted in ["# Retrospective of INC-", "Checkout failed for an hour.", "ada: The rollback took a minute."] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        let close = |to: &str| json!({ "to": to });
        ada.post(&format!("{incident}/stage"), close("retrospective")).await.ok();
        ada.post(&format!("{incident}/stage"), close("closed")).await.ok();
        let all = told(&api, &incident, "retrospective").await;
        assert!(all.iter().any(|text| text == "bob contributed to the retrospective"), "{all:?}");
        assert!(!all.iter().any(|text| text.contains(&token)), "a link is no text for the timeline");
    })
    .await;
}

#[tokio::test]
async fn an_incident_is_not_closed_without_a_retrospective_or_a_reason() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = resolved(&api).await;
        ada.post(&format!("{incident}/stage"), json!({ "to": "retrospective" })).await.ok();
        let refused = ada.post(&format!("{incident}/stage"), json!({ "to": "closed" })).await.problem(409);
        assert_eq!(
            refused["detail"],
            json!("the retrospective is not published: publish it, or waive it with a reason")
        );
        ada.post(&format!("{incident}/retrospective/waive"), json!({ "reason": " " })).await.problem(422);
        let waived =
            ada.post(&format!("{incident}/retrospective/waive"), json!({ "reason": "the same as INC-1" })).await;
        assert_eq!(waived.status, 204);
        ada.post(&format!("{incident}/stage"), json!({ "to": "closed" })).await.ok();
        // Reopening pauses it, and takes the waiver back.
        ada.post(&format!("{incident}/stage"), json!({ "to": "investigate" })).await.ok();
        let paused = api.get(&format!("{incident}/retrospective")).await.ok();
        assert_eq!((&paused["status"], &paused["waiver"]), (&json!("paused"), &json!(null)));
        ada.post(&format!("{incident}/retrospective/publish"), json!({})).await.problem(409);
        ada.post(&format!("{incident}/stage"), json!({ "to": "resolution" })).await.ok();
        assert_eq!(api.get(&format!("{incident}/retrospective")).await.ok()["status"], json!("draft"));
    })
    .await;
}

#[tokio::test]
async fn follow_ups_have_owners_and_playbooks_learn() {
    on_both(|api| async move {
        let [ada, _, cleo] = prepared(&api).await;
        let early = open(&api).await;
        ada.post(&format!("{early}/follow-ups"), json!({ "text": "x" })).await.problem(409);
        let incident = resolved(&api).await;
        let follow_up = json!({ "text": "Alert on the queue", "owner": "cleo", "due_at": "2030-01-01T00:00:00Z" });
        ada.post(&format!("{incident}/follow-ups"), follow_up).await.ok();
        let changed = json!({ "ticket": "issue7", "done": true });
        let done = patch(&cleo, &format!("{incident}/follow-ups/1"), changed).await.ok();
        assert!(done["done_at"].is_string() && done["ticket"] == "issue7", "{done}");
        let proposals = format!("{incident}/retrospective/proposals");
        let same = json!({ "source": OUTAGE, "reason": "nothing" });
        ada.post(&proposals, same).await.problem(422);
        let newer = OUTAGE.replace("due: 20m", "due: 15m");
        let proposed =
            ada.post(&proposals, json!({ "source": newer, "reason": "Twenty minutes is too long." })).await.ok();
        let diff = proposed["diff"].as_str().expect("a difference");
        assert!(diff.contains("-      - { id: tell") && diff.contains("due: 15m"), "{diff}");
        let broken = json!({ "source": "kind: playbook\nname: outage\nprio: 1\n", "reason": "x" });
        ada.post(&proposals, broken).await.problem(422);
        ada.post(&format!("{proposals}/1/apply"), json!({})).await.problem(403);
        for _ in 0..2 {
            let applied = cleo.post(&format!("{proposals}/1/apply"), json!({})).await.ok();
            assert_eq!((&applied["status"], &applied["applied_as"]), (&json!("applied"), &json!(2)));
        }
        assert_eq!(api.get("/playbooks/outage").await.ok()["revision"], json!(2));
        let other = OUTAGE.replace("due: 10m", "due: 9m");
        ada.post(&proposals, json!({ "source": other, "reason": "again" })).await.ok();
        let third = OUTAGE.replace("due: 10m", "due: 8m");
        crate::incidents::put_playbook(&api, "outage", &third).await.ok();
        cleo.post(&format!("{proposals}/2/apply"), json!({})).await.problem(412);
        cleo.post(&format!("{proposals}/2/refuse"), json!({ "reason": "overtaken" })).await.ok();
    })
    .await;
}
