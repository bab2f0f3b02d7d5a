//! What the plugin runtime asks of the engine while a guest runs: stored secrets, and its durable state.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use crate::access::keyring::Keyring;
use wardroom_runtime::ports::{Expect, PortError, SecretPort, StateEntry, StateError, StatePort, StateScope};
use wardroom_store::{StateChange, StateExpect, Store};

/// Secrets as the store keeps them, opened with the installation's key.
pub struct StoredSecrets {
    store: Store,
    keyring: Arc<Keyring>,
}

impl StoredSecrets {
    /// Reads from a store.
    pub fn new(store: Store, keyring: Arc<Keyring>) -> Self {
        Self { store, keyring }
    }
}

impl SecretPort for StoredSecrets {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, PortError>> {
        Box::pin(async move {
            let Some(secret) = self.store.secret(name).await.map_err(|_| unavailable())? else { return Ok(None) };
            let opened = self.keyring.open(name, &secret.sealed);
            opened.map(Some).map_err(|error| PortError { message: format!("Secret {name}: {error}.") })
        })
    }
}

/// Plugins' state as the store keeps it.
pub struct StoredState(pub Store);

impl StatePort for StoredState {
    fn get<'a>(&'a self, scope: &'a StateScope, key: &'a str) -> BoxFuture<'a, Result<Option<StateEntry>, PortError>> {
        Box::pin(async move {
            let found = self.0.state(&scope.plugin, &scope.connection, key).await.map_err(|_| unavailable())?;
            Ok(found.map(|found| StateEntry { value: found.value, version: version(found.version) }))
        })
    }

    fn put<'a>(
        &'a self,
        scope: &'a StateScope,
        key: &'a str,
        value: Vec<u8>,
        expect: Expect,
    ) -> BoxFuture<'a, Result<u64, StateError>> {
        Box::pin(async move {
            let place = (scope.plugin.as_str(), scope.connection.as_str(), key);
            changed(self.0.put_state(place, value, expected(expect)).await.map_err(|_| unavailable())?)
        })
    }

    fn delete<'a>(
        &'a self,
        scope: &'a StateScope,
        key: &'a str,
        expect: Expect,
    ) -> BoxFuture<'a, Result<(), StateError>> {
        Box::pin(async move {
            let place = (scope.plugin.as_str(), scope.connection.as_str(), key);
            changed(self.0.delete_state(place, expected(expect)).await.map_err(|_| unavailable())?).map(drop)
        })
    }

    fn list<'a>(
        &'a self,
        scope: &'a StateScope,
        prefix: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, PortError>> {
        Box::pin(async move {
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            self.0.state_keys(&scope.plugin, &scope.connection, prefix, limit).await.map_err(|_| unavailable())
        })
    }
}

/// The cause is the log's: a guest may read this.
fn unavailable() -> PortError {
    PortError { message: "The database did not answer.".to_owned() }
}

fn expected(expect: Expect) -> StateExpect {
    match expect {
        Expect::Any => StateExpect::Any,
        Expect::Absent => StateExpect::Absent,
        Expect::Version(version) => StateExpect::Version(i64::try_from(version).unwrap_or(i64::MAX)),
    }
}

fn changed(change: StateChange) -> Result<u64, StateError> {
    match change {
        StateChange::Done(now) => Ok(version(now)),
        StateChange::Conflict(there) => Err(StateError::Conflict(version(there))),
        StateChange::Full => Err(StateError::Full),
    }
}

fn version(version: i64) -> u64 {
    u64::try_from(version).unwrap_or_default()
}
