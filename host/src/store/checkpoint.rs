//! Bringing SQLite's write-ahead log home beside the writers. Left to itself SQLite does it within a commit, and once a reader
//! keeps the log from beginning anew, within every commit: whoever waits for such a commit waits for some hundred
//! milliseconds. PostgreSQL does it by itself.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use sqlx::{AnyConnection, Executor};

use super::{
    dialect::{self, Backend},
    journal::Written,
};

/// How often it is asked how much was written.
const LOOK: Duration = Duration::from_millis(250);
/// How many rows bring the log home at once; fewer, after [`QUIET`] looks.
const ROWS: u64 = 1_000;
/// After how many looks whatever was written is brought home.
const QUIET: u32 = 40;

/// Starts the task. It ends with the journal that counts what it wrote.
pub(super) fn start(backend: Backend, url: String, written: &Arc<Written>) {
    if backend == Backend::Sqlite {
        tokio::spawn(work(backend, url, Arc::downgrade(written)));
    }
}

async fn work(backend: Backend, url: String, written: Weak<Written>) {
    let (mut home, mut looks, mut connection) = (0, 0, None);
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(rows) = written.upgrade().map(|written| written.rows()) else { return };
        looks += 1;
        if rows == home || (rows - home < ROWS && looks < QUIET) {
            continue;
        }
        match bring_home(backend, &url, &mut connection).await {
            Ok(()) => (home, looks) = (rows, 0),
            Err(error) => {
                // The log grows until the writers bring it home themselves; the journal tells of a disk that is full.
                tracing::debug!(%error, "the write-ahead log could not be brought home; trying again");
                connection = None;
            }
        }
    }
}

async fn bring_home(
    backend: Backend,
    url: &str,
    connection: &mut Option<AnyConnection>,
) -> Result<(), super::StoreError> {
    let open = match connection.take() {
        Some(open) => open,
        None => dialect::connect(backend, url).await?,
    };
    // Passive: it takes what it can and waits for nobody, and nobody waits for it.
    connection.insert(open).execute("PRAGMA wal_checkpoint(PASSIVE)").await.map_err(super::StoreError::write)?;
    Ok(())
}
