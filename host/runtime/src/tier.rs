//! An engine with the components that run on it. There are two: small slots for plugins that bring only their own code, large
//! ones for those that bring an interpreter (Python, JavaScript), so that neither pays for the other.

use std::{path::PathBuf, sync::Arc, time::Instant};

use secrecy::SecretBox;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};
use wasmtime::{
    Engine,
    component::{HasSelf, Linker},
};

use super::{
    bindings::ActionWithUndoAndCheck,
    cache::Cache,
    engine,
    error::{LoadError, PluginError, PluginErrorKind, StartError},
    guest::Guest,
    limits::Limits,
    registry::{Loaded, Registry},
};

/// Room for a call: in its plugin's share, and in the pool.
pub(super) type Room = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// The engine.
pub(super) struct Tier {
    pub(super) engine: Engine,
    pub(super) limits: Limits,
    registry: Arc<Registry>,
    /// Calls at a time: as many as the pool has instances.
    calls: Arc<Semaphore>,
    /// Components that are compiled at a time: it takes a core each, and much memory.
    compiling: Semaphore,
}

impl Tier {
    pub(super) fn new(limits: Limits, cache: Option<(PathBuf, SecretBox<[u8; 32]>)>) -> Result<Self, StartError> {
        let refused = |error: wasmtime::Error| StartError::Engine(format!("{error:#}"));
        let engine = engine::new(&limits).map_err(refused)?;
        engine::start_ticker(&engine).map_err(StartError::Threads)?;
        let cache = match cache {
            Some((folder, key)) => {
                let path = folder.display().to_string();
                Some(Cache::open(&folder, key, &engine).map_err(|source| StartError::Cache { path, source })?)
            }
            None => None,
        };
        let mut linker = Linker::new(&engine);
        ActionWithUndoAndCheck::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest).map_err(refused)?;
        Ok(Self {
            registry: Arc::new(Registry::new(engine.clone(), linker, cache, limits.share())),
            engine,
            calls: Arc::new(Semaphore::new(limits.calls as usize)),
            compiling: Semaphore::new(limits.compiling),
            limits,
        })
    }

    /// The component of a digest, if it is ready.
    pub(super) fn get(&self, digest: &str) -> Option<Arc<Loaded>> {
        self.registry.get(digest)
    }

    /// Makes a component ready: from the cache, or by compiling it beside the async threads. Who asks for one that is being
    /// compiled waits for it.
    pub(super) async fn load(&self, digest: &str, bytes: &[u8]) -> Result<(), LoadError> {
        let unfit = |reason: String| LoadError::Unfit { digest: digest.to_owned(), reason };
        let _turn = self.compiling.acquire().await.map_err(|error| unfit(error.to_string()))?;
        if self.get(digest).is_some() {
            return Ok(());
        }
        let (registry, name, bytes) = (Arc::clone(&self.registry), digest.to_owned(), bytes.to_vec());
        let loading = tokio::task::spawn_blocking(move || registry.load(&name, &bytes));
        loading.await.map_err(|error| unfit(error.to_string()))?
    }

    /// Waits for room for one more call: first in the plugin's share, so that whoever waits there keeps no room from others.
    pub(super) async fn permit(&self, loaded: &Loaded, deadline: Instant) -> Result<Room, PluginError> {
        let full = |calls: usize, whose: &str| PluginError {
            kind: PluginErrorKind::PoolExhausted,
            message: format!("{calls} calls{whose} are running, and none ended in time"),
            sent_unsafe: false,
        };
        let deadline = deadline.into();
        let Ok(Ok(share)) = timeout_at(deadline, Arc::clone(&loaded.share).acquire_owned()).await else {
            return Err(full(self.limits.share(), " of this plugin"));
        };
        match timeout_at(deadline, Arc::clone(&self.calls).acquire_owned()).await {
            Ok(Ok(room)) => Ok((share, room)),
            _ => Err(full(self.limits.calls as usize, "")),
        }
    }
}
