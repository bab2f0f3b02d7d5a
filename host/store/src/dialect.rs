//! The few things in which SQLite and PostgreSQL differ. Everything else is written once.

use std::{borrow::Cow, sync::Arc, time::Duration};

use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, Connection, Executor, Row,
    any::AnyPoolOptions,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::StoreError;
pub(super) use crate::trouble::{Trouble, trouble};

/// How many connections read on SQLite; PostgreSQL gets as many.
const READERS: u32 = 8;
/// How long a reader waits for a connection.
const WAIT: Duration = Duration::from_secs(10);

/// How long a connection may take to come up: a host that is gone without a word must not hold up whoever waits.
const CONNECT: Duration = Duration::from_secs(10);

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One file, one writer.
    Sqlite,
    /// A server that many hosts may share.
    Postgres,
}

/// What became of a transaction whose COMMIT got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was committed.
    Done,
    /// Nothing of it is there.
    Undone,
    /// The database is still at it.
    UnderWay,
    /// It cannot be told.
    Untold,
}

/// By what a transaction is found again.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    /// [`Backend::transaction_id`].
    pub(super) id: String,
    /// A row that it wrote; none when no guard's kind has one.
    pub(super) row: Option<WrittenRow>,
}

/// A row as its key tells it.
#[derive(Debug, Clone)]
pub(super) struct WrittenRow {
    pub(super) table: &'static str,
    /// The key's columns, each with its value as text.
    pub(super) key: Vec<(&'static str, String)>,
}

impl Trace {
    /// What the row says of a transaction of this number that was committed. A crash of PostgreSQL gives numbers out again
    /// that had not reached its disk: it need not have been this one.
    async fn by_row(&self, connection: &mut AnyConnection) -> Result<Fate, sqlx::Error> {
        let Some(row) = &self.row else { return Ok(Fate::Untold) };
        let key: Vec<String> =
            row.key.iter().enumerate().map(|(index, (column, _))| format!("{column} = ${}", index + 1)).collect();
        let sql = format!("SELECT CAST(xmin AS TEXT) FROM {} WHERE {}", row.table, key.join(" AND "));
        let query = sqlx::query(AssertSqlSafe(sql));
        let query = row.key.iter().fold(query, |query, (_, value)| query.bind(value.as_str()));
        let Some(found) = query.fetch_optional(connection).await? else { return Ok(Fate::Undone) };
        let writer: String = found.try_get(0)?;
        // A row keeps the lower half of the number.
        let lower = self.id.parse::<u64>().ok().map(|id| id & u64::from(u32::MAX));
        // Another writer may have come before this look, or ours never did.
        Ok(if lower.is_some() && writer.parse().ok() == lower { Fate::Done } else { Fate::Untold })
    }
}

/// How long SQLite waits for another writer.
pub(super) const PATIENT: &str = "PRAGMA busy_timeout = 10000";

const SQLITE: &[(i64, &str, &str)] = &[
    (1, "spine", include_str!("../../../migrations/sqlite/0001_spine.sql")),
    (2, "dossiers", include_str!("../../../migrations/sqlite/0002_dossiers.sql")),
    (3, "sources", include_str!("../../../migrations/sqlite/0003_sources.sql")),
    (4, "playbooks", include_str!("../../../migrations/sqlite/0004_playbooks.sql")),
    (5, "grants", include_str!("../../../migrations/sqlite/0005_grants.sql")),
    (6, "limits", include_str!("../../../migrations/sqlite/0006_limits.sql")),
];
const POSTGRES: &[(i64, &str, &str)] = &[
    (1, "spine", include_str!("../../../migrations/postgres/0001_spine.sql")),
    (2, "dossiers", include_str!("../../../migrations/postgres/0002_dossiers.sql")),
    (3, "sources", include_str!("../../../migrations/postgres/0003_sources.sql")),
    (4, "playbooks", include_str!("../../../migrations/postgres/0004_playbooks.sql")),
    (5, "grants", include_str!("../../../migrations/postgres/0005_grants.sql")),
    (6, "limits", include_str!("../../../migrations/postgres/0006_limits.sql")),
];

impl Backend {
    /// What a database URL means.
    pub fn of(url: &str) -> Result<Self, StoreError> {
        match url.split(':').next() {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(StoreError::Url),
        }
    }

    /// The URL with what every installation needs: an SQLite file is made when it is not there.
    pub(super) fn complete(self, url: &str) -> String {
        match self {
            Self::Sqlite if !url.contains('?') => format!("{url}?mode=rwc"),
            Self::Sqlite | Self::Postgres => url.to_owned(),
        }
    }

    /// What every connection is told first. Durability is said out loud: neither a default nor a server's setting decides.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                PATIENT,
                "PRAGMA foreign_keys = ON",
                "PRAGMA cache_size = -65536",
                // In pages: `checkpoint` comes first, this is for the day it cannot.
                "PRAGMA wal_autocheckpoint = 16384",
            ],
            Self::Postgres => &["SET synchronous_commit = on", "SET TIME ZONE 'UTC'", "SET statement_timeout = '60s'"],
        }
    }

    /// How a transaction that writes begins. SQLite takes its one write lock at once, so that it never has to be upgraded.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// The column type of bytes.
    pub(super) fn bytes(self) -> &'static str {
        match self {
            Self::Sqlite => "BLOB",
            Self::Postgres => "BYTEA",
        }
    }

    /// An expression for the identifier of the transaction, by which a COMMIT without an answer is looked up. SQLite needs
    /// none: its COMMIT has no network to break.
    pub(super) fn transaction_id(self) -> &'static str {
        match self {
            Self::Sqlite => "''",
            Self::Postgres => "CAST(pg_current_xact_id() AS TEXT)",
        }
    }

    /// The identifier of the transaction that is open on a connection, where there are such.
    pub(super) async fn this_transaction(self, connection: &mut AnyConnection) -> Result<Option<String>, sqlx::Error> {
        match self {
            Self::Sqlite => Ok(None),
            Self::Postgres => {
                let row = sqlx::query("SELECT CAST(pg_current_xact_id() AS TEXT)").fetch_one(connection).await?;
                row.try_get(0).map(Some)
            }
        }
    }

    /// What became of a transaction of [`Backend::transaction_id`].
    pub(super) async fn fate(self, connection: &mut AnyConnection, trace: &Trace) -> Result<Fate, sqlx::Error> {
        if self == Self::Sqlite {
            return Ok(Fate::Undone);
        }
        let status = sqlx::query("SELECT pg_xact_status(CAST($1 AS xid8))").bind(trace.id.as_str());
        let status: Option<String> = match status.fetch_one(&mut *connection).await {
            Ok(row) => row.try_get(0)?,
            // The number is in the future: it was lost with the rest of the transaction when the database crashed.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("22023") => return Ok(Fate::Undone),
            Err(error) => return Err(error),
        };
        match status.as_deref() {
            Some("committed") => trace.by_row(connection).await,
            Some("aborted") => Ok(Fate::Undone),
            Some("in progress") => Ok(Fate::UnderWay),
            _ => Ok(Fate::Untold),
        }
    }

    /// Keeps two hosts from claiming one row; SQLite has one writer anyway.
    pub(super) fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// What asks how a statement would be done, without doing it.
    pub(super) fn explain(self) -> &'static str {
        match self {
            Self::Sqlite => "EXPLAIN QUERY PLAN",
            Self::Postgres => "EXPLAIN",
        }
    }

    /// The database's own time in Unix milliseconds: leases are measured by one clock.
    pub(super) fn now_ms(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS BIGINT)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    fn migrator(self) -> Migrator {
        let migrations = match self {
            Self::Sqlite => SQLITE,
            Self::Postgres => POSTGRES,
        };
        let migrations = migrations.iter().map(|(version, name, sql)| {
            let sql = sqlx::SqlSafeStr::into_sql_str(*sql);
            Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
        });
        Migrator { migrations: Cow::Owned(migrations.collect()), ..Migrator::DEFAULT }
    }
}

/// A connection of its own: the journal's and the heartbeat's.
pub(super) async fn connect(backend: Backend, url: &str) -> Result<AnyConnection, StoreError> {
    let connecting = async {
        let mut connection = AnyConnection::connect(url).await?;
        for setting in backend.settings() {
            connection.execute(*setting).await?;
        }
        Ok(connection)
    };
    let connected = tokio::time::timeout(CONNECT, connecting).await;
    connected.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())).map_err(connect_error)
}

/// The pool of readers.
pub(super) async fn readers(backend: Backend, url: &str) -> Result<AnyPool, StoreError> {
    let options = AnyPoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(WAIT)
        // A file does not hang up; asking it first would double the way of each read.
        .test_before_acquire(backend == Backend::Postgres)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                for setting in backend.settings() {
                    connection.execute(*setting).await?;
                }
                Ok(())
            })
        });
    options.connect(url).await.map_err(connect_error)
}

/// The newest migration this program knows; the same for both databases.
pub(super) fn schema_version() -> i64 {
    SQLITE.iter().map(|(version, _, _)| *version).max().unwrap_or_default()
}

/// Brings the schema up to date; hosts that start at once take turns. A database that a newer version has migrated is
/// refused: that version may write what this one cannot read. Hosts that were running before go on, because migrations
/// expand the schema first and contract it in a later release.
pub(super) async fn migrate(backend: Backend, url: &str) -> Result<(), StoreError> {
    let mut connection = connect(backend, url).await?;
    match backend.migrator().run(&mut connection).await {
        Ok(()) => connection.close().await.map_err(connect_error),
        Err(MigrateError::VersionMissing(missing)) if missing > schema_version() => {
            let newest = sqlx::query("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&mut connection).await;
            let found = newest.and_then(|row| row.try_get(0)).unwrap_or(missing);
            Err(StoreError::Newer { found, known: schema_version() })
        }
        Err(error) => Err(StoreError::Migrate(Arc::new(error))),
    }
}

/// The driver both databases are used through.
pub(super) type Driver = Any;

fn connect_error(error: sqlx::Error) -> StoreError {
    StoreError::Connect(Arc::new(error))
}
