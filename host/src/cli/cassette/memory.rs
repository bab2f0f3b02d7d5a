//! A plugin's state that lasts as long as a cassette.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use wardroom_runtime::ports::{Expect, PortError, StateEntry, StateError, StatePort, StateScope};

/// State that lasts as long as the cassette.
#[derive(Default)]
pub(super) struct Memory(Mutex<BTreeMap<(StateScope, String), StateEntry>>);

impl Memory {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<(StateScope, String), StateEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn text(&self) -> String {
        let entries = self.entries();
        let texts: Map<String, Value> = entries
            .iter()
            .map(|((_, key), entry)| (key.clone(), json!(String::from_utf8_lossy(&entry.value))))
            .collect();
        Value::Object(texts).to_string()
    }

    fn version(&self, scope: &StateScope, key: &str) -> u64 {
        self.entries().get(&(scope.clone(), key.to_owned())).map_or(0, |entry| entry.version)
    }
}

fn fits(expect: Expect, version: u64) -> Result<(), StateError> {
    let fits = match expect {
        Expect::Any => true,
        Expect::Absent => version == 0,
        Expect::Version(wanted) => wanted == version,
    };
    if fits { Ok(()) } else { Err(StateError::Conflict(version)) }
}

impl StatePort for Memory {
    fn get<'a>(&'a self, scope: &'a StateScope, key: &'a str) -> BoxFuture<'a, Result<Option<StateEntry>, PortError>> {
        let found = self.entries().get(&(scope.clone(), key.to_owned())).cloned();
        Box::pin(async { Ok(found) })
    }

    fn put<'a>(
        &'a self,
        scope: &'a StateScope,
        key: &'a str,
        value: Vec<u8>,
        expect: Expect,
    ) -> BoxFuture<'a, Result<u64, StateError>> {
        let version = self.version(scope, key);
        let put = fits(expect, version).map(|()| {
            let entry = StateEntry { value, version: version + 1 };
            self.entries().insert((scope.clone(), key.to_owned()), entry);
            version + 1
        });
        Box::pin(async { put })
    }

    fn delete<'a>(
        &'a self,
        scope: &'a StateScope,
        key: &'a str,
        expect: Expect,
    ) -> BoxFuture<'a, Result<(), StateError>> {
        let gone = fits(expect, self.version(scope, key)).map(|()| {
            self.entries().remove(&(scope.clone(), key.to_owned()));
        });
        Box::pin(async { gone })
    }

    fn list<'a>(
        &'a self,
        scope: &'a StateScope,
        prefix: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, PortError>> {
        let entries = self.entries();
        let keys = entries.keys().filter(|(known, key)| known == scope && key.starts_with(prefix));
        let keys: Vec<String> = keys.map(|(_, key)| key.clone()).take(limit).collect();
        Box::pin(async { Ok(keys) })
    }
}
