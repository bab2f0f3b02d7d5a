//! What a plugin says of itself: the manifest that `describe` returns. The rules that make one acceptable are in the file
//! `manifest`; running plugins is the business of the layer above.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Origin;

use super::{grant::RequestPattern, schema::Schema};

/// The version of the contract that this host speaks (`wit/`).
pub const CONTRACT: Contract = Contract { major: 1, minor: 0 };

/// A version of the contract. What is built for a minor version runs on every later one of the same major.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    major: u32,
    minor: u32,
}

impl Contract {
    /// Whether what is built for `version` (`1`, `1.0` or `1.0.2`) runs here.
    pub fn speaks(self, version: &str) -> bool {
        let mut parts = version.split('.').map(str::parse::<u32>);
        let (major, minor, patch) = (parts.next(), parts.next().unwrap_or(Ok(0)), parts.next().unwrap_or(Ok(0)));
        major == Some(Ok(self.major))
            && minor.is_ok_and(|minor| minor <= self.minor)
            && patch.is_ok()
            && parts.next().is_none()
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A plugin's own description. Unknown keys are refused: they would be promises the host does not keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The contract's version, `1.0`.
    pub api: String,
    /// Unique name: 1 to 64 of `a-z 0-9 -`, beginning with a letter.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One paragraph.
    pub description: String,
    /// What it offers: 1 to 64.
    pub actions: Vec<Action>,
    /// The account it works through; absent when it needs none.
    #[serde(default)]
    pub connection: Option<ConnectionSpec>,
    /// The requests it sends, each `METHOD URL` (see `grant::RequestPattern`); empty: any toward its connection's `base_url`.
    #[serde(default)]
    pub requests: Vec<RequestPattern>,
    /// Absolute hosts it asks for beside the connection's own, each `scheme://host[:port]`.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Secrets it wants to name.
    #[serde(default)]
    pub secrets: Vec<SecretRequest>,
    /// Requests that only read although their method does not say so.
    #[serde(default)]
    pub reads: Vec<ReadRequest>,
    /// How people are told something through it, when it can tell them.
    #[serde(default)]
    pub notify: Option<NotifySpec>,
}

/// How people are told something: which action to call with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifySpec {
    /// The action, such as `post`.
    pub action: String,
    /// The input field that takes the text.
    pub text: String,
    /// Input fields taken from the output of the step that a workflow names, such as `{"room": "room_id"}`.
    #[serde(default)]
    pub from_output: BTreeMap<String, String>,
}

/// A function a plugin offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Unique in the plugin: 1 to 64 of `a-z 0-9 -`.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// What it can do to the world.
    pub risk: Risk,
    /// Whether doing it twice under one idempotency key equals doing it once.
    pub idempotent: Idempotency,
    /// JSON Schema (2020-12) of the input.
    pub input: Schema,
    /// JSON Schema of the output.
    pub output: Schema,
    /// An output that later steps of a simulation see; required unless the action only reads.
    #[serde(default)]
    pub sample_output: Option<Value>,
    /// Whether `undo` takes it back.
    #[serde(default)]
    pub undo: bool,
    /// Whether `check` can tell if it happened.
    #[serde(default)]
    pub check: bool,
    /// The action that ends what this one begins: a workflow with this one has to call it in `finally`, so that it is ended
    /// however the run ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}

/// What an action can do to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Nothing.
    Read,
    /// It adds or changes.
    Write,
    /// It stops or removes: whoever started the run may not approve it alone.
    Destructive,
}

/// Whether doing an action twice under one idempotency key equals doing it once: `true`, `false`, or
/// `{"when_config": "option"}` when the connection's boolean `option` decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Idempotency {
    /// Always or never.
    Fixed(bool),
    /// As a boolean option of the connection says; false when it is absent.
    Depends {
        /// The option.
        when_config: String,
    },
}

impl Idempotency {
    /// Whether it holds with this connection `config`.
    pub fn holds(&self, config: &Value) -> bool {
        match self {
            Self::Fixed(holds) => *holds,
            Self::Depends { when_config } => config.get(when_config).and_then(Value::as_bool).unwrap_or(false),
        }
    }
}

/// What a connection of this plugin looks like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSpec {
    /// JSON Schema of `config`.
    pub schema: Schema,
    /// Kinds of `auth` that make sense; empty: none is needed.
    #[serde(default)]
    pub auth: Vec<String>,
}

/// A secret a plugin wants to name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRequest {
    /// The plugin's own word for it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether the plugin works without it.
    #[serde(default)]
    pub optional: bool,
}

/// A request that only reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadRequest {
    /// `POST`, …
    pub method: String,
    /// The path under `base_url`, exactly.
    pub path: String,
}

impl Manifest {
    /// Whether it asks for requests of this kind toward its connection's `base_url` (no origin) or an absolute origin.
    pub fn asks_for(&self, method: &str, origin: Option<&Origin>, path: &str) -> bool {
        let own = origin.is_none();
        let reads = self.reads.iter().any(|read| own && read.method == method && read.path == path);
        let any = own && self.requests.is_empty();
        reads || any || self.requests.iter().any(|request| request.fits(method, origin, path))
    }

    /// The action of this name.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name == name)
    }
}

/// Where a component came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// `upload`, a URL, or `oci://registry/repository@sha256:…`: what whoever installed it says.
    pub source: String,
    /// The key that signed it, if its signature was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<Signature>,
}

impl Default for Provenance {
    fn default() -> Self {
        Self { source: "upload".to_owned(), signed_by: None }
    }
}

/// A signature that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The public key, as minisign writes it.
    pub key: String,
    /// The comment that is part of what was signed.
    pub comment: String,
}
