//! The components held ready: compiled, linked and probed for their exports, by digest. The one unused for longest makes
//! room.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::{
    Engine,
    component::{Component, InstancePre, Linker},
};

use super::{
    bindings::exports::wardroom::plugin::{check, plugin, undo},
    cache::Cache,
    error::LoadError,
    guest::Guest,
    lane::Appetite,
    limits,
};
use wardroom_domain::hex;

/// A component ready to be called.
pub(super) struct Loaded {
    pub(super) pre: InstancePre<Guest>,
    pub(super) plugin: plugin::GuestIndices,
    pub(super) undo: Option<undo::GuestIndices>,
    pub(super) check: Option<check::GuestIndices>,
    /// Its calls at a time.
    pub(super) share: Arc<Semaphore>,
    pub(super) appetite: Arc<Appetite>,
}

/// The components.
pub(super) struct Registry {
    engine: Engine,
    linker: Linker<Guest>,
    cache: Option<Cache>,
    /// Calls at a time of one component.
    share: usize,
    loaded: Mutex<HashMap<String, (u64, Arc<Loaded>)>>,
}

impl Registry {
    pub(super) fn new(engine: Engine, linker: Linker<Guest>, cache: Option<Cache>, share: usize) -> Self {
        Self { engine, linker, cache, share, loaded: Mutex::default() }
    }

    /// The component of a digest, if it is ready.
    pub(super) fn get(&self, digest: &str) -> Option<Arc<Loaded>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = loaded.values().map(|(used, _)| *used).max().unwrap_or_default();
        let (used, found) = loaded.get_mut(digest)?;
        *used = newest + 1;
        Some(Arc::clone(found))
    }

    /// Makes a component ready. Compiling takes its time: call this where blocking is allowed.
    pub(super) fn load(&self, digest: &str, bytes: &[u8]) -> Result<(), LoadError> {
        if self.get(digest).is_some() {
            return Ok(());
        }
        let actual = digest_of(bytes);
        if actual != digest {
            return Err(LoadError::WrongDigest { wanted: digest.to_owned(), actual });
        }
        let unfit = |reason: String| LoadError::Unfit { digest: digest.to_owned(), reason };
        let cached = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, digest));
        let component = if let Some(component) = cached {
            component
        } else {
            let component = Component::new(&self.engine, bytes).map_err(|error| unfit(format!("{error:#}")))?;
            if let Some(cache) = &self.cache
                && let Err(error) = cache.store(digest, &component)
            {
                tracing::warn!(plugin.digest = digest, %error, "a compiled plugin could not be cached; the next start compiles it again");
            }
            component
        };
        let loaded = self.link(&component).map_err(unfit)?;
        self.keep(digest, loaded);
        Ok(())
    }

    /// Links a component and finds its exports, without keeping it.
    pub(super) fn link(&self, component: &Component) -> Result<Loaded, String> {
        let pre = self.linker.instantiate_pre(component).map_err(|error| format!("{error:#}"))?;
        Ok(Loaded {
            plugin: plugin::GuestIndices::new(&pre).map_err(|error| format!("{error:#}"))?,
            undo: undo::GuestIndices::new(&pre).ok(),
            check: check::GuestIndices::new(&pre).ok(),
            share: Arc::new(Semaphore::new(self.share)),
            appetite: Arc::default(),
            pre,
        })
    }

    fn keep(&self, digest: &str, component: Loaded) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.len() >= limits::LOADED {
            let oldest = loaded.iter().min_by_key(|(_, (used, _))| *used).map(|(digest, _)| digest.clone());
            oldest.and_then(|digest| loaded.remove(&digest));
        }
        let newest = loaded.values().map(|(used, _)| *used).max().unwrap_or_default();
        loaded.insert(digest.to_owned(), (newest + 1, Arc::new(component)));
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
