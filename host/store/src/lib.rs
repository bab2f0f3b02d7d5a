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
mod events;
mod health;
mod hosts;
mod incidents;
mod journal;
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
mod write;
mod written;

/// How long the question whether the database answers may take.
const PING: Duration = Duration::from_secs(2);

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

/// Why the database did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The URL names no database this program speaks.
    #[error("the database URL has to begin with sqlite: or postgres:")]
    Url,
    /// No connection.
    #[error("no connection to the database: {0}")]
    Connect(Arc<sqlx::Error>),
    /// The schema could not be brought up to date.
    #[error("the database's schema could not be brought up to date: {0}")]
    Migrate(Arc<sqlx::migrate::MigrateError>),
    /// A newer version has migrated the database.
    #[error(
        "database schema: expected version {known} or lower, found {found}: a newer version of Wardroom has upgraded this \
         database; start that version or a later one, or restore a backup that was made before the upgrade"
    )]
    Newer {
        /// The newest migration of the database.
        found: i64,
        /// The newest migration of this program.
        known: i64,
    },
    /// A write was refused; nothing of it is there.
    #[error("the write failed: {0}")]
    Write(Arc<sqlx::Error>),
    /// A COMMIT got no answer, and it could not be found out whether it was done.
    #[error("the database did not say whether the write was done")]
    Unanswered,
    /// Too many writes wait; nothing of this one is there.
    #[error("too many writes wait: nothing was written")]
    Busy,
    /// The journal has stopped.
    #[error("the journal has stopped")]
    Closed,
    /// It does not answer, as the last write found.
    #[error("the database does not answer")]
    Away,
    /// Its disk takes no more, as the last write found.
    #[error("the database's disk takes no more")]
    Full,
    /// A read failed.
    #[error("the read failed: {0}")]
    Read(Arc<sqlx::Error>),
    /// A row does not hold what its column should.
    #[error("column {column} holds what cannot be understood: {reason}")]
    Row {
        /// The column.
        column: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl StoreError {
    /// Whether the database's disk takes no more: it is full, or it fails. Nothing was written.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full => true,
            Self::Write(error) | Self::Read(error) | Self::Connect(error) => {
                dialect::trouble(error) == Some(dialect::Trouble::Full)
            }
            _ => false,
        }
    }

    /// Whether the database has too much to do at the moment. Nothing was written.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Write(error) | Self::Read(error) => dialect::is_busy(error),
            _ => false,
        }
    }

    /// An error of a write; `From` makes it one of a read.
    fn write(error: sqlx::Error) -> Self {
        Self::Write(Arc::new(error))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Read(Arc::new(error))
    }
}

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
