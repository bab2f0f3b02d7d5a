//! The use cases. Decides what is written together; the journal in `store` begins those transactions. Knows neither HTTP
//! nor the terminal: without them it still works. In reading order:
//!
//! - [`open`], [`ingest`], [`dossiers`], [`stage`], [`edit`], [`roles`], [`timeline`], [`access`]: incidents
//! - [`tasks`], [`findings`], [`updates`], `merge`: what people do during one; [`retrospective`]: and after it
//! - [`trigger`], [`signal`], [`dispatch`], [`start`], `slots`, `rerun`, `undo`: from an event or a request to a run
//! - [`plan`], `actors`, [`worker`], `call`, `turn`, `lanes`, [`builtin`], `children`: driving runs
//! - [`decide`]: what people say to a run; `watch`: following one
//! - [`recover`]: leases, and what a crash left; [`retain`]: forgetting what ended long ago
//! - [`schedules`]: runs that start by the clock, and timers of incidents; `alarms`: what else comes to incidents by it
//! - [`rehearse`]: a workflow without any of the rest
//! - [`platform`]: workflows, plugins, connections, secrets, people, the kill switch

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use wardroom_base::clock::{Clock, Random, new_id, random};
use wardroom_domain::{
    person::{AccessRole, Actor, Person},
    run::Lease,
    time::Timestamp,
};
use wardroom_runtime::PluginHost;
use wardroom_store::Store;

pub mod access;
mod actors;
mod alarms;
pub mod builtin;
mod call;
pub mod catalog;
mod children;
pub mod decide;
pub mod dispatch;
pub mod dossiers;
pub mod edit;
mod error;
mod export;
pub mod findings;
pub mod ingest;
pub mod keyring;
mod lanes;
mod measure;
mod merge;
pub mod once;
pub mod open;
pub mod plan;
pub mod platform;
pub mod ports;
pub mod recover;
pub mod rehearse;
mod rerun;
pub mod retain;
pub mod retrospective;
pub mod roles;
pub mod schedules;
pub mod signal;
mod slots;
pub mod stage;
pub mod start;
pub mod tasks;
pub mod timeline;
pub mod trigger;
mod turn;
mod undo;
pub mod updates;
mod watch;
pub mod worker;

pub use error::EngineError;
pub use keyring::Keyring;
pub use watch::RunWatch;

/// Who asks: a person with the rights of one token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person.
    pub person: Person,
    /// What the token may do.
    pub role: AccessRole,
    /// What scopes idempotency keys: the token.
    pub token: wardroom_domain::id::TokenId,
}

impl Caller {
    /// The person as timelines name them.
    pub fn actor(&self) -> Actor {
        Actor::Person { id: self.person.id, handle: self.person.handle.clone() }
    }
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
    pub signers: platform::signers::Signers,
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
    catalog: RwLock<Option<Arc<catalog::Catalog>>>,
    plans: Mutex<HashMap<plan::PlanKey, Arc<plan::Plan>>>,
    playbooks: platform::playbooks::ParsedPlaybooks,
    actors: actors::Actors,
    callers: platform::people::Callers,
    watched: watch::Watched,
    lanes: Arc<lanes::Lanes>,
    forgotten: retain::Forgotten,
    scheduler: schedules::Scheduler,
    /// An event was written: the dispatcher looks.
    events: Notify,
    /// A run became due: the recovery loop looks.
    due: Notify,
    /// Held while a run is made that must be the only one of its key.
    admission: tokio::sync::Mutex<()>,
    /// Held while it is decided whether alerts open another incident.
    opening: tokio::sync::Mutex<()>,
    life: RwLock<Arc<recover::Life>>,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// The heartbeat goes on until the tasks have ended.
    at_rest: CancellationToken,
    heart: TaskTracker,
}

impl Engine {
    /// Puts the engine together; nothing runs before [`Engine::begin`].
    pub fn new(parts: Parts) -> Self {
        let life = RwLock::new(Arc::new(recover::Life::new(parts.lease)));
        Self(Arc::new(Inner {
            parts,
            catalog: RwLock::new(None),
            plans: Mutex::new(HashMap::new()),
            playbooks: platform::playbooks::ParsedPlaybooks::default(),
            actors: actors::Actors::default(),
            callers: platform::people::Callers::default(),
            watched: watch::Watched::default(),
            lanes: Arc::default(),
            forgotten: retain::Forgotten::default(),
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
    pub fn store(&self) -> &Store {
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

    fn life(&self) -> Arc<recover::Life> {
        Arc::clone(&self.0.life.read().unwrap_or_else(PoisonError::into_inner))
    }
}
