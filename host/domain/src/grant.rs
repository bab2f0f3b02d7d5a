//! What a plugin asks for, what an administrator gave it, and what is missing when something is denied. The grant of a plugin
//! bounds what its versions may do at all; each connection narrows that further (`connection::Grant`).

use std::{collections::BTreeSet, fmt, net::IpAddr};

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::{Origin, Url};

use super::{hex, person::Actor, plugin::Manifest, time::Timestamp};

/// One thing a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// To send such requests.
    Request(RequestPattern),
    /// That such requests count as reading, so that dry runs and drills really send them.
    Read(RequestPattern),
    /// To send any request to this origin, `scheme://host[:port]`.
    Host(String),
    /// To name a secret by this word.
    Secret(String),
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(pattern) => pattern.sentence(f),
            Self::Read(pattern) => {
                pattern.sentence(f)?;
                f.write_str(", as a request that only reads")
            }
            Self::Host(origin) => write!(f, "any request to {origin}"),
            Self::Secret(word) => write!(f, "the secret {word:?}"),
        }
    }
}

/// A kind of request, written `METHOD URL`. The method may be `*`. The URL is a path under the connection's `base_url`, or
/// absolute; in its path `*` stands for one segment, and `**` at the end for any number of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RequestPattern {
    method: String,
    url: String,
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

    fn sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.method.as_str(), self.origin()) {
            ("*", None) if self.url == "/**" => f.write_str("any request to its connection's base_url"),
            ("*", None) => write!(f, "any request to {} under its connection's base_url", self.url),
            ("*", Some(_)) => write!(f, "any request to {}", self.url),
            (method, None) => write!(f, "{method} {} under its connection's base_url", self.url),
            (method, Some(_)) => write!(f, "{method} {}", self.url),
        }
    }
}

/// Whether a path's segments are those of a pattern. `%2F` is part of a segment, but a path that climbs once a server has
/// decoded it fits nothing.
fn segments_fit(pattern: &str, path: &str) -> bool {
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
fn segments_within(inner: &str, outer: &str) -> bool {
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

impl From<RequestPattern> for String {
    fn from(pattern: RequestPattern) -> Self {
        format!("{} {}", pattern.method, pattern.url)
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

impl Manifest {
    /// Everything the plugin asks for. One that names no requests asks for any toward its connection's `base_url`.
    pub fn asks(&self) -> BTreeSet<Ask> {
        let mut asks: BTreeSet<Ask> = self.requests.iter().cloned().map(Ask::Request).collect();
        if self.requests.is_empty() && self.connection.is_some() {
            asks.insert(Ask::Request(RequestPattern::any()));
        }
        asks.extend(self.hosts.iter().cloned().map(Ask::Host));
        asks.extend(self.secrets.iter().map(|secret| Ask::Secret(secret.name.clone())));
        asks.extend(self.reads.iter().map(|read| Ask::Read(RequestPattern::of(&read.method, &read.path))));
        asks
    }
}

/// What an administrator gave a plugin, whatever its version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginGrant {
    /// What its versions may do.
    pub asks: BTreeSet<Ask>,
}

impl PluginGrant {
    /// Whether it holds what is asked for.
    pub fn holds(&self, ask: &Ask) -> bool {
        self.asks.iter().any(|given| match (ask, given) {
            (Ask::Request(ask), Ask::Request(given)) | (Ask::Read(ask), Ask::Read(given)) => ask.is_within(given),
            _ => ask == given,
        })
    }

    /// Whether a request of this kind was given.
    pub fn holds_request(&self, method: &str, origin: Option<&Origin>, path: &str) -> bool {
        self.asks.iter().any(|given| matches!(given, Ask::Request(given) if given.fits(method, origin, path)))
    }

    /// What of this is not held.
    pub fn lacks(&self, asks: &BTreeSet<Ask>) -> BTreeSet<Ask> {
        asks.iter().filter(|ask| !self.holds(ask)).cloned().collect()
    }
}

/// A grant that a call was denied for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The connection does not name the network of this address.
    Network(IpAddr),
    /// The connection does not name this origin, which the plugin asks for.
    Host(String),
    /// The connection gives no stored secret for this word of the plugin's.
    Secret(String),
    /// The plugin asks for this, and nobody gave it.
    Ask(Ask),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => write!(f, "to connect to {address}"),
            Self::Host(origin) => write!(f, "any request to {origin}"),
            Self::Secret(word) => write!(f, "the secret {word:?}"),
            Self::Ask(ask) => ask.fmt(f),
        }
    }
}

/// Something that waits for an administrator, or did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrantRequest {
    /// 10 hexadecimal characters, made from what is asked: asking twice is one request.
    pub id: String,
    /// The plugin.
    pub plugin: String,
    /// What for.
    pub subject: GrantSubject,
    /// What became of it.
    pub status: GrantStatus,
    /// When it was first asked.
    pub at: Timestamp,
    /// When and by whom it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<(Timestamp, Actor)>,
}

/// What a grant is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantSubject {
    /// A version that asks for more than was given; until then the one before it serves.
    Version {
        /// The version.
        version: String,
        /// Its component's SHA-256, in hexadecimal.
        digest: String,
        /// What it newly asks for.
        asks: BTreeSet<Ask>,
    },
    /// A call that was denied.
    Denial {
        /// The connection it went through.
        connection: String,
        /// What was missing.
        missing: Missing,
    },
}

/// What became of a grant request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantStatus {
    /// Nobody has decided.
    Open,
    /// It was given.
    Approved,
    /// It was not.
    Rejected,
}

impl GrantStatus {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// The identifier of a request: the same for the same plugin and subject.
pub fn request_id(plugin: &str, subject: &GrantSubject) -> String {
    let what = match subject {
        GrantSubject::Version { digest, .. } => format!("version {digest}"),
        GrantSubject::Denial { connection, missing } => format!("denial {connection} {missing:?}"),
    };
    hex(&Sha256::digest(format!("{plugin} {what}"))[..5])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> RequestPattern {
        RequestPattern::try_from(text.to_owned()).expect(text)
    }

    #[test]
    fn a_pattern_fits_whole_segments_of_its_own_origin_only() {
        let elsewhere = Url::parse("https://api.example.com").expect("a URL").origin();
        let cases = [
            ("GET /a/*", "GET", "/a/b", true),
            ("GET /a/*", "POST", "/a/b", false),
            ("* /a/*", "DELETE", "/a/b", true),
            ("GET /a/*", "GET", "/a/", false),
            ("GET /a/*", "GET", "/a/b/c", false),
            ("GET /a/**", "GET", "/a/b/c", true),
            ("GET /a/**", "GET", "/ab", false),
            ("GET /a", "GET", "/a%2Fb", false),
            ("GET /**", "GET", "/", true),
            ("GET /a/*", "GET", "/a/b%2Fc", true),
            ("GET /a/*", "GET", "/a/b%2F..%2F..%2Fadmin", false),
            ("GET /**", "GET", "/a/%2e%2e%5cadmin", false),
        ];
        for (text, method, path, fits) in cases {
            assert_eq!(pattern(text).fits(method, None, path), fits, "{text}: {method} {path}");
            assert!(!pattern(text).fits(method, Some(&elsewhere), path), "{text} is the connection's own");
        }
        let absolute = pattern("POST https://api.example.com/v1/*");
        assert!(absolute.fits("POST", Some(&elsewhere), "/v1/a"));
        assert!(!absolute.fits("POST", None, "/v1/a"));
    }

    #[test]
    fn what_is_no_kind_of_request_is_refused() {
        for text in
            ["", "GET", "get /a", "GET a", "GET //a", "GET /a*", "GET /**/a", "GET /a?b", "GET ftp://a/", "GET /a b"]
        {
            let error = RequestPattern::try_from(text.to_owned()).expect_err(text);
            assert!(error.contains("is wanted"), "{error}");
        }
    }

    #[test]
    fn a_grant_holds_what_lies_within_it_and_tells_what_does_not() {
        let grant = PluginGrant { asks: [Ask::Request(pattern("* /api/**")), Ask::Secret("token".to_owned())].into() };
        let asks: BTreeSet<Ask> = [
            Ask::Request(pattern("POST /api/v1/*")),
            Ask::Request(pattern("GET /other")),
            Ask::Request(pattern("* /**")),
            Ask::Read(pattern("POST /api/v1/search")),
            Ask::Secret("token".to_owned()),
            Ask::Host("https://api.example.com".to_owned()),
        ]
        .into();
        let lacking: Vec<String> = grant.lacks(&asks).iter().map(ToString::to_string).collect();
        assert_eq!(
            lacking,
            [
                "any request to its connection's base_url",
                "GET /other under its connection's base_url",
                "POST /api/v1/search under its connection's base_url, as a request that only reads",
                "any request to https://api.example.com",
            ]
        );
    }

    mod properties {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #[test]
            fn what_lies_within_fits_nothing_more(
                inner in "/(a|b|\\*)(/(a|b|\\*)){0,2}(/\\*\\*)?",
                outer in "/(a|b|\\*)(/(a|b|\\*)){0,2}(/\\*\\*)?",
                path in "/[abc](/[abc]){0,3}",
            ) {
                let (inner, outer) = (RequestPattern::of("GET", &inner), RequestPattern::of("*", &outer));
                if inner.is_within(&outer) && inner.fits("GET", None, &path) {
                    prop_assert!(outer.fits("GET", None, &path));
                }
            }
        }
    }
}
