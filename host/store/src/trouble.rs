//! What kept the database from doing something, read from its driver's errors.

/// What an error says of the database as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Deadlock, serialization, a busy database: trying again at once can help.
    Passing,
    /// It does not answer.
    Away,
    /// Its disk takes no more.
    Full,
}

/// The database's trouble behind an error; none when the statement is to blame.
pub(crate) fn trouble(error: &sqlx::Error) -> Option<Trouble> {
    match error {
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("40P01" | "40001" | "5" | "6" | "261" | "517") => Some(Trouble::Passing),
            // Stopped by an administrator, by a crash, or starting up.
            Some("57P01" | "57P02" | "57P03") => Some(Trouble::Away),
            // PostgreSQL's disk_full; SQLITE_FULL, and what a failing write, sync or growth of a file is called there.
            Some("53100" | "13" | "778" | "1034" | "1546" | "4874") => Some(Trouble::Full),
            _ => None,
        },
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut => Some(Trouble::Away),
        _ => None,
    }
}

/// Whether a statement gave up because others kept what it needs: SQLite's busy and locked, PostgreSQL's deadlock,
/// serialization failure and time limits. It did nothing.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    let codes = ["5", "6", "261", "517", "40P01", "40001", "55P03", "57014"];
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| codes.contains(&code.as_ref())),
        _ => false,
    }
}
