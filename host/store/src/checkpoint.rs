//! Bringing SQLite's write-ahead log home in two steps: most of it beside the writers, and the rest, which is little by then,
//! between two of their transactions, so that the log begins anew. Left to itself SQLite does all of it within a commit, and
//! whoever waits for that waits for some hundred milliseconds. PostgreSQL does it by itself.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{AnyConnection, Executor};

use super::{
    StoreError,
    dialect::{self, Backend},
    written::Written,
};

/// How often it is asked how much was written.
const LOOK: Duration = Duration::from_millis(100);
/// How many rows bring the log home at once; fewer, after [`QUIET`] looks.
const ROWS: u64 = 2_000;
/// After how many looks whatever was written is brought home.
const QUIET: u32 = 100;

/// Whether the writers are to bring the rest of the log home.
pub(super) type Chore = Arc<AtomicBool>;

/// Starts the task. It ends with the journal that counts what it wrote.
pub(super) fn start(backend: Backend, url: String, written: &Arc<Written>, chore: Chore) {
    if backend == Backend::Sqlite {
        tokio::spawn(work(backend, url, Arc::downgrade(written), chore));
    }
}

async fn work(backend: Backend, url: String, written: Weak<Written>, chore: Chore) {
    let (mut home, mut looks, mut connection) = (0, 0, None);
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(rows) = written.upgrade().map(|written| written.rows()) else { return };
        looks += 1;
        if rows == home || (rows - home < ROWS && looks < QUIET) {
            continue;
        }
        match most_of_it(backend, &url, &mut connection).await {
            Ok(()) => {
                (home, looks) = (rows, 0);
                chore.store(true, Ordering::Relaxed);
            }
            Err(error) => {
                // The log grows until a writer brings it home within a commit; the journal tells of a disk that is full.
                tracing::debug!(%error, "the write-ahead log could not be brought home; trying again");
                connection = None;
            }
        }
    }
}

async fn most_of_it(backend: Backend, url: &str, connection: &mut Option<AnyConnection>) -> Result<(), StoreError> {
    let open = match connection.take() {
        Some(open) => open,
        None => dialect::connect(backend, url).await?,
    };
    // Passive: it takes what it can and waits for nobody, and nobody waits for it.
    connection.insert(open).execute("PRAGMA wal_checkpoint(PASSIVE)").await.map_err(StoreError::write)?;
    Ok(())
}

/// The rest, by the one who writes, between two transactions. A reader that holds on to the log is not waited for.
pub(super) async fn the_rest(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    connection.execute("PRAGMA busy_timeout = 20").await?;
    let done = connection.execute("PRAGMA wal_checkpoint(RESTART)").await;
    connection.execute(dialect::PATIENT).await?;
    done.map(drop)
}
