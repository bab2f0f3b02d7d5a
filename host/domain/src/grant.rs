//! What a plugin asks for, what an administrator gave it, and what is missing when something is denied. The grant of a plugin
//! bounds what its versions may do at all; each connection narrows that further (`connection::Grant`).

use std::{collections::BTreeSet, fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Origin;

use super::{hex, person::Actor, plugin::Manifest, time::Timestamp};
pub use crate::request_pattern::RequestPattern;

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

impl From<RequestPattern> for String {
    fn from(pattern: RequestPattern) -> Self {
        format!("{} {}", pattern.method, pattern.url)
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
    use url::Url;

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
