//! How runs end: `on_failure`, `finally`, pauses, deadlines, and which failures are tried again.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::{
    clock::{SetClock, start},
    database::{BOTH, Database},
    server::Api,
    third_party::ThirdParty,
};

use crate::fixture::{BEGINNING_MS, connected, on_both, on_both_by_clock};

/// A workflow of one line a step, `path` of the webhook or `!path` for one that fails, in three sections.
fn document(main: &[&str], on_failure: &[&str], finally: &[&str]) -> Value {
    let steps = |letter: &str, paths: &[&str]| -> Value {
        let step = |(index, path): (usize, &&str)| {
            let (connection, path) = path.strip_prefix('!').map_or(("hooks", *path), |path| ("nowhere", path));
            json!({
                "id": format!("{letter}{index}"), "uses": "webhook/send", "connection": connection,
                "with": { "path": format!("/{path}") }, "retry": { "attempts": 1 },
            })
        };
        paths.iter().enumerate().map(step).collect()
    };
    let mut document = json!({ "name": "flow", "on": [{ "manual": {} }], "steps": steps("s", main) });
    for (key, letter, paths) in [("on_failure", "f", on_failure), ("finally", "z", finally)] {
        if !paths.is_empty() {
            document[key] = steps(letter, paths);
        }
    }
    document
}

async fn prepared(api: &Api) -> ThirdParty {
    let third = connected(api, json!({})).await;
    let nowhere = json!({
        "plugin": "webhook", "base_url": "http://127.0.0.1:1", "grant": { "networks": ["127.0.0.0/8"] },
    });
    api.put("/connections/nowhere", nowhere).await.ok();
    third
}

async fn started(api: &Api, document: &Value) -> Value {
    api.save("flow", &document.to_string()).await;
    api.post("/workflows/flow/runs", json!({})).await.ok()
}

async fn ran(api: &Api, document: &Value) -> Value {
    let started = started(api, document).await;
    api.ended(&started).await
}

fn path(run: &Value) -> String {
    format!("/runs/{}", run["id"].as_str().expect("an id"))
}

fn paths(third: &ThirdParty) -> Vec<String> {
    third.asked().iter().map(|asked| asked.path.clone()).collect()
}

#[tokio::test]
async fn a_failure_is_followed_by_on_failure_and_then_finally() {
    on_both(|api| async move {
        let third = prepared(&api).await;
        let mut document = document(&["a", "!b", "c"], &["page"], &["clean"]);
        document["on_failure"][0]["with"]["body"] =
            json!({ "step": "${{ run.failure.step }}", "why": "${{ run.failure.code }}", "a": "${{ steps.s0.status }}" });
        document["finally"][0]["with"]["body"] = json!({ "outcome": "${{ run.outcome }}" });
        let run = ran(&api, &document).await;
        assert_eq!(run["status"], json!("failed"), "{run:#}");
        assert_eq!(run["steps"]["s2"]["error"]["code"], json!("upstream_failed"));
        assert_eq!(paths(&third), ["/a", "/page", "/clean"]);
        let body = |index: usize| serde_json::from_str::<Value>(&third.asked()[index].body).expect("JSON");
        assert_eq!(body(1), json!({ "step": "s1", "why": "connect", "a": "succeeded" }));
        assert_eq!(body(2), json!({ "outcome": "failed" }));
    })
    .await;
}

#[tokio::test]
async fn what_goes_well_skips_on_failure_and_a_failing_finally_fails_it() {
    on_both(|api| async move {
        let third = prepared(&api).await;
        let run = ran(&api, &document(&["a"], &["page"], &["clean"])).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        assert_eq!(run["steps"]["f0"]["error"]["code"], json!("not_needed"));
        assert_eq!(paths(&third), ["/a", "/clean"]);
        let run = ran(&api, &document(&["a"], &["page"], &["!clean", "more"])).await;
        assert_eq!(run["status"], json!("failed"), "{run:#}");
        assert_eq!(run["steps"]["f0"]["status"], json!("skipped"));
        assert_eq!(run["steps"]["z1"]["error"]["code"], json!("upstream_failed"));
    })
    .await;
}

#[tokio::test]
async fn a_canceled_run_still_cleans_up_and_a_timeout_counts_as_a_failure() {
    on_both_by_clock(|api, clock| async move {
        let third = prepared(&api).await;
        let mut asleep = document(&["a"], &["page"], &["clean"]);
        asleep["steps"][0] = json!({ "id": "s0", "sleep": "1h" });
        let run = started(&api, &asleep).await;
        api.until(&path(&run), |run| run["status"] == json!("waiting")).await;
        api.post(&format!("{}/cancel", path(&run)), json!({})).await.ok();
        let run = api.ended(&run).await;
        assert_eq!((&run["status"], paths(&third)), (&json!("canceled"), vec!["/clean".to_owned()]), "{run:#}");
        asleep["timeout"] = json!("1s");
        let run = started(&api, &asleep).await;
        api.until(&path(&run), |run| run["status"] == json!("waiting")).await;
        clock.pass(Duration::from_secs(1));
        let run = api.ended(&run).await;
        assert_eq!(run["status"], json!("timed_out"), "{run:#}");
        assert_eq!(run["steps"]["s0"]["status"], json!("timed_out"));
        assert_eq!(paths(&third), ["/clean", "/page", "/clean"]);
    })
    .await;
}

#[tokio::test]
async fn a_pause_survives_a_restart() {
    for kind in BOTH {
        let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
        let clock = SetClock::at(BEGINNING_MS);
        let (app, api) = start(folder.path(), &database, &clock).await;
        let third = prepared(&api).await;
        let mut asleep = document(&["a", "b"], &[], &[]);
        asleep["steps"][0] = json!({ "id": "s0", "sleep": "2s" });
        let run = started(&api, &asleep).await;
        clock.pass(Duration::from_millis(1_999));
        app.stop().await;
        let (app, api) = start(folder.path(), &database, &clock).await;
        // Another run comes and goes meanwhile: the server looks at what is due, and this one is not.
        let mut other = document(&["other"], &[], &[]);
        other["name"] = json!("other");
        api.save("other", &other.to_string()).await;
        let other = api.post("/workflows/other/runs", json!({})).await.ok();
        api.ended(&other).await;
        assert_eq!(api.get(&path(&run)).await.ok()["status"], json!("waiting"), "a millisecond is missing");
        clock.pass(Duration::from_millis(1));
        let ended = api.ended(&run).await;
        assert_eq!(ended["status"], json!("succeeded"), "{ended:#}");
        assert_eq!(paths(&third), ["/other", "/b"]);
        asleep["steps"][0] = json!({ "id": "s0", "sleep": { "until": "${{ trigger.at }}" } });
        assert_eq!(ran(&api, &asleep).await["status"], json!("succeeded"), "a time that has passed is no pause");
        asleep["steps"][0] = json!({ "id": "s0", "sleep": { "until": "${{ trigger.by }}" } });
        let failed = ran(&api, &asleep).await;
        assert_eq!(failed["steps"]["s0"]["error"]["code"], json!("expression"), "{failed:#}");
        app.stop().await;
    }
}

#[tokio::test]
async fn a_simulation_does_not_sleep() {
    on_both(|api| async move {
        prepared(&api).await;
        let mut asleep = document(&["a"], &[], &[]);
        asleep["steps"][0] = json!({ "id": "s0", "sleep": "1h" });
        api.save("flow", &asleep.to_string()).await;
        let run = api.post("/workflows/flow/runs", json!({ "dry_run": true })).await.ok();
        let run = api.ended(&run).await;
        assert_eq!(run["steps"]["s0"]["status"], json!("simulated"), "{run:#}");
    })
    .await;
}

#[tokio::test]
async fn the_document_says_which_failures_are_tried_again_and_for_how_long() {
    on_both(|api| async move {
        prepared(&api).await;
        let mut picky = document(&["!a"], &[], &[]);
        picky["steps"][0]["retry"] = json!({ "attempts": 10, "initial": "1ms" });
        picky["steps"][0]["retry_if"] = json!("error.code == 'connect' && error.attempt < 3");
        let run = ran(&api, &picky).await;
        assert_eq!(run["steps"]["s0"]["attempts"], json!(3), "{run:#}");
        picky["steps"][0]["retry_if"] = json!("error.details.missing == 1");
        let run = ran(&api, &picky).await;
        let message = run["steps"]["s0"]["error"]["message"].as_str().expect("a text");
        assert!(message.contains("retry_if"), "{message}");
        assert_eq!(run["steps"]["s0"]["attempts"], json!(1), "{run:#}");
        let mut late = document(&["!a"], &[], &[]);
        late["steps"][0]["retry"] = json!({ "attempts": 100, "initial": "1h", "max": "1h" });
        late["steps"][0]["deadline"] = json!("1s");
        let run = ran(&api, &late).await;
        assert_eq!(run["steps"]["s0"]["status"], json!("timed_out"), "{run:#}");
        assert_eq!((&run["status"], &run["steps"]["s0"]["error"]["code"]), (&json!("failed"), &json!("deadline")));
    })
    .await;
}

#[tokio::test]
async fn finally_cannot_be_canceled() {
    on_both_by_clock(|api, clock| async move {
        prepared(&api).await;
        let mut slow = document(&["a"], &[], &["clean"]);
        slow["finally"][0] = json!({ "id": "z0", "sleep": "1500ms" });
        let run = started(&api, &slow).await;
        api.until(&path(&run), |run| run["steps"]["z0"]["status"] == json!("waiting")).await;
        let problem = api.send(Method::POST, &format!("{}/cancel", path(&run)), &[], Vec::new()).await.problem(409);
        assert!(problem["detail"].as_str().expect("a text").contains("finally"), "{problem}");
        clock.pass(Duration::from_millis(1_500));
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
    })
    .await;
}
