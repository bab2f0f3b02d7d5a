//! Everything a guest may ask the host for, asked for without end, or in one piece that is too large.

use std::hint::black_box;

use serde_json::{Value, json};

use crate::{
    done,
    wit::wardroom::plugin::{clock, http, incident, log, mail, secrets, state, types::Reply},
};

/// Asks `times` times for what `of` names, and tells how often that was refused.
pub(crate) fn run(input: &Value) -> Reply {
    let of = input["of"].as_str().unwrap_or_default();
    let mut refused = 0_u64;
    for turn in 0..input["times"].as_u64().unwrap_or(1) {
        refused += u64::from(ask(of, turn, input));
    }
    done(&json!({"refused": refused}))
}

/// Whether it was refused.
fn ask(of: &str, turn: u64, input: &Value) -> bool {
    let size = input["size"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
    match of {
        "log" => log::emit(log::Level::Info, "", &[]),
        "log-size" => log::emit(log::Level::Info, &text(size), &[]),
        "progress" => log::progress(50, &text(size)),
        "sleep" => clock::sleep_ms(u32::MAX),
        "clock" => {
            black_box(clock::now_ms());
        }
        "keys" => return state::list_keys("none-", u32::MAX).is_err(),
        "get" => return state::get("key").is_err(),
        "put" => return state::put(&format!("key-{turn}"), &vec![1; size], state::Expect::Any).is_err(),
        "put-key" => return state::put(&text(size), b"", state::Expect::Any).is_err(),
        "timeline" => return incident::add_timeline("A note.", None).is_err(),
        "timeline-size" => return incident::add_timeline(&text(size), None).is_err(),
        "timeline-deep" => return incident::add_timeline("A note.", Some(&deep(size))).is_err(),
        "sign" => return secrets::sign("canary", "hmac-sha512", &vec![1; size]).is_err(),
        "token-deep" => return secrets::jwt("canary", "HS256", "{}", &deep(size)).is_err(),
        "secret-name" => return !secrets::available(&text(size)),
        "mail" => return mail::send(&message(size)).is_err(),
        "body" => return http::send(&request("/", Some(http::Body::Bytes(vec![1; size])))).is_err(),
        "parts" => {
            let part = || http::BodyPart::JsonSecret("canary".to_owned());
            return http::send(&request("/", Some(http::Body::Parts((0..size).map(|_| part()).collect())))).is_err();
        }
        "url" => return http::send(&request(&format!("/{}", text(size)), None)).is_err(),
        _ => return true,
    }
    false
}

fn text(size: usize) -> String {
    "x".repeat(size)
}

fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

fn request(url: &str, body: Option<http::Body>) -> http::Request {
    http::Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body,
        timeout_ms: 10_000,
        redirects: 0,
    }
}

fn message(size: usize) -> mail::Message {
    mail::Message {
        sender: "a@example.com".to_owned(),
        to: vec!["b@example.com".to_owned(); size],
        cc: Vec::new(),
        reply_to: None,
        subject: "A flood.".to_owned(),
        text: String::new(),
        html: None,
        headers: Vec::new(),
        message_id: "flood@example.com".to_owned(),
        attachments: Vec::new(),
    }
}
