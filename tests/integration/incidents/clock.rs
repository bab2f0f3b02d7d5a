//! What comes to an incident by the clock, on a clock that the test sets: each thing is told once, whatever was slept
//! through, and a restart changes nothing.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_tests::{
    clock::{SetClock, start},
    database::{BOTH, Database},
    server::Api,
};

use crate::incidents::{events, open, prepared, told};

const BEGINNING_MS: i64 = 1_795_400_000_000;

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

/// Waits until the events of an incident hold a word so often; other events may come meanwhile.
async fn heard(api: &Api, incident: &str, word: &str, times: usize) {
    let count = |page: &Value| {
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter(|event| event["type"] == word).count()
    };
    let page = api.until(&format!("{incident}/automations"), |page| count(page) >= times).await;
    assert_eq!(count(&page), times, "{word}");
}

#[tokio::test]
async fn what_is_late_is_told_once_and_the_backup_steps_in() {
    for kind in BOTH {
        kind.announce();
        let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
        let clock = SetClock::at(BEGINNING_MS);
        let (app, api) = start(folder.path(), &database, &clock).await;
        prepared(&api).await;
        let incident = open(&api).await;
        api.post(&format!("{incident}/stage"), json!({ "to": "triage" })).await.ok();
        api.put(&format!("{incident}/answers/data"), json!({ "answer": "yes" })).await.ok();
        clock.pass(minutes(6));
        heard(&api, &incident, "role.unanswered", 1).await;
        let shown = api.get(&incident).await.ok();
        assert_eq!(shown["roles"]["commander"]["stepped_in"], json!(true));
        assert_eq!(shown["roles"]["scribe"]["stepped_in"], json!(false), "nobody is there to step in");
        clock.pass(minutes(5));
        heard(&api, &incident, "task.overdue", 1).await;
        clock.pass(minutes(10));
        heard(&api, &incident, "task.overdue", 2).await;
        clock.pass(minutes(10));
        heard(&api, &incident, "update.overdue", 1).await;
        // A whole night is slept through, with a restart in it: what was missed is told once.
        app.stop().await;
        clock.pass(minutes(8 * 60));
        let (app, api) = start(folder.path(), &database, &clock).await;
        heard(&api, &incident, "update.overdue", 2).await;
        heard(&api, &incident, "deadline.near", 0).await;
        clock.pass(minutes(50 * 60));
        heard(&api, &incident, "deadline.near", 1).await;
        clock.pass(minutes(14 * 60));
        heard(&api, &incident, "deadline.missed", 1).await;
        let overdue = told(&api, &incident, "task").await;
        assert!(overdue.iter().any(|text| text.starts_with("bob's task 1 is overdue")), "{overdue:?}");
        let all = events(&api, &incident).await;
        assert_eq!(all.iter().filter(|word| *word == "task.overdue").count(), 2, "{all:?}");
        app.stop().await;
    }
}

#[tokio::test]
async fn a_drill_tells_its_script_in_time() {
    for kind in BOTH {
        kind.announce();
        let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
        let clock = SetClock::at(BEGINNING_MS);
        let (app, api) = start(folder.path(), &database, &clock).await;
        let script = json!([
            { "after": "5m", "text": "Support is called.", "signal": "called" },
            { "after": "10m", "text": "The second region fails." },
        ]);
        let body = json!({ "title": "Practice", "severity": "sev1", "script": script });
        let refused = api.post("/incidents", body.clone()).await.problem(422);
        assert!(refused["detail"].as_str().expect("a text").contains("belongs to a drill"), "{refused}");
        let mut drill = body;
        drill["kind"] = json!("drill");
        let made = api.post("/incidents", drill).await.ok();
        let incident = format!("/incidents/{}", made["number"].as_str().expect("a number"));
        clock.pass(minutes(5));
        heard(&api, &incident, "drill.injected", 1).await;
        clock.pass(minutes(50));
        heard(&api, &incident, "drill.injected", 2).await;
        assert_eq!(told(&api, &incident, "injection").await, ["Support is called.", "The second region fails."]);
        app.stop().await;
    }
}
