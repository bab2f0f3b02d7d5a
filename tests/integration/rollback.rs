//! Rolling back for real, and taking the rollback back: a build of Buildbot's and versioned configuration in etcd.

use serde_json::json;
use wardroom_tests::{
    counterparts::{Buildbot, Etcd},
    database::Kind,
    server::{Api, Server},
};

/// `config/checkout`, in base64.
const KEY: &str = "Y29uZmlnL2NoZWNrb3V0";
const V1: &str = "djE=";
const V2: &str = "djI=";

const WORKFLOW: &str = r#"
name: restore-config
on: [{ manual: {} }]
steps:
  - id: before
    uses: etcd/get
    connection: config
    with: { key: config/checkout }
  - id: restore
    uses: etcd/restore
    connection: config
    with: { key: config/checkout, revision: "${{ steps.before.output.previous_revision }}" }
"#;

async fn connected(api: &Api, etcd: &Etcd) {
    api.install("etcd").await;
    let grant = json!({ "networks": ["127.0.0.0/8"], "accept_reads": true });
    let connection = json!({ "plugin": "etcd", "base_url": etcd.url, "grant": grant });
    api.put("/connections/config", connection).await.ok();
    api.save("restore-config", WORKFLOW).await;
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
    let simulated = api.post("/workflows/restore-config/runs", json!({ "dry_run": true })).await.ok();
    let simulated = api.ended(&simulated).await;
    assert_eq!(simulated["steps"]["before"]["output"]["mod_revision"], json!(last), "reading is safe: {simulated:#}");
    assert_eq!(simulated["steps"]["restore"]["status"], json!("simulated"));
    assert_eq!(etcd.value(KEY).await, json!(V2), "a dry run writes nothing");
    let run = api.post("/workflows/restore-config/runs", json!({})).await.ok();
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
    let run = api.post("/workflows/restore-config/runs", json!({})).await.ok();
    let run = api.ended(&run).await;
    etcd.put(KEY, "djM=").await;
    let back = api.post(&format!("/runs/{}/undo", run["id"].as_str().expect("an id")), json!({})).await.ok();
    let back = api.ended(&back).await;
    assert_eq!(back["status"], json!("failed"), "{back:#}");
    assert!(back.to_string().contains("changed_meanwhile"), "{back:#}");
    assert_eq!(etcd.value(KEY).await, json!("djM="));
    server.stop().await;
}

const PIPELINE: &str = r#"
name: roll-back
on: [{ manual: {} }]
inputs:
  version: { type: string }
steps:
  - id: roll_back
    uses: buildbot/start-build
    connection: ci
    with:
      scheduler: deploy
      reason: "INC-1"
      properties: { version: "${{ inputs.version }}" }
      undo: { version: v2 }
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
    api.save("roll-back", PIPELINE).await;
    buildbot.deploy("v2");
    let start = |version: &str| json!({ "inputs": { "version": version } });
    let run = api.post("/workflows/roll-back/runs", start("v1")).await.ok();
    let run = api.ended(&run).await;
    assert_eq!(run["status"], json!("succeeded"), "{run:#}");
    let build = &run["steps"]["roll_back"]["output"]["builds"][0];
    assert_eq!((&build["result"], &build["properties"]["version"]), (&json!("success"), &json!("v1")), "{run:#}");
    assert_eq!(buildbot.deployed(), "v1");
    let back = api.post(&format!("/runs/{}/undo", run["id"].as_str().expect("an id")), json!({})).await.ok();
    let back = api.ended(&back).await;
    assert_eq!(back["status"], json!("succeeded"), "{back:#}");
    assert_eq!(buildbot.deployed(), "v2", "the rollback is taken back");
    let run = api.post("/workflows/roll-back/runs", start("broken")).await.ok();
    let run = api.ended(&run).await;
    assert_eq!(run["steps"]["roll_back"]["error"]["code"], json!("build_failure"), "{run:#}");
    assert_eq!(buildbot.deployed(), "v2");
    server.stop().await;
}
