//! Causes, updates, artifacts, the brief, remarks on the timeline, duplicates and custom fields.

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::json;

use wardroom_tests::process::GUARD;

use crate::fixture::on_both;
use crate::incidents::{events, open, patch, prepared, told};

#[tokio::test]
async fn causes_are_suspected_confirmed_and_ruled_out_with_evidence() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        let causes = format!("{incident}/causes");
        for text in ["The new release", "A full disk"] {
            ada.post(&causes, json!({ "text": text })).await.ok();
        }
        let evidence = json!([{ "label": "Errors began with it", "url": "https://graphs.example/1" }]);
        let confirmed = json!({ "status": "confirmed", "evidence": evidence });
        let answer = patch(&ada, &format!("{causes}/1"), confirmed).await;
        assert_eq!(answer.etag.as_deref(), Some("\"2\""));
        let headers = [("if-match", "\"7\"")];
        ada.json(Method::PATCH, &format!("{causes}/2"), &headers, &json!({ "status": "ruled_out" })).await.problem(412);
        patch(&ada, &format!("{causes}/2"), json!({ "status": "ruled_out", "why": "60 % free" })).await.ok();
        patch(&ada, &format!("{causes}/3"), json!({ "status": "ruled_out" })).await.problem(404);
        let bad = json!({ "evidence": [{ "label": "x", "url": "javascript:alert(1)" }] });
        let refused = patch(&ada, &format!("{causes}/1"), bad).await.problem(422);
        assert!(refused["detail"].as_str().expect("a text").starts_with("evidence[0].url"), "{refused}");
        assert_eq!(
            told(&api, &incident, "cause").await,
            [
                "suspected: The new release",
                "suspected: A full disk",
                "confirmed: The new release",
                "ruled out: A full disk (60 % free)"
            ]
        );
        let brief = api.get(&format!("{incident}/brief")).await.ok();
        assert_eq!((&brief["confirmed"], &brief["ruled_out"]), (&json!(["The new release"]), &json!(["A full disk"])));
    })
    .await;
}

#[tokio::test]
async fn updates_promise_the_next_one_and_templates_make_them() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        assert_eq!(api.get(&incident).await.ok()["next_update_at"], json!(null), "nobody has promised anything yet");
        ada.post(&format!("{incident}/stage"), json!({ "to": "triage" })).await.ok();
        let promised = api.get(&incident).await.ok()["next_update_at"].clone();
        assert!(promised.is_string(), "{promised}");
        let key = [("idempotency-key", "first")];
        for _ in 0..2 {
            let body = json!({ "template": "first", "next_in": "2h" });
            let made = ada.json(Method::POST, &format!("{incident}/updates"), &key, &body).await.ok();
            assert_eq!((&made["number"], &made["audience"]), (&json!(1), &json!("stakeholder")));
            let text = format!("{}: Checkout fails", incident.trim_start_matches("/incidents/"));
            assert_eq!(made["text"], json!(text));
        }
        assert_eq!(api.get(&format!("{incident}/updates")).await.ok()["items"].as_array().expect("a list").len(), 1);
        assert_ne!(api.get(&incident).await.ok()["next_update_at"], promised);
        ada.post(&format!("{incident}/updates"), json!({})).await.problem(422);
        ada.post(&format!("{incident}/updates"), json!({ "template": "none" })).await.problem(404);
        ada.post(&format!("{incident}/updates"), json!({ "text": "x", "next_in": "never" })).await.problem(422);
        assert!(events(&api, &incident).await.contains(&"update.posted".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn who_joins_late_reads_a_brief() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        ada.post(&format!("{incident}/stage"), json!({ "to": "triage" })).await.ok();
        ada.put(&format!("{incident}/answers/who"), json!({ "answer": "Everybody who pays by card" })).await.ok();
        let place = json!({ "kind": "bridge", "label": "The bridge", "url": "https://meet.example/1" });
        ada.post(&format!("{incident}/artifacts"), place).await.ok();
        ada.post(&format!("{incident}/timeline"), json!({ "text": "The queue doubled." })).await.ok();
        let notes = api.get(&format!("{incident}/timeline?kind=note&text=DOUBLED")).await.ok();
        let seq = notes["items"][0]["seq"].as_i64().expect("a number");
        ada.post(&format!("{incident}/timeline/{seq}"), json!({ "remark": "star" })).await;
        for number in 0..30 {
            ada.post(&format!("{incident}/timeline"), json!({ "text": format!("noise {number}") })).await.ok();
        }
        let brief = api.get(&format!("{incident}/brief")).await.ok();
        assert_eq!(brief["impact"][0], json!({ "question": "Who is hit?", "answer": "Everybody who pays by card" }));
        assert_eq!(brief["impact"][1]["answer"], json!(null));
        assert_eq!(brief["roles"][0], json!({ "role": "commander", "person": "ada" }));
        assert_eq!(brief["doing_now"].as_array().expect("a list").len(), 1, "what waits is not being done: {brief:#}");
        assert_eq!(brief["places"][0]["url"], json!("https://meet.example/1"));
        let lines = brief["timeline"].as_array().expect("a list");
        assert!(lines.iter().any(|line| line["starred"] == json!(true) && line["text"] == "The queue doubled."));
        let headers = [("accept", "text/markdown")];
        let answer = api.send(Method::GET, &format!("{incident}/brief"), &headers, Vec::new()).await;
        assert!(answer.content_type.starts_with("text/markdown"), "{}", answer.content_type);
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_starred_annotated_and_corrected_but_never_changed() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        let before = api.get(&format!("{incident}/timeline")).await.ok()["items"][0].clone();
        for remark in [
            json!({ "remark": "star" }),
            json!({ "remark": "annotate", "text": "It was the third time this week." }),
            json!({ "remark": "correct", "text": "It began at nine." }),
            json!({ "remark": "unstar" }),
        ] {
            let answer = ada.post(&format!("{incident}/timeline/1"), remark).await;
            assert_eq!(answer.status, 204, "{:#}", answer.body);
        }
        ada.post(&format!("{incident}/timeline/1"), json!({ "remark": "correct" })).await.problem(422);
        ada.post(&format!("{incident}/timeline/999"), json!({ "remark": "star" })).await.problem(404);
        let page = api.get(&format!("{incident}/timeline?limit=200")).await.ok();
        let entries = page["items"].as_array().expect("a list");
        assert_eq!(entries[0], before);
        let last = entries.len();
        for (index, entry) in entries.iter().enumerate() {
            assert_eq!(entry["seq"], json!(index + 1), "numbered without a gap");
        }
        assert_eq!(entries[last - 2]["data"], json!({ "refers_to": 1 }));
        let own = format!("{incident}/timeline/{last}");
        ada.post(&own, json!({ "remark": "star" })).await.problem(409);
        let wrong = api.get(&format!("{incident}/timeline?kind=notes")).await.problem(422);
        assert!(wrong["detail"].as_str().expect("a text").contains("one of opened, stage"), "{wrong}");
    })
    .await;
}

#[tokio::test]
async fn a_timeline_is_followed_from_any_entry() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        let known =
            api.get(&format!("{incident}/timeline?limit=200")).await.ok()["items"].as_array().expect("a list").len();
        let url = format!("{}/api/v1{incident}/timeline/events", api.url);
        let request = api.client().get(url).bearer_auth(wardroom_tests::server::ADMIN);
        let response = request.header("last-event-id", (known - 1).to_string()).send().await.expect("an answer");
        let mut stream = response.bytes_stream();
        ada.post(&format!("{incident}/timeline"), json!({ "text": "Now." })).await.ok();
        let mut heard = String::new();
        while !heard.contains("Now.") {
            let chunk = tokio::time::timeout(GUARD, stream.next()).await;
            let chunk = chunk.expect("in time").expect("goes on").expect("a chunk");
            heard.push_str(&String::from_utf8_lossy(&chunk));
        }
        assert!(heard.contains(&format!("id: {known}")) && heard.contains(&format!("id: {}", known + 1)), "{heard}");
        assert!(!heard.contains("id: 1\n"), "what is known is not told again: {heard}");
    })
    .await;
}

#[tokio::test]
async fn a_duplicate_ends_in_the_other_incident() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let (kept, duplicate) = (open(&api).await, open(&api).await);
        ada.post(&format!("{duplicate}/stage"), json!({ "to": "investigate", "override": "at once" })).await.ok();
        let into = json!({ "into": kept.trim_start_matches("/incidents/") });
        for _ in 0..2 {
            ada.post(&format!("{duplicate}/merge"), into.clone()).await.ok();
        }
        let ended = api.get(&duplicate).await.ok();
        assert_eq!((&ended["stage"], &ended["merged_into"]), (&json!("canceled"), &api.get(&kept).await.ok()["id"]));
        assert!(told(&api, &kept, "merge").await[0].contains("is a duplicate of this"));
        ada.post(&format!("{kept}/merge"), into).await.problem(422);
        let back = json!({ "into": duplicate.trim_start_matches("/incidents/") });
        ada.post(&format!("{kept}/merge"), back).await.problem(409);
    })
    .await;
}

#[tokio::test]
async fn custom_fields_are_set_and_taken_away() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        patch(&ada, &incident, json!({ "fields": { "customers": 1200, "region": "north", "gone": null } })).await.ok();
        patch(&ada, &incident, json!({ "fields": { "region": null } })).await.ok();
        assert_eq!(api.get(&incident).await.ok()["fields"], json!({ "customers": 1200 }));
        let wrong = patch(&ada, &incident, json!({ "fields": { "a b": 1 } })).await.problem(422);
        assert_eq!(wrong["detail"], json!("fields.a b: a name has 1 to 64 of a-z 0-9 _"));
        patch(&ada, &incident, json!({ "fields": { "deep": { "a": 1 } } })).await.problem(422);
    })
    .await;
}

#[tokio::test]
async fn paths_and_cursors_that_are_no_numbers_are_refused_as_everything_else() {
    on_both(|api| async move {
        let [ada, ..] = prepared(&api).await;
        let incident = open(&api).await;
        let metrics = api.get("/metrics/incidents").await.ok();
        assert_eq!(metrics["total"]["resolve"]["mean_seconds"], json!(null), "nothing is no mean: {metrics:#}");
        for number in ["99999999999", "one", "-1"] {
            let answer = patch(&ada, &format!("{incident}/tasks/{number}"), json!({ "status": "done" })).await;
            assert_eq!(answer.problem(404)["type"], json!("urn:wardroom:problem:not-found"));
        }
        for path in ["/incidents".to_owned(), format!("{incident}/timeline")] {
            let refused = api.get(&format!("{path}?after=abc")).await.problem(422);
            assert_eq!(refused["errors"][0]["field"], json!("after"));
            let all = api.get(&format!("{path}?limit=1")).await.ok();
            assert!(all["items"][0].is_object(), "{all:#}");
        }
        let first = api.get(&format!("{incident}/timeline?limit=1")).await.ok();
        let next = first["next"].as_str().expect("there are more");
        let second = api.get(&format!("{incident}/timeline?limit=1&after={next}")).await.ok();
        assert_eq!(second["items"][0]["seq"], json!(2));
    })
    .await;
}
