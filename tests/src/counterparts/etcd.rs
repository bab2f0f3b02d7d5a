//! etcd: versioned configuration.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{answers, ask};
use crate::process::{Server, bound_to_us, free_port};

/// The server.
#[derive(Debug)]
pub struct Etcd {
    /// Its URL.
    pub url: String,
    _folder: TempDir,
}

impl Etcd {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let (folder, port, peers) = (tempfile::tempdir().expect("a folder"), free_port(), free_port());
        let (url, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peers}"));
        let mut command = bound_to_us("etcd", None);
        command.arg("--data-dir").arg(folder.path().join("data")).args([
            "--listen-client-urls",
            &url,
            "--advertise-client-urls",
            &url,
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
            "--initial-cluster",
            &format!("default={peer}"),
        ]);
        Server::start("etcd", command).wait(|| answers(port, "/health"));
        Self { url, _folder: folder }
    }

    /// Puts a key; `key` and `value` are base64. Gives the revision of the store.
    ///
    /// # Panics
    /// When etcd refuses.
    pub async fn put(&self, key: &str, value: &str) -> i64 {
        let answer = self.ask("put", &json!({ "key": key, "value": value })).await;
        answer["header"]["revision"].as_str().and_then(|text| text.parse().ok()).expect("a revision")
    }

    /// The base64 value of a key, null when it is not there.
    pub async fn value(&self, key: &str) -> Value {
        self.ask("range", &json!({ "key": key })).await["kvs"][0]["value"].clone()
    }

    async fn ask(&self, what: &str, body: &Value) -> Value {
        let (status, answer) = ask(Method::POST, &format!("{}/v3/kv/{what}", self.url), None, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}
