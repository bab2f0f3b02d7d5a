//! Unleash: a feature-flag server over a PostgreSQL database of its own.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{answers, ask, cache, node};
use crate::{
    database::{Database, Kind},
    process::{Server, bound_to_us, free_port},
};

/// The administrator's token.
pub const TOKEN: &str = "*:*.wardroom-test-administrator";

const START: &str = "
const { start } = await import(process.argv[2]);
start({
  databaseUrl: process.argv[3],
  server: { port: Number(process.argv[4]), host: '127.0.0.1' },
  versionCheck: { enable: false, url: '' },
  telemetry: false,
  authentication: {
    type: 'open-source',
    initApiTokens: [{ tokenName: 'test', environment: '*', projects: ['*'], secret: process.argv[5], type: 'admin' }],
  },
});
";

/// The server.
#[derive(Debug)]
pub struct Unleash {
    /// Its URL.
    pub url: String,
    _database: Database,
    _folder: TempDir,
}

impl Unleash {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        let (database, folder, port) =
            (Database::new(Kind::Postgres).await, tempfile::tempdir().expect("a folder"), free_port());
        let script = folder.path().join("start.mjs");
        fs::write(&script, START).expect("the folder takes it");
        let mut command = bound_to_us(&node(), None);
        command.arg(&script).arg(cache().join("node/node_modules/unleash-server/dist/lib/server-impl.js")).args([
            &database.url,
            &port.to_string(),
            TOKEN,
        ]);
        command.env("DATABASE_SSL", "false");
        Server::start("Unleash", command).wait(|| answers(port, "/health"));
        Self { url: format!("http://127.0.0.1:{port}"), _database: database, _folder: folder }
    }

    /// Makes a flag that is on in `production`.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn make_flag(&self, name: &str) {
        let body = json!({ "name": name, "type": "release" });
        let (status, answer) = self.ask(Method::POST, "projects/default/features", Some(&body)).await;
        assert_eq!(status, 201, "{answer}");
        self.switch_on(name).await;
    }

    /// Switches a flag on in `production`.
    ///
    /// # Panics
    /// When it cannot be switched.
    pub async fn switch_on(&self, name: &str) {
        let path = format!("projects/default/features/{name}/environments/production/on");
        let (status, answer) = self.ask(Method::POST, &path, Some(&json!({}))).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Whether a flag is on in `production`.
    pub async fn is_on(&self, name: &str) -> bool {
        let (_, feature) = self.ask(Method::GET, &format!("projects/default/features/{name}"), None).await;
        let environments = feature["environments"].as_array().cloned().unwrap_or_default();
        environments.iter().any(|one| one["name"] == json!("production") && one["enabled"] == json!(true))
    }

    /// How often a flag was switched off.
    pub async fn times_switched_off(&self, name: &str) -> usize {
        let (_, log) = self.ask(Method::GET, &format!("events/{name}"), None).await;
        let events = log["events"].as_array().cloned().unwrap_or_default();
        events.iter().filter(|event| event["type"] == json!("feature-environment-disabled")).count()
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        ask(method, &format!("{}/api/admin/{path}", self.url), Some(TOKEN), body).await
    }
}
