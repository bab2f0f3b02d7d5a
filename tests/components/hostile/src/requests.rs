//! Requests that habits send.

use serde_json::Value;

use crate::{
    failure,
    wit::wardroom::plugin::{
        http,
        types::{Effect, Failure},
    },
};

pub(crate) fn request(input: &Value) -> http::Request {
    let mut headers = Vec::new();
    // Headers piece by piece, as many times as is asked: `[[name, [text | {"secret": name}], times]]`.
    for header in input["pieces"].as_array().into_iter().flatten() {
        let value: Vec<http::Part> = header[1].as_array().into_iter().flatten().map(part).collect();
        for _ in 0..header[2].as_u64().unwrap_or(1) {
            headers
                .push(http::Header { name: header[0].as_str().unwrap_or_default().to_owned(), value: value.clone() });
        }
    }
    if input["secret_header"].as_bool() == Some(true) {
        let value = vec![http::Part::Text("token ".to_owned()), http::Part::Secret("canary".to_owned())];
        headers.push(http::Header { name: "x-canary".to_owned(), value });
    }
    for (name, value) in input["headers"].as_object().into_iter().flatten() {
        let value = vec![http::Part::Text(value.as_str().unwrap_or_default().to_owned())];
        headers.push(http::Header { name: name.clone(), value });
    }
    let body = match &input["body"] {
        Value::Null => None,
        Value::String(secret) if secret == "secret" => Some(http::Body::Parts(vec![
            http::BodyPart::Text("{\"key\":".to_owned()),
            http::BodyPart::JsonSecret("canary".to_owned()),
            http::BodyPart::Text("}".to_owned()),
        ])),
        other => Some(http::Body::Bytes(other.to_string().into_bytes())),
    };
    http::Request {
        method: input["method"].as_str().unwrap_or("GET").to_owned(),
        url: input["url"].as_str().unwrap_or("/").to_owned(),
        headers,
        body,
        timeout_ms: input["timeout_ms"].as_u64().and_then(|ms| u32::try_from(ms).ok()).unwrap_or(10_000),
        redirects: input["redirects"].as_u64().and_then(|hops| u8::try_from(hops).ok()).unwrap_or(0),
    }
}

pub(crate) fn refused(error: &http::Error) -> Failure {
    let (code, effect) = match error {
        http::Error::Denied(_) => ("http_denied", Effect::None),
        http::Error::Held(_) => ("http_held", Effect::None),
        http::Error::Dns(_) => ("http_dns", Effect::None),
        http::Error::Connect(_) => ("http_connect", Effect::None),
        http::Error::Tls(_) => ("http_tls", Effect::None),
        http::Error::Timeout => ("http_timeout", Effect::Unknown),
        http::Error::TooLarge => ("http_too_large", Effect::None),
        http::Error::Invalid(_) => ("http_invalid", Effect::None),
        http::Error::Other(_) => ("http_other", Effect::Unknown),
    };
    failure(code, format!("{error:?}"), effect)
}

pub(crate) fn part(part: &Value) -> http::Part {
    match part {
        Value::String(text) => http::Part::Text(text.clone()),
        other => http::Part::Secret(other["secret"].as_str().unwrap_or_default().to_owned()),
    }
}
