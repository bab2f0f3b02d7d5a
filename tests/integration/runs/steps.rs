//! Runs: order, data between steps, retries, failures, simulation, and following one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{connected, on_both, opened};

fn workflow(steps: &str) -> String {
    format!("name: flow\non: [{{ manual: {{}} }}]\nsteps:\n{steps}")
}

async fn run(api: &wardroom_tests::server::Api, steps: &str, body: Value) -> Value {
    api.save("flow", &workflow(steps)).await;
    let started = api.post("/workflows/flow/runs", body).await;
    assert_eq!(started.status, 202, "{:#}", started.body);
    api.ended(&started.body).await
}

#[tokio::test]
async fn steps_hand_their_outputs_on_and_conditions_skip() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let steps = "
  - { id: first, uses: webhook/send, connection: hooks, with: { path: /first } }
  - { id: skipped, uses: webhook/send, connection: hooks, with: { path: /skipped }, if: steps.first.output.status == 500 }
  - { id: last, uses: webhook/send, connection: hooks, with: { path: /last, body: '${{ steps.first.output }}' } }
";
        let run = run(&api, steps, json!({})).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        assert_eq!(run["steps"]["skipped"]["status"], json!("skipped"));
        let asked = third.asked();
        assert_eq!(asked.iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>(), ["/first", "/last"]);
        assert_eq!(asked[1].body, "{\"body\":{},\"status\":200}");
        let attempts = api.get(&format!("/runs/{}/attempts", run["id"].as_str().expect("an id"))).await.ok();
        assert_eq!(attempts["items"][0]["trace"]["http"][0]["status"], json!(200));
        assert_eq!(attempts["items"].as_array().expect("items").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_failure_skips_what_follows_unless_it_may_continue() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        let nowhere = json!({
            "plugin": "webhook", "base_url": "http://127.0.0.1:1", "grant": { "networks": ["127.0.0.0/8"] },
        });
        api.put("/connections/nowhere", nowhere).await.ok();
        let failing = "
  - id: fails
    uses: webhook/send
    connection: nowhere
    with: { path: /x }
    retry: { attempts: 3, initial: 10ms, max: 20ms }
";
        let after = "  - { id: after, uses: webhook/send, connection: hooks, with: { path: /after } }\n";
        let failed = run(&api, &format!("{failing}{after}"), json!({})).await;
        assert_eq!(failed["status"], json!("failed"));
        assert_eq!(failed["steps"]["fails"]["attempts"], json!(3));
        assert_eq!(failed["steps"]["fails"]["error"]["code"], json!("connect"));
        assert_eq!(failed["steps"]["after"]["error"]["code"], json!("upstream_failed"));
        let continued = run(&api, &format!("{failing}    on_error: continue\n{after}"), json!({})).await;
        assert_eq!(continued["status"], json!("succeeded"), "{continued:#}");
        assert_eq!(continued["steps"]["fails"]["status"], json!("failed"));
    })
    .await;
}

#[tokio::test]
async fn inputs_are_checked_against_their_schemas() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let source = "
name: flow
on: [{ manual: {} }]
inputs:
  service: { type: string }
  percent: { type: integer, maximum: 100, default: 10 }
steps:
  - { id: tell, uses: webhook/send, connection: hooks, with: { path: '/${{ inputs.service }}', body: '${{ inputs.percent }}' } }
";
        api.save("flow", source).await;
        let start = |inputs: Value| api.post("/workflows/flow/runs", json!({ "inputs": inputs }));
        let field = |problem: Value| problem["errors"][0]["field"].clone();
        assert_eq!(field(start(json!({})).await.problem(422)), json!("inputs.service"));
        assert_eq!(field(start(json!({ "service": 7 })).await.problem(422)), json!("inputs.service"));
        assert_eq!(field(start(json!({ "service": "x", "percent": 101 })).await.problem(422)), json!("inputs.percent"));
        assert_eq!(field(start(json!({ "service": "x", "colour": 1 })).await.problem(422)), json!("inputs.colour"));
        let run = start(json!({ "service": "till" })).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        assert_eq!((third.asked()[0].path.as_str(), third.asked()[0].body.as_str()), ("/till", "10"));
        api.post("/workflows/none/runs", json!({})).await.problem(404);
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_and_a_drill_send_nothing_and_show_what_they_would_have() {
    on_both(|api| async move {
        let third = connected(&api, json!({})).await;
        let steps = "
  - { id: change, uses: webhook/send, connection: hooks, with: { path: /change, body: { a: 1 } } }
  - { id: after, uses: webhook/send, connection: hooks, with: { path: '/s${{ steps.change.output.status }}' } }
";
        let dry = run(&api, steps, json!({ "dry_run": true })).await;
        api.post("/incidents", json!({ "title": "t", "severity": "sev4", "kind": "drill" })).await.ok();
        let drill = run(&api, steps, json!({ "incident": "INC-1" })).await;
        for (run, mode) in [(dry, "simulated"), (drill, "practice")] {
            assert_eq!((&run["status"], &run["mode"]), (&json!("succeeded"), &json!(mode)), "{run:#}");
            assert_eq!(run["steps"]["change"]["status"], json!("simulated"));
            let attempts = api.get(&format!("/runs/{}/attempts", run["id"].as_str().expect("an id"))).await.ok();
            let request = &attempts["items"][0]["trace"]["would_have_sent"]["http"];
            assert_eq!((&request["method"], &request["body"]), (&json!("POST"), &json!({ "a": 1 })));
            let after = &attempts["items"][1]["trace"]["would_have_sent"]["http"]["url"];
            assert!(after.as_str().expect("a URL").ends_with("/s200"), "{after}");
        }
        assert_eq!(third.asked(), []);
    })
    .await;
}

#[tokio::test]
async fn built_in_actions_act_on_the_incident_once() {
    on_both(|api| async move {
        let steps = "
  - { id: note, uses: wardroom/add-timeline, with: { text: 'noted ${{ incident.number }}' } }
  - { id: link, uses: wardroom/attach-artifact, with: { kind: link, label: Graphs, url: 'https://graphs.example.com' } }
  - { id: move, uses: wardroom/set-stage, with: { to: triage } }
  - { id: again, uses: wardroom/set-stage, with: { to: triage } }
  - { id: update, uses: wardroom/post-update, with: { text: 'We are on it.' } }
";
        opened(&api, "Checkout fails").await;
        api.save("flow", &workflow(steps).replace("steps:", "if: incident != null\nsteps:")).await;
        let refused = api.post("/workflows/flow/runs", json!({})).await.problem(409);
        assert!(refused["detail"].as_str().expect("a text").contains("`if` was false"), "{refused}");
        let run = api.post("/workflows/flow/runs", json!({ "incident": "INC-1" })).await.ok();
        let run = api.ended(&run).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        assert_eq!(api.get("/incidents/INC-1").await.ok()["stage"], json!("triage"));
        let timeline = api.get("/incidents/INC-1/timeline").await.ok();
        let kinds: Vec<(&str, &str)> = timeline["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|entry| (entry["kind"].as_str().expect("a kind"), entry["text"].as_str().expect("a text")))
            .collect();
        assert!(kinds.contains(&("note", "note: noted INC-1")), "{kinds:?}");
        assert!(kinds.contains(&("update", "We are on it.")), "{kinds:?}");
        assert_eq!(kinds.iter().filter(|(kind, _)| *kind == "stage").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_run_can_be_followed_until_it_ends() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        let steps = "  - { id: first, uses: webhook/send, connection: hooks, with: { path: /first } }\n";
        api.save("flow", &workflow(steps)).await;
        let run = api.post("/workflows/flow/runs", json!({})).await.ok();
        let url = format!("{}/api/v1/runs/{}/events", api.url, run["id"].as_str().expect("an id"));
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let response = client.get(url).bearer_auth(wardroom_tests::server::ADMIN).send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let text = response.text().await.expect("the stream ends with the run");
        let last = text.lines().filter_map(|line| line.strip_prefix("data:")).next_back().expect("an event");
        let last: Value = serde_json::from_str(last.trim()).expect("JSON");
        assert_eq!(last["status"], json!("succeeded"), "{text}");
    })
    .await;
}

#[tokio::test]
async fn a_key_makes_a_repeated_start_one_run() {
    on_both(|api| async move {
        connected(&api, json!({})).await;
        api.save("flow", &workflow("  - { id: a, uses: webhook/send, connection: hooks, with: { path: /a } }\n")).await;
        let first =
            api.json(Method::POST, "/workflows/flow/runs", &[("idempotency-key", "once")], &json!({})).await.ok();
        let second =
            api.json(Method::POST, "/workflows/flow/runs", &[("idempotency-key", "once")], &json!({})).await.ok();
        assert_eq!(first["id"], second["id"]);
        let other = json!({ "dry_run": true });
        api.json(Method::POST, "/workflows/flow/runs", &[("idempotency-key", "once")], &other).await.problem(422);
        assert_eq!(api.get("/runs").await.ok()["items"].as_array().expect("items").len(), 1);
    })
    .await;
}
