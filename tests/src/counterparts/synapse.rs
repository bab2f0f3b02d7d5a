//! Synapse: a Matrix homeserver with one account, `@bot:localhost`.

use std::{fs, process::Command};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{answers, ask, cache};
use crate::process::{Server, bound_to_us, free_port};

/// The server.
#[derive(Debug)]
pub struct Synapse {
    /// Its URL.
    pub url: String,
    /// The bot's access token.
    pub token: String,
    _folder: TempDir,
}

impl Synapse {
    /// Starts it and makes the account.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (python, port) = (cache().join("synapse/bin/python"), free_port());
        let configs = [folder.path().join("homeserver.yaml"), folder.path().join("test.yaml")];
        let made = Command::new(&python)
            .current_dir(folder.path())
            .args([
                "-m",
                "synapse.app.homeserver",
                "--server-name",
                "localhost",
                "--generate-config",
                "--report-stats=no",
            ])
            .arg("--config-path")
            .arg(&configs[0])
            .output()
            .expect("Synapse runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // What a test server needs: one listener, nobody outside, and no limits on rates.
        let limit = json!({ "per_second": 1000, "burst_count": 1000 });
        let config = json!({
            "listeners": [{ "port": port, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": [{ "names": ["client"] }] }],
            "presence": { "enabled": false },
            "trusted_key_servers": [],
            "rc_message": limit,
            "rc_login": { "address": limit, "account": limit, "failed_attempts": limit },
            "rc_joins": { "local": limit, "remote": limit },
            "rc_invites": { "per_room": limit, "per_user": limit },
            "registration_shared_secret": "shared",
        });
        fs::write(&configs[1], config.to_string()).expect("the folder takes it");
        let mut command = bound_to_us(&python.display().to_string(), None);
        command.current_dir(folder.path()).args(["-m", "synapse.app.homeserver"]);
        command.arg("--config-path").arg(&configs[0]).arg("--config-path").arg(&configs[1]);
        Server::start("Synapse", command).wait(|| answers(port, "/_matrix/client/versions"));
        let url = format!("http://127.0.0.1:{port}");
        let registered = Command::new(cache().join("synapse/bin/register_new_matrix_user"))
            .args(["-u", "bot", "-p", "pass", "--no-admin", "-k", "shared", &url])
            .output()
            .expect("the tool runs");
        assert!(registered.status.success(), "{}", String::from_utf8_lossy(&registered.stderr));
        let login = json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "bot" }, "password": "pass" });
        let (_, answer) = ask(Method::POST, &format!("{url}/_matrix/client/v3/login"), None, Some(&login)).await;
        let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned();
        Self { url, token, _folder: folder }
    }

    /// The room of an alias such as `inc-1`, if there is one.
    pub async fn room(&self, alias: &str) -> Option<String> {
        let (_, answer) = self.ask(&format!("directory/room/%23{alias}%3Alocalhost")).await;
        answer["room_id"].as_str().map(str::to_owned)
    }

    /// The texts written in a room, the oldest first.
    pub async fn texts(&self, room: &str) -> Vec<String> {
        let (_, answer) = self.ask(&format!("rooms/{room}/messages?dir=f&limit=200")).await;
        let events = answer["chunk"].as_array().cloned().unwrap_or_default();
        let texts = events.iter().filter(|event| event["type"] == json!("m.room.message"));
        texts.filter_map(|event| event["content"]["body"].as_str().map(str::to_owned)).collect()
    }

    /// A room's topic.
    pub async fn topic(&self, room: &str) -> String {
        let (_, answer) = self.ask(&format!("rooms/{room}/state/m.room.topic")).await;
        answer["topic"].as_str().unwrap_or_default().to_owned()
    }

    async fn ask(&self, path: &str) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        ask(Method::GET, &format!("{}/_matrix/client/v3/{path}", self.url), Some(&bearer), None).await
    }
}
