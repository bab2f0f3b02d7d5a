//! The commands that the documentation for responders and of playbooks shows, run as they stand; and an export that somebody
//! changed.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use wardroom_tests::{
    database::Kind,
    guests::root,
    server::{ADMIN, Api, Server},
};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::incidents::put_playbook;

/// The lines of the console blocks of a document.
pub(crate) fn commands(path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(path)).expect("is there");
    let blocks = text.split("```console\n").skip(1).map(|block| block.split("```").next().unwrap_or_default());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

pub(crate) async fn run(api: &Api, token: &str, folder: &Path, line: &str) -> Output {
    let path = wardroom_tests::environment::variable("PATH").unwrap_or_default();
    let path = format!("{}:{}", root().join("target/debug").display(), path.display());
    let mut command = Command::new("sh");
    command.args(["-ec", line]).current_dir(folder).env("PATH", path);
    command.env("WARDROOM_URL", &api.url).env("WARDROOM_TOKEN", token);
    tokio::task::spawn_blocking(move || command.output().expect("the command runs")).await.expect("is waited for")
}

async fn prepared() -> (Server, String) {
    let server = Server::start(Kind::Sqlite).await;
    let api = &server.api;
    for handle in ["ada", "bob", "cleo", "dan"] {
        api.post("/people", json!({ "handle": handle, "name": handle })).await.ok();
    }
    let made = api.post("/tokens", json!({ "person": "ada", "role": "responder" })).await.ok();
    let source = std::fs::read_to_string(root().join("examples/playbooks/service-outage.yaml")).expect("an example");
    put_playbook(api, "service-outage", &source).await.ok();
    let token = made["token"].as_str().expect("a token").to_owned();
    (server, token)
}

#[tokio::test]
async fn every_command_for_responders_does_what_it_says() {
    let (mut server, token) = prepared().await;
    let folder = tempfile::tempdir().expect("a folder");
    let lines = commands("docs/responders.md");
    assert!(lines.len() > 25, "{lines:?}");
    for line in &lines {
        let output = run(&server.api, &token, folder.path(), line).await;
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty(), "{line} says nothing");
    }
    let incident = server.api.get("/incidents/INC-1").await.ok();
    assert_eq!(incident["stage"], json!("closed"));
    tampered(&server.api, &token, folder.path()).await;
    let metrics = server.api.get("/metrics/incidents?by=service").await.ok();
    assert_eq!(metrics["groups"]["checkout"]["incidents"], json!(1), "{metrics:#}");
    assert_eq!(metrics["total"]["resolve"]["count"], json!(1));
    server.api.get("/metrics/incidents?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z").await.problem(422);
    server.api.post("/incidents", json!({ "title": "Practice", "severity": "sev1", "kind": "drill" })).await.ok();
    let metrics = server.api.get("/metrics/incidents").await.ok();
    assert_eq!((&metrics["drills"], &metrics["total"]["incidents"]), (&json!(1), &json!(1)));
    let audit = server.api.get("/audit?limit=200").await.ok();
    let exports = audit["items"].as_array().expect("a list").iter().filter(|one| one["action"] == "incident.export");
    assert_eq!(exports.count(), 1, "who took it out of the house is kept");
    server.stop().await;
}

/// One entry of the exported timeline is changed: the command names it.
async fn tampered(api: &Api, token: &str, folder: &Path) {
    let mut archive = ZipArchive::new(File::open(folder.join("INC-1.zip")).expect("is there")).expect("an archive");
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).expect("a file");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("reads");
        files.insert(file.name().expect("a name").into_owned(), bytes);
    }
    let mut entries: Vec<Value> = serde_json::from_slice(&files["timeline.json"]).expect("JSON");
    entries[4]["text"] = json!("nothing happened");
    files.insert("timeline.json".to_owned(), serde_json::to_vec(&entries).expect("JSON"));
    let mut writer = ZipWriter::new(File::create(folder.join("changed.zip")).expect("a file"));
    for (name, bytes) in files {
        writer
            .start_file(name, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored))
            .expect("begins");
        writer.write_all(&bytes).expect("writes");
    }
    writer.finish().expect("ends");
    let output = run(api, token, folder, "wardroom export verify changed.zip").await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("entry 5 is not what its hash says") && !said.contains("entry 6"), "{said}");
}

#[tokio::test]
async fn every_command_of_playbooks_does_what_it_says() {
    let (mut server, _) = prepared().await;
    for line in commands("docs/playbooks.md") {
        let output = run(&server.api, ADMIN, &root(), &line).await;
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = std::fs::read_to_string(root().join("docs/playbooks.md")).expect("is there");
    let small = text.split("```yaml\n").nth(1).and_then(|block| block.split("```").next()).expect("an example");
    put_playbook(&server.api, "queue-stuck", small).await.ok();
    for name in ["security-breach", "degraded-performance", "drill"] {
        let path = root().join(format!("examples/playbooks/{name}.yaml"));
        put_playbook(&server.api, name, &std::fs::read_to_string(path).expect("an example")).await.ok();
    }
    server.stop().await;
}

#[tokio::test]
async fn every_command_of_sources_does_what_it_says() {
    let (mut server, _) = prepared().await;
    let folder = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string(root().join("docs/sources.md")).expect("is there");
    let mapping = text.split("```json\n").nth(1).and_then(|block| block.split("```").next()).expect("a document");
    std::fs::write(folder.path().join("homegrown.json"), mapping).expect("the folder takes it");
    std::fs::write(folder.path().join("token.txt"), "hush\n").expect("the folder takes it");
    for line in commands("docs/sources.md") {
        let output = run(&server.api, ADMIN, folder.path(), &line).await;
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty(), "{line} says nothing");
    }
    let nobody = server.api.with_token("hush");
    let alert = |id: u64, service: &str| {
        json!({ "id": id, "open": true, "service": service, "what": "It fails", "bad": true,
        "since": "2026-11-23T04:09:06Z" })
    };
    let mut quiet = json!({ "problems": [alert(1, "search"), alert(2, "orders")] });
    // The secret of a source of one's own is `source-NAME` too, when it says no other.
    nobody.post("/hooks/homegrown", quiet.clone()).await.problem(401);
    let taken = server.api.post("/hooks/homegrown", quiet.clone()).await.ok();
    assert_eq!(taken["changed"], json!(2), "a silence asks for all its labels: {taken:#}");
    quiet["problems"] = json!([alert(3, "billing")]);
    server.api.post("/hooks/homegrown", quiet).await.ok();
    let said = run(&server.api, ADMIN, folder.path(), "wardroom audit --action source. --target homegrown").await;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("source.set") && said.contains("null →"), "{said}");
    server.stop().await;
}
