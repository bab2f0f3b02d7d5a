//! What the documentation shows is what the server takes.

use serde_json::json;
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
    let documents = workflows("docs/workflow.md");
    assert!(documents.len() >= 3, "the documentation has lost its examples");
    let mut ran = 0;
    for document in documents {
        let name = document.lines().next().and_then(|line| line.strip_prefix("name: ")).expect("a name");
        // What the document says in minutes the test waits in moments.
        api.save(name, &document.replace("sleep: 30s", "sleep: 30ms")).await;
        if document.contains("if: incident != null") {
            continue;
        }
        let run = api.post(&format!("/workflows/{name}/runs"), json!({})).await.ok();
        let run = api.ended(&run).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        ran += 1;
    }
    assert!(ran >= 2);
    let paths: Vec<String> = third.asked().into_iter().map(|asked| asked.path).collect();
    for path in ["/tell/ada", "/tell/grace", "/report", "/drain", "/restart", "/undrain"] {
        assert_eq!(paths.iter().filter(|asked| *asked == path).count(), 1, "{path}: {paths:?}");
    }
    server.stop().await;
}
