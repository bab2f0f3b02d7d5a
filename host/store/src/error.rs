//! Why the database did not do something.

use crate::trouble;
use std::sync::Arc;

/// Why the database did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The URL names no database this program speaks.
    #[error("the database URL has to begin with sqlite: or postgres:")]
    Url,
    /// No connection.
    #[error("no connection to the database: {0}")]
    Connect(Arc<sqlx::Error>),
    /// The schema could not be brought up to date.
    #[error("the database's schema could not be brought up to date: {0}")]
    Migrate(Arc<sqlx::migrate::MigrateError>),
    /// A newer version has migrated the database.
    #[error(
        "database schema: expected version {known} or lower, found {found}: a newer version of Wardroom has upgraded this \
         database; start that version or a later one, or restore a backup that was made before the upgrade"
    )]
    Newer {
        /// The newest migration of the database.
        found: i64,
        /// The newest migration of this program.
        known: i64,
    },
    /// A write was refused; nothing of it is there.
    #[error("the write failed: {0}")]
    Write(Arc<sqlx::Error>),
    /// A COMMIT got no answer, and it could not be found out whether it was done.
    #[error("the database did not say whether the write was done")]
    Unanswered,
    /// Too many writes wait; nothing of this one is there.
    #[error("too many writes wait: nothing was written")]
    Busy,
    /// The journal has stopped.
    #[error("the journal has stopped")]
    Closed,
    /// It does not answer, as the last write found.
    #[error("the database does not answer")]
    Away,
    /// Its disk takes no more, as the last write found.
    #[error("the database's disk takes no more")]
    Full,
    /// A read failed.
    #[error("the read failed: {0}")]
    Read(Arc<sqlx::Error>),
    /// A row does not hold what its column should.
    #[error("column {column} holds what cannot be understood: {reason}")]
    Row {
        /// The column.
        column: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl StoreError {
    /// Whether the database's disk takes no more: it is full, or it fails. Nothing was written.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full => true,
            Self::Write(error) | Self::Read(error) | Self::Connect(error) => {
                trouble::trouble(error) == Some(trouble::Trouble::Full)
            }
            _ => false,
        }
    }

    /// Whether the database has too much to do at the moment. Nothing was written.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Write(error) | Self::Read(error) => trouble::is_busy(error),
            _ => false,
        }
    }

    /// An error of a write; `From` makes it one of a read.
    pub(crate) fn write(error: sqlx::Error) -> Self {
        Self::Write(Arc::new(error))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Read(Arc::new(error))
    }
}
