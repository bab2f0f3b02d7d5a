//! Grants: what a plugin asks for, what an administrator gives, and what a denied call leaves for them to decide.

use serde_json::{Value, json};
use wardroom_tests::{
    database::{BOTH, Kind},
    guests,
    server::{Api, Server},
    third_party::ThirdParty,
};

/// One step that asks for a path or a URL.
pub(crate) const WORKFLOW: &str = r#"
name: greet
on: [manual: {}]
inputs:
  method: { type: string, default: GET }
  url: { type: string, default: /hello/you }
  rounds: { type: integer, default: 0 }
steps:
  - id: greet
    uses: greeter/wave
    connection: hall
    retry: { attempts: 1 }
    with: { method: "${{ inputs.method }}", url: "${{ inputs.url }}", rounds: "${{ inputs.rounds }}" }
"#;

/// A server with the well-behaved guest and its workflow, talking to somebody.
async fn greeting(kind: Kind) -> (Server, Api, ThirdParty) {
    let (server, third) = (Server::start(kind).await, ThirdParty::start().await);
    let api = server.api.clone();
    api.upload(guests::greeter(&[]), "").await.ok();
    connect(&api, &third, json!({ "networks": ["127.0.0.0/8"] })).await;
    api.save("greet", WORKFLOW).await;
    (server, api, third)
}

pub(crate) async fn connect(api: &Api, third: &ThirdParty, grant: Value) {
    let hall = json!({ "plugin": "greeter", "base_url": third.url(), "grant": grant });
    api.put("/connections/hall", hall).await.ok();
}

async fn greet(api: &Api, inputs: Value) -> Value {
    let run = api.post("/workflows/greet/runs", json!({ "inputs": inputs })).await.ok();
    api.ended(&run).await
}

fn message(run: &Value) -> &str {
    run["steps"]["greet"]["error"]["message"].as_str().unwrap_or_default()
}

/// The request a denied run names.
fn named(run: &Value) -> String {
    let text = message(run);
    let (_, rest) =
        text.split_once("wardroom grant approve ").unwrap_or_else(|| panic!("no request is named: {run:#}"));
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

#[tokio::test]
async fn a_denial_names_what_is_missing_and_can_be_granted_from_there() {
    for kind in BOTH {
        let (mut server, api, third) = greeting(kind).await;
        connect(&api, &third, json!({})).await;
        let incident = api.post("/incidents", json!({ "title": "Checkout", "severity": "sev2" })).await.ok();
        let body = json!({ "incident": incident["id"], "inputs": {} });
        let run = api.post("/workflows/greet/runs", body).await.ok();
        let run = api.ended(&run).await;
        assert_eq!(run["status"], json!("failed"), "{run:#}");
        assert!(
            message(&run).contains("127.0.0.1, a loopback address. Not granted: to connect to 127.0.0.1"),
            "{run:#}"
        );
        let id = named(&run);
        assert_eq!(third.count(), 0);

        let waiting = api.get("/grants").await.ok();
        assert_eq!(waiting["items"][0]["id"], json!(id));
        assert_eq!(waiting["items"][0]["asks"], json!(["to connect to 127.0.0.1"]));
        let number = incident["number"].as_str().expect("a number");
        let timeline = api.get(&format!("/incidents/{number}/timeline")).await.ok().to_string();
        assert!(timeline.contains("Step greet: Not granted: to connect to 127.0.0.1"), "{timeline}");
        assert!(timeline.contains(&id), "{timeline}");

        // Only an administrator gives it; it is given once, and nothing wider than what was missing.
        let engineer = api.person("eve", "engineer").await;
        engineer.post(&format!("/grants/{id}/approve"), json!({})).await.problem(403);
        let given = api.post(&format!("/grants/{id}/approve"), json!({})).await.ok();
        assert_eq!(given["status"], json!("approved"));
        api.post(&format!("/grants/{id}/approve"), json!({})).await.problem(409);
        let connection = api.get("/connections/hall").await.ok();
        assert_eq!(connection["grant"]["networks"], json!(["127.0.0.1/32"]));
        assert_eq!(greet(&api, json!({})).await["status"], json!("succeeded"));
        let audit = api.get("/audit?action=grant.").await.ok();
        assert_eq!(audit["items"][0]["action"], json!("grant.approve"));
        api.get("/grants?status=approved").await.ok()["items"][0]["decided_by"].as_object().expect("somebody");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_host_is_granted_to_one_connection_and_a_request_of_another_kind_to_none() {
    let (mut server, api, third) = greeting(Kind::Sqlite).await;
    let elsewhere = greet(&api, json!({ "url": "http://127.0.0.9:99/x" })).await;
    assert!(message(&elsewhere).contains("any request to http://127.0.0.9:99"), "{elsewhere:#}");
    api.post(&format!("/grants/{}/approve", named(&elsewhere)), json!({})).await.ok();
    let again = greet(&api, json!({ "url": "http://127.0.0.9:99/x" })).await;
    assert_eq!(again["steps"]["greet"]["error"]["code"], json!("connect"), "it may, and nobody is there: {again:#}");

    for (method, url) in [("DELETE", "/hello/you"), ("GET", "/seats/1"), ("PUT", "/hello/you")] {
        let run = greet(&api, json!({ "method": method, "url": url })).await;
        let wanted = format!("does not ask for {method} {url}");
        assert!(message(&run).contains(&wanted), "{run:#}");
        assert!(!message(&run).contains("grant approve"), "nobody can allow it: {run:#}");
    }
    assert_eq!(third.count(), 0);
    server.stop().await;
}

#[tokio::test]
async fn less_than_a_plugin_asks_for_can_be_given_and_taken_back_at_any_time() {
    let (mut server, api, third) = greeting(Kind::Postgres).await;
    let held = api.get("/plugins/greeter/grant").await.ok();
    let all = json!([
        { "request": "GET /hello/**" }, { "request": "PUT /seats/**" }, { "host": "http://127.0.0.9:99" },
    ]);
    assert_eq!(held["asks"], all);
    assert_eq!(greet(&api, json!({ "method": "PUT", "url": "/seats/1" })).await["status"], json!("succeeded"));
    api.put("/plugins/greeter/grant", json!({ "asks": [{ "request": "GET /hello/**" }] })).await.ok();
    let denied = greet(&api, json!({ "method": "PUT", "url": "/seats/1" })).await;
    assert!(message(&denied).contains("PUT /seats/** under its connection's base_url"), "{denied:#}");
    assert_eq!(third.count(), 1);
    let beyond = api.put("/plugins/greeter/grant", json!({ "asks": [{ "request": "* /**" }] })).await.problem(422);
    assert!(beyond.to_string().contains("does not ask for any request"), "{beyond:#}");
    let wrong = api.put("/plugins/greeter/grant", json!({ "asks": [{ "request": "get a" }] })).await.problem(422);
    assert!(wrong.to_string().contains("POST /path/*"), "{wrong:#}");
    // Rejected is not for ever.
    let id = named(&denied);
    api.post(&format!("/grants/{id}/reject"), json!({})).await.ok();
    assert_eq!(api.get("/grants").await.ok()["items"], json!([]));
    api.post(&format!("/grants/{id}/approve"), json!({})).await.ok();
    assert_eq!(greet(&api, json!({ "method": "PUT", "url": "/seats/1" })).await["status"], json!("succeeded"));
    // Taken back and denied again, it waits again.
    api.put("/plugins/greeter/grant", json!({ "asks": [] })).await.ok();
    assert_eq!(named(&greet(&api, json!({ "method": "PUT", "url": "/seats/1" })).await), id);
    assert_eq!(api.get("/grants").await.ok()["items"][0]["id"], json!(id));
    api.post("/grants/0000000000/approve", json!({})).await.problem(404);
    server.stop().await;
}

#[tokio::test]
async fn a_secret_is_granted_by_the_name_of_a_stored_one() {
    let mut server = Server::start(Kind::Sqlite).await;
    let (api, third) = (server.api.clone(), ThirdParty::start().await);
    api.upload(guests::hostile(), "").await.ok();
    let grant = json!({ "networks": ["127.0.0.0/8"] });
    let connection = json!({ "plugin": "hostile", "base_url": third.url(), "grant": grant });
    api.put("/connections/own", connection).await.ok();
    let workflow = r"
name: fetch
on: [manual: {}]
steps:
  - id: greet
    uses: hostile/fetch
    connection: own
    retry: { attempts: 1 }
    with: { url: /x, secret_header: true }
";
    api.save("fetch", workflow).await;
    let fetch = async || {
        let run = api.post("/workflows/fetch/runs", json!({})).await.ok();
        api.ended(&run).await
    };
    let id = named(&fetch().await);
    assert_eq!(third.count(), 0);
    let approve = format!("/grants/{id}/approve");
    for body in [json!({}), json!({ "secret": "canary" })] {
        let refused = api.post(&approve, body).await.problem(422);
        assert_eq!(refused["errors"][0]["field"], json!("secret"), "{refused:#}");
    }
    api.put("/secrets/stored", json!({ "value": "top-secret" })).await;
    api.post(&approve, json!({ "secret": "stored" })).await.ok();
    let connection = api.get("/connections/own").await.ok();
    assert_eq!(connection["grant"]["secrets"], json!({ "canary": "stored" }));
    assert_eq!(fetch().await["status"], json!("succeeded"));
    assert!(third.asked()[0].headers.values().any(|value| value.contains("top-secret")));
    server.stop().await;
}
