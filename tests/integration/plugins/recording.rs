//! A run in production becomes a cassette that plays without its third party.

use std::{fs, process::Command};

use serde_json::{Value, json};
use wardroom_tests::{
    database::BOTH,
    guests::root,
    server::{ADMIN, Server},
    third_party::ThirdParty,
};

const WORKFLOW: &str = r#"
name: tell
on: [{ manual: {} }]
steps:
  - id: told
    uses: webhook/send
    connection: hook
    with: { path: "/flaky/tell", body: { text: "hello" } }
    retry: { attempts: 3, initial: 1ms }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_run_plays_on_a_laptop() {
    for kind in BOTH {
        let (mut server, third) = (Server::start(kind).await, ThirdParty::start().await);
        let api = server.api.clone();
        api.install("webhook").await;
        api.put("/secrets/hook", json!({ "value": "canary-of-the-hook" })).await.ok();
        let mut connection = json!({
            "plugin": "webhook", "base_url": third.url(), "auth": { "bearer": "hook" },
            "config": { "receiver_deduplicates": true },
            "grant": { "networks": ["127.0.0.0/8"] },
        });
        let cassette = async |connection: &Value| {
            api.put("/connections/hook", connection.clone()).await.ok();
            let run = api.post("/workflows/tell/runs", json!({})).await.ok();
            let run = api.ended(&run).await;
            assert_eq!(run["status"], json!("succeeded"), "{run:#}");
            let mut command = Command::new(root().join("target/debug/wardroom"));
            command.args(["plugin", "cassette", run["id"].as_str().expect("an id")]);
            command.env("WARDROOM_URL", &api.url).env("WARDROOM_TOKEN", ADMIN).output().expect("it runs")
        };
        api.put("/connections/hook", connection.clone()).await.ok();
        api.save("tell", WORKFLOW).await;

        let nothing = cassette(&connection).await;
        let said = String::from_utf8_lossy(&nothing.stderr).into_owned();
        assert!(!nothing.status.success() && said.contains("\"record\": true"), "{said}");

        connection["record"] = json!(true);
        let recorded = cassette(&connection).await;
        let text = String::from_utf8(recorded.stdout).expect("text");
        let made: Value = serde_json::from_str(&text).expect(&text);
        assert!(!text.contains("canary-of-the-hook"), "{text}");
        let headers = &made["cases"][0]["exchanges"][0]["request"]["headers"];
        assert_eq!(headers["authorization"], json!("Bearer {{secret:hook}}"), "{made:#}");

        // The third party is gone; what it said is on the cassette.
        server.stop().await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("hook.cassette.json");
        fs::write(&file, &text).expect("is written");
        let played = Command::new(root().join("target/debug/wardroom"))
            .args(["plugin", "test"])
            .args([root().join("target/plugins/webhook.wasm"), file])
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&played.stdout).into_owned();
        assert!(played.status.success() && said.contains("0 not as wanted"), "{said}");
    }
}
