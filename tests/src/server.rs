//! A Wardroom server of the test's own, and a client for it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use wardroom::{app::App, config::Config};

use crate::{
    database::{Database, Kind},
    guests,
    process::{GUARD, now},
};

/// The administrator's token of every test server.
pub const ADMIN: &str = "wrd_test-administrator";

/// A server in this process, over a database of its own.
pub struct Server {
    app: Option<App>,
    /// What the tests ask.
    pub api: Api,
    /// Its database.
    pub database: Database,
    /// How long it keeps runs, from its next start on; none: for ever.
    pub keep_runs: Option<Duration>,
    /// How often schedules may come, from its next start on.
    pub shortest_interval: Duration,
    /// Whose signatures of plugins it believes, from its next start on; with one it takes no others.
    pub plugin_keys: Vec<String>,
    /// Its data folder.
    pub data: PathBuf,
    /// Keeps that folder, when it is the test's own.
    _folder: Option<TempDir>,
}

impl Server {
    /// Starts one.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(kind: Kind) -> Self {
        let database = Database::new(kind).await;
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        Self { _folder: Some(folder), ..Self::over(data, database).await }
    }

    /// Starts one whose schedules may come every second.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn ticking(kind: Kind) -> Self {
        let mut server = Self::start(kind).await;
        server.shortest_interval = Duration::from_secs(1);
        server.restart().await;
        server
    }

    /// Starts one over a data folder and a database that are there already.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn over(data: PathBuf, database: Database) -> Self {
        let shortest_interval = Duration::from_secs(10);
        let app = App::start(config(&database.url, data.clone())).await.expect("starts");
        let api = Api::new(app.address, ADMIN);
        let plugin_keys = Vec::new();
        Self { api, app: Some(app), database, keep_runs: None, shortest_interval, plugin_keys, data, _folder: None }
    }

    /// Stops gracefully and starts again over the same data.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        self.stop().await;
        let config = Config {
            keep_runs: self.keep_runs,
            shortest_interval: self.shortest_interval,
            plugin_keys: self.plugin_keys.clone(),
            signed_plugins_only: !self.plugin_keys.is_empty(),
            ..config(&self.database.url, self.data.clone())
        };
        let app = App::start(config).await.expect("starts");
        self.api = Api::new(app.address, ADMIN);
        self.app = Some(app);
    }

    /// Stops gracefully.
    pub async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop().await;
        }
    }
}

fn config(url: &str, data: PathBuf) -> Config {
    Config {
        data,
        database_url: Some(url.into()),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        admin_token: Some(ADMIN.into()),
        ..Config::default()
    }
}

/// A client with one token.
#[derive(Debug, Clone)]
pub struct Api {
    client: reqwest::Client,
    /// The server's URL.
    pub url: String,
    token: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; null when there is none or it is no JSON.
    pub body: Value,
    /// The `ETag`.
    pub etag: Option<String>,
    /// The content type.
    pub content_type: String,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<String>,
}

impl Answer {
    /// The body of an answer that says success.
    ///
    /// # Panics
    /// When it does not.
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{}: {:#}", self.status, self.body);
        self.body
    }

    /// The body of a problem of this status.
    ///
    /// # Panics
    /// When it is none.
    pub fn problem(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        assert_eq!(self.content_type, "application/problem+json");
        assert_eq!(self.body["status"], json!(status));
        self.body
    }
}

impl Api {
    /// A client of a server.
    ///
    /// # Panics
    /// When there is no client.
    pub fn new(address: SocketAddr, token: &str) -> Self {
        _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { client, url: format!("http://{address}"), token: token.to_owned() }
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// The client underneath, for requests of another kind.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The token it sends.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A client for a new person of this role.
    pub async fn person(&self, handle: &str, role: &str) -> Self {
        self.post("/people", json!({ "handle": handle, "name": handle })).await.ok();
        let made = self.post("/tokens", json!({ "person": handle, "role": role })).await.ok();
        self.with_token(made["token"].as_str().unwrap_or_default())
    }

    /// A request; `path` is under `/api/v1` unless it begins with `//`, which stands for the root.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.try_send(method, path, headers, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A request that may find nobody.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        let url = match path.strip_prefix("//") {
            Some(root) => format!("{}/{root}", self.url),
            None => format!("{}/api/v1{path}", self.url),
        };
        let mut request = self.client.request(method, url).body(body).timeout(GUARD);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (etag, content_type) = (header("etag"), header("content-type").unwrap_or_default());
        let retry_after = header("retry-after");
        let status = response.status();
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answer { status, body, etag, content_type, retry_after })
    }

    /// The body of an answer that says success, whatever it is; `path` is from the root.
    ///
    /// # Panics
    /// When there is none.
    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let request = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let response = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.bytes().await.expect("a body").to_vec()
    }

    /// Waits until the server is ready.
    ///
    /// # Panics
    /// When it is not within [`GUARD`].
    pub async fn ready(&self) {
        let deadline = now() + GUARD;
        while !self.is_ready().await {
            assert!(now() < deadline, "the server is not ready");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether the server is ready.
    pub async fn is_ready(&self) -> bool {
        let asked = self.try_send(Method::GET, "//readyz", &[], Vec::new()).await;
        asked.is_ok_and(|answer| answer.status == 200)
    }

    /// A POST of JSON that may find nobody.
    pub async fn try_post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer, reqwest::Error> {
        let headers: Vec<(&str, &str)> =
            [("content-type", "application/json")].iter().chain(headers).copied().collect();
        self.try_send(Method::POST, path, &headers, body.to_string().into_bytes()).await
    }

    /// A GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    /// A POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, &[], &body).await
    }

    /// A PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PUT, path, &[], &body).await
    }

    /// A request with a JSON body and headers.
    pub async fn json(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers: Vec<(&str, &str)> =
            [("content-type", "application/json")].iter().chain(headers).copied().collect();
        self.send(method, path, &headers, body.to_string().into_bytes()).await
    }

    /// Uploads a component, with a query such as `?grant=true`.
    pub async fn upload(&self, component: Vec<u8>, query: &str) -> Answer {
        let headers = [("content-type", "application/wasm")];
        self.send(Method::POST, &format!("/plugins{query}"), &headers, component).await
    }

    /// Installs a bundled plugin.
    pub async fn install(&self, plugin: &str) {
        self.upload(guests::bundled(plugin), "").await.ok();
    }

    /// Saves a workflow.
    pub async fn save(&self, name: &str, source: &str) {
        let headers = [("content-type", "application/yaml")];
        self.send(Method::PUT, &format!("/workflows/{name}"), &headers, source.as_bytes().to_vec()).await.ok();
    }

    /// Asks until the answer is as wanted.
    ///
    /// # Panics
    /// With the last answer, when it is not within [`GUARD`].
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = now() + GUARD;
        loop {
            let body = self.get(path).await.body;
            if wanted(&body) {
                return body;
            }
            assert!(now() < deadline, "{path}: {body:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a run has ended.
    pub async fn ended(&self, run: &Value) -> Value {
        let id = run["id"].as_str().unwrap_or_default();
        self.until(&format!("/runs/{id}"), |run| !run["finished_at"].is_null()).await
    }
}
