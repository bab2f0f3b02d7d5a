//! Sending a request that passed, reading its answer up to the limit, and telling what a failure means.

use std::{error::Error as _, time::Duration};

use futures_util::StreamExt;

use super::{
    super::{bindings::wardroom::plugin::http as wit, guest::Session, limits},
    Forbidden, Outbound, Unresolved,
    http::Prepared,
    refusal,
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
    /// Sends a request.
    pub(in crate::plugin) async fn send(
        &self,
        session: &Session,
        request: Prepared,
        remaining: Duration,
    ) -> Result<Sent, Failed> {
        let unsent = |error| Failed { error, nothing_sent: true };
        let Some(connection) = session.invocation.connection.as_deref() else {
            return Err(unsent(wit::Error::Denied("There is no connection.".to_owned())));
        };
        let client = self.client(connection).map_err(|_| unsent(wit::Error::Other("no client".to_owned())))?;
        let timeout = if request.timeout.is_zero() { remaining } else { request.timeout.min(remaining) };
        let mut sending = client.request(request.method, request.url).headers(request.headers).timeout(timeout);
        sending = sending.header("accept-encoding", "identity");
        if let Some(body) = request.body {
            sending = sending.body(body);
        }
        let response = sending.send().await.map_err(|error| failed(session, &error))?;
        let status = response.status().as_u16();
        if response.headers().get("content-encoding").is_some_and(|encoding| encoding != "identity") {
            let error = wit::Error::Other("The answer is encoded, although none was asked for.".to_owned());
            return Err(Failed { error, nothing_sent: false });
        }
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let (mut body, mut truncated) = (Vec::new(), false);
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| Failed { nothing_sent: false, ..failed(session, &error) })?;
            let room = limits::RESPONSE_BODY_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                truncated = true;
                break;
            }
        }
        Ok(Sent { status, headers, body, truncated })
    }
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
