//! What this machine can do at best: the disk, the database through sqlx, and a bare call of a component.

use std::{io::Write, sync::Arc, time::Duration};

use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use wardroom::{
    clock::SystemClock,
    domain::run::Mode,
    plugin::{
        Function, Invocation, Options, Overlay, PluginHost,
        limits::Limits,
        ports::{Nothing, SystemResolver},
    },
};
use wardroom_tests::{
    database::{Database, Kind},
    guests,
    process::now,
};

use super::Spread;

/// The floor.
pub(crate) struct Floor {
    pub(crate) fdatasync: Spread,
    pub(crate) one_row_commit: Spread,
    pub(crate) rows_per_second: f64,
    pub(crate) bare_call: Spread,
}

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
    Floor {
        fdatasync: fdatasync(),
        one_row_commit: one_row_commits(&mut connection).await,
        rows_per_second: many_rows(&mut connection).await,
        bare_call: bare_calls().await,
    }
}

fn fdatasync() -> Spread {
    let mut file = tempfile::tempfile().expect("a file");
    let measured = (0..300).map(|_| {
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

async fn bare_calls() -> Spread {
    let host = PluginHost::new(Options {
        cache: None,
        limits: Limits::default(),
        secrets: Arc::new(Nothing),
        state: Arc::new(Nothing),
        resolver: Arc::new(SystemResolver),
        operator_hosts: None,
        clock: Arc::new(SystemClock),
    })
    .expect("starts");
    let found = host.inspect(&guests::hostile()).await.expect("fits");
    let invocation = Invocation {
        digest: found.digest,
        function: Function::Run,
        manifest: Arc::new(found.manifest),
        action: "ok".to_owned(),
        input: json!({}),
        run: String::new(),
        step: String::new(),
        item: None,
        attempt: 1,
        incident: None,
        snapshot: None,
        connection: None,
        idempotency_key: String::new(),
        mode: Mode::Real,
        resume: None,
        undo_data: None,
        callback_url: None,
        deadline: Duration::from_secs(10),
        lease: None,
        overlay: Overlay::default(),
    };
    let mut measured = Vec::new();
    for _ in 0..2_000 {
        let started = now();
        host.invoke(invocation.clone()).await.result.expect("is fine");
        measured.push(started.elapsed());
    }
    Spread::of(measured)
}
