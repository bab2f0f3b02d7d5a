//! The few things in which SQLite and PostgreSQL differ. Everything else is written once.

use std::{borrow::Cow, sync::Arc, time::Duration};

use sqlx::{
    Any, AnyConnection, AnyPool, Connection, Executor, Row,
    any::AnyPoolOptions,
    migrate::{Migration, MigrationType, Migrator},
};

use super::StoreError;

/// How many connections read on SQLite; PostgreSQL gets as many.
const READERS: u32 = 8;
/// How long a reader waits for a connection.
const WAIT: Duration = Duration::from_secs(10);

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One file, one writer.
    Sqlite,
    /// A server that many hosts may share.
    Postgres,
}

const SQLITE: &[(i64, &str, &str)] = &[(1, "spine", include_str!("../../../migrations/sqlite/0001_spine.sql"))];
const POSTGRES: &[(i64, &str, &str)] = &[(1, "spine", include_str!("../../../migrations/postgres/0001_spine.sql"))];

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
                "PRAGMA busy_timeout = 10000",
                "PRAGMA foreign_keys = ON",
                "PRAGMA cache_size = -65536",
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

    /// Whether a transaction of [`Backend::transaction_id`] was committed; none when it cannot be told.
    pub(super) async fn was_committed(
        self,
        connection: &mut AnyConnection,
        id: &str,
    ) -> Result<Option<bool>, sqlx::Error> {
        match self {
            Self::Sqlite => Ok(Some(false)),
            Self::Postgres => {
                let row = sqlx::query("SELECT pg_xact_status(CAST($1 AS xid8))").bind(id).fetch_one(connection).await?;
                let status: Option<String> = row.try_get(0)?;
                Ok(match status.as_deref() {
                    Some("committed") => Some(true),
                    Some("aborted") => Some(false),
                    _ => None,
                })
            }
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
    let mut connection = AnyConnection::connect(url).await.map_err(connect_error)?;
    for setting in backend.settings() {
        connection.execute(*setting).await.map_err(connect_error)?;
    }
    Ok(connection)
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

/// Brings the schema up to date; hosts that start at once take turns.
pub(super) async fn migrate(backend: Backend, url: &str) -> Result<(), StoreError> {
    let mut connection = connect(backend, url).await?;
    backend.migrator().run(&mut connection).await.map_err(|error| StoreError::Migrate(Arc::new(error)))?;
    connection.close().await.map_err(connect_error)
}

/// Whether a statement gave up because others kept what it needs: SQLite's busy and locked, PostgreSQL's deadlock,
/// serialization failure and time limits. It did nothing.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    let codes = ["5", "6", "261", "517", "40P01", "40001", "55P03", "57014"];
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| codes.contains(&code.as_ref())),
        _ => false,
    }
}

/// The driver both databases are used through.
pub(super) type Driver = Any;

fn connect_error(error: sqlx::Error) -> StoreError {
    StoreError::Connect(Arc::new(error))
}
