//! Sources of alerts: of which kind, how they prove who they are, and how many incidents they may open.

use serde::{Deserialize, Serialize};

use super::Mapping;
use crate::time::Timestamp;

/// The kinds of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Alertmanager's webhook, version 4.
    Alertmanager,
    /// Grafana's webhook.
    Grafana,
    /// PagerDuty's Events API, version 2.
    Pagerduty,
    /// Opsgenie's alert API and webhooks.
    Opsgenie,
    /// CloudEvents 1.0.
    Cloudevents,
    /// Any JSON, by a mapping.
    Generic,
}

impl SourceKind {
    /// The kinds that are there from the start, as sources of the same name.
    pub const BUILT_IN: [(&'static str, Self); 5] = [
        ("alertmanager", Self::Alertmanager),
        ("grafana", Self::Grafana),
        ("pagerduty", Self::Pagerduty),
        ("opsgenie", Self::Opsgenie),
        ("cloudevents", Self::Cloudevents),
    ];
}

/// How a source proves who it is. Secrets by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Proof {
    /// `Authorization: Bearer` with this secret, or for `pagerduty` the `routing_key`.
    Token(String),
    /// A signature over the body.
    Hmac(Signature),
}

/// An HMAC-SHA256 over the body, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The secret's name.
    pub secret: String,
    /// The header that holds the signature.
    pub header: String,
    /// What stands before it, such as `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// The header with the time in Unix seconds. With it the signature is over `TIME.BODY`, and a request is refused that is
    /// older or newer than five minutes.
    #[serde(default)]
    pub timestamp_header: Option<String>,
}

/// How many incidents a source may open in a while; further groups join one umbrella incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    /// 1 to 1,000.
    pub incidents: u32,
    /// The while, in seconds: 1 to 86,400.
    pub window_seconds: u32,
}

impl Default for Storm {
    fn default() -> Self {
        Self { incidents: 20, window_seconds: 300 }
    }
}

/// A source of alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Unique name: 1 to 64 of `a-z 0-9 _ -`.
    pub name: String,
    /// The kind of its bodies.
    pub kind: SourceKind,
    /// How it proves who it is; none: the secret `source-NAME`, when there is one. API tokens of role responder always do.
    pub auth: Option<Proof>,
    /// How bodies are brought to alerts, for [`SourceKind::Generic`].
    pub mapping: Option<Mapping>,
    /// How many incidents it may open.
    pub storm: Storm,
    /// Counts changes, from 1.
    pub revision: i64,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Source {
    /// One that is there from the start.
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, kind) = SourceKind::BUILT_IN.into_iter().find(|(known, _)| *known == name)?;
        Some(Self {
            name: name.to_owned(),
            kind,
            auth: None,
            mapping: None,
            storm: Storm::default(),
            revision: 0,
            updated_at: Timestamp::default(),
        })
    }
}
