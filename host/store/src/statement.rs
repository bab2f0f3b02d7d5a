//! Multi-row statements: a table's columns are named once, and inserts, upserts and compare-and-set updates of many rows
//! are made from them. Rows go out in chunks of a few fixed sizes, so that prepared statements are used again.

use std::fmt::Write as _;

use sqlx::{AnyConnection, AssertSqlSafe, Row, any::AnyArguments, any::AnyRow};

use super::dialect::Backend;
pub(super) use crate::key_separator::SEPARATOR;

/// The sizes of chunks, largest first. 128 rows of 22 columns stay far below both databases' limits of parameters.
const CHUNKS: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
}

/// A value of a row.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// A table: its name, its columns in the order rows give them, and its key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    pub(super) key: &'static [&'static str],
}

/// A row of a table.
pub(super) type Cells = Vec<Cell>;

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(Some(text.into()))
    }

    pub(super) fn maybe(text: Option<impl ToString>) -> Self {
        Self::Text(text.map(|text| text.to_string()))
    }

    pub(super) fn int(number: impl Into<i64>) -> Self {
        Self::Int(Some(number.into()))
    }
}

/// What to do when a row is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnConflict {
    /// An error: it must not happen.
    Fail,
    /// Leave the old row.
    Nothing,
    /// Take the new row.
    Replace,
}

/// Runs statements on one connection and counts the rows they write.
pub(super) struct Writer<'a> {
    pub(super) connection: &'a mut AnyConnection,
    pub(super) backend: Backend,
    pub(super) rows: u64,
}

impl Writer<'_> {
    /// Inserts rows.
    pub(super) async fn insert(
        &mut self,
        table: &Table,
        rows: &[Cells],
        on_conflict: OnConflict,
    ) -> Result<(), sqlx::Error> {
        for chunk in chunks(rows) {
            let sql = insert_sql(table, chunk.len(), on_conflict);
            self.execute(sql, chunk).await?;
        }
        Ok(())
    }

    /// Inserts rows that are not there yet; gives the first key column of those that went in, and the transaction.
    pub(super) async fn insert_new(&mut self, table: &Table, rows: &[Cells]) -> Result<Vec<Landed>, sqlx::Error> {
        let mut landed = Vec::new();
        for chunk in chunks(rows) {
            let mut sql = insert_sql(table, chunk.len(), OnConflict::Nothing);
            let keys = table.key.join(", ");
            _ = write!(sql, " RETURNING {keys}, {}", self.backend.transaction_id());
            landed.extend(self.returning(sql, chunk, table.key.len()).await?);
        }
        Ok(landed)
    }

    /// Compare-and-set: each row ends with the value that `compared` must still have. All columns but the key are set.
    pub(super) async fn compare_and_set(
        &mut self,
        table: &Table,
        compared: &str,
        rows: &[Cells],
    ) -> Result<Vec<Landed>, sqlx::Error> {
        let mut landed = Vec::new();
        for chunk in chunks(rows) {
            let sql = update_sql(table, compared, chunk.len(), self.backend);
            landed.extend(self.returning(sql, chunk, table.key.len()).await?);
        }
        Ok(landed)
    }

    /// Adds to a counter column of rows of one table; gives key and new value.
    pub(super) async fn add(
        &mut self,
        table: &'static str,
        key: &'static str,
        column: &'static str,
        rows: &[Cells],
    ) -> Result<Vec<(String, i64)>, sqlx::Error> {
        let mut sums = Vec::new();
        for chunk in chunks(rows) {
            let values = values_sql(&[("id", Kind::Text), ("more", Kind::Int)], chunk.len(), Some(self.backend));
            let sql = format!(
                "WITH v(id, more) AS ({values}) UPDATE {table} SET {column} = {table}.{column} + v.more FROM v \
                 WHERE {table}.{key} = v.id RETURNING {table}.{key}, {column}"
            );
            let found = self.fetch(sql, chunk).await?;
            self.rows += found.len() as u64;
            for row in found {
                sums.push((row.try_get(0)?, row.try_get(1)?));
            }
        }
        Ok(sums)
    }

    /// One statement of its own, for what is done seldom.
    pub(super) async fn run(&mut self, sql: &'static str, cells: Cells) -> Result<u64, sqlx::Error> {
        let done =
            sqlx::query_with(sql, arguments(std::slice::from_ref(&cells))?).execute(&mut *self.connection).await?;
        self.rows += done.rows_affected();
        Ok(done.rows_affected())
    }

    /// Whether a query finds a row.
    pub(super) async fn finds(&mut self, sql: &'static str, cells: Cells) -> Result<bool, sqlx::Error> {
        let query = sqlx::query_with(sql, arguments(std::slice::from_ref(&cells))?);
        Ok(query.fetch_optional(&mut *self.connection).await?.is_some())
    }

    async fn execute(&mut self, sql: String, rows: &[Cells]) -> Result<(), sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments(rows)?);
        self.rows += query.execute(&mut *self.connection).await?.rows_affected();
        Ok(())
    }

    async fn fetch(&mut self, sql: String, rows: &[Cells]) -> Result<Vec<AnyRow>, sqlx::Error> {
        sqlx::query_with(AssertSqlSafe(sql), arguments(rows)?).fetch_all(&mut *self.connection).await
    }

    async fn returning(&mut self, sql: String, rows: &[Cells], keys: usize) -> Result<Vec<Landed>, sqlx::Error> {
        let found = self.fetch(sql, rows).await?;
        self.rows += found.len() as u64;
        found
            .iter()
            .map(|row| {
                let mut key = String::new();
                for column in 0..keys {
                    if column > 0 {
                        key.push(SEPARATOR);
                    }
                    key.push_str(&key_text(row, column)?);
                }
                Ok(Landed { key, transaction: row.try_get(keys)? })
            })
            .collect()
    }
}

/// A guard's row that went in.
pub(super) struct Landed {
    /// The key's columns.
    pub(super) key: String,
    /// The database's name for the transaction.
    pub(super) transaction: String,
}

fn key_text(row: &AnyRow, column: usize) -> Result<String, sqlx::Error> {
    match row.try_get::<String, _>(column) {
        Ok(text) => Ok(text),
        Err(_) => row.try_get::<i64, _>(column).map(|number| number.to_string()),
    }
}

/// A text that both databases take: PostgreSQL has no NUL, and a guest may say one.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn arguments(rows: &[Cells]) -> Result<AnyArguments, sqlx::Error> {
    use sqlx::Arguments;
    let mut arguments = AnyArguments::default();
    for cell in rows.iter().flatten() {
        match cell {
            Cell::Int(number) => arguments.add(*number),
            Cell::Text(text) => arguments.add(text.as_deref().map(storable)),
            Cell::Bytes(bytes) => arguments.add(bytes.clone()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// Cuts rows into chunks of the fixed sizes.
fn chunks(mut rows: &[Cells]) -> impl Iterator<Item = &[Cells]> {
    std::iter::from_fn(move || {
        let size = CHUNKS.into_iter().find(|size| *size <= rows.len())?;
        let (chunk, rest) = rows.split_at(size);
        rows = rest;
        Some(chunk)
    })
}

/// `VALUES ($1, $2), …`; with casts in the first row where no target column tells the types.
fn values_sql(columns: &[(&str, Kind)], rows: usize, cast: Option<Backend>) -> String {
    let mut sql = String::from("VALUES ");
    let mut number = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for (index, (_, kind)) in columns.iter().enumerate() {
            number += 1;
            let comma = if index == 0 { "" } else { ", " };
            _ = match cast {
                Some(backend) if row == 0 => write!(sql, "{comma}CAST(${number} AS {})", sql_type(*kind, backend)),
                _ => write!(sql, "{comma}${number}"),
            };
        }
        sql.push(')');
    }
    sql
}

fn sql_type(kind: Kind, backend: Backend) -> &'static str {
    match kind {
        Kind::Int => "BIGINT",
        Kind::Text => "TEXT",
        Kind::Bytes => backend.bytes(),
    }
}

fn insert_sql(table: &Table, rows: usize, on_conflict: OnConflict) -> String {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let mut sql =
        format!("INSERT INTO {} ({}) {}", table.name, names.join(", "), values_sql(table.columns, rows, None));
    match on_conflict {
        OnConflict::Fail => {}
        OnConflict::Nothing => sql.push_str(" ON CONFLICT DO NOTHING"),
        OnConflict::Replace => {
            let set: Vec<String> = names
                .iter()
                .filter(|name| !table.key.contains(*name))
                .map(|name| format!("{name} = excluded.{name}"))
                .collect();
            _ = write!(sql, " ON CONFLICT ({}) DO UPDATE SET {}", table.key.join(", "), set.join(", "));
        }
    }
    sql
}

fn update_sql(table: &Table, compared: &str, rows: usize, backend: Backend) -> String {
    let name = table.name;
    let mut columns = table.columns.to_vec();
    columns.push(("expected", Kind::Int));
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let set: Vec<String> = table
        .columns
        .iter()
        .filter(|(column, _)| !table.key.contains(column))
        .map(|(column, _)| format!("{column} = v.{column}"))
        .collect();
    let same_key: Vec<String> = table.key.iter().map(|column| format!("{name}.{column} = v.{column}")).collect();
    let keys: Vec<String> = table.key.iter().map(|column| format!("{name}.{column}")).collect();
    format!(
        "WITH v({}) AS ({}) UPDATE {name} SET {} FROM v WHERE {} AND {name}.{compared} = v.expected RETURNING {}, {}",
        names.join(", "),
        values_sql(&columns, rows, Some(backend)),
        set.join(", "),
        same_key.join(" AND "),
        keys.join(", "),
        backend.transaction_id(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_out_in_fixed_sizes() {
        let rows: Vec<Cells> = (0..141).map(|n| vec![Cell::int(n)]).collect();
        let sizes: Vec<usize> = chunks(&rows).map(<[Cells]>::len).collect();
        assert_eq!(sizes, [128, 8, 4, 1]);
    }
}
