//! Sending a request that passed, reading its answer up to the limit, and telling what a failure means.

use std::time::Duration;

use http::{HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy;
use tokio::time::timeout;

use super::{
    super::{bindings::wardroom::plugin::http as wit, guest::Session, host::milliseconds, limits},
    Client, Outbound,
    connect::{Barred, Unresolved},
    http::Prepared,
    refusal,
};
use wardroom_base::clock::monotonic_now;
use wardroom_domain::breaker::Ending;

const USER_AGENT: &str = concat!("wardroom/", env!("CARGO_PKG_VERSION"));

/// An answer.
pub(crate) struct Sent {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) truncated: bool,
}

/// A request without an answer.
pub(crate) struct Failed {
    pub(crate) error: wit::Error,
    /// Whether it is certain that the third party heard nothing.
    pub(crate) nothing_sent: bool,
}

impl Outbound {
    /// Sends a request, unless its third party keeps failing.
    pub(crate) async fn send(
        &self,
        session: &Session,
        mut request: Prepared,
        remaining: Duration,
    ) -> Result<Sent, Failed> {
        let Some(connection) = session.invocation.connection.as_deref() else {
            return Err(unsent(wit::Error::Denied("There is no connection.".to_owned())));
        };
        let client = self.client(connection, request.own, session.tls_key.as_ref()).map_err(|unfit| {
            unsent(wit::Error::Tls(format!("The TLS settings of connection {} do not fit: {unfit}.", connection.name)))
        })?;
        session.check_bytes().map_err(|used_up| unsent(held(used_up.reason, used_up.after)))?;
        request.timeout = if request.timeout.is_zero() { remaining } else { request.timeout.min(remaining) };
        let origin = request.url.origin().ascii_serialization();
        let asked = self.breakers.ask(connection, origin.clone(), monotonic_now() + request.timeout);
        let asked = asked.map_err(|wait| {
            unsent(held(format!("{origin} failed several times in a row: it is left alone for a while."), wait))
        })?;
        let result = exchange(session, &client, request).await;
        asked.ended(ending(&result));
        readable(result?)
    }
}

/// Sends a request and reads its answer, within its time.
async fn exchange(session: &Session, client: &Client, request: Prepared) -> Result<Sent, Failed> {
    let within = request.timeout;
    let exchanging = async {
        session.spend_bytes(request.body.as_ref().map_or(0, Vec::len));
        let response = client.request(message(request)?).await.map_err(|error| failed(session, &error))?;
        let status = response.status().as_u16();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let (body, truncated) = read(session, response.into_body()).await?;
        Ok(Sent { status, headers, body, truncated })
    };
    let late = |_| Failed { error: wit::Error::Timeout, nothing_sent: false };
    timeout(within, exchanging).await.map_err(late)?
}

/// A request as hyper takes it.
fn message(request: Prepared) -> Result<Request<Full<Bytes>>, Failed> {
    let malformed = || unsent(wit::Error::Invalid("The request is malformed.".to_owned()));
    let uri = Uri::try_from(request.url.as_str()).map_err(|_| malformed())?;
    let mut message = Request::new(Full::from(request.body.unwrap_or_default()));
    *message.method_mut() = request.method;
    *message.uri_mut() = uri;
    *message.headers_mut() = request.headers;
    let headers = message.headers_mut();
    headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(message)
}

/// Reads a body up to the limit. What is behind it is read to mask a secret that lies across it, and not given.
async fn read(session: &Session, mut body: Incoming) -> Result<(Vec<u8>, bool), Failed> {
    let most = limits::RESPONSE_BODY_BYTES + session.redactor.longest();
    let (mut read, mut truncated) = (Vec::new(), false);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| heard(&error))?;
        // Trailers are not given.
        let Ok(chunk) = frame.into_data() else { continue };
        session.spend_bytes(chunk.len());
        let room = most - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        truncated = read.len() > limits::RESPONSE_BODY_BYTES;
        if chunk.len() > room {
            break;
        }
    }
    Ok((read, truncated))
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
fn failed(session: &Session, error: &legacy::Error) -> Failed {
    if !error.is_connect() {
        return heard(error);
    }
    let mut last = String::new();
    let mut by_tls = false;
    for cause in causes(error) {
        match cause.downcast_ref() {
            Some(Unresolved::Forbidden { host, found }) => {
                return unsent(wit::Error::Denied(refusal(session, host, *found)));
            }
            Some(Unresolved::Unknown(reason)) => return unsent(wit::Error::Dns(reason.to_string())),
            None => {}
        }
        if let Some(barred) = cause.downcast_ref::<Barred>() {
            return unsent(wit::Error::Connect(barred.to_string()));
        }
        by_tls |= cause.is::<rustls::Error>();
        last = cause.to_string();
    }
    unsent(if by_tls { wit::Error::Tls(last) } else { wit::Error::Connect(last) })
}

/// A failure after the connection stood: the request may have been heard, whatever TLS says then. With TLS 1.3 a server that
/// refuses the client's certificate says so only now; it is not told from one that ends a connection it has read from.
fn heard(error: &(dyn std::error::Error + 'static)) -> Failed {
    let last = causes(error).last().map_or_else(|| error.to_string(), ToString::to_string);
    Failed { error: wit::Error::Other(last), nothing_sent: false }
}

/// The causes of an error, the nearest first. What an I/O error wraps is one of them, though its `source` passes it over.
pub(super) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    let next = |error: &&'a (dyn std::error::Error + 'static)| match error.downcast_ref::<std::io::Error>() {
        Some(outer) => outer.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static)),
        None => error.source(),
    };
    std::iter::successors(next(&error), next)
}
