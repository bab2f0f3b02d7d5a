//! What a scripted host answers, and what it was asked.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    Effect, Failure, Retry,
    wit::wardroom::plugin::{mail, types},
};

thread_local! {
    pub(crate) static HOST: RefCell<Option<Script>> = const { RefCell::new(None) };
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) answers: Vec<Answer>,
    pub(crate) requests: Vec<Request>,
    pub(crate) mails: Vec<mail::Message>,
    pub(crate) mail_fails: Option<(String, Effect)>,
    pub(crate) log: Vec<String>,
    pub(crate) timeline: Vec<String>,
    pub(crate) secrets: BTreeMap<String, Vec<u8>>,
    pub(crate) state: BTreeMap<String, (Vec<u8>, u64)>,
    pub(crate) snapshot: Option<Value>,
    pub(crate) now_ms: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

/// A request the action sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path with query, or the absolute URL.
    pub url: String,
    /// The headers; a secret shows as `{{secret:name}}`.
    pub headers: Vec<(String, String)>,
    /// The body: JSON where it is, otherwise text; null without one.
    pub body: Value,
}

impl Request {
    /// A header, by name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A failure as the scripted host gives it.
pub(crate) fn scripted(code: &str, effect: Effect) -> types::Failure {
    Failure::new(code, "Scripted.").retry(Retry::Backoff).effect(effect).into()
}
