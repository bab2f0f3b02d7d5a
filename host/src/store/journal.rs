//! Group commit: one task takes what is waiting, writes it in one transaction and tells each writer what became of it.
//! While one batch is on its way to the disk the next gathers, so the batch grows with the load and nobody waits for one.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{AnyConnection, Executor};
use tokio::sync::{mpsc, oneshot};

use super::{
    StoreError, batch,
    dialect::{self, Backend},
    pressure::{PATIENCE, Pressure},
    statement::Writer,
    write::{Committed, Write},
};
use crate::clock::monotonic_now;

/// The most writes in a batch.
const BATCH: usize = 256;
/// How many writes may wait; beyond it a writer waits for a place, as long as for its turn.
const QUEUE: usize = 4_096;
/// How often a write of its own is tried again after a deadlock or a busy database.
const TRIES: u32 = 3;
/// How often a broken connection is made anew before the batch is given up.
const RECONNECTS: u32 = 5;

struct Waiting {
    write: Write,
    answer: oneshot::Sender<Result<Committed, StoreError>>,
    settled: Arc<AtomicBool>,
}

impl Waiting {
    /// Takes the write up, unless its writer withdrew it.
    fn take_up(&self) -> bool {
        !self.settled.swap(true, Ordering::AcqRel)
    }
}

/// How much was written, for the benchmarks and the metrics.
#[derive(Debug, Default)]
pub struct Written {
    rows: AtomicU64,
    commits: AtomicU64,
}

impl Written {
    /// Rows inserted or updated since the start.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Transactions committed since the start.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

/// The way to the journal's task.
#[derive(Clone)]
pub(super) struct Journal {
    queue: mpsc::Sender<Waiting>,
    pub(super) written: Arc<Written>,
    pressure: Arc<Pressure>,
}

impl Journal {
    /// Starts the task. It ends when the last sender is gone.
    pub(super) fn start(backend: Backend, url: String, connection: AnyConnection) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let written = Arc::new(Written::default());
        let pressure = Arc::new(Pressure::default());
        let lane = Lane { backend, url, connection: Some(connection), written: Arc::clone(&written) };
        tokio::spawn(lane.work(waiting, Arc::clone(&pressure)));
        Self { queue, written, pressure }
    }

    /// Hands a write in; the answer comes when it is on disk. A write that is not taken up in time is withdrawn: nothing of
    /// it will be there. Once it is taken up, it is waited for.
    pub(super) async fn commit(&self, write: Write) -> Result<Committed, StoreError> {
        let (answer, mut result) = oneshot::channel();
        let settled = Arc::new(AtomicBool::new(false));
        let until = tokio::time::Instant::from(monotonic_now() + PATIENCE);
        let Ok(place) = tokio::time::timeout_at(until, self.queue.reserve()).await else { return Err(self.withdrew()) };
        place.map_err(|_| StoreError::Closed)?.send(Waiting { write, answer, settled: Arc::clone(&settled) });
        let answered = match tokio::time::timeout_at(until, &mut result).await {
            Ok(answered) => answered,
            Err(_) if !settled.swap(true, Ordering::AcqRel) => return Err(self.withdrew()),
            Err(_) => result.await,
        };
        answered.map_err(|_| StoreError::Closed)?
    }

    /// Remembers that a write was given up that had waited for too long.
    pub(super) fn withdrew(&self) -> StoreError {
        self.pressure.withdrew(monotonic_now());
        StoreError::Busy
    }

    /// Whether a write that came now would probably be withdrawn.
    pub(super) fn is_overloaded(&self) -> bool {
        self.queue.capacity() == 0 || self.pressure.is_high(monotonic_now())
    }
}

/// The one lane of writes of this process.
struct Lane {
    backend: Backend,
    url: String,
    /// None after it broke.
    connection: Option<AnyConnection>,
    written: Arc<Written>,
}

/// Why a batch did not go in.
enum Failed {
    /// It is certain that nothing was written.
    Undone(sqlx::Error),
    /// The COMMIT got no answer.
    Unanswered { transaction: String, applied: Vec<bool>, error: sqlx::Error },
}

impl Lane {
    async fn work(mut self, mut waiting: mpsc::Receiver<Waiting>, pressure: Arc<Pressure>) {
        let mut left: VecDeque<Waiting> = VecDeque::new();
        loop {
            if left.is_empty() {
                match waiting.recv().await {
                    Some(first) => left.push_back(first),
                    None => return,
                }
            }
            while left.len() < BATCH {
                match waiting.try_recv() {
                    Ok(next) => left.push_back(next),
                    Err(_) => break,
                }
            }
            let mut batch = take(&mut left);
            batch.retain(Waiting::take_up);
            if batch.is_empty() {
                continue;
            }
            pressure.begins(monotonic_now());
            self.commit(batch).await;
            pressure.ends();
        }
    }

    /// Writes a batch; on an error each of its writes alone, so that a bad one does not undo its neighbours.
    async fn commit(&mut self, batch: Vec<Waiting>) {
        let writes: Vec<&Write> = batch.iter().map(|waiting| &waiting.write).collect();
        match self.transaction(&writes).await {
            Ok(applied) => answer(batch, &applied),
            Err(Failed::Unanswered { transaction, applied, error }) => match self.look_up(&transaction).await {
                Some(true) => {
                    tracing::warn!(%error, "a COMMIT broke, but it had been done");
                    answer(batch, &applied);
                }
                Some(false) => self.one_by_one(batch).await,
                None => {
                    for waiting in batch {
                        _ = waiting.answer.send(Err(StoreError::Unanswered));
                    }
                }
            },
            Err(Failed::Undone(error)) if batch.len() == 1 && !is_passing(&error) => {
                let error = Arc::new(error);
                for waiting in batch {
                    _ = waiting.answer.send(Err(StoreError::Write(Arc::clone(&error))));
                }
            }
            Err(Failed::Undone(error)) => {
                tracing::debug!(%error, writes = batch.len(), "a batch is done again one by one");
                self.one_by_one(batch).await;
            }
        }
    }

    async fn one_by_one(&mut self, batch: Vec<Waiting>) {
        for waiting in batch {
            let result = self.alone(&waiting.write).await;
            _ = waiting.answer.send(result);
        }
    }

    async fn alone(&mut self, write: &Write) -> Result<Committed, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.transaction(&[write]).await {
                Ok(applied) => return Ok(outcome(applied.first().copied().unwrap_or(false))),
                Err(Failed::Undone(error)) if tries < TRIES && is_passing(&error) => {
                    tokio::time::sleep(Duration::from_millis(20 * u64::from(tries))).await;
                }
                Err(Failed::Undone(error)) => return Err(StoreError::Write(Arc::new(error))),
                Err(Failed::Unanswered { transaction, applied, .. }) => match self.look_up(&transaction).await {
                    Some(true) => return Ok(outcome(applied.first().copied().unwrap_or(false))),
                    Some(false) if tries < TRIES => {}
                    _ => return Err(StoreError::Unanswered),
                },
            }
        }
    }

    /// One transaction. An error before COMMIT is certain to have undone it.
    async fn transaction(&mut self, writes: &[&Write]) -> Result<Vec<bool>, Failed> {
        let backend = self.backend;
        let connection = self.connection().await.map_err(Failed::Undone)?;
        let result = write(backend, connection, writes).await;
        match result {
            Ok((applied, rows)) => {
                self.written.rows.fetch_add(rows, Ordering::Relaxed);
                self.written.commits.fetch_add(1, Ordering::Relaxed);
                Ok(applied)
            }
            Err(failed) => {
                self.undo().await;
                Err(failed)
            }
        }
    }

    /// Rolls back; a connection that cannot even do that is thrown away.
    async fn undo(&mut self) {
        if let Some(connection) = &mut self.connection
            && connection.execute("ROLLBACK").await.is_err()
            && sqlx::Connection::ping(connection).await.is_err()
        {
            self.connection = None;
        }
    }

    async fn connection(&mut self) -> Result<&mut AnyConnection, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => reconnect(self.backend, &self.url).await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn look_up(&mut self, transaction: &str) -> Option<bool> {
        let backend = self.backend;
        let connection = self.connection().await.ok()?;
        backend.was_committed(connection, transaction).await.ok()?
    }
}

async fn reconnect(backend: Backend, url: &str) -> Result<AnyConnection, sqlx::Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        match dialect::connect(backend, url).await {
            Ok(connection) => return Ok(connection),
            Err(error) if tries >= RECONNECTS => return Err(sqlx::Error::Configuration(Box::new(error))),
            Err(error) => {
                tracing::warn!(%error, "the database is away; trying again");
                tokio::time::sleep(Duration::from_millis(100 << tries)).await;
            }
        }
    }
}

async fn write(backend: Backend, connection: &mut AnyConnection, batch: &[&Write]) -> Result<(Vec<bool>, u64), Failed> {
    connection.execute(backend.begin()).await.map_err(Failed::Undone)?;
    let mut writer = Writer { connection, backend, rows: 0 };
    let done = batch::write(&mut writer, batch).await.map_err(Failed::Undone)?;
    let rows = writer.rows;
    let transaction = match done.transaction {
        None if rows > 0 => backend.this_transaction(connection).await.map_err(Failed::Undone)?,
        known => known,
    };
    match connection.execute("COMMIT").await {
        Ok(_) => Ok((done.applied, rows)),
        Err(error) => Err(match transaction {
            Some(transaction) => Failed::Unanswered { transaction, applied: done.applied, error },
            None => Failed::Undone(error),
        }),
    }
}

/// Takes the writes that may share a batch: the first of each guarded row. Later ones keep their order.
fn take(left: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut rows = BTreeSet::new();
    let mut batch = Vec::new();
    let mut later = VecDeque::new();
    for waiting in left.drain(..) {
        if rows.insert(waiting.write.guard.row()) {
            batch.push(waiting);
        } else {
            later.push_back(waiting);
        }
    }
    *left = later;
    batch
}

fn answer(batch: Vec<Waiting>, applied: &[bool]) {
    for (waiting, applied) in batch.into_iter().zip(applied) {
        // A writer that no longer listens has been served all the same.
        _ = waiting.answer.send(Ok(outcome(*applied)));
    }
}

fn outcome(applied: bool) -> Committed {
    if applied { Committed::Applied } else { Committed::Lost }
}

/// Whether trying again can help: deadlock, serialization, a busy or absent database.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code();
            matches!(code.as_deref(), Some("40P01" | "40001" | "5" | "6" | "261" | "517" | "57P01"))
        }
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        _ => false,
    }
}
