//! What this machine can do at best: the disk, the database through sqlx, and a bare call of a component. Knows no server:
//! what HTTP can do at best is measured by the scenarios, against the server they have.

use std::{io::Write, time::Duration};

use serde_json::{Value, json};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};
use tokio::task::JoinSet;
use wardroom_runtime::{Invocation, PluginHost, limits::Limits};
use wardroom_tests::{
    database::{Database, Kind},
    guests,
    process::now,
};

use super::{
    facts,
    figures::{Spread, number},
    sandbox::{self, Subject},
};

/// The floor.
#[derive(Debug)]
pub(crate) struct Floor {
    /// The database's own version.
    pub(crate) version: String,
    /// 4 KiB appended and synced.
    pub(crate) fdatasync: Spread,
    /// One row inserted and committed.
    pub(crate) one_row_commit: Spread,
    /// Rows a second in inserts of 100.
    pub(crate) rows_per_second: f64,
    /// A fresh instance and one call.
    pub(crate) bare_call: Spread,
    /// Bare calls a second on all cores.
    pub(crate) calls_per_second: f64,
}

impl Floor {
    /// As the report shows it.
    pub(crate) fn json(&self) -> Value {
        json!({
            "fdatasync_ms": self.fdatasync.json(),
            "one_row_commit_ms": self.one_row_commit.json(),
            "rows_per_second_batch_100": self.rows_per_second.round(),
            "bare_call_ms": self.bare_call.json(),
            "bare_calls_per_second": self.calls_per_second.round(),
        })
    }

    /// The least time that so many rows and calls take when nothing of it overlaps: the rows in inserts of 100, the calls on
    /// all cores.
    pub(crate) fn least_seconds(&self, rows: f64, calls: f64) -> f64 {
        rows / self.rows_per_second + calls / self.calls_per_second
    }
}

/// Measures it on a database of this kind, which is gone afterwards.
///
/// # Panics
/// When the machine does not do one of these things.
pub(crate) async fn measure(kind: Kind) -> Floor {
    let database = Database::new(kind).await;
    sqlx::any::install_default_drivers();
    let url = if kind == Kind::Sqlite { format!("{}?mode=rwc", database.url) } else { database.url.clone() };
    let mut connection = AnyConnection::connect(&url).await.expect("connects");
    if kind == Kind::Sqlite {
        for setting in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"] {
            connection.execute(setting).await.expect("is set");
        }
    }
    connection.execute("CREATE TABLE floor (id BIGINT PRIMARY KEY, text TEXT NOT NULL)").await.expect("a table");
    let one_row_commit = one_row_commits(&mut connection).await;
    let rows_per_second = many_rows(&mut connection).await;
    let version = version(kind, &mut connection).await;
    connection.close().await.expect("closes");
    database.remove().await;
    let (bare_call, calls_per_second) = bare_calls().await;
    Floor { version, fdatasync: fdatasync(), one_row_commit, rows_per_second, bare_call, calls_per_second }
}

async fn version(kind: Kind, connection: &mut AnyConnection) -> String {
    let sql = if kind == Kind::Sqlite { "SELECT sqlite_version()" } else { "SELECT version()" };
    sqlx::query(sql).fetch_one(connection).await.and_then(|row| row.try_get(0)).expect("a version")
}

/// Often enough that the 99th percentile is not one outlier.
fn fdatasync() -> Spread {
    let mut file = tempfile::tempfile().expect("a file");
    let measured = (0..1_000).map(|_| {
        let started = now();
        file.write_all(&[0; 4096]).and_then(|()| file.sync_data()).expect("the disk takes it");
        started.elapsed()
    });
    Spread::of(measured.collect())
}

async fn one_row_commits(connection: &mut AnyConnection) -> Spread {
    let mut measured = Vec::new();
    for id in 0..500_i64 {
        let started = now();
        let insert = sqlx::query("INSERT INTO floor (id, text) VALUES ($1, $2)").bind(id).bind("one row");
        insert.execute(&mut *connection).await.expect("a row");
        measured.push(started.elapsed());
    }
    Spread::of(measured)
}

async fn many_rows(connection: &mut AnyConnection) -> f64 {
    const ROWS: i64 = 100;
    const BATCHES: i64 = 300;
    let places: Vec<String> = (0..ROWS).map(|row| format!("(${}, ${})", row * 2 + 1, row * 2 + 2)).collect();
    let sql = format!("INSERT INTO floor (id, text) VALUES {}", places.join(", "));
    let started = now();
    for batch in 0..BATCHES {
        let first = 1_000 + batch * ROWS;
        let insert = (0..ROWS)
            .fold(sqlx::query(AssertSqlSafe(sql.clone())), |insert, row| insert.bind(first + row).bind("many rows"));
        insert.execute(&mut *connection).await.expect("rows");
    }
    f64::from(u32::try_from(ROWS * BATCHES).unwrap_or_default()) / started.elapsed().as_secs_f64()
}

/// One call after the other, and how many there are a second with one after the other on each core.
async fn bare_calls() -> (Spread, f64) {
    let host = sandbox::host(Limits::default(), None);
    let subject = Subject::of(host.inspect(&guests::hostile()).await.expect("fits"));
    let invocation = sandbox::invocation(&subject, "ok", json!({}));
    let alone = Spread::of(calls(host.clone(), invocation.clone()).await);
    let (started, mut cores) = (now(), JoinSet::new());
    for _ in 0..facts::cores() {
        cores.spawn(calls(host.clone(), invocation.clone()));
    }
    let done = number(cores.join_all().await.iter().map(Vec::len).sum());
    (alone, done / started.elapsed().as_secs_f64())
}

async fn calls(host: PluginHost, invocation: Invocation) -> Vec<Duration> {
    let mut measured = Vec::new();
    for _ in 0..2_000 {
        let started = now();
        host.invoke(invocation.clone()).await.result.expect("is fine");
        measured.push(started.elapsed());
    }
    measured
}
