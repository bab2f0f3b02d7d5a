//! HTTP as a guest asks for it: counted, judged, recorded instead of sent in a simulation, and told in the trace.

use serde_json::Value;
use url::Url;

use super::{
    super::{
        bindings::wardroom::plugin::http,
        invocation::HttpCall,
        limits,
        outbound::{Failed, Prepared, Sent},
        ports::TapedAnswer,
        stop::Stop,
    },
    Exchanges, Guest, Session, elapsed, redirect,
};
use wardroom_base::clock::monotonic_now;
use wardroom_domain::cassette::Exchange;

impl http::Host for Guest {
    async fn send(&mut self, mut request: http::Request) -> wasmtime::Result<Result<http::Response, http::Error>> {
        let mut left = request.redirects.min(limits::REDIRECTS);
        loop {
            let again = (left > 0).then(|| request.clone());
            let (response, from) = match self.counted(request).await? {
                Ok(answered) => answered,
                Err(error) => return Ok(Err(error)),
            };
            match again.and_then(|again| redirect::next(again, &from, &response)) {
                Some(next) => request = next,
                None => return Ok(Ok(response)),
            }
            left -= 1;
        }
    }
}

impl Guest {
    /// Sends one request, and gives the URL that answered.
    async fn counted(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<(http::Response, Url), http::Error>> {
        self.http_calls += 1;
        if self.http_calls > limits::HTTP_FLOOD_CALLS {
            return Err(Stop::Http { limit: limits::HTTP_FLOOD_CALLS }.into());
        }
        if self.http_calls > limits::HTTP_CALLS {
            return Ok(Err(http::Error::TooLarge));
        }
        let started = monotonic_now();
        let mut told = HttpCall {
            // What is no method is not told: it could be anything, and cut it could not be masked.
            method: if is_method(&request.method) { request.method.clone() } else { String::new() },
            host: String::new(),
            path: String::new(),
            status: None,
            error: None,
            duration_ms: 0,
            bytes: 0,
        };
        let result = self.judged(request, &mut told).await;
        told.duration_ms = elapsed(started);
        match &result {
            Ok(Ok((response, _))) => {
                told.status = Some(response.status);
                told.bytes = response.body.len();
            }
            Ok(Err(error)) => told.error = Some(word(error).to_owned()),
            Err(_) => told.error = Some("not_sent".to_owned()),
        }
        self.trace.http.push(told);
        result
    }

    async fn judged(
        &mut self,
        request: http::Request,
        told: &mut HttpCall,
    ) -> wasmtime::Result<Result<(http::Response, Url), http::Error>> {
        let Some(session) = &self.session else {
            return Ok(Err(http::Error::Denied("Requests can be sent only inside a call.".to_owned())));
        };
        let prepared = match session.shared.outbound.prepare(session, request) {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Err(error)),
        };
        told.host = prepared.host();
        told.path = prepared.path();
        if !prepared.safe && session.simulates() {
            self.simulated = Some(prepared.recorded());
            return Err(Stop::Simulated.into());
        }
        session.check_lease()?;
        // Counted before it is sent: a call that is cut off in between may have been heard.
        let counts = u32::from(!prepared.safe);
        self.unsafe_sent += counts;
        let from = prepared.target.clone();
        let records = session.invocation.connection.as_ref().is_some_and(|connection| connection.record);
        let request = records.then(|| prepared.recorded()["http"].take());
        match send(session, prepared).await {
            Ok(sent) => {
                let redactor = &session.redactor;
                let masked = |(name, value): (String, Vec<u8>)| (redactor.text(&name), redactor.bytes(value));
                let headers: Vec<_> = sent.headers.into_iter().map(masked).collect();
                let mut body = redactor.bytes(sent.body);
                // It was read a little further than it is given, so that a secret at its end is whole when it is masked.
                body.truncate(limits::RESPONSE_BODY_BYTES);
                if let Some(request) = request {
                    self.exchanges.keep(&request, sent.status, &headers, &body);
                }
                let response = http::Response { status: sent.status, headers, body, truncated: sent.truncated };
                Ok(Ok((response, from)))
            }
            Err(failed) => {
                if failed.nothing_sent {
                    self.unsafe_sent -= counts;
                }
                Ok(Err(failed.error))
            }
        }
    }
}

impl Exchanges {
    /// Keeps an exchange while there is room.
    fn keep(&mut self, request: &Value, status: u16, headers: &[(String, Vec<u8>)], body: &[u8]) {
        self.bytes = self.bytes.saturating_add(request.to_string().len() + body.len());
        if self.bytes > limits::RECORDED_BYTES {
            self.dropped += 1;
        } else {
            self.kept.push(Exchange::of(request, status, headers, body));
        }
    }
}

async fn send(session: &Session, prepared: Prepared) -> Result<Sent, Failed> {
    let remaining = session.remaining();
    let Some(tape) = &session.shared.tape else {
        return session.shared.outbound.send(session, prepared, remaining).await;
    };
    let request = prepared.recorded()["http"].take();
    if tape.stands_in() {
        let taped = tape.answer(&request);
        let TapedAnswer { status, headers, body } =
            taped.map_err(|reason| Failed { error: http::Error::Other(reason), nothing_sent: true })?;
        return Ok(Sent { status, headers, body, truncated: false });
    }
    let sent = session.shared.outbound.send(session, prepared, remaining).await?;
    let redactor = &session.redactor;
    let headers = sent.headers.iter().map(|(name, value)| (name.clone(), redactor.bytes(value.clone()))).collect();
    let mut body = redactor.bytes(sent.body.clone());
    body.truncate(limits::RESPONSE_BODY_BYTES);
    tape.record(&request, &TapedAnswer { status: sent.status, headers, body });
    Ok(sent)
}

fn is_method(text: &str) -> bool {
    (1..=limits::METHOD_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn word(error: &http::Error) -> &'static str {
    match error {
        http::Error::Denied(_) => "denied",
        http::Error::Held(_) => "held",
        http::Error::Dns(_) => "dns",
        http::Error::Connect(_) => "connect",
        http::Error::Tls(_) => "tls",
        http::Error::Timeout => "timeout",
        http::Error::TooLarge => "too_large",
        http::Error::Invalid(_) => "invalid",
        http::Error::Other(_) => "other",
    }
}
