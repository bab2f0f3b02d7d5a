//! Sending a request that passed, reading its answer up to the limit, and telling what a failure means.

use std::{error::Error as _, time::Duration};

use futures_util::StreamExt;

use super::{
    super::{bindings::wardroom::plugin::http as wit, guest::Session, host::milliseconds, limits},
    Forbidden, Outbound, Unresolved,
    http::Prepared,
    refusal,
};
use crate::{
    clock::monotonic_now,
    domain::{breaker::Ending, connection::Connection},
};

/// An answer.
pub(in crate::plugin) struct Sent {
    pub(in crate::plugin) status: u16,
    pub(in crate::plugin) headers: Vec<(String, Vec<u8>)>,
    pub(in crate::plugin) body: Vec<u8>,
    pub(in crate::plugin) truncated: bool,
}

/// A request without an answer.
pub(in crate::plugin) struct Failed {
    pub(in crate::plugin) error: wit::Error,
    /// Whether it is certain that the third party heard nothing.
    pub(in crate::plugin) nothing_sent: bool,
}

impl Outbound {
    /// Sends a request, unless its third party keeps failing.
    pub(in crate::plugin) async fn send(
        &self,
        session: &Session,
        mut request: Prepared,
        remaining: Duration,
    ) -> Result<Sent, Failed> {
        let Some(connection) = session.invocation.connection.as_deref() else {
            return Err(unsent(wit::Error::Denied("There is no connection.".to_owned())));
        };
        session.check_bytes().map_err(|used_up| unsent(held(used_up.reason, used_up.after)))?;
        request.timeout = if request.timeout.is_zero() { remaining } else { request.timeout.min(remaining) };
        let origin = request.url.origin().ascii_serialization();
        let asked = self.breakers.ask(connection, origin.clone(), monotonic_now() + request.timeout);
        let asked = asked.map_err(|wait| {
            unsent(held(format!("{origin} failed several times in a row: it is left alone for a while."), wait))
        })?;
        let result = self.exchange(session, connection, request).await;
        asked.ended(ending(&result));
        readable(result?)
    }

    async fn exchange(&self, session: &Session, connection: &Connection, request: Prepared) -> Result<Sent, Failed> {
        let client = self.client(connection).map_err(|_| unsent(wit::Error::Other("no client".to_owned())))?;
        let mut sending = client.request(request.method, request.url).headers(request.headers).timeout(request.timeout);
        sending = sending.header("accept-encoding", "identity");
        if let Some(body) = request.body {
            session.spend_bytes(body.len());
            sending = sending.body(body);
        }
        let response = sending.send().await.map_err(|error| failed(session, &error))?;
        let status = response.status().as_u16();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let (mut body, mut truncated) = (Vec::new(), false);
        // What is behind the limit is read to mask a secret that lies across it, and not given.
        let most = limits::RESPONSE_BODY_BYTES + session.redactor.longest();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| Failed { nothing_sent: false, ..failed(session, &error) })?;
            session.spend_bytes(chunk.len());
            let room = most - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            truncated = body.len() > limits::RESPONSE_BODY_BYTES;
            if chunk.len() > room {
                break;
            }
        }
        Ok(Sent { status, headers, body, truncated })
    }
}

fn unsent(error: wit::Error) -> Failed {
    Failed { error, nothing_sent: true }
}

fn held(reason: String, after: Duration) -> wit::Error {
    wit::Error::Held(wit::Held { reason, retry_after_ms: milliseconds(after).max(1) })
}

/// What a request says of its third party's health.
fn ending(result: &Result<Sent, Failed>) -> Ending {
    match result {
        Ok(sent) if sent.status >= 500 => Ending::Failed,
        Ok(_) => Ending::Answered,
        Err(Failed { error: wit::Error::Denied(_) | wit::Error::Invalid(_), .. }) => Ending::Unknown,
        Err(_) => Ending::Failed,
    }
}

/// An answer in which secrets can be found.
fn readable(sent: Sent) -> Result<Sent, Failed> {
    if sent.headers.iter().any(|(name, value)| name == "content-encoding" && value != b"identity") {
        let error = wit::Error::Other("The answer is encoded, although none was asked for.".to_owned());
        return Err(Failed { error, nothing_sent: false });
    }
    Ok(sent)
}

/// What a failure of the client's means, found by walking its causes.
fn failed(session: &Session, error: &reqwest::Error) -> Failed {
    let mut cause = error.source();
    let mut last = String::new();
    while let Some(inner) = cause {
        if let Some(Forbidden { host, found }) = inner.downcast_ref() {
            let text = refusal(session, host, *found);
            return Failed { error: wit::Error::Denied(text), nothing_sent: true };
        }
        if let Some(Unresolved(reason)) = inner.downcast_ref() {
            return Failed { error: wit::Error::Dns(reason.to_string()), nothing_sent: true };
        }
        // After the connection stands, the request may have been heard.
        let connecting = error.is_connect();
        if let Some(error) = inner.downcast_ref::<rustls::Error>().filter(|_| connecting) {
            return Failed { error: wit::Error::Tls(error.to_string()), nothing_sent: true };
        }
        if let Some(error) = inner.downcast_ref::<std::io::Error>().filter(|_| connecting)
            && let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return Failed { error: wit::Error::Tls(error.to_string()), nothing_sent: true };
        }
        last = inner.to_string();
        cause = inner.source();
    }
    if error.is_connect() {
        return Failed { error: wit::Error::Connect(last), nothing_sent: true };
    }
    if error.is_timeout() {
        return Failed { error: wit::Error::Timeout, nothing_sent: false };
    }
    if error.is_builder() {
        return Failed { error: wit::Error::Invalid("The request is malformed.".to_owned()), nothing_sent: true };
    }
    Failed { error: wit::Error::Other(last), nothing_sent: false }
}
