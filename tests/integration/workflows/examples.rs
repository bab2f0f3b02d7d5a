//! The bundled examples are taken by a server that has the bundled plugins: each workflow, each playbook.

use std::fs;

use reqwest::Method;
use serde_json::json;
use wardroom_tests::{database::Kind, guests::root, server::Server};

const CONNECTIONS: [(&str, &str); 8] = [
    ("chat", "matrix"),
    ("metrics", "prometheus"),
    ("mail", "email"),
    ("flags", "unleash"),
    ("tracker", "roundup"),
    ("ci", "buildbot"),
    ("config", "etcd"),
    ("practice", "chaos"),
];

#[tokio::test]
async fn every_example_is_accepted() {
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    for (connection, plugin) in CONNECTIONS {
        api.install(plugin).await;
        let request = json!({ "method": "POST", "path": "/" });
        let config = match plugin {
            "roundup" => json!({ "tracker_url": "https://bugs.example.com/", "author": "wardroom" }),
            "email" => json!({ "from": "wardroom@example.com" }),
            "chaos" => json!({ "faults": { "no-search": { "description": "x", "begin": request, "end": request } } }),
            _ => json!({}),
        };
        let base_url = if plugin == "email" { "smtps://mail.example.com" } else { "https://example.com" };
        let document = json!({ "plugin": plugin, "base_url": base_url, "config": config });
        api.put(&format!("/connections/{connection}"), document).await.ok();
    }
    let mut accepted = 0;
    for noun in ["workflows", "playbooks"] {
        for entry in fs::read_dir(root().join("examples").join(noun)).expect("is there") {
            let path = entry.expect("a file").path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
            let source = fs::read(&path).expect("reads");
            let headers = [("content-type", "application/yaml")];
            let answer = api.send(Method::PUT, &format!("/{noun}/{name}"), &headers, source).await;
            assert!(answer.status.is_success(), "{noun}/{name}: {:#}", answer.body);
            accepted += 1;
        }
    }
    assert!(accepted >= 14, "{accepted}");
    server.stop().await;
}
