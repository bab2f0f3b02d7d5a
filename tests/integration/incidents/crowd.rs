//! Fifty people change one incident at the same time: nothing is lost, and the timeline is numbered without a gap.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::fixture::on_both;
use crate::incidents::{open, prepared};

const CLIENTS: usize = 50;

#[tokio::test]
async fn fifty_people_lose_no_change_and_the_timeline_has_no_gap() {
    on_both(|api| async move {
        prepared(&api).await;
        let incident = open(&api).await;
        let before =
            api.get(&format!("{incident}/timeline?limit=200")).await.ok()["items"].as_array().expect("a list").len();
        let work = (0..CLIENTS).map(|client| {
            let (api, incident) = (api.clone(), incident.clone());
            async move {
                // Each adds its label to those it read; who comes too late reads again.
                loop {
                    let read = api.get(&incident).await;
                    let mut labels = read.body["labels"].as_object().cloned().unwrap_or_default();
                    labels.insert(format!("client{client}"), json!("was here"));
                    let etag = read.etag.expect("an ETag");
                    let headers = [("if-match", etag.as_str())];
                    let answer = api.json(Method::PATCH, &incident, &headers, &json!({ "labels": labels })).await;
                    match answer.status.as_u16() {
                        200 => break,
                        412 | 429 => {}
                        other => panic!("{other}: {:#}", answer.body),
                    }
                }
                loop {
                    let body = json!({ "text": format!("task of {client}") });
                    let key = format!("task-{client}");
                    let headers = [("idempotency-key", key.as_str())];
                    let answer = api.json(Method::POST, &format!("{incident}/tasks"), &headers, &body).await;
                    match answer.status.as_u16() {
                        201 => break,
                        429 => {}
                        other => panic!("{other}: {:#}", answer.body),
                    }
                }
            }
        });
        join_all(work).await;
        let shown = api.get(&incident).await.ok();
        assert_eq!(shown["labels"].as_object().expect("labels").len(), CLIENTS, "no label is lost");
        let tasks = api.get(&format!("{incident}/tasks")).await.ok();
        let numbers: Vec<u64> = tasks["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|task| task["number"].as_u64().expect("a number"))
            .collect();
        let expected: Vec<u64> = (1..=CLIENTS as u64 + 2).collect();
        assert_eq!(numbers, expected, "each task once, numbered without a gap");
        let page = api.get(&format!("{incident}/timeline?limit=200")).await.ok();
        let entries = page["items"].as_array().expect("a list");
        assert_eq!(entries.len(), before + 2 * CLIENTS);
        for (index, entry) in entries.iter().enumerate() {
            assert_eq!(entry["seq"], json!(index + 1));
        }
    })
    .await;
}
