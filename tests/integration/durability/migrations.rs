//! Migrations are frozen, and a schema that is newer than the program: who is turned away, and who goes on.

use std::{collections::BTreeMap, fs};

use serde_json::json;
use sha2::{Digest, Sha256};
use wardroom::app::App;
use wardroom_domain::hex;
use wardroom_tests::{
    clock::config,
    database::{BOTH, Kind},
    guests::{bundled, root},
    server::Server,
    third_party::ThirdParty,
};

/// Every migration, with the SHA-256 of its file for SQLite and for PostgreSQL. A line is added with each new migration, and
/// none is ever changed.
const FROZEN: &[(&str, &str, &str)] = &[
    (
        "0001_spine.sql",
        "c53f424f2d7e94393432c28ffd49f8e472b41a400e084a95060018c63d395475",
        "d6cc5f9dda8bd70d657724362ada5b4db0c488632658e062368516e680695a7a",
    ),
    (
        "0002_dossiers.sql",
        "fe61d3bcbc14e0283853c1381ab49fae245c2732fbc9fb7623342f4e923e6c6c",
        "fe61d3bcbc14e0283853c1381ab49fae245c2732fbc9fb7623342f4e923e6c6c",
    ),
    (
        "0003_sources.sql",
        "af6c1a8f873056c04eccc764dcd74dc10c76c3cb63ebcff66f49a3d1426e4efa",
        "af6c1a8f873056c04eccc764dcd74dc10c76c3cb63ebcff66f49a3d1426e4efa",
    ),
    (
        "0004_playbooks.sql",
        "6a29225c8ffcca9e61e964258a4754f532a4ba557301f0f8a79e42a79df2f278",
        "6a29225c8ffcca9e61e964258a4754f532a4ba557301f0f8a79e42a79df2f278",
    ),
    (
        "0005_grants.sql",
        "f0316101008b4dd5c966a1f576a6cea40b51e5524916aa4a13d2f5bc82bf6fb2",
        "f0316101008b4dd5c966a1f576a6cea40b51e5524916aa4a13d2f5bc82bf6fb2",
    ),
    (
        "0006_limits.sql",
        "cc8a8ea341b0ef1a3f395c486ce66bfc4d7755060b108e23f56e0d97d246913d",
        "cc8a8ea341b0ef1a3f395c486ce66bfc4d7755060b108e23f56e0d97d246913d",
    ),
];

#[test]
fn released_migrations_are_frozen() {
    for (database, column) in [("sqlite", 0), ("postgres", 1)] {
        let folder = root().join("migrations").join(database);
        let files = fs::read_dir(&folder).expect("is there").map(|entry| entry.expect("an entry"));
        let mut found: BTreeMap<String, String> = files
            .map(|file| {
                let content = fs::read(file.path()).expect("is read");
                (file.file_name().to_string_lossy().into_owned(), hex(&Sha256::digest(content)))
            })
            .collect();
        for (name, sqlite, postgres) in FROZEN {
            let path = format!("migrations/{database}/{name}");
            let hash = found.remove(*name);
            assert_eq!(
                hash.as_deref(),
                Some([sqlite, postgres][column]).copied(),
                "{path} is frozen, because databases out there were made by it: leave it as it was, and add a new migration \
                 with the next number for both databases"
            );
        }
        assert!(found.is_empty(), "{database}: a new migration needs a line in FROZEN here: {found:?}");
    }
}

#[test]
fn both_databases_have_the_same_migrations_in_one_sequence() {
    let numbers = FROZEN.iter().map(|(name, _, _)| name.split('_').next().and_then(|number| number.parse().ok()));
    let numbers: Vec<Option<usize>> = numbers.collect();
    assert_eq!(numbers, (1..=FROZEN.len()).map(Some).collect::<Vec<_>>());
}

/// A newer version expands the schema under a server that runs: that server goes on, with every kind of write. A server of
/// the older version that is started afterwards is refused.
#[tokio::test]
async fn an_older_server_goes_on_beside_a_newer_schema_and_is_refused_when_it_starts() {
    let third = ThirdParty::start().await;
    for kind in BOTH {
        kind.announce();
        let mut server = Server::start(kind).await;
        let api = server.api.clone();
        api.install("webhook").await;
        let connection = json!({
            "plugin": "webhook", "base_url": third.url(), "grant": { "networks": ["127.0.0.0/8"] },
        });
        api.put("/connections/hooks", connection.clone()).await.ok();
        api.save("tell", TELL).await;
        // Statements are prepared, and plans are cached.
        live(&server).await;

        let tables = match kind {
            Kind::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
            Kind::Postgres => {
                "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_%'"
            }
        };
        let tables = server.database.texts(tables).await;
        assert!(tables.len() > 20, "{tables:?}");
        for table in tables {
            server.database.execute(&format!("ALTER TABLE {table} ADD COLUMN added_later TEXT")).await;
        }
        server.database.execute("CREATE TABLE made_later (id TEXT PRIMARY KEY)").await;
        // As the migration with the next number but one leaves it.
        let newest = FROZEN.len() + 2;
        for version in FROZEN.len() + 1..=newest {
            let row = format!(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 SELECT {version}, 'later', success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1"
            );
            server.database.execute(&row).await;
        }

        api.put("/connections/hooks", connection).await.ok();
        api.upload(bundled("webhook"), "").await.ok();
        live(&server).await;

        let expected = format!(
            "database schema: expected version {} or lower, found {newest}: a newer version of Wardroom has upgraded this \
             database; start that version or a later one, or restore a backup that was made before the upgrade",
            FROZEN.len()
        );
        // Another host of the older version, and this one once it has stopped.
        let other = tempfile::tempdir().expect("a folder");
        let refused = App::start(config(other.path(), &server.database)).await.expect_err("is refused");
        assert_eq!(refused.to_string(), expected);
        live(&server).await;
        server.stop().await;
        let refused = App::start(config(&server.data, &server.database)).await.expect_err("is refused");
        assert_eq!(refused.to_string(), expected);
    }
}

const TELL: &str = "
name: tell
on: [{ manual: {} }, { stage: triage }]
steps:
  - { id: nap, sleep: 1ms }
  - { id: tell, uses: webhook/send, connection: hooks, with: { path: /tell } }
";

/// An incident, its parts and its run, from beginning to end.
async fn live(server: &Server) {
    let api = &server.api;
    let incident = api.post("/incidents", json!({ "title": "Still here", "severity": "sev3" })).await.ok();
    let path = format!("/incidents/{}", incident["id"].as_str().expect("an id"));
    api.post(&format!("{path}/tasks"), json!({ "text": "Look" })).await.ok();
    api.post(&format!("{path}/timeline"), json!({ "text": "Looked." })).await.ok();
    api.post(&format!("{path}/stage"), json!({ "to": "triage" })).await.ok();
    let runs = format!("/runs?incident={}", incident["id"].as_str().expect("an id"));
    let triggered = api.until(&runs, |runs| runs["items"].as_array().is_some_and(|runs| !runs.is_empty())).await;
    assert_eq!(api.ended(&triggered["items"][0]).await["status"], json!("succeeded"));
    let schedule = b"{ kind: schedule, name: later, workflow: tell, every: 1d }".to_vec();
    let headers = [("content-type", "application/yaml")];
    api.send(reqwest::Method::PUT, "/schedules/later", &headers, schedule).await.ok();
    api.post("/schedules/later/trigger", json!({})).await.ok();
    api.put("/secrets/later", json!({ "value": "kept" })).await.ok();
    assert!(api.get(&format!("{path}/timeline")).await.ok()["items"].as_array().expect("a list").len() >= 4);
}
