//! Connections to third parties and what plugins may do through them. Secrets appear by name only.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{limits::CallLimits, time::Timestamp};

/// A configured account at a third party, and the grant of the one plugin that uses it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Unique name: 1 to 64 of `a-z 0-9 _ -`.
    pub name: String,
    /// The plugin that may use it.
    pub plugin: String,
    /// `http(s)://host[:port][/path]`, or `smtp(s)://host:port` for mail.
    pub base_url: String,
    /// How the host signs requests toward `base_url`.
    pub auth: Option<Auth>,
    /// Who is believed over TLS, and who the host says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Options, after the plugin's connection schema.
    pub config: Value,
    /// What is allowed beyond `base_url`'s own host.
    pub grant: Grant,
    /// Whether drills really call it. Dry runs never do.
    pub real_in_drills: bool,
    /// Whether what is asked and answered through it is kept with each call, known secrets masked, as a case for a cassette.
    #[serde(default)]
    pub record: bool,
    /// How much may go through it, counted on each host.
    #[serde(default)]
    pub limits: CallLimits,
    /// Counts changes; attempts keep the one they started with.
    pub revision: i64,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// How the host authenticates requests. Every `String` called password, value, secret or bearer is a secret's *name*.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// `Authorization: Bearer <secret>`.
    Bearer(String),
    /// `Authorization: Basic <user:secret>`; for mail the login.
    Basic {
        /// The user name, in the clear.
        user: String,
        /// The secret's name.
        password: String,
    },
    /// A header whose value is the secret.
    Header {
        /// The header.
        name: String,
        /// The secret's name.
        value: String,
    },
    /// A query parameter whose value is the secret.
    Query {
        /// The parameter.
        name: String,
        /// The secret's name.
        value: String,
    },
}

impl Auth {
    /// The name of the secret it needs.
    pub fn secret(&self) -> &str {
        match self {
            Self::Bearer(secret) => secret,
            Self::Basic { password, .. } => password,
            Self::Header { value, .. } | Self::Query { value, .. } => value,
        }
    }

    /// The word a manifest's `auth` list uses for it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bearer(_) => "bearer",
            Self::Basic { .. } => "basic",
            Self::Header { .. } => "header",
            Self::Query { .. } => "query",
        }
    }
}

/// Whom the host believes over TLS, and who it says it is. Certificates are always verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificate authorities in PEM, at most 64 KiB. Toward `base_url` they alone are believed, toward granted hosts beside the
    /// machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// What the host shows to whoever is at `base_url` and asks for it; granted hosts are shown nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientCertificate>,
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate in PEM, and after it those between it and the authority; at most 64 KiB.
    pub certificate: String,
    /// The name of the secret that holds its private key in PEM (PKCS#8, PKCS#1 or SEC1), without a passphrase.
    pub key: String,
}

/// What an administrator allows. Empty lists allow nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grant {
    /// Private, loopback or link-local networks that may be connected to, such as `127.0.0.0/8`.
    pub networks: Vec<IpNet>,
    /// Further hosts, each `scheme://host[:port]` exactly, that the manifest also asks for.
    pub hosts: Vec<String>,
    /// Secrets the plugin may name: its own word for each, and the stored secret's name.
    pub secrets: BTreeMap<String, String>,
    /// Whether the reading requests of the manifest (`reads`) count as safe in a simulation.
    pub accept_reads: bool,
}
