//! Patterns of requests: which methods and paths a grant or a manifest names.

use percent_encoding::percent_decode_str;
use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Origin, Url};

/// A kind of request, written `METHOD URL`. The method may be `*`. The URL is a path under the connection's `base_url`, or
/// absolute; in its path `*` stands for one segment, and `**` at the end for any number of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RequestPattern {
    pub(crate) method: String,
    pub(crate) url: String,
}

impl RequestPattern {
    /// Every request toward the connection's `base_url`.
    pub fn any() -> Self {
        Self { method: "*".to_owned(), url: "/**".to_owned() }
    }

    /// The pattern of one method and a path.
    pub fn of(method: &str, url: &str) -> Self {
        Self { method: method.to_owned(), url: url.to_owned() }
    }

    /// The origin of an absolute pattern; none: the connection's own.
    pub fn origin(&self) -> Option<Origin> {
        Url::parse(&self.url).ok().map(|url| url.origin())
    }

    /// Whether a request is of this kind: its origin (none: the connection's own), and its path, which is the one under
    /// `base_url` there.
    pub fn fits(&self, method: &str, origin: Option<&Origin>, path: &str) -> bool {
        let method = self.method == "*" || self.method == method;
        method && self.origin().as_ref() == origin && segments_fit(self.path(), path)
    }

    /// Whether whatever this one fits, the other fits too.
    pub fn is_within(&self, other: &Self) -> bool {
        let method = other.method == "*" || other.method == self.method;
        method && self.origin() == other.origin() && segments_within(self.path(), other.path())
    }

    fn path(&self) -> &str {
        match self.url.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
            None => &self.url,
        }
    }

    pub(crate) fn sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.method.as_str(), self.origin()) {
            ("*", None) if self.url == "/**" => f.write_str("any request to its connection's base_url"),
            ("*", None) => write!(f, "any request to {} under its connection's base_url", self.url),
            ("*", Some(_)) => write!(f, "any request to {}", self.url),
            (method, None) => write!(f, "{method} {} under its connection's base_url", self.url),
            (method, Some(_)) => write!(f, "{method} {}", self.url),
        }
    }
}

impl TryFrom<String> for RequestPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| format!("{text:?} is no kind of request ({why}): `POST /path/*` is wanted");
        let (method, url) = text.split_once(' ').ok_or_else(|| wrong("a method and a URL are needed"))?;
        let is_method =
            !method.is_empty() && method.len() <= 16 && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if method != "*" && !is_method {
            return Err(wrong("the method is in capitals, or *"));
        }
        let absolute = Url::parse(url).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        });
        if !absolute && (!url.starts_with('/') || url.starts_with("//")) {
            return Err(wrong("the URL is a path that begins with one slash, or http(s)://host/path"));
        }
        if url.len() > 1_000 || url.contains(['?', '#', ' ', '\\']) {
            return Err(wrong("the URL has no query, and at most 1,000 bytes"));
        }
        let pattern = Self { method: method.to_owned(), url: url.to_owned() };
        let mut segments = pattern.path().split('/').rev();
        let inside = segments.by_ref().skip(1).any(|segment| segment == "**");
        if inside || pattern.path().split('/').any(|segment| segment.contains('*') && !matches!(segment, "*" | "**")) {
            return Err(wrong("* stands for a whole segment, and ** for the rest"));
        }
        Ok(pattern)
    }
}

/// Whether a path's segments are those of a pattern. `%2F` is part of a segment, but a path that climbs once a server has
/// decoded it fits nothing.
pub(crate) fn segments_fit(pattern: &str, path: &str) -> bool {
    if path.contains('%') && percent_decode_str(path).decode_utf8_lossy().split(['/', '\\']).any(|part| part == "..") {
        return false;
    }
    let (mut wanted, mut found) = (pattern.split('/').peekable(), path.split('/'));
    while let Some(one) = wanted.next() {
        if one == "**" && wanted.peek().is_none() {
            return true;
        }
        match found.next() {
            Some(segment) if one == segment || (one == "*" && !segment.is_empty()) => {}
            _ => return false,
        }
    }
    found.next().is_none()
}

/// The same for all paths of a pattern.
pub(crate) fn segments_within(inner: &str, outer: &str) -> bool {
    let (mut wanted, mut found) = (outer.split('/').peekable(), inner.split('/'));
    while let Some(one) = wanted.next() {
        if one == "**" && wanted.peek().is_none() {
            return true;
        }
        match found.next() {
            Some(segment) if one == segment || (one == "*" && segment != "**" && !segment.is_empty()) => {}
            _ => return false,
        }
    }
    found.next().is_none()
}
