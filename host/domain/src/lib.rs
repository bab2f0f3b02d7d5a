//! The pure heart: nouns, rules and state machines. Does no I/O, reads no clock, draws no random bytes, and knows neither
//! the database nor HTTP nor the plugin runtime. In reading order:
//!
//! - [`id`], [`time`], [`person`]: who and when
//! - [`alert`], [`intake`], [`incident`], [`timeline`], [`event`]: what people handle, and the facts it gives off
//! - [`schema`], [`plugin`], [`manifest`], [`connection`], [`limits`]: what steps are made of; [`breaker`]: when a third party is left alone
//! - [`document`], [`expression`], [`workflow`]: what people write, and the workflow among it
//! - [`playbook`]: what a team decided beforehand; [`dossier`]: an incident with all its parts, and [`milestone`]s of it; [`export`]: what leaves the house; [`metrics`]: numbers over many
//! - [`run`]: a workflow's execution
//! - [`schedule`]: when it runs by itself

pub mod alert;
pub mod audit;
pub mod breaker;
pub mod cassette;
pub mod connection;
pub mod document;
pub mod dossier;
pub mod event;
pub mod export;
pub mod expression;
pub mod grant;
pub mod id;
pub mod incident;
pub mod intake;
pub mod labels;
pub mod limits;
pub mod manifest;
pub mod metrics;
pub mod milestone;
pub mod page;
pub mod pause;
pub mod person;
pub mod playbook;
pub mod plugin;
pub mod reference;
pub mod request_pattern;
pub mod run;
pub mod schedule;
pub mod schema;
pub mod time;
pub mod timeline;
pub mod workflow;

/// How deep a value from outside may be nested: most readers of JSON stop at 128 levels, and what comes in is handed on a
/// few levels deeper.
pub const MAX_DEPTH: usize = 64;

/// Whether a value is nested deeper than [`MAX_DEPTH`].
pub fn is_too_deep(value: &serde_json::Value) -> bool {
    let mut open = vec![(value, 1)];
    while let Some((value, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            return true;
        }
        match value {
            serde_json::Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            serde_json::Value::Object(fields) => open.extend(fields.values().map(|field| (field, depth + 1))),
            _ => {}
        }
    }
    false
}

/// The beginning of a value as JSON, for messages: at most 80 characters.
pub fn excerpt(value: &serde_json::Value) -> String {
    value.to_string().chars().take(80).collect()
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}
