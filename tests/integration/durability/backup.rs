//! `wardroom backup`: what a backup of a busy server holds, that a server starts on it, and what the command refuses.

use std::{
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};
use wardroom_tests::{
    database::{Database, Kind},
    guests::root,
    server::{Api, Server},
    third_party::ThirdParty,
};

const QUICK: &str = "
name: quick
on: [{ manual: {} }]
steps:
  - { id: act, uses: webhook/send, connection: hooks, with: { path: /quick } }
";

const GATED: &str = "
name: gated
on: [{ manual: {} }]
steps:
  - { id: gate, approve: { notify: none } }
  - { id: act, uses: webhook/send, connection: hooks, with: { path: /gated } }
";

/// Runs the command over a server's data folder and database, beside the test: its server goes on meanwhile.
async fn back_up(data: &Path, url: Option<&str>, arguments: &[&OsStr]) -> Output {
    let mut command = Command::new(root().join("target/debug/wardroom"));
    command.arg("backup").arg("--data").arg(data).args(arguments);
    // What the surroundings of the test say does not count.
    command.env_remove("WARDROOM_DATABASE_URL").env_remove("WARDROOM_DATA");
    if let Some(url) = url {
        command.env("WARDROOM_DATABASE_URL", url);
    }
    tokio::task::spawn_blocking(move || command.output().expect("the command runs")).await.expect("is waited for")
}

/// What the command said when it refused.
fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("is there").permissions().mode() & 0o777
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// An installed plugin, a secret, a connection that uses it, and two workflows.
async fn prepared(api: &Api, third: &ThirdParty) {
    api.install("webhook").await;
    api.put("/secrets/hook-token", json!({ "value": "sesame-of-the-backup" })).await.ok();
    let connection = json!({
        "plugin": "webhook", "base_url": third.url(), "auth": { "bearer": "hook-token" },
        "config": { "receiver_deduplicates": true }, "grant": { "networks": ["127.0.0.0/8"] },
    });
    api.put("/connections/hooks", connection).await.ok();
    api.save("quick", QUICK).await;
    api.save("gated", GATED).await;
}

#[tokio::test]
async fn a_server_starts_on_the_backup_of_a_busy_one_and_has_what_was_acknowledged() {
    let mut server = Server::start(Kind::Sqlite).await;
    let third = ThirdParty::start().await;
    prepared(&server.api, &third).await;
    let api = server.api.clone();
    api.post("/incidents", json!({ "title": "Checkout fails", "severity": "sev1" })).await.ok();
    let gated = api.post("/workflows/gated/runs", json!({})).await.ok();
    let gated_path = format!("/runs/{}", gated["id"].as_str().expect("an id"));
    let waiting = api.until(&gated_path, |run| run["status"] == json!("waiting")).await;
    let mut acknowledged: Vec<Value> = Vec::new();
    for _ in 0..20 {
        acknowledged.push(api.post("/workflows/quick/runs", json!({})).await.ok());
    }
    let (busy, done) = (api.clone(), Arc::new(AtomicBool::new(false)));
    let until = Arc::clone(&done);
    let load = tokio::spawn(async move {
        let mut started = 0;
        while !until.load(Ordering::Relaxed) {
            busy.post("/workflows/quick/runs", json!({})).await.ok();
            started += 1;
        }
        started
    });
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("backup");
    let output = back_up(&server.data, Some(&server.database.url), &["--json".as_ref(), target.as_os_str()]).await;
    done.store(true, Ordering::Relaxed);
    assert!(load.await.expect("the load ends") > 0, "no run was made meanwhile");
    assert!(output.status.success(), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&said["incidents"], &said["key"]), (&json!(1), &json!(true)), "{said:#}");
    assert!(said["runs"].as_i64().is_some_and(|runs| runs >= 21), "{said:#}");
    assert!(said["warning"].as_str().is_some_and(|text| text.contains("secrets")), "{said:#}");
    // No identity and no cache: two hosts of one identity must never run.
    assert_eq!(names(folder.path()), ["backup"]);
    assert_eq!(names(&target), ["key", "wardroom.db"]);
    assert_eq!([mode(&target), mode(&target.join("key")), mode(&target.join("wardroom.db"))], [0o700, 0o600, 0o600]);
    server.stop().await;

    let url = format!("sqlite:{}", target.join("wardroom.db").display());
    let mut restored = Server::over(target, Database::of_url(url)).await;
    let api = &restored.api;
    assert_eq!(api.get("/incidents/INC-1").await.ok()["title"], json!("Checkout fails"));
    for run in &acknowledged {
        assert_eq!(api.ended(run).await["status"], json!("succeeded"));
    }
    assert!(third.asked().iter().all(|asked| asked.path != "/gated"));
    assert_eq!(api.get(&gated_path).await.ok()["steps"]["gate"]["status"], json!("waiting"));
    let approval = waiting["steps"]["gate"]["approval"].as_str().expect("an approval");
    api.post(&format!("/approvals/{approval}/approve"), json!({})).await.ok();
    assert_eq!(api.ended(&gated).await["status"], json!("succeeded"));
    let asked = third.asked();
    let last = asked.iter().find(|asked| asked.path == "/gated").expect("the gated step asks");
    assert_eq!(last.headers["authorization"], "Bearer sesame-of-the-backup", "the secret still opens");
    let next = api.post("/incidents", json!({ "title": "Again", "severity": "sev4" })).await.ok();
    assert_eq!(next["number"], json!("INC-2"));
    restored.stop().await;
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_says_what_it_cannot_do() {
    let mut server = Server::start(Kind::Sqlite).await;
    let url = server.database.url.clone();
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("backup");
    let back_up = async |url: Option<&str>, arguments: &[&OsStr]| back_up(&server.data, url, arguments).await;

    let output = back_up(Some(&url), &["--without-key".as_ref(), target.as_os_str()]).await;
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("0 incidents, 0 runs") && !said.contains("warning"), "{said}");
    assert_eq!(names(&target), ["wardroom.db"]);

    let said = refused(&back_up(Some(&url), &[target.as_os_str()]).await);
    assert!(said.contains("nothing is overwritten"), "{said}");
    assert_eq!(names(&target), ["wardroom.db"]);

    let other = folder.path().join("other");
    let said = refused(&back_up(Some("postgres://ada:sesame@127.0.0.1/wardroom"), &[other.as_os_str()]).await);
    assert!(said.contains("pg_dump") && !said.contains("sesame"), "{said}");
    let said = refused(&back_up(None, &[other.as_os_str()]).await);
    assert!(said.contains("wardroom.db: no database is there"), "{said}");
    let said = refused(&back_up(Some("sqlite:/nowhere/at.all"), &[other.as_os_str()]).await);
    assert!(said.contains("/nowhere/at.all: the database cannot be opened"), "{said}");
    std::fs::write(folder.path().join("notes"), "no database").expect("writes");
    let notes = format!("sqlite:{}", folder.path().join("notes").display());
    let said = refused(&back_up(Some(&notes), &[other.as_os_str()]).await);
    assert!(said.contains("notes: the database cannot be opened"), "{said}");
    std::fs::remove_file(server.data.join("key")).expect("removes");
    let said = refused(&back_up(Some(&url), &[other.as_os_str()]).await);
    assert!(said.contains("--without-key"), "{said}");
    // What did not become a backup leaves nothing behind.
    assert_eq!(names(folder.path()), ["backup", "notes"]);
    server.stop().await;
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_not_called_a_backup() {
    let mut server = Server::start(Kind::Sqlite).await;
    let url = server.database.url.clone();
    server.stop().await;
    server.database.execute("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1").await;
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("backup");
    let said = refused(&back_up(&server.data, Some(&url), &[target.as_os_str()]).await);
    assert!(said.contains("schema 9999"), "{said}");
    assert_eq!(names(folder.path()), [""; 0]);
}
