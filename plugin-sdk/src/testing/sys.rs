//! The host's functions as the scripted host answers them.

use serde_json::Value;

use super::{HOST, Request, Script, scripted};
use crate::wit::wardroom::plugin::{http, log, mail, secrets, state, types};

fn with<T>(act: impl FnOnce(&mut Script) -> T) -> T {
    HOST.with_borrow_mut(|host| act(host.get_or_insert_with(Script::default)))
}

pub(crate) fn now_ms() -> u64 {
    with(|host| host.now_ms)
}

pub(crate) fn sleep_ms(ms: u32) {
    with(|host| host.now_ms += u64::from(ms));
}

pub(crate) fn emit(_: log::Level, message: &str) {
    with(|host| host.log.push(message.to_owned()));
}

pub(crate) fn progress(_: u8, note: &str) {
    with(|host| host.log.push(note.to_owned()));
}

pub(crate) fn secret_available(name: &str) -> bool {
    with(|host| host.secrets.contains_key(name))
}

/// Not the real function: the scripted host answers with the secret and the data, so that a test sees what was signed.
pub(crate) fn sign(name: &str, _: &str, data: &[u8]) -> Result<Vec<u8>, secrets::Error> {
    let secret = with(|host| host.secrets.get(name).cloned());
    let secret = secret.ok_or_else(|| secrets::Error::Missing("The secret is not granted.".to_owned()))?;
    Ok([secret.as_slice(), b"|", data].concat())
}

/// Not the real function: the parts as they came, so that a test sees them.
pub(crate) fn jwt(name: &str, algorithm: &str, header: &str, claims: &str) -> Result<String, secrets::Error> {
    let signed = sign(name, algorithm, format!("{algorithm}.{header}.{claims}").as_bytes())?;
    Ok(String::from_utf8_lossy(&signed).into_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "the host's real function can fail")]
pub(crate) fn state_get(key: &str) -> Result<Option<state::Entry>, state::Error> {
    Ok(with(|host| host.state.get(key).cloned()).map(|(value, version)| state::Entry { value, version }))
}

pub(crate) fn state_put(key: &str, value: &[u8], expect: state::Expect) -> Result<u64, state::Error> {
    with(|host| {
        let known = host.state.get(key).map_or(0, |(_, version)| *version);
        let fits = match expect {
            state::Expect::Any => true,
            state::Expect::Absent => known == 0,
            state::Expect::Version(version) => known == version,
        };
        if !fits {
            return Err(state::Error::Conflict(known));
        }
        host.state.insert(key.to_owned(), (value.to_owned(), known + 1));
        Ok(known + 1)
    })
}

pub(crate) fn state_delete(key: &str, expect: state::Expect) -> Result<(), state::Error> {
    with(|host| {
        let known = host.state.get(key).map_or(0, |(_, version)| *version);
        match expect {
            state::Expect::Version(version) if version != known => return Err(state::Error::Conflict(known)),
            state::Expect::Absent if known != 0 => return Err(state::Error::Conflict(known)),
            _ => {}
        }
        host.state.remove(key);
        Ok(())
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the host's real function can fail")]
pub(crate) fn state_keys(prefix: &str, limit: u32) -> Result<Vec<String>, state::Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(with(|host| host.state.keys().filter(|key| key.starts_with(prefix)).take(limit).cloned().collect()))
}

pub(crate) fn snapshot() -> Option<String> {
    with(|host| host.snapshot.as_ref().map(ToString::to_string))
}

#[expect(clippy::unnecessary_wraps, reason = "the host's real function can fail")]
pub(crate) fn add_timeline(text: &str, _: Option<String>) -> Result<(), String> {
    with(|host| host.timeline.push(text.to_owned()));
    Ok(())
}

pub(crate) fn send_mail(message: &mail::Message) -> Result<(), types::Failure> {
    with(|host| {
        if let Some((code, effect)) = &host.mail_fails {
            return Err(scripted(code, *effect));
        }
        host.mails.push(message.clone());
        Ok(())
    })
}

pub(crate) fn send(request: &http::Request) -> Result<http::Response, http::Error> {
    with(|host| {
        host.requests.push(seen(request));
        let fits = |answer: &super::Answer| answer.method == request.method && answer.url == request.url;
        let Some(index) = host.answers.iter().position(fits) else {
            return Err(http::Error::Connect(format!("no answer is scripted for {} {}", request.method, request.url)));
        };
        let answer = host.answers[index].clone();
        // Several answers are given in turn, and the last one stays.
        if host.answers.iter().skip(index + 1).any(fits) {
            host.answers.remove(index);
        }
        let headers = answer.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        let body = match answer.body {
            Value::String(text) => text.into_bytes(),
            other => other.to_string().into_bytes(),
        };
        Ok(http::Response { status: answer.status, headers, body, truncated: false })
    })
}

fn seen(request: &http::Request) -> Request {
    let part = |part: &http::Part| match part {
        http::Part::Text(text) => text.clone(),
        http::Part::Secret(name) => format!("{{{{secret:{name}}}}}"),
    };
    let header = |header: &http::Header| (header.name.clone(), header.value.iter().map(part).collect());
    let body = match &request.body {
        None => Value::Null,
        Some(http::Body::Bytes(bytes)) => {
            serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
        }
        Some(http::Body::Parts(parts)) => {
            let text = parts.iter().map(|part| match part {
                http::BodyPart::Text(text) => text.clone(),
                http::BodyPart::JsonSecret(name) => Value::from(format!("{{{{secret:{name}}}}}")).to_string(),
            });
            let text: String = text.collect();
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
    };
    Request {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: request.headers.iter().map(header).collect(),
        body,
    }
}
