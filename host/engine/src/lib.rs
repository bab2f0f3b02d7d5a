//! The use cases. Decides what is written together; the journal in `store` begins those transactions. Knows neither HTTP
//! nor the terminal: without them it still works. A folder a noun, a file a use case:
//!
//! - [`incidents`], [`alerts`], [`retrospectives`]: what people handle
//! - [`runs`]: from an event or a request to a run that has ended
//! - [`schedules`]: runs that start on a cron schedule, and timers of incidents
//! - [`plugins`], [`access`], [`platform`]: what administrators and engineers keep
//! - [`once`]: requests that are repeated happen once

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use wardroom_base::clock::{Clock, Random, new_id, random};
use wardroom_domain::{run::Lease, time::Timestamp};
use wardroom_runtime::PluginHost;
use wardroom_store::Store;

pub mod access;
mod acting;
pub mod alerts;
pub mod caller;
mod error;
pub mod incidents;
pub mod once;
pub mod platform;
pub mod plugins;
pub mod retrospectives;
pub mod runs;
pub mod schedules;

pub use crate::caller::Caller;
pub use access::keyring::Keyring;
pub use acting::Acting;
pub use error::EngineError;
/// What of the layers below stands in the engine's own functions.
pub use wardroom_runtime::limits::COMPONENT_BYTES;
pub use wardroom_store::{DocumentRevision, StoreError, StoredPlugin, StoredSilence, TimelineFilter};

/// What a server did since its start.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Runs that have not ended.
    pub live_runs: i64,
    /// Rows inserted or updated.
    pub rows_written: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Runs that retention removed.
    pub runs_forgotten: u64,
}

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

/// What the engine is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The plugin runtime.
    pub plugins: PluginHost,
    /// Whose signatures of components are believed.
    pub signers: plugins::signers::Signers,
    /// Seals secrets.
    pub keyring: Arc<Keyring>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// This host's first claim, already registered.
    pub lease: Lease,
    /// How long runs are kept after their end; none: for ever.
    pub keep_runs: Option<Duration>,
    /// What comes by the clock comes at most this often.
    pub shortest_interval: Duration,
    /// The address under which people reach the server, without a slash at the end: links begin with it.
    pub public_url: String,
}

struct Inner {
    parts: Parts,
    catalog: RwLock<Option<Arc<platform::catalog::Catalog>>>,
    plans: Mutex<HashMap<runs::plan::PlanKey, Arc<runs::plan::Plan>>>,
    playbooks: platform::playbooks::ParsedPlaybooks,
    actors: runs::actors::Actors,
    callers: access::people::Callers,
    watched: runs::watch::Watched,
    lanes: Arc<runs::lanes::Lanes>,
    forgotten: runs::retain::Forgotten,
    scheduler: schedules::Scheduler,
    /// An event was written: the dispatcher looks.
    events: Notify,
    /// A run became due: the recovery loop looks.
    due: Notify,
    /// Held while a run is made that must be the only one of its key.
    admission: tokio::sync::Mutex<()>,
    /// Held while it is decided whether alerts open another incident.
    opening: tokio::sync::Mutex<()>,
    life: RwLock<Arc<runs::recover::Life>>,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// The heartbeat goes on until the tasks have ended.
    at_rest: CancellationToken,
    heart: TaskTracker,
}

impl Engine {
    /// Puts the engine together; nothing runs before [`Engine::begin`].
    pub fn new(parts: Parts) -> Self {
        let life = RwLock::new(Arc::new(runs::recover::Life::new(parts.lease)));
        Self(Arc::new(Inner {
            parts,
            catalog: RwLock::new(None),
            plans: Mutex::new(HashMap::new()),
            playbooks: platform::playbooks::ParsedPlaybooks::default(),
            actors: runs::actors::Actors::default(),
            callers: access::people::Callers::default(),
            watched: runs::watch::Watched::default(),
            lanes: Arc::default(),
            forgotten: runs::retain::Forgotten::default(),
            scheduler: schedules::Scheduler::default(),
            events: Notify::new(),
            due: Notify::new(),
            admission: tokio::sync::Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            life,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            at_rest: CancellationToken::new(),
            heart: TaskTracker::new(),
        }))
    }

    /// Starts the loops: heartbeat, recovery, dispatch, schedules, alarms of incidents, retention. Plugins are made ready beside
    /// them.
    pub fn begin(&self) {
        self.0.heart.spawn(self.clone().keep_lease());
        self.0.tasks.spawn(self.clone().recover());
        self.0.tasks.spawn(self.clone().dispatch());
        self.0.tasks.spawn(self.clone().schedule_loop());
        self.0.tasks.spawn(self.clone().alarm_loop());
        self.0.tasks.spawn(self.clone().retain());
        self.0.tasks.spawn(self.clone().warm());
    }

    /// Stops gracefully: nothing new starts, what is in flight finishes, what is leased is released.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.at_rest.cancel();
        self.0.heart.close();
        self.0.heart.wait().await;
        if let Err(error) = self.store().release_host(self.lease()).await {
            tracing::warn!(%error, "the lease could not be released: it expires by itself");
        }
    }

    /// The database, for reads.
    pub(crate) fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// The address under which people reach the server, without a slash at the end.
    pub fn public_url(&self) -> &str {
        &self.0.parts.public_url
    }

    /// The plugin runtime.
    pub fn plugins(&self) -> &PluginHost {
        &self.0.parts.plugins
    }

    /// What the server did since its start, for its own metrics.
    pub async fn figures(&self) -> Result<Figures, EngineError> {
        let written = self.store().written();
        let (rows_written, commits) = (written.rows(), written.commits());
        let (live_runs, runs_forgotten) = (self.store().live_runs().await?, self.forgotten().runs());
        Ok(Figures { live_runs, rows_written, commits, runs_forgotten })
    }

    /// Whether more is to be written than gets to the disk in time: new changes are turned away until it is less.
    pub fn is_overloaded(&self) -> bool {
        self.store().is_overloaded()
    }

    /// Whether requests can be served: the database answers and takes what is written, this host holds its lease, and
    /// nothing stops.
    pub async fn ready(&self) -> Result<(), EngineError> {
        self.store().ping().await?;
        if self.0.stop.is_cancelled() || self.life().is_over() {
            return Err(EngineError::Stopping);
        }
        if self.is_overloaded() {
            return Err(EngineError::Overloaded);
        }
        Ok(())
    }

    /// Whether the engine is stopping.
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// The time by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    pub(crate) fn new_id(&self) -> uuid::Uuid {
        new_id(&*self.0.parts.clock, &*self.0.parts.random)
    }

    pub(crate) fn seed(&self) -> [u8; 16] {
        random(&*self.0.parts.random)
    }

    pub(crate) fn lease(&self) -> Lease {
        self.life().lease
    }

    fn life(&self) -> Arc<runs::recover::Life> {
        Arc::clone(&self.0.life.read().unwrap_or_else(PoisonError::into_inner))
    }
}
