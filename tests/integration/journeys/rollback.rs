//! Rolling back for real, and taking the rollback back: a build of Buildbot's and versioned configuration in etcd.

use serde_json::{Value, json};
use wardroom_tests::{
    counterparts::{Buildbot, Etcd},
    database::Kind,
    guests::root,
    server::{Api, Server},
};

/// `config/checkout`, in base64.
const KEY: &str = "Y29uZmlnL2NoZWNrb3V0";
const V1: &str = "djE=";
const V2: &str = "djI=";

/// The key, as runs are given it.
fn inputs() -> Value {
    json!({ "inputs": { "key": "config/checkout" } })
}

fn example(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("examples/workflows/{name}.yaml"))).expect("an example")
}

async fn connected(api: &Api, etcd: &Etcd) {
    api.install("etcd").await;
    let grant = json!({ "networks": ["127.0.0.0/8"], "accept_reads": true });
    let connection = json!({ "plugin": "etcd", "base_url": etcd.url, "grant": grant });
    api.put("/connections/config", connection).await.ok();
    api.save("restore-config", &example("restore-config")).await;
}

#[tokio::test]
async fn a_key_of_etcd_is_put_back_and_the_rollback_is_taken_back() {
    let etcd = Etcd::start();
    let mut server = Server::start(Kind::Postgres).await;
    let api = server.api.clone();
    connected(&api, &etcd).await;
    etcd.put(KEY, V1).await;
    etcd.put("b3RoZXI=", V1).await;
    let last = etcd.put(KEY, V2).await;
    let simulated =
        api.post("/workflows/restore-config/runs", json!({ "dry_run": true, "inputs": inputs()["inputs"] })).await.ok();
    let simulated = api.ended(&simulated).await;
    assert_eq!(simulated["steps"]["before"]["output"]["mod_revision"], json!(last), "reading is safe: {simulated:#}");
    assert_eq!(simulated["steps"]["restore"]["status"], json!("simulated"));
    assert_eq!(etcd.value(KEY).await, json!(V2), "a dry run writes nothing");
    let run = api.post("/workflows/restore-config/runs", inputs()).await.ok();
    let run = api.ended(&run).await;
    assert_eq!(run["status"], json!("succeeded"), "{run:#}");
    assert_eq!(run["steps"]["restore"]["output"]["value"], json!("v1"));
    assert_eq!(etcd.value(KEY).await, json!(V1));
    let back = api.post(&format!("/runs/{}/undo", run["id"].as_str().expect("an id")), json!({})).await.ok();
    let back = api.ended(&back).await;
    assert_eq!(back["status"], json!("succeeded"), "{back:#}");
    assert_eq!(etcd.value(KEY).await, json!(V2), "the rollback is taken back");
    server.stop().await;
}

#[tokio::test]
async fn what_somebody_changed_since_is_not_overwritten_by_an_undo() {
    let etcd = Etcd::start();
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    connected(&api, &etcd).await;
    etcd.put(KEY, V1).await;
    etcd.put(KEY, V2).await;
    let run = api.post("/workflows/restore-config/runs", inputs()).await.ok();
    let run = api.ended(&run).await;
    etcd.put(KEY, "djM=").await;
    let back = api.post(&format!("/runs/{}/undo", run["id"].as_str().expect("an id")), json!({})).await.ok();
    let back = api.ended(&back).await;
    assert_eq!(back["status"], json!("failed"), "{back:#}");
    assert!(back.to_string().contains("changed_meanwhile"), "{back:#}");
    assert_eq!(etcd.value(KEY).await, json!("djM="));
    server.stop().await;
}

/// Deploys a version by hand, as somebody did before the incident.
const DEPLOY: &str = r#"
name: deploy
on: [{ manual: {} }]
inputs:
  version: { type: string }
steps:
  - id: deploy
    uses: buildbot/start-build
    connection: ci
    with: { scheduler: deploy, properties: { version: "${{ inputs.version }}" } }
"#;

#[tokio::test]
async fn a_build_rolls_back_and_another_one_takes_that_back() {
    let buildbot = Buildbot::start();
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    api.install("buildbot").await;
    let grant = json!({ "networks": ["127.0.0.0/8"] });
    let config = json!({ "web_url": buildbot.url });
    let connection = json!({ "plugin": "buildbot", "base_url": buildbot.url, "grant": grant, "config": config });
    api.put("/connections/ci", connection).await.ok();
    api.save("deploy", DEPLOY).await;
    api.save("roll-back-release", &example("roll-back-release")).await;
    let deploy = async |version: &str| {
        let run = api.post("/workflows/deploy/runs", json!({ "inputs": { "version": version } })).await.ok();
        api.ended(&run).await
    };
    for version in ["v1", "v2"] {
        assert_eq!(deploy(version).await["status"], json!("succeeded"));
    }
    let broken = deploy("broken").await;
    assert_eq!(broken["steps"]["deploy"]["error"]["code"], json!("build_failure"), "{broken:#}");
    assert_eq!(buildbot.deployed(), "v2");

    let commander = api.person("ada", "responder").await;
    api.post("/incidents", json!({ "title": "v2 is bad", "severity": "sev1" })).await.ok();
    api.put("/incidents/INC-1/roles/commander", json!({ "primary": "ada" })).await.ok();
    let run = api.post("/workflows/roll-back-release/runs", json!({ "incident": "INC-1" })).await.ok();
    let asked = api.until("/approvals?status=pending", |page| page["items"][0]["id"].is_string()).await;
    assert_eq!(buildbot.deployed(), "v2", "nothing happens before the approval");
    let approval = asked["items"][0]["id"].as_str().expect("an id");
    commander.post(&format!("/approvals/{approval}/approve"), json!({})).await.ok();
    let run = api.ended(&run).await;
    assert_eq!(run["status"], json!("succeeded"), "{run:#}");
    let build = &run["steps"]["deploy"]["output"]["builds"][0];
    assert_eq!((&build["result"], &build["properties"]["version"]), (&json!("success"), &json!("v1")), "{run:#}");
    assert_eq!(buildbot.deployed(), "v1");
    let back = api.post(&format!("/runs/{}/undo", run["id"].as_str().expect("an id")), json!({})).await.ok();
    let back = api.ended(&back).await;
    assert_eq!(back["status"], json!("succeeded"), "{back:#}");
    assert_eq!(buildbot.deployed(), "v2", "the rollback is taken back");
    server.stop().await;
}
