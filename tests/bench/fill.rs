//! Makes many runs of one: copies its rows by SQL, past the server. Every column is copied as it is, whatever columns there
//! are, but for the identifier and the times; so the copies are what the server itself would have written.

use sqlx::{AnyConnection, AssertSqlSafe, Column, Executor, Row};

use super::figures::Progress;

/// What belongs to a run: the table, and which column names the run.
const TABLES: [(&str, &str); 3] = [("runs", "id"), ("step_runs", "run_id"), ("attempts", "run_id")];
/// The columns that say when something was.
const TIMES: [&str; 4] = ["created_at", "deadline", "started_at", "finished_at"];
/// How many copies are made in one transaction.
const BATCH: u32 = 50_000;

/// Which copies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copies<'a> {
    /// The run that is copied.
    pub(crate) run: &'a str,
    /// How many.
    pub(crate) count: u32,
    /// How far the copies lie apart in the past, in milliseconds; the last is as old as the run itself.
    pub(crate) apart_ms: u32,
}

/// Makes them. The server should not run meanwhile.
///
/// # Panics
/// When the database refuses, or the run has not a row in `runs`.
pub(crate) async fn copy(connection: &mut AnyConnection, copies: Copies<'_>, progress: &Progress) {
    let mut statements = Vec::new();
    for (table, key) in TABLES {
        let sql = format!("SELECT * FROM {table} WHERE {key} = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(copies.run).fetch_optional(&mut *connection).await;
        let Some(row) = row.expect("the run can be read") else { continue };
        let columns: Vec<String> = row.columns().iter().map(|column| column.name().to_owned()).collect();
        statements.push(statement(table, key, &columns, copies));
    }
    assert!(!statements.is_empty(), "there is no run {}", copies.run);
    for first in (0..copies.count).step_by(BATCH as usize) {
        let end = copies.count.min(first + BATCH);
        connection.execute("BEGIN").await.expect("a transaction");
        for sql in &statements {
            let insert = sqlx::query(AssertSqlSafe(sql.clone()));
            let insert = insert.bind(copies.run).bind(i64::from(first)).bind(i64::from(end));
            insert.execute(&mut *connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        connection.execute("COMMIT").await.expect("is committed");
        if end.is_multiple_of(BATCH * 5) || end == copies.count {
            progress.say(&format!("    {end} of {} runs copied", copies.count));
        }
    }
}

/// The statement that makes the copies from `$2` up to `$3`, which is left out, of the run `$1` in one table.
fn statement(table: &str, key: &str, columns: &[String], copies: Copies<'_>) -> String {
    let values: Vec<String> = columns.iter().map(|column| value(column, column == key, copies)).collect();
    format!(
        "WITH RECURSIVE series (n) AS (SELECT CAST($2 AS BIGINT) UNION ALL SELECT n + 1 FROM series WHERE n + 1 < CAST($3 \
         AS BIGINT)) INSERT INTO {table} ({}) SELECT {} FROM {table} CROSS JOIN series WHERE {table}.{key} = $1",
        columns.join(", "),
        values.join(", "),
    )
}

fn value(column: &str, names_the_run: bool, copies: Copies<'_>) -> String {
    let Copies { count, apart_ms, .. } = copies;
    if names_the_run {
        // Decimal digits are hexadecimal ones too: a UUID of version 7 from before the first real run, ascending with time.
        "'01900000-0000-7000-8000-' || CAST(100000000000 + n AS TEXT)".to_owned()
    } else if TIMES.contains(&column) {
        format!("{column} - ({count} - 1 - n) * {apart_ms}")
    } else {
        column.to_owned()
    }
}
