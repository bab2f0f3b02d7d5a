//! How installing, loading and calling a plugin fail: each limit and each refusal has a word of its own.

use std::time::Duration;

use serde_json::Value;

use super::invocation::Artifact;
use wardroom_domain::{
    plugin::CONTRACT,
    run::{Retry, SideEffect},
};

/// A call that failed. Known secrets are masked in every text of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct PluginError {
    /// What kind of failure.
    pub kind: PluginErrorKind,
    /// One sentence for people.
    pub message: String,
    /// Whether an unsafe request may have reached a third party. When it is false, trying again is safe whatever the
    /// kind says.
    pub sent_unsafe: bool,
}

/// The kinds of failure.
#[derive(Debug, Clone, PartialEq)]
pub enum PluginErrorKind {
    /// The plugin's own, typed.
    Failed(Box<Failure>),
    /// The guest ended in a trap (a panic, an out-of-bounds access).
    Trap,
    /// Its CPU time was used up.
    CpuLimit,
    /// The deadline passed.
    WallClock,
    /// It asked for too much memory.
    MemoryLimit,
    /// It asked for too large tables.
    TableLimit,
    /// It called itself too deep.
    StackOverflow,
    /// Its reply was too large.
    OutputTooLarge,
    /// It flooded the log.
    LogLimit,
    /// It flooded the network.
    HttpLimit,
    /// Its reply breaks its own schema or the contract.
    InvalidOutput,
    /// A quota of its plugin or connection is used up, until then: it was not called.
    Quota {
        /// When some of it is free again.
        after: Duration,
    },
    /// No instance became free within the deadline.
    PoolExhausted,
    /// The component is not loaded: load it, then call again.
    NotLoaded,
    /// The manifest has no such action, or the component no such export.
    UnknownAction,
    /// A secret that the connection's `auth` names is not set or cannot be read.
    SecretMissing,
    /// The lease was lost: another host has the run.
    LeaseLost,
    /// The host failed, not the plugin.
    Internal,
}

impl PluginErrorKind {
    /// The stable word for it, as step errors carry it.
    pub fn code(&self) -> &str {
        match self {
            Self::Failed(failure) => &failure.code,
            Self::Trap => "trap",
            Self::CpuLimit => "cpu_limit",
            Self::WallClock => "timeout",
            Self::MemoryLimit => "memory_limit",
            Self::TableLimit => "table_limit",
            Self::StackOverflow => "stack_overflow",
            Self::OutputTooLarge => "output_too_large",
            Self::LogLimit => "log_limit",
            Self::HttpLimit => "http_limit",
            Self::InvalidOutput => "invalid_output",
            Self::Quota { .. } => "quota",
            Self::PoolExhausted => "pool_exhausted",
            Self::NotLoaded => "plugin_not_loaded",
            Self::UnknownAction => "unknown_action",
            Self::SecretMissing => "secret_missing",
            Self::LeaseLost => "lease_lost",
            Self::Internal => "internal",
        }
    }
}

/// A failure the plugin reported.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// A word, at most 64 characters.
    pub code: String,
    /// Whether to try again.
    pub retry: Retry,
    /// What happened although it failed.
    pub effect: SideEffect,
    /// More for machines.
    pub details: Option<Value>,
    /// What was made before it failed.
    pub artifacts: Vec<Artifact>,
    /// What `undo` needs.
    pub undo: Option<Value>,
}

/// Why a component is not installed. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedPlugin {
    /// Over the size.
    #[error("the component has {bytes} bytes, and {limit} are allowed: build it in release mode and strip it")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Neither component nor module.
    #[error("this is no WebAssembly ({reason}): upload the .wasm that `wardroom plugin build` wrote")]
    NotWasm {
        /// What is wrong.
        reason: String,
    },
    /// Native code.
    #[error("this is precompiled native code, which is never accepted: upload the component it was compiled from")]
    Precompiled,
    /// A core module.
    #[error("this is a core WebAssembly module, not a component: turn it into one with `wardroom plugin build`")]
    CoreModule,
    /// It asks for what the host does not offer.
    #[error(
        "it imports {}, which this host does not offer: a plugin may import only wardroom:plugin/{{log, clock, http, \
         secrets, state, incident, mail, types}}@1; build it with `wardroom plugin build`, without WASI",
        .names.join(", ")
    )]
    ForeignImport {
        /// Everything it asks for beyond the contract.
        names: Vec<String>,
    },
    /// It speaks another version of the contract.
    #[error(
        "it is built for {name}, and this host speaks wardroom:plugin@{CONTRACT}: rebuild it against this version's wit/, or update the host"
    )]
    WrongVersion {
        /// The import or export.
        name: String,
    },
    /// It lacks the export `plugin`.
    #[error(
        "it does not export wardroom:plugin/plugin@{CONTRACT}: implement that interface (the SDK's export_plugin! does)"
    )]
    NoPluginExport,
    /// It could not be compiled or linked.
    #[error("it does not fit this host: {reason}")]
    Unfit {
        /// What is wrong.
        reason: String,
    },
    /// `describe` failed.
    #[error("describe() failed: {reason}; it must return the manifest without asking the host for anything")]
    DescribeFailed {
        /// What is wrong.
        reason: String,
    },
    /// The manifest breaks rules.
    #[error("its manifest is not acceptable: {}", .faults.join("; "))]
    BadManifest {
        /// All of them, each a sentence without a full stop.
        faults: Vec<String>,
    },
}

/// Why the runtime does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// wasmtime refused the configuration, or the system lacks address space.
    #[error("the WebAssembly engine cannot start: {0}")]
    Engine(String),
    /// The cache folder cannot be used.
    #[error("the plugin cache {path} cannot be used")]
    Cache {
        /// The folder.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The threads that long calls compute on, and the one by which they take turns.
    #[error("the threads of plugins cannot be started")]
    Threads(#[source] std::io::Error),
}

/// Why a component is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not those the digest names.
    #[error("the component's SHA-256 is {actual}, and {wanted} was asked for")]
    WrongDigest {
        /// What was asked for.
        wanted: String,
        /// What it is.
        actual: String,
    },
    /// It could not be compiled or linked.
    #[error("the component {digest} does not fit this host: {reason}")]
    Unfit {
        /// The component.
        digest: String,
        /// What is wrong.
        reason: String,
    },
}
