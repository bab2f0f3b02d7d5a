//! All SQL, written once for SQLite and PostgreSQL; the few differences sit in `dialect`. Decides nothing: it writes what
//! the engine says belongs together, or says that somebody else was faster. In reading order:
//!
//! - [`write`](self::Write): what may be written together
//! - `journal`, `batch`, `statement`: how it gets to the disk, many writes in one commit; `health`: whether it does,
//!   `pressure`: whether in time
//! - `rows`, `read`: between nouns and rows
//! - `incidents`, `runs`, `links`, `events`, `schedules`, `library`, `people`, `hosts`, `state`: a noun each
//! - `retain`: forgetting what ended long ago; `checkpoint`: SQLite's log; `backup`: a copy of an SQLite file

use std::{sync::Arc, time::Duration};

use sqlx::AnyPool;
use tokio::sync::Mutex;

mod backup;
mod batch;
mod checkpoint;
mod dialect;
pub mod error;
mod events;
mod health;
mod hosts;
mod incidents;
mod journal;
pub(crate) mod key_separator;
mod library;
mod links;
mod people;
mod platform;
mod plugins;
mod pressure;
mod read;
mod retain;
mod rows;
mod runs;
mod schedules;
mod sources;
mod state;
mod statement;
pub(crate) mod trouble;
mod write;
mod written;

/// How long the question whether the database answers may take.
const PING: Duration = Duration::from_secs(2);

pub use crate::error::StoreError;
pub use backup::{BackupError, Contents, back_up};
pub use dialect::Backend;
pub use incidents::{IncidentFilter, TimelineFilter};
pub use runs::RunFilter;
pub use schedules::Share;
pub use sources::StoredSilence;
pub use state::{StateChange, StateExpect, StateValue};
pub use wardroom_domain::page::Page;
pub use write::{
    Committed, Dependant, DocumentKind, DocumentRevision, Guard, KeyRecord, Review, SealedSecret, StoredPlugin,
    StoredSchedule, Write,
};
pub use written::Written;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    readers: AnyPool,
    journal: journal::Journal,
    /// Writes outside the journal that must not wait behind it: leases, claims, numbers.
    aside: Arc<Mutex<Aside>>,
    health: Arc<health::Health>,
    /// Numbers are drawn one after the other: however many are wanted, a heartbeat waits behind one of them at most.
    numbers: Arc<Mutex<()>>,
}

/// A connection of its own, made anew when it breaks.
struct Aside {
    url: String,
    connection: Option<sqlx::AnyConnection>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("backend", &self.backend).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a database by its URL (`sqlite:PATH` or `postgres://…`), brings its schema up to date and starts the journal.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let backend = Backend::of(url)?;
        let url = backend.complete(url);
        dialect::migrate(backend, &url).await?;
        let lane = dialect::connect(backend, &url).await?;
        let aside = Aside { connection: Some(dialect::connect(backend, &url).await?), url: url.clone() };
        let readers = dialect::readers(backend, &url).await?;
        let health = Arc::new(health::Health::default());
        let journal = journal::Journal::start(backend, url, lane, Arc::clone(&health));
        Ok(Self { backend, readers, journal, aside: Arc::new(Mutex::new(aside)), health, numbers: Arc::default() })
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Writes; the answer comes when it is on disk.
    pub async fn commit(&self, write: Write) -> Result<Committed, StoreError> {
        self.journal.commit(write).await
    }

    /// Whether more is to be written than gets to the disk in time: a batch has been on its way for 3 s, the queue is full,
    /// or within the last 5 s a write was withdrawn because it had waited for 5 s.
    pub fn is_overloaded(&self) -> bool {
        // A database that is away or full is told as that.
        self.health.trouble().is_none() && self.journal.is_overloaded()
    }

    /// How much was written since the start.
    pub fn written(&self) -> &Written {
        &self.journal.written
    }

    /// Ends the readers. The journal ends with the last clone.
    pub async fn close(&self) {
        self.readers.close().await;
    }

    /// Whether the database answers, within two seconds, and took the last write. The heartbeat writes every few seconds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match self.health.trouble() {
            Some(dialect::Trouble::Full) => return Err(StoreError::Full),
            Some(_) => return Err(StoreError::Away),
            None => {}
        }
        let asked = tokio::time::timeout(PING, sqlx::query("SELECT 1").execute(&self.readers)).await;
        asked.map_err(|_| StoreError::Away)??;
        Ok(())
    }
}
