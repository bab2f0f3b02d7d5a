//! Databases that earlier servers left behind when they were killed (`tests/golden`): each opens, means what it meant, and
//! what was under way goes on. The server's clock is set to the time they were made, so their age does not matter; once it
//! is set to ten years later, because it must not matter either.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use wardroom::{app::App, config::Config};
use wardroom_domain::{
    export::{Files, TIMELINE, verify},
    time::Timestamp,
};
use wardroom_tests::{
    clock::{SetClock, config, start_with},
    database::{BOTH, Database, Kind},
    guests::root,
    server::Api,
    third_party::ThirdParty,
};

use super::meaning::{all, history, items, present, text};

const DAY: Duration = Duration::from_hours(24);

/// A golden database, restored.
struct Golden {
    files: PathBuf,
    facts: Value,
    tokens: Value,
    data: TempDir,
    database: Database,
    clock: SetClock,
    /// Every third party, reached by name through a proxy.
    services: ThirdParty,
}

impl Golden {
    async fn restored(kind: Kind, folder: &Path) -> Self {
        let (files, database) = match kind {
            Kind::Sqlite => (folder.join("sqlite"), "database.db.gz"),
            Kind::Postgres => (folder.join("postgres"), "database.sql.gz"),
        };
        let database = Database::restored(kind, &files.join(database)).await;
        let facts = Command::new("gzip").args(["-dc"]).arg(files.join("facts.json.gz")).output().expect("gzip runs");
        let facts: Value = serde_json::from_slice(&facts.stdout).expect("JSON");
        let tokens = fs::read(files.join("tokens.json")).expect("is there");
        let data = tempfile::tempdir().expect("a folder");
        for file in ["key", "host"] {
            fs::copy(files.join(file), data.path().join(file)).expect("is copied");
        }
        let clock = SetClock::at(facts["unix_ms"].as_i64().expect("a time"));
        let services = ThirdParty::start().await;
        Self { tokens: serde_json::from_slice(&tokens).expect("JSON"), files, facts, data, database, clock, services }
    }

    async fn start(&self) -> (App, Api) {
        let config = Config {
            outbound_proxy: Some(self.services.url().into()),
            outbound_proxy_by_name: true,
            shortest_interval: Duration::from_secs(1),
            ..config(self.data.path(), &self.database)
        };
        let (app, api) = start_with(config, &self.clock).await;
        let ada = api.with_token(text(&self.tokens, "ada"));
        (app, ada)
    }

    fn token(&self, handle: &str) -> &str {
        text(&self.tokens, handle)
    }
}

/// The folders of all releases, each for both databases.
fn folders() -> Vec<(Kind, PathBuf)> {
    let folders = fs::read_dir(root().join("tests/golden")).expect("is there").map(|entry| entry.expect("an entry"));
    let is_release = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<u32>().is_ok())
    };
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).filter(is_release).collect();
    folders.sort();
    assert!(!folders.is_empty(), "there are some");
    folders.into_iter().flat_map(|folder| BOTH.map(|kind| (kind, folder.clone()))).collect()
}

#[tokio::test]
async fn an_earlier_database_opens_and_everything_in_it_goes_on() {
    for (kind, folder) in folders() {
        kind.announce();
        let golden = Golden::restored(kind, &folder).await;
        let (app, api) = golden.start().await;
        history(&api, &golden.facts).await.are_none();
        present(&api, &golden.facts).await.are_none();
        nobody_else_sees_the_private_incident(&golden, &api).await;
        export_is_as_it_was(&golden, &api).await;
        contribution_link_opens(&golden, &api).await;
        runs_end(&golden, &api).await;
        secrets_were_used(&golden);
        schedules_go_on(&golden, &api).await;
        history(&api, &golden.facts).await.are_none();
        app.stop().await;
        golden.database.remove().await;
    }
}

/// Nobody was there for ten years, and another host opens the database. What waited for a person, a time or a retry has run
/// out of time; what had been stored is as it was.
#[tokio::test]
async fn ten_years_later_every_run_has_come_to_its_end() {
    for (kind, folder) in folders() {
        kind.announce();
        let golden = Golden::restored(kind, &folder).await;
        fs::remove_file(golden.data.path().join("host")).expect("was there");
        golden.database.execute("UPDATE hosts SET lease_expires_at = 0").await;
        golden.clock.pass(DAY * 3_650);
        let (app, api) = golden.start().await;
        for run in items(&golden.facts["runs"]).iter().filter(|run| run["finished_at"].is_null()) {
            let (run, workflow) = (text(run, "id"), text(run, "workflow"));
            let ended = api.until(&format!("/runs/{run}"), |run| !run["finished_at"].is_null()).await;
            assert_ne!(ended["status"], json!("running"), "{workflow}: {ended:#}");
        }
        assert_eq!(golden.database.number("SELECT COUNT(*) FROM runs WHERE wake_at IS NOT NULL").await, 0);
        history(&api, &golden.facts).await.are_none();
        app.stop().await;
        golden.database.remove().await;
    }
}

async fn nobody_else_sees_the_private_incident(golden: &Golden, api: &Api) {
    let private = text(&golden.facts, "private");
    api.get(&format!("/incidents/{private}")).await.ok();
    for stranger in ["admin", "cleo"] {
        let stranger = api.with_token(golden.token(stranger));
        stranger.get(&format!("/incidents/{private}")).await.problem(404);
        let listed = all(&stranger, "/incidents").await;
        assert_eq!(listed.len(), items(&golden.facts["incidents"]).len() - 1);
    }
}

/// The kept archive verifies, alone and against the server, and a new one has the same hashes.
async fn export_is_as_it_was(golden: &Golden, api: &Api) {
    let kept = golden.files.join("export.zip");
    let mut command = Command::new(root().join("target/debug/wardroom"));
    command.args(["--url", &api.url, "export", "verify", "--against-server"]).arg(&kept);
    command.env("WARDROOM_TOKEN", golden.token("ada"));
    let verified =
        tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("is waited for");
    let said = String::from_utf8_lossy(&verified.stdout).into_owned() + &String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{said}");

    let incident = text(&golden.facts, "exported");
    let anew = unpacked(api.bytes(&format!("/api/v1/incidents/{incident}/export")).await);
    let then = unpacked(fs::read(kept).expect("is there"));
    let (checked_then, checked_now) = (verify(&then), verify(&anew));
    assert!(checked_now.faults.is_empty(), "{:?}", checked_now.faults);
    assert_eq!((checked_then.entries, checked_then.head), (checked_now.entries, checked_now.head));
    let hashes = |files: &Files| -> Vec<Value> {
        let timeline: Value = serde_json::from_slice(&files[TIMELINE]).expect("JSON");
        items(&timeline).iter().map(|entry| entry["hash"].clone()).collect()
    };
    assert!(!hashes(&then).is_empty());
    assert_eq!(hashes(&then), hashes(&anew));
}

fn unpacked(archive: Vec<u8>) -> Files {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).expect("an archive");
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).expect("a file");
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut bytes).expect("is read");
            (file.name().expect("a name").into_owned(), bytes)
        })
        .collect()
}

/// A link that the earlier server sealed asks for a contribution and takes it.
async fn contribution_link_opens(golden: &Golden, api: &Api) {
    let (nobody, link) = (api.with_token(""), format!("/contributions/{}", text(&golden.facts, "contribution")));
    assert_eq!(nobody.get(&link).await.ok()["person"], json!("cleo"));
    nobody.post(&link, json!({ "sections": { "went_well": "It is still here." } })).await.ok();
}

/// Each run in flight is where the facts say, is given what it waits for, and ends as they say.
async fn runs_end(golden: &Golden, api: &Api) {
    let expected = golden.facts["expected"].as_object().expect("an object");
    assert!(expected.len() >= 50, "{} runs in flight", expected.len());
    for (run, what) in expected {
        for deed in items(&what["do"]) {
            act(golden, api, run, deed).await;
        }
    }
    let (later, now): (Vec<_>, Vec<_>) = expected.iter().partition(|(_, what)| what["later"] == true);
    end_as_expected(golden, api, &now).await;
    golden.clock.pass(DAY + Duration::from_hours(1));
    end_as_expected(golden, api, &later).await;
    let live = "SELECT COUNT(*) FROM runs WHERE wake_at IS NOT NULL AND workflow <> 'sweep'";
    assert_eq!(golden.database.number(live).await, 0, "no other run is left");
}

/// Time goes on while they are waited for: a run that was just looking when it was told something looks again a minute later.
async fn end_as_expected(golden: &Golden, api: &Api, runs: &[(&String, &Value)]) {
    for (run, what) in runs {
        let path = format!("/runs/{run}");
        let ended = api.until(&path, |run| {
            golden.clock.pass(Duration::from_secs(1));
            !run["finished_at"].is_null()
        });
        let ended = ended.await;
        assert_eq!(ended["status"], what["ends"], "{ended:#}");
    }
}

/// Does what a run in flight waits for.
async fn act(golden: &Golden, api: &Api, run: &str, deed: &Value) {
    let deed = deed.as_object().expect("an object");
    let has = |key: &str| deed.get(key).and_then(Value::as_str);
    if let Some((decision, person)) =
        has("approve").map(|by| ("approve", by)).or_else(|| has("reject").map(|by| ("reject", by)))
    {
        let pending = |approval: &&Value| approval["run"] == *run && approval["status"] == "pending";
        let approvals = api.until("/approvals?status=pending&limit=100", |list| {
            items(&list["items"]).iter().any(|approval| pending(&approval))
        });
        let approvals = approvals.await;
        let id = text(items(&approvals["items"]).iter().find(pending).expect("is there"), "id");
        let person = api.with_token(golden.token(person));
        person.post(&format!("/approvals/{id}/{decision}"), json!({})).await.ok();
    } else if let Some(signal) = has("signal") {
        api.post(&format!("/runs/{run}/signals/{signal}"), json!({ "payload": deed["payload"] })).await.ok();
    } else if let Some(step) = has("decide") {
        api.until(&format!("/runs/{run}"), |run| run["steps"][step]["status"] == "needs_decision").await;
        api.post(&format!("/runs/{run}/decisions/{step}"), json!({ "outcome": deed["outcome"] })).await.ok();
    } else if let Some(connection) = has("switch_on") {
        api.post("/automation/resume", json!({ "scope": "connection", "name": connection })).await.ok();
    } else {
        assert_eq!(deed["resume"], json!(true), "{deed:?}");
        api.post(&format!("/runs/{run}/resume"), json!({})).await.ok();
    }
}

/// The stored secrets opened: what was called since carries them.
fn secrets_were_used(golden: &Golden) {
    let asked = golden.services.asked();
    let told: Vec<_> = asked.iter().filter(|asked| asked.path == "/tell").collect();
    assert!(!told.is_empty());
    for asked in told {
        assert_eq!(asked.headers["authorization"], "Bearer golden-bearer");
        assert!(asked.headers.contains_key("webhook-signature"), "{asked:?}");
    }
}

/// What was paused stays paused until it is resumed, what was to come once comes, and what is triggered starts.
async fn schedules_go_on(golden: &Golden, api: &Api) {
    let schedules = items(&golden.facts["lists"]["schedules"]);
    let once = schedules.iter().find(|schedule| schedule["name"] == "once").expect("is there");
    let at: Timestamp = text(&once["document"], "at").parse().expect("a time");
    golden.clock.set(at.unix_ms());
    let once = api.until("/schedules/once/ticks", |ticks| !items(&ticks["items"]).is_empty()).await;
    assert_eq!(once["items"][0]["outcome"], json!("started"), "{once:#}");
    let started = async |name: &str| {
        let ticks = api.get(&format!("/schedules/{name}/ticks?limit=100")).await.ok();
        items(&ticks["items"]).iter().filter(|tick| !tick["run"].is_null()).count()
    };
    let (paused, yearly) = (started("every-second").await, started("yearly").await);
    api.post("/schedules/every-second/resume", json!({})).await.ok();
    golden.clock.pass(Duration::from_secs(2));
    api.post("/schedules/yearly/trigger", json!({})).await.ok();
    let more = |than: usize| {
        move |ticks: &Value| items(&ticks["items"]).iter().filter(|tick| !tick["run"].is_null()).count() > than
    };
    api.until("/schedules/every-second/ticks?limit=100", more(paused)).await;
    api.until("/schedules/yearly/ticks?limit=100", more(yearly)).await;
    for run in all(api, "/runs?workflow=sweep").await {
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
    }
}
