//! Forgetting what ended long ago, in small transactions on connections of their own: no lease, claim or write waits behind
//! more than one batch. Decides nothing: the engine says what is old. Timeline and audit are never touched.

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, any::AnyRow};

use super::{
    Backend, Store, StoreError, dialect, links,
    read::{Cursor, Select, bound},
    rows, runs,
    schedules::{self, Share},
    statement::Cell,
};
use wardroom_domain::time::Timestamp;

/// The most runs of a batch.
const RUNS: u32 = 200;
/// How many step runs make a batch full: a `foreach` has thousands of them.
const STEPS: i64 = 2_000;
/// The most events of a batch.
const EVENTS: u32 = 500;

/// Where a run leaves rows, with the column that names it; the run itself comes last.
const OF_RUNS: &[(&str, &str)] =
    &[("attempts", "run_id"), ("step_runs", "run_id"), ("approvals", "run_id"), ("runs", "id")];
/// Where an event leaves rows.
const OF_EVENTS: &[(&str, &str)] = &[("trigger_outcomes", "event_id"), ("events", "id")];

impl Store {
    /// Forgets runs that ended before a time, the oldest first, with their step runs, attempts and approvals. A run stays as
    /// long as a rerun of it or a run that takes it back is there, because they read it. Gives how many went, at most 200; none when no
    /// more can go. Hosts that forget at once take different runs.
    pub async fn forget_runs(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.forget(ended(before), OF_RUNS).await
    }

    /// Forgets dispatched events of before a time that no remaining run began with, the oldest first, with what they meant
    /// for each workflow. Gives how many went, at most 500; none when no more can go.
    pub async fn forget_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.forget(dispatched(before), OF_EVENTS).await
    }

    /// Forgets what became of schedules' times, decided before a time. Gives how many rows went, at most 500.
    pub async fn forget_ticks(&self, before: Timestamp) -> Result<u64, StoreError> {
        let some = format!(
            "DELETE FROM ticks WHERE (schedule_id, nominal, kind) IN (SELECT schedule_id, nominal, kind FROM ticks WHERE \
             at < $1 AND outcome NOT IN ('held', 'queued') ORDER BY at LIMIT {EVENTS}) RETURNING schedule_id"
        );
        Ok(self.aside(&some, vec![rows::time(before)]).await?.len() as u64)
    }

    /// How the database finds what is looked for all the time, in its own words, by name: `due of incidents`, `due of
    /// none` and `orphans` are asked by every claim, `abandoned` and `due schedules` every few seconds, `ended` and `dispatched` by retention. None may walk a history.
    pub async fn plans(&self, now: Timestamp) -> Result<Vec<(&'static str, String)>, StoreError> {
        let selects = [
            ("due of incidents", runs::due_of_incidents(now, RUNS)),
            ("due of none", runs::due_of_none(now, RUNS)),
            ("orphans", runs::orphans(self.backend(), RUNS)),
            ("abandoned", links::abandoned()),
            ("ended", ended(now)),
            ("dispatched", dispatched(now)),
            ("due schedules", schedules::due(now, Share { index: 0, of: 2, patience_ms: 2_000 }, RUNS)),
        ];
        let mut plans = Vec::new();
        for (name, select) in selects {
            plans.push((name, select.plan(self).await?));
        }
        Ok(plans)
    }

    /// One batch, in a transaction on a connection of its own; one that breaks is rolled back with its connection.
    async fn forget(&self, old: Select, tables: &[(&str, &str)]) -> Result<u64, StoreError> {
        let url = self.aside.lock().await.url.clone();
        let mut connection = dialect::connect(self.backend(), &url).await?;
        let forgotten = batch(&mut connection, self.backend(), old, tables).await?;
        connection.close().await?;
        Ok(forgotten)
    }
}

/// Runs that may go, each with how many rows go with it. Only what has ended has no time to wake. A child stays while its
/// parent goes on, and what a condition started as long as it must not start it again.
fn ended(before: Timestamp) -> Select {
    let sql = "SELECT id, (SELECT COUNT(*) FROM step_runs WHERE step_runs.run_id = runs.id) AS weight FROM runs";
    Select::new(sql)
        .that("wake_at IS NULL")
        .that("NOT EXISTS (SELECT 1 FROM runs later WHERE later.rerun_of = runs.id)")
        .that("NOT EXISTS (SELECT 1 FROM runs later WHERE later.undo_of = runs.id AND later.rerun_of IS NULL)")
        // One row each: looked up by its key, where a join might read the whole table.
        .that("(SELECT above.wake_at FROM runs above WHERE above.id = runs.parent_id) IS NULL")
        .that(
            "COALESCE((SELECT stage FROM incidents WHERE incidents.id = runs.becomes_of), 'closed') \
             IN ('closed', 'canceled')",
        )
        .and("finished_at <", rows::time(before))
        .order("finished_at", RUNS)
}

/// Events that may go.
fn dispatched(before: Timestamp) -> Select {
    Select::new("SELECT id, CAST(0 AS BIGINT) AS weight FROM events")
        .and(
            "dispatched = 1 AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.event_id = events.id) AND at <",
            rows::time(before),
        )
        .order("at", EVENTS)
}

async fn batch(
    connection: &mut AnyConnection,
    backend: Backend,
    old: Select,
    tables: &[(&str, &str)],
) -> Result<u64, StoreError> {
    connection.execute(backend.begin()).await.map_err(StoreError::write)?;
    let found = old.locked(backend).on(connection).await?;
    let ids = light(&found)?;
    if !ids.is_empty() {
        let places: Vec<String> = (1..=ids.len()).map(|index| format!("${index}")).collect();
        for (table, column) in tables {
            let sql = format!("DELETE FROM {table} WHERE {column} IN ({})", places.join(", "));
            let cells = ids.iter().map(Cell::text).collect();
            let delete = bound(sqlx::query(AssertSqlSafe(sql)), cells).execute(&mut *connection);
            delete.await.map_err(StoreError::write)?;
        }
    }
    connection.execute("COMMIT").await.map_err(StoreError::write)?;
    Ok(ids.len() as u64)
}

/// The identifiers of as many rows as make a batch, at least one.
fn light(found: &[AnyRow]) -> Result<Vec<String>, StoreError> {
    let (mut ids, mut weight) = (Vec::new(), 0);
    for row in found {
        let row = Cursor(row);
        weight += row.int("weight")?;
        if !ids.is_empty() && weight > STEPS {
            break;
        }
        ids.push(row.text("id")?);
    }
    Ok(ids)
}
