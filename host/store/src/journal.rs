//! Group commit: one task takes what is waiting, writes it in one transaction and tells each writer what became of it.
//! While one batch is on its way to the disk the next gathers, so the batch grows with the load and nobody waits for one.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{AnyConnection, Executor};
use tokio::sync::{mpsc, oneshot};

use super::{
    StoreError, batch,
    checkpoint::{self, Chore},
    dialect::{self, Backend, Fate, Trace, Trouble},
    health::Health,
    pressure::{PATIENCE, Pressure},
    statement::Writer,
    write::{Committed, Write},
    written::Written,
};
use wardroom_base::clock::monotonic_now;
use wardroom_base::fault;

/// The most writes in a batch.
const BATCH: usize = 256;
/// How many writes may wait; beyond it a writer waits for a place, as long as for its turn.
const QUEUE: usize = 4_096;
/// How often a write of its own is tried again after a deadlock or a busy database.
const TRIES: u32 = 3;
/// How often a broken connection is made anew before the batch is given up: in all some three seconds, so that whoever
/// waits for it is told soon.
const RECONNECTS: u32 = 5;
/// How often it is asked what became of a COMMIT without an answer. With the reconnects before each that is some 15 s, as
/// long as a lease holds: to know is worth more to a run than to be told soon.
const LOOKS: u32 = 5;

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

/// The way to the journal's task.
#[derive(Clone)]
pub(super) struct Journal {
    queue: mpsc::Sender<Waiting>,
    pub(super) written: Arc<Written>,
    pressure: Arc<Pressure>,
    health: Arc<Health>,
}

impl Journal {
    /// Starts the task. It ends when the last sender is gone.
    pub(super) fn start(backend: Backend, url: String, connection: AnyConnection, health: Arc<Health>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let written = Arc::new(Written::default());
        let pressure = Arc::new(Pressure::default());
        let chore = Chore::default();
        checkpoint::start(backend, url.clone(), &written, Arc::clone(&chore));
        let lane = Lane {
            backend,
            url,
            connection: Some(connection),
            written: Arc::clone(&written),
            health: Arc::clone(&health),
            chore,
        };
        tokio::spawn(lane.work(waiting, Arc::clone(&pressure)));
        Self { queue, written, pressure, health }
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

    /// Remembers that a write was given up that had waited for too long, and says why it had to.
    pub(super) fn withdrew(&self) -> StoreError {
        match self.health.trouble() {
            Some(Trouble::Full) => StoreError::Full,
            Some(Trouble::Away) => StoreError::Connect(Arc::new(sqlx::Error::PoolTimedOut)),
            _ => {
                self.pressure.withdrew(monotonic_now());
                StoreError::Busy
            }
        }
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
    health: Arc<Health>,
    chore: Chore,
}

/// Why a batch did not go in.
enum Failed {
    /// It is certain that nothing was written.
    Undone(sqlx::Error),
    /// The same, because there is no connection: whatever else waits would fare no better.
    Away(StoreError),
    /// The COMMIT got no answer.
    Unanswered { trace: Trace, applied: Vec<bool>, error: sqlx::Error },
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
            self.bring_log_home().await;
        }
    }

    /// What is left of SQLite's log, when that is little.
    async fn bring_log_home(&mut self) {
        if !self.chore.swap(false, Ordering::Relaxed) {
            return;
        }
        if let Some(connection) = &mut self.connection
            && let Err(error) = checkpoint::the_rest(connection).await
        {
            tracing::debug!(%error, "the write-ahead log could not begin anew; trying again");
        }
    }

    /// Writes a batch; on an error each of its writes alone, so that a bad one does not undo its neighbours.
    async fn commit(&mut self, batch: Vec<Waiting>) {
        let writes: Vec<&Write> = batch.iter().map(|waiting| &waiting.write).collect();
        match self.transaction(&writes).await {
            Ok(applied) => answer(batch, &applied),
            Err(Failed::Unanswered { trace, applied, error }) => match self.look_up(&trace).await {
                Fate::Done => {
                    tracing::warn!(%error, "a COMMIT broke, but it had been done");
                    answer(batch, &applied);
                }
                Fate::Undone => self.one_by_one(batch).await,
                Fate::UnderWay | Fate::Untold => refuse(batch, &StoreError::Unanswered),
            },
            Err(Failed::Away(error)) => refuse(batch, &error),
            Err(Failed::Undone(error)) if batch.len() == 1 && !may_pass(&error) => {
                refuse(batch, &StoreError::Write(Arc::new(error)));
            }
            Err(Failed::Undone(error)) => {
                tracing::debug!(%error, writes = batch.len(), "a batch is done again one by one");
                self.one_by_one(batch).await;
            }
        }
    }

    async fn one_by_one(&mut self, batch: Vec<Waiting>) {
        let mut left = batch.into_iter();
        while let Some(waiting) = left.next() {
            let result = self.alone(&waiting.write).await;
            let away = result.as_ref().err().filter(|error| matches!(error, StoreError::Connect(_))).cloned();
            _ = waiting.answer.send(result);
            if let Some(away) = away {
                return refuse(left.collect(), &away);
            }
        }
    }

    async fn alone(&mut self, write: &Write) -> Result<Committed, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.transaction(&[write]).await {
                Ok(applied) => return Ok(outcome(applied.first().copied().unwrap_or(false))),
                Err(Failed::Away(error)) => return Err(error),
                Err(Failed::Undone(error)) if tries < TRIES && may_pass(&error) => {
                    tokio::time::sleep(Duration::from_millis(20 * u64::from(tries))).await;
                }
                Err(Failed::Undone(error)) => return Err(StoreError::Write(Arc::new(error))),
                Err(Failed::Unanswered { trace, applied, error }) => match self.look_up(&trace).await {
                    Fate::Done => return Ok(outcome(applied.first().copied().unwrap_or(false))),
                    Fate::Undone if tries < TRIES => {}
                    Fate::Undone => return Err(StoreError::Write(Arc::new(error))),
                    Fate::UnderWay | Fate::Untold => return Err(StoreError::Unanswered),
                },
            }
        }
    }

    /// One transaction. An error before COMMIT is certain to have undone it.
    async fn transaction(&mut self, writes: &[&Write]) -> Result<Vec<bool>, Failed> {
        let backend = self.backend;
        let connection = match self.connection().await {
            Ok(connection) => connection,
            Err(error) => {
                self.health.unreachable(&error);
                return Err(Failed::Away(error));
            }
        };
        let result = write(backend, connection, writes).await;
        match result {
            Ok((applied, rows)) => {
                self.health.wrote();
                self.written.add(rows);
                Ok(applied)
            }
            Err(failed) => {
                match &failed {
                    Failed::Undone(error) | Failed::Unanswered { error, .. } => self.health.failed(error),
                    Failed::Away(_) => {}
                }
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

    async fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => reconnect(self.backend, &self.url).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// What became of a COMMIT without an answer. Asked again while the database is away or still at it: the end of the
    /// old connection may reach it later than the new one.
    async fn look_up(&mut self, trace: &Trace) -> Fate {
        let backend = self.backend;
        for look in 0..LOOKS {
            let Ok(connection) = self.connection().await else { continue };
            match backend.fate(connection, trace).await {
                Ok(Fate::UnderWay) => tokio::time::sleep(Duration::from_millis(100 << look)).await,
                Ok(fate) => return fate,
                Err(error) => {
                    tracing::warn!(%error, "a COMMIT without an answer could not be looked up; trying again");
                    self.connection = None;
                }
            }
        }
        Fate::Untold
    }
}

async fn reconnect(backend: Backend, url: &str) -> Result<AnyConnection, StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match dialect::connect(backend, url).await {
            Ok(connection) => return Ok(connection),
            Err(error) if tries >= RECONNECTS => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the database is away; trying again");
                tokio::time::sleep(Duration::from_millis(100 << tries)).await;
            }
        }
    }
}

async fn write(backend: Backend, connection: &mut AnyConnection, batch: &[&Write]) -> Result<(Vec<bool>, u64), Failed> {
    fault::pass("journal.begin").await.map_err(broken)?;
    connection.execute(backend.begin()).await.map_err(Failed::Undone)?;
    let mut writer = Writer { connection, backend, rows: 0 };
    let done = batch::write(&mut writer, batch).await.map_err(Failed::Undone)?;
    let rows = writer.rows;
    let trace = match done.trace {
        None if rows > 0 => {
            let id = backend.this_transaction(connection).await.map_err(Failed::Undone)?;
            id.map(|id| Trace { id, row: None })
        }
        known => known,
    };
    match finish(connection).await {
        Ok(()) => Ok((done.applied, rows)),
        // A COMMIT that SQLite refuses was not done: there is no network in which its answer could be lost.
        Err(error) => Err(match trace.filter(|_| backend == Backend::Postgres) {
            Some(trace) => Failed::Unanswered { trace, applied: done.applied, error },
            None => Failed::Undone(error),
        }),
    }
}

async fn finish(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    fault::pass("journal.commit").await?;
    connection.execute("COMMIT").await?;
    fault::pass("journal.committed").await?;
    Ok(())
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

fn refuse(batch: Vec<Waiting>, error: &StoreError) {
    for waiting in batch {
        _ = waiting.answer.send(Err(error.clone()));
    }
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

fn broken(error: std::io::Error) -> Failed {
    Failed::Undone(error.into())
}

/// Whether trying again at once can help: the connection may be a new one by then.
fn may_pass(error: &sqlx::Error) -> bool {
    matches!(dialect::trouble(error), Some(Trouble::Passing | Trouble::Away))
}
