//! etcd: versioned configuration.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    answers, ask,
    authority::{Authority, Certified},
};
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
        let port = free_port();
        Self::at(&format!("http://127.0.0.1:{port}"), port, |_| ())
    }

    /// Starts it over TLS; it wants clients that the authority certified.
    ///
    /// # Panics
    /// When it does not start.
    pub fn with_tls(authority: &Authority, server: &Certified) -> Self {
        let health = free_port();
        Self::at(&format!("https://127.0.0.1:{}", free_port()), health, |command| {
            command.arg("--cert-file").arg(&server.certificate).arg("--key-file").arg(&server.key);
            command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(authority.certificate_file());
            command.args(["--listen-metrics-urls", &format!("http://127.0.0.1:{health}")]);
        })
    }

    fn at(url: &str, health: u16, further: impl FnOnce(&mut Command)) -> Self {
        let (folder, peer) = (tempfile::tempdir().expect("a folder"), format!("http://127.0.0.1:{}", free_port()));
        let mut command = bound_to_us("etcd", None);
        command.arg("--data-dir").arg(folder.path().join("data")).args([
            "--listen-client-urls",
            url,
            "--advertise-client-urls",
            url,
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
            "--initial-cluster",
            &format!("default={peer}"),
        ]);
        further(&mut command);
        Server::start("etcd", command).wait(|| answers(health, "/health"));
        Self { url: url.to_owned(), _folder: folder }
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
