//! What the documentation shows is what the server takes.

use serde_json::{Value, json};
use wardroom_tests::{database::Kind, guests::root, server::Server, third_party::ThirdParty};

/// The fenced blocks of a document that are workflows.
fn workflows(path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(path)).expect("is there");
    let blocks = text.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap_or_default().to_owned());
    blocks.filter(|block| block.starts_with("name: ")).collect()
}

#[tokio::test]
async fn every_workflow_in_the_documentation_is_accepted_and_those_that_can_be_started_run() {
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    let third = ThirdParty::start().await;
    for (connection, plugin) in [("hooks", "webhook"), ("chat", "matrix"), ("flags", "unleash")] {
        api.install(plugin).await;
        let grant = json!({ "networks": ["127.0.0.0/8"] });
        let connection_document = json!({ "plugin": plugin, "base_url": third.url(), "grant": grant });
        api.put(&format!("/connections/{connection}"), connection_document).await.ok();
    }
    let people = ["ada", "grace"];
    let mut deciders = Vec::new();
    for person in people {
        deciders.push(api.person(person, "responder").await);
    }
    let documents = workflows("docs/workflow.md");
    let mut ran = 0;
    for document in documents {
        let name = name(&document);
        // What the document says in minutes the test waits in moments.
        api.save(name, &document.replace("sleep: 30s", "sleep: 30ms")).await;
        if document.contains("if: incident != null") || !document.contains("manual: {}") {
            continue;
        }
        let run = api.post(&format!("/workflows/{name}/runs"), json!({})).await.ok();
        let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
        if let Some((_, rest)) = document.split_once("signal: site") {
            let signal = format!("site{}", rest.split(',').next().unwrap_or_default());
            api.post(&format!("{path}/signals/{signal}"), json!({})).await.ok();
        }
        if document.contains("approve:") {
            let of_run = |page: &Value| page["items"][0]["run"] == run["id"];
            let page = api.until("/approvals?status=pending", of_run).await;
            for decider in &deciders {
                let approval = page["items"][0]["id"].as_str().expect("an id");
                decider.post(&format!("/approvals/{approval}/approve"), json!({})).await.ok();
            }
        }
        let run = api.ended(&run).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        ran += 1;
    }
    assert_eq!(ran, 4);
    let paths: Vec<String> = third.asked().into_iter().map(|asked| asked.path).collect();
    let once = [
        "/tell/ada",
        "/tell/grace",
        "/report",
        "/drain",
        "/restart",
        "/undrain",
        "/drain/n1",
        "/drain/n2",
        "/warm/checkout",
        "/move/checkout",
    ];
    for path in once {
        assert_eq!(paths.iter().filter(|asked| *asked == path).count(), 1, "{path}: {paths:?}");
    }
    server.stop().await;
}

fn name(document: &str) -> &str {
    document.lines().next().and_then(|line| line.strip_prefix("name: ")).expect("a name")
}

#[test]
fn every_key_names_an_example_that_uses_it() {
    let text = std::fs::read_to_string(root().join("docs/workflow.md")).expect("is there");
    let documents = workflows("docs/workflow.md");
    let mut keys = 0;
    for row in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [key, _, _, example] = cells[..] else { continue };
        let (key, example) = (key.trim_matches('`'), example.trim_matches('`'));
        let document = documents.iter().find(|document| name(document) == example);
        let document = document.unwrap_or_else(|| panic!("{key}: there is no example {example}"));
        assert!(document.contains(&format!("{key}:")), "{example} does not use {key}");
        keys += 1;
    }
    assert!(keys >= 40, "the tables have lost their keys: {keys}");
}
