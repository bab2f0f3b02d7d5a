//! What the documentation shows is what the server takes.

use std::process::Command;

use serde_json::{Value, json};
use wardroom_domain::{schedule, workflow::document};
use wardroom_tests::{database::Kind, guests::root, server::Server, third_party::ThirdParty};

/// The fenced blocks of a document that are workflows.
fn workflows(path: &str) -> Vec<String> {
    blocks(path, "name: ")
}

/// The fenced blocks of a document that are schedules.
fn schedules() -> Vec<String> {
    blocks("docs/schedules.md", "kind: schedule\n")
}

fn blocks(path: &str, beginning: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(path)).expect("is there");
    let blocks = text.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap_or_default().to_owned());
    blocks.filter(|block| block.starts_with(beginning)).collect()
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
    document.lines().find_map(|line| line.strip_prefix("name: ")).expect("a name")
}

#[test]
fn every_key_names_an_example_that_uses_it() {
    let text = std::fs::read_to_string(root().join("docs/workflow.md")).expect("is there");
    let keys = keys_with_examples(&text, &workflows("docs/workflow.md"));
    assert!(keys >= 50, "the tables have lost their keys: {keys}");
    let text = std::fs::read_to_string(root().join("docs/schedules.md")).expect("is there");
    let (_, chapter) = text.split_once("\n## The document\n").expect("a chapter");
    let keys = keys_with_examples(chapter.split("\n## ").next().unwrap_or_default(), &schedules());
    assert_eq!(keys, 22, "the tables of schedules");
}

/// How many rows of a text's tables are about keys; each names an example that uses it.
fn keys_with_examples(text: &str, documents: &[String]) -> usize {
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
    keys
}

/// The JSON Schema of a kind of document as it is in the documentation.
fn schema(kind: &str) -> String {
    std::fs::read_to_string(root().join(format!("docs/{kind}.schema.json"))).expect("is there")
}

#[test]
fn every_workflow_that_is_shown_is_valid_by_the_schema_for_editors() {
    let text: Value = serde_json::from_str(&schema("workflow")).expect("is JSON");
    let validator = jsonschema::validator_for(&text).expect("is a JSON Schema");
    let mut shown: Vec<(String, String)> = Vec::new();
    for path in ["docs/workflow.md", "docs/plugins.md", "README.md"] {
        shown.extend(workflows(path).into_iter().map(|source| (path.to_owned(), source)));
    }
    for entry in std::fs::read_dir(root().join("examples/workflows")).expect("is there") {
        let path = entry.expect("an entry").path();
        let name = path.display().to_string();
        // A rehearsal stands beside its workflow and is a document of another kind.
        if !name.ends_with(".rehearsal.yaml") {
            shown.push((name, std::fs::read_to_string(path).expect("is readable")));
        }
    }
    assert!(shown.len() >= 8, "examples have been lost: {}", shown.len());
    for (place, source) in shown {
        let value = document::value(&source).unwrap_or_else(|faults| panic!("{place}: {faults:?}"));
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{place}: {errors:#?}");
    }
}

#[test]
fn every_schedule_that_is_shown_is_read_and_valid_by_the_schema_for_editors() {
    let text: Value = serde_json::from_str(&schema("schedule")).expect("is JSON");
    let validator = jsonschema::validator_for(&text).expect("is a JSON Schema");
    let workflows = workflows("docs/workflow.md");
    for source in schedules() {
        let read = schedule::document::parse(&source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
        assert!(workflows.iter().any(|workflow| name(workflow) == read.workflow), "there is no {}", read.workflow);
        let value = document::value(&source).expect("is YAML");
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{source}: {errors:#?}");
    }
}

#[tokio::test]
async fn the_server_and_the_command_hand_out_the_schemas_of_the_documentation() {
    let mut server = Server::start(Kind::Sqlite).await;
    for kind in ["workflow", "schedule"] {
        let url = format!("{}/schemas/{kind}.json", server.api.url);
        let answer = server.api.client().get(url).send().await.expect("an answer without a token");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/schema+json");
        assert_eq!(answer.text().await.expect("a text"), schema(kind));
    }
    server.stop().await;
    let mut command = Command::new(root().join("target/debug/wardroom"));
    command.args(["workflow", "schema"]);
    let printed = tokio::task::spawn_blocking(move || command.output()).await.expect("ends").expect("runs");
    assert!(printed.status.success(), "{printed:?}");
    assert_eq!(String::from_utf8_lossy(&printed.stdout), schema("workflow"));
}

#[test]
fn the_rehearsal_of_the_documentation_plays_and_a_wrong_one_says_what_differs() {
    let play = |file: &std::path::Path| {
        let output = Command::new(root().join("target/debug/wardroom")).args(["workflow", "test"]).arg(file).output();
        let output = output.expect("runs");
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        (output.status.code(), said.concat())
    };
    let shown = root().join("examples/rehearsals/roll-back.yaml");
    let (code, said) = play(&shown);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 cases, 0 not as expected"), "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("wrong.yaml");
    let workflow = root().join("examples/workflows/roll-back.yaml");
    let source = std::fs::read_to_string(&shown)
        .expect("is there")
        .replace("../workflows/roll-back.yaml", workflow.to_str().expect("UTF-8"));
    let wrong = source.replace("status: succeeded", "status: failed").replace("{ rollback: 2 }", "{ rollback: 1 }");
    let wrong = wrong.replace("update: { output: {} }", "").replace("after: 3m", "after: 2m");
    std::fs::write(&file, wrong).expect("is written");
    let (code, said) = play(&file);
    assert_eq!(code, Some(1), "{said}");
    for wanted in [
        "the run is succeeded, not failed",
        "the number of tries of rollback is 2, not 1",
        "step update was called and has no outcome: say it under `outcomes`",
        "+0:02:01 gate was approved",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    for (from, to, wanted) in [
        ("after: 3m", "after: soon", "\"soon\" is no duration"),
        ("status: rejected", "state: rejected", "cases[1]: unknown field `state`"),
        ("cases:", "case:", "unknown field `case`"),
        ("../workflows/roll-back.yaml", "nowhere.yaml", "nowhere.yaml"),
    ] {
        std::fs::write(&file, std::fs::read_to_string(&shown).expect("is there").replace(from, to))
            .expect("is written");
        let (code, said) = play(&file);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn the_preview_of_the_documentation_is_what_the_command_prints() {
    let preview = |arguments: &[&str]| {
        let command =
            Command::new(root().join("target/debug/wardroom")).args(["schedule", "preview"]).args(arguments).output();
        let output = command.expect("runs");
        let [out, error] = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        (output.status.code(), out, error)
    };
    let berlin = ["--timezone", "Europe/Berlin", "--from", "2026-03-28T12:00:00Z", "--count", "3"];
    let document = std::fs::read_to_string(root().join("docs/schedules.md")).expect("is there");
    let shown: Vec<&str> = document.split("```text\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let (code, said, _) = preview(&[&["--cron", "30 2 * * *"], &berlin[..]].concat());
    assert_eq!((code, said.as_str()), (Some(0), shown[0]));
    let (code, said, error) = preview(&["--cron", "61 * * * *"]);
    assert_eq!((code, said.as_str(), error.as_str()), (Some(1), "", shown[1]));

    let (code, said, _) = preview(&[&["--cron", "30 2 * * *", "--json"], &berlin[..]].concat());
    let answer: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((code, answer["description"].as_str()), (Some(0), Some("At 02:30, every day, Europe/Berlin")));
    let first = json!({
        "utc": "2026-03-29T01:00:00Z",
        "local": "2026-03-29T03:00:00+02:00",
        "note": "02:30 does not exist on this day (clocks go forward): fires at 03:00",
    });
    assert_eq!((&answer["fires"][0], &answer["fires"][1]["note"]), (&first, &Value::Null));
    assert_eq!(answer["fires"].as_array().map(Vec::len), Some(3));

    let (code, said, _) =
        preview(&["--every", "90m", "--starts", "2026-03-28T11:00:00Z", "--from", "2026-03-28T12:00:00Z"]);
    assert!(code == Some(0) && said.starts_with("Every 90 minutes, counted from 2026-03-28T11:00:00+00:00"), "{said}");
    assert_eq!(said.lines().nth(3).map(|line| &line[..25]), Some("2026-03-28T12:30:00+00:00"));
    assert_eq!(preview(&["--cron", "@daily", "--every", "1d"]).0, Some(2));
}
