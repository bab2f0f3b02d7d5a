//! The client commands' way to the server.

use std::{ffi::OsString, fmt::Write as _, path::Path};

use clap::Args;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Failed, terminal};
use crate::config::read_secret;

/// Where the server is, and who asks.
#[derive(Args)]
pub(super) struct ClientOptions {
    /// The server.
    #[arg(long, global = true, default_value = "http://127.0.0.1:7117", env = "WARDROOM_URL", value_name = "URL")]
    url: String,
    /// A token.
    #[arg(long, global = true, env = "WARDROOM_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<SecretString>,
    /// Read the token from a file
    #[arg(long, global = true, env = "WARDROOM_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<OsString>,
    /// Prints the server's answer as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl ClientOptions {
    /// For a server in this process.
    pub(super) fn new(url: String, token: SecretString) -> Self {
        Self { url, token: Some(token), token_file: None, json: false }
    }

    /// The same server with another token.
    pub(super) fn with_token(&self, token: String) -> Self {
        Self { url: self.url.clone(), token: Some(token.into()), token_file: None, json: self.json }
    }

    /// Sends JSON and gives the answer, or prints it when JSON was asked for.
    pub(super) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failed> {
        let mut request = self.request(method, path)?;
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.answer(request).await
    }

    /// A GET.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failed> {
        self.send(Method::GET, path, None).await
    }

    /// A POST.
    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Value, Failed> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// All items of a list, page after page.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, Failed> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let page = match &after {
                Some(after) => format!("{path}{mark}limit=200&after={after}"),
                None => format!("{path}{mark}limit=200"),
            };
            let answer = self.get(&page).await?;
            items.extend(answer["items"].as_array().cloned().unwrap_or_default());
            after = answer["next"].as_str().map(str::to_owned);
            if after.is_none() || items.len() >= 10_000 {
                return Ok(items);
            }
        }
    }

    /// Prints an answer: as JSON when that was asked for, otherwise as `human` says.
    pub(super) fn show(&self, answer: &Value, human: impl FnOnce(&Value) -> String) -> Result<(), Failed> {
        if self.json {
            terminal::json(answer)?;
        } else {
            terminal::line(&human(answer))?;
        }
        Ok(())
    }

    /// Prints a list.
    pub(super) fn show_list(
        &self,
        items: &[Value],
        head: &[&str],
        row: impl Fn(&Value) -> Vec<String>,
    ) -> Result<(), Failed> {
        if self.json {
            terminal::json(&json!({ "items": items }))?;
        } else if items.is_empty() {
            terminal::line("nothing yet")?;
        } else {
            terminal::table(head, &items.iter().map(row).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn token(&self) -> Result<Option<SecretString>, Failed> {
        // A variable that is empty counts as not set, as it does for the server.
        let token = self.token.as_ref().filter(|token| !token.expose_secret().is_empty());
        let file = self.token_file.as_ref().filter(|file| !file.is_empty());
        match (token, file) {
            (Some(_), Some(_)) => Err(Failed(
                "the token is given twice: by --token or WARDROOM_TOKEN, and by --token-file or WARDROOM_TOKEN_FILE; keep one"
                    .to_owned(),
            )),
            (None, Some(file)) => match read_secret(Path::new(file)) {
                Ok(token) => Ok(Some(token)),
                Err(message) => Err(Failed(format!("--token-file: {message}"))),
            },
            (token, None) => Ok(token.cloned()),
        }
    }

    /// A request in the making.
    pub(super) fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failed> {
        // Another part of the program may have installed it before: either is the same provider.
        _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let mut request = client.request(method, format!("{}/api/v1{path}", self.url.trim_end_matches('/')));
        if let Some(token) = self.token()? {
            request = request.bearer_auth(token.expose_secret());
        }
        Ok(request)
    }

    /// Sends a request and reads its JSON answer; a problem becomes lines for people.
    pub(super) async fn answer(&self, request: RequestBuilder) -> Result<Value, Failed> {
        let response = self.response(request).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        Ok(response.json().await?)
    }

    /// Sends a request; a problem becomes lines for people.
    pub(super) async fn response(&self, request: RequestBuilder) -> Result<Response, Failed> {
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                Failed(format!(
                    "no server answers at {}: start one with `wardroom serve`, or set WARDROOM_URL",
                    self.url
                ))
            } else {
                error.into()
            }
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let unauthenticated = status == StatusCode::UNAUTHORIZED && self.token.is_none() && self.token_file.is_none();
        let problem: Value = response.json().await.unwrap_or_default();
        if unauthenticated {
            return Err(Failed(
                "missing token: set WARDROOM_TOKEN or WARDROOM_TOKEN_FILE, or use --token-file".to_owned(),
            ));
        }
        Err(Failed(explain(status, &problem)))
    }
}

/// A problem as lines: what happened, and each field that is wrong with its place.
fn explain(status: StatusCode, problem: &Value) -> String {
    let mut text = problem["detail"].as_str().map_or_else(|| status.to_string(), str::to_owned);
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    // A single fault is the detail already.
    let placed =
        errors.iter().filter(|error| (errors.len() > 1 || error["file"].is_string()) && error["line"].is_u64());
    for error in placed {
        // Writing to a string cannot fail.
        _ = write!(text, "\n  {}", fault(error));
    }
    text
}

/// A fault of a document: `line:column: part: message`.
pub(super) fn fault(error: &Value) -> String {
    let (line, column) = (&error["line"], &error["column"]);
    let part = error["field"]
        .as_str()
        .filter(|field| !field.is_empty())
        .map_or_else(String::new, |field| format!("{field}: "));
    let file = error["file"].as_str().map_or_else(String::new, |file| format!("{file}:"));
    format!("{file}{line}:{column}: {part}{}", word(error, "message"))
}

/// A text of an answer; empty when it is not there.
pub(super) fn word(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
