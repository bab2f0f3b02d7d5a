//! Every function that the host offers, called once, and what each answered.

use serde_json::{Value, json};

use crate::wit::wardroom::plugin::{clock, http, incident, log, mail, secrets, state};

/// An answer, or the word for why there is none.
fn answer<T, E>(answer: Result<T, E>, value: impl FnOnce(T) -> Value, word: impl FnOnce(&E) -> String) -> Value {
    answer.map_or_else(|error| json!({ "error": word(&error) }), value)
}

/// Calls all of them.
pub(crate) fn every() -> Value {
    for level in [log::Level::Debug, log::Level::Info, log::Level::Warn, log::Level::Error] {
        log::emit(level, "A line.", &[("field".to_owned(), "value".to_owned())]);
    }
    log::progress(50, "Half.");
    clock::sleep_ms(1);
    json!({
        "clock": clock::now_ms() > 0,
        "http": http(),
        "secrets": {
            "available": secrets::available("key"),
            "sign": answer(secrets::sign("key", "hmac-sha256", b"data"), |signed| json!(signed.len()), secret),
            "unknown": answer(secrets::sign("key", "rot13", b"data"), |_| Value::Null, secret),
            "missing": answer(secrets::sign("none", "hmac-sha256", b"data"), |_| Value::Null, secret),
            "jwt": answer(secrets::jwt("key", "HS256", "{}", r#"{"iat": 1, "exp": 2}"#), Value::from, secret),
        },
        "state": state(),
        "incident": {
            "snapshot": answer(incident::snapshot(), Value::from, told),
            "note": answer(incident::add_timeline("A note.", Some("{\"a\":1}")), |()| Value::Null, told),
        },
        "mail": mail(),
    })
}

fn http() -> Vec<String> {
    let text = |text: &str| http::Part::Text(text.to_owned());
    let request = |method: &str, url: &str, body: Option<http::Body>| http::Request {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: vec![
            http::Header { name: "x-plain".to_owned(), value: vec![text("plain")] },
            http::Header {
                name: "x-secret".to_owned(),
                value: vec![text("key "), http::Part::Secret("key".to_owned())],
            },
        ],
        body,
        timeout_ms: 5_000,
        redirects: 1,
    };
    let parts = vec![
        http::BodyPart::Text("{\"key\":".to_owned()),
        http::BodyPart::JsonSecret("key".to_owned()),
        http::BodyPart::Text("}".to_owned()),
    ];
    let requests = [
        request("GET", "/seen/by/get", None),
        request("POST", "/seen/bytes", Some(http::Body::Bytes(b"{\"a\":1}".to_vec()))),
        request("POST", "/seen/parts", Some(http::Body::Parts(parts))),
        request("GET", "https://never.example/", None),
        request("get", "/seen/small", None),
    ];
    requests
        .iter()
        .map(|request| http::send(request).map_or_else(|error| word(&error), |answer| answered(&answer)))
        .collect()
}

fn answered(answer: &http::Response) -> String {
    let named = answer.headers.iter().any(|(name, value)| name == "x-answer" && value == b"yes");
    format!("{} {} {named} {}", answer.status, answer.body.len(), answer.truncated)
}

/// Every case of the error, by name: a version that renames or reorders one breaks this.
fn word(error: &http::Error) -> String {
    match error {
        http::Error::Denied(_) => "denied".to_owned(),
        http::Error::Held(held) => format!("held {}", held.retry_after_ms),
        http::Error::Dns(_) => "dns".to_owned(),
        http::Error::Connect(_) => "connect".to_owned(),
        http::Error::Tls(_) => "tls".to_owned(),
        http::Error::Timeout => "timeout".to_owned(),
        http::Error::TooLarge => "too-large".to_owned(),
        http::Error::Invalid(_) => "invalid".to_owned(),
        http::Error::Other(_) => "other".to_owned(),
    }
}

fn secret(error: &secrets::Error) -> String {
    match error {
        secrets::Error::Missing(_) => "missing".to_owned(),
        secrets::Error::Invalid(_) => "invalid".to_owned(),
    }
}

fn told(error: &incident::Error) -> String {
    match error {
        incident::Error::None => "none".to_owned(),
        incident::Error::Denied(_) => "denied".to_owned(),
        incident::Error::Invalid(_) => "invalid".to_owned(),
    }
}

fn state() -> Value {
    let text =
        |entry: Option<state::Entry>| json!(entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned()));
    json!({
        "put": answer(state::put("seen", b"once", state::Expect::Absent), Value::from, failed),
        "again": answer(state::put("seen", b"twice", state::Expect::Absent), Value::from, failed),
        "version": answer(state::put("seen", b"twice", state::Expect::Version(1)), Value::from, failed),
        "get": answer(state::get("seen"), text, failed),
        "long": answer(state::get(&"k".repeat(201)), text, failed),
        "keys": answer(state::list_keys("s", 10), Value::from, failed),
        "delete": answer(state::delete("seen", state::Expect::Any), |()| Value::Null, failed),
    })
}

fn failed(error: &state::Error) -> String {
    match error {
        state::Error::Conflict(version) => format!("conflict {version}"),
        state::Error::TooLarge => "too-large".to_owned(),
        state::Error::Unavailable(_) => "unavailable".to_owned(),
    }
}

fn mail() -> Value {
    let message = mail::Message {
        sender: "a@example.com".to_owned(),
        to: vec!["b@example.com".to_owned()],
        cc: Vec::new(),
        reply_to: Some("a@example.com".to_owned()),
        subject: "Seen".to_owned(),
        text: "Seen.".to_owned(),
        html: Some("<p>Seen.</p>".to_owned()),
        headers: vec![("X-Seen".to_owned(), "yes".to_owned())],
        message_id: "seen@example.com".to_owned(),
        attachments: vec![mail::Attachment {
            name: "seen.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            data: b"seen".to_vec(),
        }],
    };
    answer(mail::send(&message), |()| Value::Null, |failure| failure.code.clone())
}
