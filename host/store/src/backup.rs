//! A copy of an SQLite file, made by SQLite itself while a server may write to it. Knows nothing of data folders or keys.
//! PostgreSQL has tools of its own.

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    Connection,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};

use super::dialect;

/// How long the copy waits for a database that is busy, such as one that is just being recovered after a crash.
const BUSY: Duration = Duration::from_secs(10);

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// The newest migration that made its schema.
    pub schema: i64,
    /// Incidents.
    pub incidents: i64,
    /// Runs.
    pub runs: i64,
}

/// Why there is no copy, or none that can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is not there, or cannot be opened.
    #[error("{path}: the database cannot be opened")]
    Open {
        /// Its file.
        path: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The copy could not be written.
    #[error("{path}: the copy cannot be written")]
    Copy {
        /// Its file.
        path: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The copy could not be read back as a database of Wardroom's.
    #[error("the copy cannot be read back: is the source a database of Wardroom's?")]
    Check(#[source] sqlx::Error),
    /// The copy is damaged, as the source is then.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A newer program made the schema.
    #[error("the database has schema {found}, but this program knows {known}: use the program that runs the server")]
    Newer {
        /// The copy's.
        found: i64,
        /// This program's.
        known: i64,
    },
}

/// Copies the database of an `sqlite:` URL, as it is at one moment, into a file that is not there yet or is empty, and
/// reads the copy back. Writers go on meanwhile. In the copy every lease has been given up: no host is alive in it, and
/// what one drove can be taken up at once. The caller brings the file to the disk.
pub async fn back_up(url: &str, target: &Path) -> Result<Contents, BackupError> {
    copy(url, target).await?;
    check(target).await
}

async fn copy(url: &str, target: &Path) -> Result<(), BackupError> {
    let path = target.display().to_string();
    let source = SqliteConnectOptions::from_str(url)
        .map_err(|source| BackupError::Open { path: url.to_owned(), source })?
        .create_if_missing(false)
        .busy_timeout(BUSY);
    let unopened = source.get_filename().display().to_string();
    let unopened = |source| BackupError::Open { path: unopened.clone(), source };
    let mut connection = SqliteConnection::connect_with(&source).await.map_err(unopened)?;
    // The first read tells whether it is a database at all.
    sqlx::query("SELECT COUNT(*) FROM sqlite_schema").execute(&mut connection).await.map_err(unopened)?;
    let failed = |source| BackupError::Copy { path: path.clone(), source };
    sqlx::query("VACUUM INTO $1").bind(&path).execute(&mut connection).await.map_err(failed)?;
    // What cannot be closed cleanly has been read all the same.
    _ = connection.close().await;
    let options = SqliteConnectOptions::new().filename(target).create_if_missing(false);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
    // Epochs stay: put back into its old data folder, a host begins a life that is new to the copy too.
    sqlx::query("UPDATE hosts SET lease_expires_at = 0").execute(&mut connection).await.map_err(BackupError::Check)?;
    connection.close().await.map_err(failed)
}

/// Reads a copy back: whether it is whole, and what it holds.
async fn check(target: &Path) -> Result<Contents, BackupError> {
    let options = SqliteConnectOptions::new().filename(target).read_only(true).immutable(true);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(BackupError::Check)?;
    let found: String =
        sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut connection).await.map_err(BackupError::Check)?;
    if found != "ok" {
        return Err(BackupError::Damaged(found));
    }
    let mut counts = [0; 3];
    let questions = [
        "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success",
        "SELECT COUNT(*) FROM incidents",
        "SELECT COUNT(*) FROM runs",
    ];
    for (count, question) in counts.iter_mut().zip(questions) {
        *count = sqlx::query_scalar(question).fetch_one(&mut connection).await.map_err(BackupError::Check)?;
    }
    let [schema, incidents, runs] = counts;
    connection.close().await.map_err(BackupError::Check)?;
    let known = dialect::schema_version();
    if schema > known {
        return Err(BackupError::Newer { found: schema, known });
    }
    Ok(Contents { schema, incidents, runs })
}
