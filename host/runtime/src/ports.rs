//! What the plugin runtime asks of the layer above, as traits which that layer implements: it knows neither SQL nor how
//! secrets are kept, and reads no clock.

use std::{io, net::IpAddr};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::Value;

/// Looks names up. A parameter, so that tests decide what a name means and operators may bring their own.
pub trait Resolve: Send + Sync + std::fmt::Debug {
    /// The addresses of a host name, in the order to try them.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Reads stored secrets.
pub trait SecretPort: Send + Sync {
    /// The secret stored under a name; none when it is not set. An error is a sentence without the value.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, PortError>>;
}

/// Where a plugin's small durable values live: one scope per plugin and connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateScope {
    /// The plugin's name.
    pub plugin: String,
    /// The connection's name; empty without one.
    pub connection: String,
}

/// A stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    /// At most 64 KiB.
    pub value: Vec<u8>,
    /// Counts writes of this key, from 1.
    pub version: u64,
}

/// What the writer of a state value expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Anything or nothing.
    Any,
    /// Nothing.
    Absent,
    /// This version.
    Version(u64),
}

/// Why a state write was refused.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another version is there; 0: nothing.
    #[error("another version is there: {0}")]
    Conflict(u64),
    /// The scope has its 1,000 keys.
    #[error("the scope holds as many keys as it may")]
    Full,
    /// The store cannot be reached.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Keeps state. Each write is durable when its future ends.
pub trait StatePort: Send + Sync {
    /// Reads a value.
    fn get<'a>(&'a self, scope: &'a StateScope, key: &'a str) -> BoxFuture<'a, Result<Option<StateEntry>, PortError>>;
    /// Writes a value and returns its new version.
    fn put<'a>(
        &'a self,
        scope: &'a StateScope,
        key: &'a str,
        value: Vec<u8>,
        expect: Expect,
    ) -> BoxFuture<'a, Result<u64, StateError>>;
    /// Removes a value; removing what is not there is no error unless a version was expected.
    fn delete<'a>(
        &'a self,
        scope: &'a StateScope,
        key: &'a str,
        expect: Expect,
    ) -> BoxFuture<'a, Result<(), StateError>>;
    /// Keys in byte order that start with the prefix, at most `limit`.
    fn list<'a>(
        &'a self,
        scope: &'a StateScope,
        prefix: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, PortError>>;
}

/// A port that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// One sentence; the guest may see it, so it holds nothing internal.
    pub message: String,
}

/// Stands beside the network: hears every request that passed the policy, and may answer in its stead.
pub trait Tape: Send + Sync {
    /// Whether it answers: then nothing goes to the network, and no mail either.
    fn stands_in(&self) -> bool;
    /// Its answer to a request, as people may see it: `{"method", "url", "headers", "body"}`, secrets as names. An error is a
    /// sentence for the guest.
    fn answer(&self, request: &Value) -> Result<TapedAnswer, String>;
    /// Keeps what the network answered, known secrets masked.
    fn record(&self, request: &Value, answer: &TapedAnswer);
}

/// An answer on a tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapedAnswer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, at most 1 MiB.
    pub body: Vec<u8>,
}

/// Stores nothing and knows no secret: for describing a plugin where there is no server, and for measuring a bare call.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

fn nothing() -> PortError {
    PortError { message: "Nothing is stored here.".to_owned() }
}

impl SecretPort for Nothing {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, PortError>> {
        Box::pin(async { Ok(None) })
    }
}

impl StatePort for Nothing {
    fn get<'a>(&'a self, _: &'a StateScope, _: &'a str) -> BoxFuture<'a, Result<Option<StateEntry>, PortError>> {
        Box::pin(async { Err(nothing()) })
    }

    fn put<'a>(
        &'a self,
        _: &'a StateScope,
        _: &'a str,
        _: Vec<u8>,
        _: Expect,
    ) -> BoxFuture<'a, Result<u64, StateError>> {
        Box::pin(async { Err(nothing().into()) })
    }

    fn delete<'a>(&'a self, _: &'a StateScope, _: &'a str, _: Expect) -> BoxFuture<'a, Result<(), StateError>> {
        Box::pin(async { Err(nothing().into()) })
    }

    fn list<'a>(&'a self, _: &'a StateScope, _: &'a str, _: usize) -> BoxFuture<'a, Result<Vec<String>, PortError>> {
        Box::pin(async { Err(nothing()) })
    }
}
