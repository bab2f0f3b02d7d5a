//! A plugin's small durable values. A simulation writes into an overlay of its run and never into the store.

use std::sync::PoisonError;

use super::{
    super::{
        bindings::wardroom::plugin::state,
        limits,
        ports::{Expect, StateEntry, StateError, StateScope},
    },
    Guest, Session,
};

const OUTSIDE: &str = "State can be used only inside a call.";

impl Guest {
    /// The session, if the call may use state once more.
    fn state_call(&mut self, key: &str) -> Result<(&Session, StateScope), state::Error> {
        self.state_calls += 1;
        if self.state_calls > limits::STATE_CALLS {
            let message = format!("A call may use state {} times.", limits::STATE_CALLS);
            return Err(state::Error::Unavailable(message));
        }
        if key.len() > limits::STATE.0 {
            return Err(state::Error::TooLarge);
        }
        let session = self.session.as_ref().ok_or_else(|| state::Error::Unavailable(OUTSIDE.to_owned()))?;
        let connection = session.invocation.connection.as_ref().map(|connection| connection.name.clone());
        let plugin = session.invocation.manifest.name.clone();
        Ok((session, StateScope { plugin, connection: connection.unwrap_or_default() }))
    }
}

impl Session {
    async fn read(&self, scope: &StateScope, key: &str) -> Result<Option<StateEntry>, state::Error> {
        if self.simulates() {
            let overlay = self.invocation.overlay.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(entry) = overlay.get(&(scope.clone(), key.to_owned())) {
                return Ok(entry.clone());
            }
        }
        self.shared.state.get(scope, key).await.map_err(|error| state::Error::Unavailable(error.message))
    }

    /// Writes into the overlay, by the rules the store has.
    async fn pretend(
        &self,
        scope: StateScope,
        key: String,
        value: Option<Vec<u8>>,
        expect: Expect,
    ) -> Result<u64, state::Error> {
        let known = self.read(&scope, &key).await?.map_or(0, |entry| entry.version);
        let fits = match expect {
            Expect::Any => true,
            Expect::Absent => known == 0,
            Expect::Version(version) => known == version,
        };
        if !fits {
            return Err(state::Error::Conflict(known));
        }
        let mut overlay = self.invocation.overlay.0.lock().unwrap_or_else(PoisonError::into_inner);
        if overlay.len() >= limits::STATE.2 && !overlay.contains_key(&(scope.clone(), key.clone())) {
            return Err(state::Error::TooLarge);
        }
        overlay.insert((scope, key), value.map(|value| StateEntry { value, version: known + 1 }));
        Ok(known + 1)
    }
}

impl state::Host for Guest {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<state::Entry>, state::Error>> {
        let (session, scope) = match self.state_call(&key) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let entry = session.read(&scope, &key).await;
        Ok(entry.map(|entry| entry.map(|entry| state::Entry { value: entry.value, version: entry.version })))
    }

    async fn put(
        &mut self,
        key: String,
        value: Vec<u8>,
        wanted: state::Expect,
    ) -> wasmtime::Result<Result<u64, state::Error>> {
        if value.len() > limits::STATE.1 || key.is_empty() {
            return Ok(Err(state::Error::TooLarge));
        }
        let (session, scope) = match self.state_call(&key) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        if session.simulates() {
            return Ok(session.pretend(scope, key, Some(value), expect(wanted)).await);
        }
        Ok(session.shared.state.put(&scope, &key, value, expect(wanted)).await.map_err(refused))
    }

    async fn delete(&mut self, key: String, wanted: state::Expect) -> wasmtime::Result<Result<(), state::Error>> {
        let (session, scope) = match self.state_call(&key) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        if session.simulates() {
            return Ok(session.pretend(scope, key, None, expect(wanted)).await.map(drop));
        }
        Ok(session.shared.state.delete(&scope, &key, expect(wanted)).await.map_err(refused))
    }

    async fn list_keys(&mut self, prefix: String, limit: u32) -> wasmtime::Result<Result<Vec<String>, state::Error>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(limits::STATE.2);
        let (session, scope) = match self.state_call(&prefix) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let listed = session.shared.state.list(&scope, &prefix, limits::STATE.2).await;
        let mut keys = match listed {
            Ok(keys) => keys,
            Err(error) => return Ok(Err(state::Error::Unavailable(error.message))),
        };
        if session.simulates() {
            let overlay = session.invocation.overlay.0.lock().unwrap_or_else(PoisonError::into_inner);
            for ((_, key), entry) in overlay.iter().filter(|((at, key), _)| *at == scope && key.starts_with(&prefix)) {
                keys.retain(|known| known != key);
                if entry.is_some() {
                    keys.push(key.clone());
                }
            }
            keys.sort_unstable();
        }
        keys.truncate(limit);
        Ok(Ok(keys))
    }
}

fn expect(expect: state::Expect) -> Expect {
    match expect {
        state::Expect::Any => Expect::Any,
        state::Expect::Absent => Expect::Absent,
        state::Expect::Version(version) => Expect::Version(version),
    }
}

fn refused(error: StateError) -> state::Error {
    match error {
        StateError::Conflict(version) => state::Error::Conflict(version),
        StateError::Full => state::Error::TooLarge,
        StateError::Port(error) => state::Error::Unavailable(error.message),
    }
}
