//! Timers of incidents over HTTP: what is refused, who may, and that they outlast a restart.

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::{
    database::BOTH,
    server::{Api, Server},
};

use crate::fixture::on_both;

/// A new incident by its number and by its identifier.
async fn incident(api: &Api) -> (String, String) {
    let incident = api.post("/incidents", json!({ "title": "slow", "severity": "sev2" })).await.ok();
    let path = |key: &str| format!("/incidents/{}", incident[key].as_str().expect("a text"));
    (path("number"), path("id"))
}

/// A timer of these fields beside its name and text.
fn timer(name: &str, more: &Value) -> Value {
    let mut timer = json!({ "name": name, "text": "Tell them." });
    timer.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    timer
}

fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_wrong_timer_is_refused_with_its_field() {
    on_both(|api| async move {
        let timers = incident(&api).await.0 + "/timers";
        for (more, wanted) in [
            (json!({}), "one of `every`, `at` and `in` is wanted"),
            (json!({ "every": "30m", "in": "72h" }), "one of `every`, `at` and `in` is wanted"),
            (json!({ "every": "1s" }), "every: 10s to 366d is wanted"),
            (json!({ "every": "400d" }), "every: 10s to 366d is wanted"),
            (json!({ "every": "often" }), "every: a duration is wanted"),
            (json!({ "in": "soon" }), "in: a duration is wanted"),
            (json!({ "in": "400d" }), "in: at most 366d"),
            (json!({ "at": "2020-01-01T00:00:00Z" }), "at: a time after now"),
            (json!({ "at": "2199-01-01T00:00:00Z" }), "within 366 days"),
            (json!({ "at": "tomorrow" }), "the body does not fit"),
            (json!({ "in": "1h", "text": " " }), "text: 1 to 500 characters"),
            (json!({ "in": "1h", "text": "x".repeat(501) }), "text: 1 to 500 characters"),
            (json!({ "in": "1h", "name": "Regulator" }), "name: 1 to 64 of a-z 0-9 -"),
            (json!({ "in": "1h", "name": "" }), "name: 1 to 64 of a-z 0-9 -"),
            (json!({ "in": "1h", "until": ["fixed"] }), "the body does not fit"),
            (json!({ "in": "1h", "repeat": true }), "unknown field `repeat`"),
        ] {
            let refused = api.post(&timers, timer("regulator", &more)).await.problem(422);
            assert!(detail(&refused).contains(wanted), "{more}: {refused:#}");
        }
        assert_eq!(api.get(&timers).await.ok()["items"], json!([]));
        api.post("/incidents/INC-999/timers", timer("regulator", &json!({ "in": "1h" }))).await.problem(404);
    })
    .await;
}

#[tokio::test]
async fn responders_keep_an_incident_s_timers() {
    on_both(|api| async move {
        let (by_number, by_id) = incident(&api).await;
        let timers = format!("{by_number}/timers");
        let (viewer, responder) = (api.person("vera", "viewer").await, api.person("rita", "responder").await);
        let reminder = timer("update", &json!({ "every": "30m", "until": ["resolution"] }));
        viewer.post(&timers, reminder.clone()).await.problem(403);
        let made = responder.post(&timers, reminder.clone()).await;
        assert_eq!(made.status.as_u16(), 201, "{:#}", made.body);
        let made = made.ok();
        assert_eq!((&made["timer"], &made["workflow"]), (&json!("update"), &Value::Null), "{made:#}");
        assert_eq!(made["owner"]["type"], json!("incident"), "{made:#}");
        let written = &made["document"];
        assert_eq!((&written["every"], &written["until"]), (&json!("30m"), &json!(["resolution"])), "{made:#}");
        assert!(made["next"]["utc"].is_string(), "{made:#}");
        let again = responder.post(&timers, reminder).await.problem(409);
        assert!(detail(&again).contains("has a timer \"update\""), "{again:#}");
        responder.post(&timers, timer("regulator", &json!({ "in": "72h" }))).await.ok();
        for path in [&timers, &format!("{by_id}/timers")] {
            let page = viewer.get(path).await.ok();
            let names: Vec<_> = page["items"].as_array().expect("items").iter().map(|one| &one["timer"]).collect();
            assert_eq!(names, ["regulator", "update"], "{page:#}");
        }
        let update = format!("{timers}/update");
        viewer.send(Method::DELETE, &update, &[], Vec::new()).await.problem(403);
        assert_eq!(responder.send(Method::DELETE, &update, &[], Vec::new()).await.status.as_u16(), 204);
        responder.send(Method::DELETE, &update, &[], Vec::new()).await.problem(404);
        // An incident that stands where the timer would be over takes none.
        api.post(&format!("{by_id}/stage"), json!({ "to": "triage" })).await.ok();
        let over = timer("triage", &json!({ "every": "30m", "until": ["triage"] }));
        let refused = responder.post(&timers, over).await.problem(409);
        assert!(detail(&refused).contains("is in triage"), "{refused:#}");
    })
    .await;
}

#[tokio::test]
async fn an_incident_has_at_most_fifty_timers() {
    on_both(|api| async move {
        let timers = incident(&api).await.0 + "/timers";
        for index in 0..50 {
            api.post(&timers, timer(&format!("deadline-{index}"), &json!({ "in": "72h" }))).await.ok();
        }
        let refused = api.post(&timers, timer("one-more", &json!({ "in": "72h" }))).await.problem(409);
        assert!(detail(&refused).contains("50 timers already"), "{refused:#}");
        assert_eq!(api.get(&timers).await.ok()["items"].as_array().map(Vec::len), Some(50));
    })
    .await;
}

#[tokio::test]
async fn a_deadline_is_the_same_after_a_restart() {
    for kind in BOTH {
        kind.announce();
        let mut server = Server::start(kind).await;
        let timers = incident(&server.api).await.0 + "/timers";
        let made = server.api.post(&timers, timer("regulator", &json!({ "in": "72h" }))).await.ok();
        server.restart().await;
        let kept = server.api.get(&timers).await.ok();
        assert_eq!(kept["items"], json!([made]), "{kept:#}");
        server.stop().await;
    }
}
