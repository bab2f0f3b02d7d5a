//! HTTP, within the connection and the grants.
//!
//! A path such as `/api/v1/query` goes to the connection's `base_url`, and the host adds the connection's auth. An absolute
//! URL needs its host in the manifest and in a grant.

use std::fmt::{Display, Write as _};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Effect, Failure, Retry, sys, wit::wardroom::plugin::http as wit};

/// A request in the making.
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct Request {
    request: wit::Request,
    query: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    response: wit::Response,
    /// Whether the request could have changed something.
    unsafe_method: bool,
}

/// A GET.
pub fn get(url: &str) -> Request {
    request("GET", url)
}

/// A POST.
pub fn post(url: &str) -> Request {
    request("POST", url)
}

/// A PUT.
pub fn put(url: &str) -> Request {
    request("PUT", url)
}

/// A DELETE.
pub fn delete(url: &str) -> Request {
    request("DELETE", url)
}

/// A request of any method.
pub fn request(method: &str, url: &str) -> Request {
    let request = wit::Request {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: None,
        timeout_ms: 0,
        redirects: 0,
    };
    Request { request, query: Vec::new() }
}

impl Request {
    /// Adds a query parameter, encoded.
    pub fn query(mut self, name: &str, value: impl Display) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        let value = vec![wit::Part::Text(value.to_string())];
        self.request.headers.push(wit::Header { name: name.to_owned(), value });
        self
    }

    /// Adds a header whose value is `prefix` and a secret, joined by the host.
    pub fn secret_header(mut self, name: &str, prefix: &str, secret: &str) -> Self {
        let value = vec![wit::Part::Text(prefix.to_owned()), wit::Part::Secret(secret.to_owned())];
        self.request.headers.push(wit::Header { name: name.to_owned(), value });
        self
    }

    /// A JSON body.
    pub fn json(self, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).unwrap_or_default();
        self.header("content-type", "application/json").body(bytes)
    }

    /// A body of bytes, at most 1 MiB.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = Some(wit::Body::Bytes(body.into()));
        self
    }

    /// At most this long; without it, what is left of the deadline.
    pub fn timeout_ms(mut self, ms: u32) -> Self {
        self.request.timeout_ms = ms;
        self
    }

    /// Lets the host follow redirects of a GET or HEAD, at most 5. Each hop is judged like a request of its own, and nothing
    /// secret crosses to another origin.
    pub fn follow(mut self, redirects: u8) -> Self {
        self.request.redirects = redirects;
        self
    }

    /// Sends it. An error means that there was no answer; a status such as 500 is an answer.
    pub fn send(mut self) -> Result<Response, Failure> {
        for (index, (name, value)) in self.query.iter().enumerate() {
            let mark = if index == 0 && !self.request.url.contains('?') { '?' } else { '&' };
            // Writing to a string cannot fail.
            _ = write!(self.request.url, "{mark}{}={}", encode(name), encode(value));
        }
        let unsafe_method = !matches!(self.request.method.as_str(), "GET" | "HEAD");
        match sys::send(&self.request) {
            Ok(response) => Ok(Response { response, unsafe_method }),
            Err(error) => Err(failure(error, unsafe_method)),
        }
    }
}

impl Response {
    /// The status.
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.response.status)
    }

    /// A header, by name without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.response.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The body, at most 1 MiB of it.
    pub fn body(&self) -> &[u8] {
        &self.response.body
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let effect = if self.unsafe_method { Effect::Applied } else { Effect::None };
        serde_json::from_slice(&self.response.body).map_err(|error| {
            Failure::new("bad_answer", format!("The answer is not the JSON that was expected: {error}.")).effect(effect)
        })
    }

    /// Itself if the status says success, otherwise the failure that the status means: 429 and 503 name a delay, 5xx may
    /// have happened all the same, the rest cannot be mended by trying again.
    pub fn check(self) -> Result<Self, Failure> {
        if self.is_success() { Ok(self) } else { Err(self.failure()) }
    }

    /// The failure that the status means.
    pub fn failure(&self) -> Failure {
        let status = self.status();
        let text = String::from_utf8_lossy(&self.response.body);
        let excerpt: String = text.chars().take(200).collect();
        let code = match status {
            401 | 403 => "unauthorized".to_owned(),
            404 => "not_found".to_owned(),
            409 => "conflict".to_owned(),
            429 => "rate_limited".to_owned(),
            _ => format!("http_{status}"),
        };
        let failure = Failure::new(code, format!("The third party answered {status}: {excerpt}"))
            .details(serde_json::json!({ "status": status, "body": parsed(&text) }));
        let delay = self.header("retry-after").and_then(|seconds| seconds.trim().parse::<u64>().ok());
        let retry = delay.map_or(Retry::Backoff, |seconds| Retry::AfterMs(seconds.saturating_mul(1_000)));
        match status {
            429 => failure.retry(retry),
            503 => failure.retry(retry).effect(if self.unsafe_method { Effect::Unknown } else { Effect::None }),
            408 | 500.. if self.unsafe_method => failure.retry(Retry::Backoff).effect(Effect::Unknown),
            408 | 500.. => failure.retry(Retry::Backoff),
            _ => failure,
        }
    }
}

fn parsed(text: &str) -> Value {
    let short: String = text.chars().take(4_000).collect();
    serde_json::from_str(text).unwrap_or(Value::String(short))
}

fn failure(error: wit::Error, unsafe_method: bool) -> Failure {
    let unknown = if unsafe_method { Effect::Unknown } else { Effect::None };
    match error {
        wit::Error::Denied(text) => Failure::new("denied", text),
        wit::Error::Held(held) => Failure::new("held", held.reason).retry(Retry::AfterMs(held.retry_after_ms)),
        wit::Error::Invalid(text) => Failure::new("invalid_request", text),
        wit::Error::TooLarge => Failure::new("too_large", "The request is over a limit of the host's."),
        wit::Error::Dns(text) => {
            Failure::new("dns", format!("The host cannot be resolved: {text}.")).retry(Retry::Backoff)
        }
        wit::Error::Connect(text) => Failure::new("connect", format!("No connection: {text}.")).retry(Retry::Backoff),
        wit::Error::Tls(text) => Failure::new("tls", format!("No secure connection: {text}.")).retry(Retry::Backoff),
        wit::Error::Timeout => {
            Failure::new("timeout", "The third party did not answer in time.").retry(Retry::Backoff).effect(unknown)
        }
        wit::Error::Other(text) => {
            Failure::new("http", format!("The request failed: {text}.")).retry(Retry::Backoff).effect(unknown)
        }
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded() {
        assert_eq!(encode("rate(x{a=\"b\"}[5m]) é"), "rate%28x%7Ba%3D%22b%22%7D%5B5m%5D%29%20%C3%A9");
    }
}
