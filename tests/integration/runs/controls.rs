//! Canceling, the kill switch, unknown effects, and restarts.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use wardroom_tests::{
    database::BOTH,
    server::{ADMIN, Server},
};

use crate::fixture::{connected, on_both, on_both_by_clock};

const SLOW: &str = "
name: slow
on: [{ manual: {} }]
steps:
  - { id: act, uses: webhook/send, connection: hooks, with: { path: /slow }, timeout: 5s, retry: { attempts: 1 } }
  - { id: after, uses: webhook/send, connection: hooks, with: { path: /after } }
";

fn path(run: &Value) -> String {
    format!("/runs/{}", run["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn an_unknown_effect_waits_for_a_person() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        api.save("slow", SLOW).await;
        // Both at once: a timeout long enough that the request is sent before it on any machine is waited for once.
        let start = || api.post("/workflows/slow/runs", json!({}));
        let runs = [start().await.ok(), start().await.ok()];
        for (run, (outcome, expected)) in runs.into_iter().zip([("applied", "succeeded"), ("fail", "failed")]) {
            let waiting = api.until(&path(&run), |run| run["status"] == json!("needs_decision")).await;
            assert_eq!(waiting["steps"]["act"]["error"]["code"], json!("timeout"), "{waiting:#}");
            let decide = |step: &str, outcome: &str| {
                let (api, path) = (api.clone(), format!("{}/decisions/{step}", path(&run)));
                let body = json!({ "outcome": outcome });
                async move { api.post(&path, body).await }
            };
            decide("act", "perhaps").await.problem(422);
            decide("after", outcome).await.problem(409);
            decide("nowhere", outcome).await.problem(404);
            decide("act", outcome).await.ok();
            assert_eq!(api.ended(&run).await["status"], json!(expected));
            decide("act", outcome).await.problem(409);
        }
        let paths: Vec<String> = third.asked().into_iter().map(|asked| asked.path).collect();
        assert_eq!(paths, ["/slow", "/slow", "/after"], "an unknown effect is never repeated unasked");
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_deduplicates_is_asked_again_under_the_same_key() {
    on_both(|api| async move {
        let third = connected(&api, json!({ "receiver_deduplicates": true })).await;
        api.save("slow", &SLOW.replace("/slow", "/cut").replace("attempts: 1", "attempts: 3, initial: 10ms")).await;
        let run = api.post("/workflows/slow/runs", json!({})).await.ok();
        let run = api.ended(&run).await;
        assert_eq!((&run["status"], &run["steps"]["act"]["attempts"]), (&json!("failed"), &json!(3)), "{run:#}");
        let keys: std::collections::BTreeSet<String> =
            third.asked().iter().map(|asked| asked.headers["idempotency-key"].clone()).collect();
        assert_eq!((third.asked().len(), keys.len()), (3, 1));
    })
    .await;
}

#[tokio::test]
async fn canceling_stops_new_starts_and_lets_what_is_in_flight_settle() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        api.save("slow", &SLOW.replace("/slow", "/held").replace("timeout: 5s", "timeout: 5m")).await;
        third.hold("/held");
        let run = api.post("/workflows/slow/runs", json!({})).await.ok();
        third.asked_often(1).await;
        let canceled = api.post(&format!("{}/cancel", path(&run)), json!({ "reason": "wrong one" })).await;
        assert_eq!(canceled.status, 202, "{:#}", canceled.body);
        let canceling = api.get(&path(&run)).await.ok();
        assert_eq!((&canceling["status"], &canceling["finished_at"]), (&json!("canceling"), &Value::Null));
        third.let_go();
        let run = api.ended(&run).await;
        assert_eq!(run["status"], json!("canceled"), "{run:#}");
        assert_eq!(run["steps"]["act"]["status"], json!("succeeded"), "what was in flight is recorded: {run:#}");
        assert_eq!(run["steps"]["after"]["status"], json!("skipped"));
        assert!(third.asked().iter().all(|asked| asked.path == "/held"));
        api.post(&format!("{}/cancel", path(&run)), json!({})).await.problem(409);
    })
    .await;
}

#[tokio::test]
async fn the_kill_switch_holds_steps_until_somebody_resumes() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        api.save("slow", &SLOW.replace("/slow", "/quick")).await;
        let hold = json!({ "scope": "connection", "name": "hooks", "reason": "deploy freeze" });
        api.post("/automation/pause", json!({ "scope": "connection", "name": "hooks" })).await.problem(422);
        api.post("/automation/pause", hold.clone()).await.ok();
        let run = api.post("/workflows/slow/runs", json!({})).await.ok();
        api.until(&path(&run), |run| run["status"] == json!("paused")).await;
        assert_eq!(third.asked(), []);
        assert_eq!(api.get("/automation").await.ok()["items"][0]["reason"], json!("deploy freeze"));
        let resume = json!({ "scope": "connection", "name": "hooks" });
        assert_eq!(api.post("/automation/resume", resume.clone()).await.status, 204);
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        api.post("/automation/resume", resume).await.problem(409);
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_became_another_plugins_is_not_used() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        api.install("unleash").await;
        let source = "
name: gated
on: [{ manual: {} }]
steps:
  - { id: gate, approve: { notify: none } }
  - { id: act, uses: webhook/send, connection: hooks, with: { path: /act } }
";
        api.save("gated", source).await;
        let run = api.post("/workflows/gated/runs", json!({})).await.ok();
        let run = api.until(&path(&run), |run| run["status"] == json!("waiting")).await;
        let other = json!({ "plugin": "unleash", "base_url": third.url(), "grant": { "networks": ["127.0.0.0/8"] } });
        api.put("/connections/hooks", other).await.ok();
        let approval = api.get("/approvals").await.ok()["items"][0]["id"].as_str().expect("an id").to_owned();
        api.post(&format!("/approvals/{approval}/approve"), json!({})).await.ok();
        let run = api.ended(&run).await;
        assert_eq!(run["steps"]["act"]["error"]["code"], json!("wrong_connection"), "{run:#}");
        let refused = api.post("/workflows/gated/runs", json!({})).await.problem(409);
        assert!(refused.to_string().contains("connection hooks is of plugin unleash now"), "{refused:#}");
        assert_eq!(third.asked(), []);
    })
    .await;
}

#[tokio::test]
async fn a_stopped_server_goes_on_where_it_was() {
    for kind in BOTH {
        let mut server = Server::start(kind).await;
        let third = connected(&server.api, json!({})).await;
        let source = "
name: gated
on: [{ manual: {} }]
steps:
  - { id: before, uses: webhook/send, connection: hooks, with: { path: /before } }
  - { id: gate, approve: { notify: none } }
  - { id: after, uses: webhook/send, connection: hooks, with: { path: /after } }
";
        server.api.save("gated", source).await;
        let run = server.api.post("/workflows/gated/runs", json!({})).await.ok();
        let run = server.api.until(&path(&run), |run| run["status"] == json!("waiting")).await;
        server.restart().await;
        let approval = run["steps"]["gate"]["approval"].as_str().expect("an approval");
        let answer = server.api.json(Method::POST, &format!("/approvals/{approval}/approve"), &[], &json!({})).await;
        answer.ok();
        assert_eq!(server.api.ended(&run).await["status"], json!("succeeded"));
        let paths: Vec<String> = third.asked().into_iter().map(|asked| asked.path).collect();
        assert_eq!(paths, ["/before", "/after"]);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_paused_run_calls_nothing_until_somebody_resumes_it() {
    on_both_by_clock(|api, clock| async move {
        let third = connected(&api, json!({})).await;
        let tell = |id: &str| {
            let with = json!({ "path": format!("/{id}") });
            json!({ "id": id, "uses": "webhook/send", "connection": "hooks", "with": with })
        };
        let nap = json!({ "id": "nap", "sleep": "500ms" });
        let document = json!({
            "name": "flow", "on": [{ "manual": {} }], "steps": [nap, tell("told")], "finally": [tell("clean")],
        });
        api.save("flow", &document.to_string()).await;
        let start = || api.post("/workflows/flow/runs", json!({}));
        let (held, stopped) = (start().await.ok(), start().await.ok());
        for run in [&held, &stopped] {
            let body = json!({ "reason": "wait for the vendor" });
            let paused = api.post(&format!("{}/pause", path(run)), body).await.ok();
            assert_eq!(paused["status"], json!("paused"), "{paused:#}");
            assert_eq!(paused["hold"]["reason"], json!("wait for the vendor"));
            api.post(&format!("{}/pause", path(run)), json!({})).await.problem(409);
        }
        // A run that began later and is not held has gone past the pause: so have the others, and stay.
        let later = start().await.ok();
        clock.pass(Duration::from_millis(500));
        api.ended(&later).await;
        assert_eq!(api.get(&path(&held)).await.ok()["status"], json!("paused"));
        assert_eq!(third.count(), 2);
        api.post(&format!("{}/resume", path(&held)), json!({})).await.ok();
        let ended = api.ended(&held).await;
        assert_eq!((&ended["status"], &ended["hold"]), (&json!("succeeded"), &json!(null)), "{ended:#}");
        api.post(&format!("{}/resume", path(&held)), json!({})).await.problem(409);
        api.post(&format!("{}/cancel", path(&stopped)), json!({})).await.ok();
        assert_eq!(api.ended(&stopped).await["status"], json!("canceled"), "a held run can be canceled");
        let paths: Vec<String> = third.asked().into_iter().map(|asked| asked.path).collect();
        assert_eq!(paths, ["/told", "/clean", "/told", "/clean", "/clean"]);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_no_run_behind() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let step = json!({ "id": "act", "uses": "webhook/send", "connection": "hooks", "with": { "path": "/act" } });
        let document = json!({ "name": "flow", "on": [{ "manual": {} }], "steps": [step] });
        api.save("flow", &document.to_string()).await;
        let address = api.url.trim_start_matches("http://").to_owned();
        let request = format!(
            "POST /api/v1/workflows/flow/runs HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {ADMIN}\r\n\
             content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        for _ in 0..40 {
            let mut stream = TcpStream::connect(&address).await.expect("connects");
            stream.write_all(request.as_bytes()).await.expect("is sent");
            // Gone before the answer.
            drop(stream);
        }
        api.ended(&api.post("/workflows/flow/runs", json!({})).await.ok()).await;
        let all_ended = |page: &Value| {
            page["items"].as_array().is_some_and(|runs| runs.iter().all(|run| !run["finished_at"].is_null()))
        };
        let runs = api.until("/runs?limit=200", all_ended).await;
        let runs = runs["items"].as_array().expect("runs");
        assert!(runs.iter().all(|run| run["status"] == json!("succeeded")), "{runs:#?}");
        assert_eq!(third.count(), runs.len(), "each run that was written was driven, once");
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_ran_out_is_followed_by_a_new_life() {
    for kind in BOTH {
        let mut server = Server::start(kind).await;
        let api = server.api.clone();
        let third = connected(&api, json!({})).await;
        let nap = json!({ "id": "nap", "sleep": "1s" });
        let step = json!({ "id": "act", "uses": "webhook/send", "connection": "hooks", "with": { "path": "/act" } });
        let document = json!({ "name": "flow", "on": [{ "manual": {} }], "steps": [nap, step] });
        api.save("flow", &document.to_string()).await;
        let run = api.post("/workflows/flow/runs", json!({})).await.ok();
        server.database.execute("UPDATE hosts SET lease_expires_at = 0").await;
        let ended = api.ended(&run).await;
        assert_eq!(ended["status"], json!("succeeded"), "{ended:#}");
        api.until("//readyz", |answer| answer["status"] == json!("ready")).await;
        let later = api.ended(&api.post("/workflows/flow/runs", json!({})).await.ok()).await;
        assert_eq!((&later["status"], third.count()), (&json!("succeeded"), 2));
        server.stop().await;
    }
}
