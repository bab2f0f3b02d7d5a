//! Practice: drills that a workflow opens, and faults that are injected for real and always end.

use serde_json::{Value, json};
use wardroom_tests::{
    counterparts::{Etcd, UNLEASH_TOKEN, Unleash},
    database::Kind,
    server::{Api, Server},
};

const FLAG: &str = "search";
/// `config/search`, in base64, and its two values.
const KEY: &str = "Y29uZmlnL3NlYXJjaA==";
const GOOD: &str = "Z29vZA==";
const BAD: &str = "YmFk";

/// A drill that two faults make real, until somebody says so or the run is canceled.
const GAME_DAY: &str = r"
name: game-day
on: [{ signal: storm }, { manual: {} }]
steps:
  - { id: no_search, uses: chaos/inject, connection: flags-practice, with: { fault: no-search } }
  - { id: bad_key, uses: chaos/inject, connection: config-practice, with: { fault: bad-config } }
  - { id: seen, wait_for: { signal: seen, timeout: 1h } }
finally:
  - { id: search, uses: chaos/end, connection: flags-practice, with: { fault: no-search } }
  - { id: good_key, uses: chaos/end, connection: config-practice, with: { fault: bad-config } }
";

const OPEN_DRILL: &str = r#"
name: open-drill
on: [{ manual: {} }, { cron: "0 10 1 * *" }]
steps:
  - id: drill
    uses: wardroom/open-incident
    with: { title: "Search is down (practice)", severity: sev2, kind: drill, labels: { service: search } }
"#;

async fn connected(api: &Api, flags: &Unleash, config: &Etcd) {
    api.install("chaos").await;
    api.put("/secrets/flag-admin", json!({ "value": UNLEASH_TOKEN })).await.ok();
    let switch = |word: &str| {
        let path = format!("/api/admin/projects/default/features/{FLAG}/environments/production/{word}");
        json!({ "method": "POST", "path": path, "body": {} })
    };
    let put = |value: &str| json!({ "method": "POST", "path": "/v3/kv/put", "body": { "key": KEY, "value": value } });
    let fault = |begin: Value, end: Value| json!({ "description": "practice", "begin": begin, "end": end });
    let grant = json!({ "networks": ["127.0.0.0/8"] });
    let flags = json!({
        "plugin": "chaos", "base_url": flags.url, "grant": grant, "real_in_drills": true,
        "auth": { "header": { "name": "authorization", "value": "flag-admin" } },
        "config": { "faults": { "no-search": fault(switch("off"), switch("on")) } },
    });
    api.put("/connections/flags-practice", flags).await.ok();
    let config = json!({
        "plugin": "chaos", "base_url": config.url, "grant": grant, "real_in_drills": true,
        "config": { "faults": { "bad-config": fault(put(BAD), put(GOOD)) } },
    });
    api.put("/connections/config-practice", config).await.ok();
}

/// Opens a drill by the workflow and lets the storm begin in it; gives the run, once both faults are there.
async fn stormy(api: &Api) -> Value {
    let run = api.post("/workflows/open-drill/runs", json!({})).await.ok();
    let run = api.ended(&run).await;
    let drill = run["steps"]["drill"]["output"]["incident"].as_str().unwrap_or_else(|| panic!("{run:#}")).to_owned();
    let shown = api.get(&format!("/incidents/{drill}")).await.ok();
    assert_eq!((&shown["kind"], &shown["labels"]["service"]), (&json!("drill"), &json!("search")));
    api.post("/signals/storm", json!({ "incident": drill })).await.ok();
    let waits = |page: &Value| {
        page["items"][0]["steps"]["seen"]["status"] == "waiting" || page["items"][0]["status"] == "waiting"
    };
    let page = api.until(&format!("/runs?workflow=game-day&incident={drill}"), waits).await;
    page["items"][0].clone()
}

#[tokio::test]
async fn faults_are_real_in_a_drill_and_end_however_the_run_ends() {
    let (flags, config) = (Unleash::start().await, Etcd::start());
    let mut server = Server::start(Kind::Postgres).await;
    let api = server.api.clone();
    connected(&api, &flags, &config).await;
    flags.make_flag(FLAG).await;
    config.put(KEY, GOOD).await;
    api.save("open-drill", OPEN_DRILL).await;
    api.save("game-day", GAME_DAY).await;

    let run = stormy(&api).await;
    assert_eq!(run["mode"], json!("practice"), "a drill is practice: {run:#}");
    assert!(!flags.is_on(FLAG).await, "the flag is off for real");
    assert_eq!(config.value(KEY).await, json!(BAD));
    api.post(&format!("/runs/{}/signals/seen", run["id"].as_str().expect("an id")), json!({})).await.ok();
    assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
    assert!(flags.is_on(FLAG).await, "the fault is over");
    assert_eq!(config.value(KEY).await, json!(GOOD));

    let run = stormy(&api).await;
    assert!(!flags.is_on(FLAG).await);
    api.post(&format!("/runs/{}/cancel", run["id"].as_str().expect("an id")), json!({})).await.ok();
    let run = api.ended(&run).await;
    assert_eq!(run["status"], json!("canceled"), "{run:#}");
    assert!(flags.is_on(FLAG).await, "the fault ends with a canceled run too");
    assert_eq!(config.value(KEY).await, json!(GOOD));

    // A dry run is no drill: nothing is sent through a connection that is real in drills either.
    let drill = json!({ "incident": run["incident"], "dry_run": true });
    let dry = api.post("/workflows/game-day/runs", drill).await.ok();
    let dry = api.ended(&dry).await;
    assert_eq!((&dry["status"], &dry["mode"]), (&json!("succeeded"), &json!("simulated")), "{dry:#}");
    assert_eq!(dry["steps"]["no_search"]["status"], json!("simulated"));
    assert_eq!(flags.times_switched_off(FLAG).await, 2, "once for each drill");

    let endless = GAME_DAY.split("finally:").next().expect("the steps").replace("game-day", "endless");
    let headers = [("content-type", "application/yaml")];
    let refused = api.send(reqwest::Method::PUT, "/workflows/endless", &headers, endless.into_bytes()).await;
    let refused = refused.problem(422);
    let told = refused["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(told.contains("`finally`") && told.contains("uses: chaos/end"), "{refused:#}");
    server.stop().await;
}
