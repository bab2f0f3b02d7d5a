//! Reading rows: cells by the name of their column, words and JSON back into nouns, and pages.

use serde::de::DeserializeOwned;
use sqlx::{AnyConnection, AssertSqlSafe, Row, any::AnyRow, query::Query};
use uuid::Uuid;

use super::{
    Backend, Store, StoreError,
    dialect::Driver,
    statement::{Cell, storable},
};
use wardroom_domain::time::Timestamp;

type Arguments = <Driver as sqlx::Database>::Arguments;

/// A `SELECT` that grows condition by condition, its parameters numbered as they come.
pub(super) struct Select {
    sql: String,
    cells: Vec<Cell>,
    conditions: usize,
}

impl Select {
    /// Begins with everything up to the conditions.
    pub(super) fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), cells: Vec::new(), conditions: 0 }
    }

    /// Adds `left ?`, such as `status =`, with its parameter.
    pub(super) fn and(mut self, left: &str, cell: Cell) -> Self {
        self.cells.push(cell);
        let condition = format!("{left} ${}", self.cells.len());
        self.that(&condition)
    }

    /// Adds `left (?, ?)`, such as `(nominal, kind) <`, with as many parameters as there are columns.
    pub(super) fn and_row(mut self, left: &str, cells: Vec<Cell>) -> Self {
        let first = self.cells.len() + 1;
        self.cells.extend(cells);
        let places: Vec<String> = (first..=self.cells.len()).map(|index| format!("${index}")).collect();
        self.that(&format!("{left} ({})", places.join(", ")))
    }

    /// Adds a condition without a parameter.
    pub(super) fn that(mut self, condition: &str) -> Self {
        let word = if self.conditions == 0 { "WHERE" } else { "AND" };
        self.conditions += 1;
        self.sql = format!("{} {word} {condition}", self.sql);
        self
    }

    /// Adds a condition if there is something to compare with.
    pub(super) fn and_maybe(self, left: &str, cell: Option<Cell>) -> Self {
        match cell {
            Some(cell) => self.and(left, cell),
            None => self,
        }
    }

    /// Adds that a column is like a pattern, in which `\\` takes the next sign literally.
    pub(super) fn like(mut self, column: &str, pattern: &str) -> Self {
        self.cells.push(Cell::text(pattern));
        let condition = format!("{column} LIKE ${} ESCAPE '\\'", self.cells.len());
        self.that(&condition)
    }

    /// Adds that a column is null or like a pattern.
    pub(super) fn null_or_like(mut self, column: &str, pattern: &str) -> Self {
        self.cells.push(Cell::text(pattern));
        let condition = format!("({column} IS NULL OR {column} LIKE ${} ESCAPE '\\')", self.cells.len());
        self.that(&condition)
    }

    /// Adds that a column is one of some values: at least one.
    pub(super) fn among(self, column: &str, cells: impl Iterator<Item = Cell>) -> Self {
        self.and_row(&format!("{column} IN"), cells.collect())
    }

    /// Ends with an order and a limit.
    pub(super) fn order(mut self, order: &str, limit: u32) -> Self {
        self.sql = format!("{} ORDER BY {order} LIMIT {limit}", self.sql);
        self
    }

    /// Locks the rows it gives for the transaction it is asked in; those that another host has locked are left out.
    pub(super) fn locked(mut self, backend: Backend) -> Self {
        self.sql = format!("{} {}", self.sql, backend.skip_locked());
        self
    }

    /// Asks on a connection of the caller's, inside its transaction.
    pub(super) async fn on(self, connection: &mut AnyConnection) -> Result<Vec<AnyRow>, sqlx::Error> {
        bound(sqlx::query(AssertSqlSafe(self.sql)), self.cells).fetch_all(connection).await
    }

    /// How the database would find the rows, in its own words.
    pub(super) async fn plan(self, store: &Store) -> Result<String, StoreError> {
        let sql = format!("{} {}", store.backend().explain(), self.sql);
        let lines = bound(sqlx::query(AssertSqlSafe(sql)), self.cells).fetch_all(&store.readers).await?;
        // The text is the last column of each line, whatever its name.
        let text = lines.iter().map(|line| line.try_get::<String, _>(line.len().saturating_sub(1)));
        Ok(text.collect::<Result<Vec<_>, _>>()?.join("\n"))
    }

    pub(super) async fn all(self, store: &Store) -> Result<Vec<AnyRow>, StoreError> {
        let query = bound(sqlx::query(AssertSqlSafe(self.sql)), self.cells);
        Ok(query.fetch_all(&store.readers).await?)
    }

    pub(super) async fn one(self, store: &Store) -> Result<Option<AnyRow>, StoreError> {
        let query = bound(sqlx::query(AssertSqlSafe(self.sql)), self.cells);
        Ok(query.fetch_optional(&store.readers).await?)
    }
}

/// Gives a query its parameters.
pub(super) fn bound(query: Query<'_, Driver, Arguments>, cells: Vec<Cell>) -> Query<'_, Driver, Arguments> {
    cells.into_iter().fold(query, |query, cell| match cell {
        Cell::Int(number) => query.bind(number),
        Cell::Text(text) => query.bind(text.as_deref().map(storable)),
        Cell::Bytes(bytes) => query.bind(bytes),
    })
}

/// A row whose cells are asked for by name.
pub(super) struct Cursor<'a>(pub(super) &'a AnyRow);

impl Cursor<'_> {
    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    /// A number of another width.
    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        let number = self.int(column)?;
        T::try_from(number).map_err(|_| StoreError::Row { column, reason: format!("{number} is out of range") })
    }

    pub(super) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn maybe_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_unix_ms(self.int(column)?))
    }

    pub(super) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.maybe_int(column)?.map(Timestamp::from_unix_ms))
    }

    pub(super) fn uuid(&self, column: &'static str) -> Result<Uuid, StoreError> {
        parsed(column, &self.text(column)?)
    }

    pub(super) fn maybe_uuid(&self, column: &'static str) -> Result<Option<Uuid>, StoreError> {
        self.maybe_text(column)?.map(|text| parsed(column, &text)).transpose()
    }

    /// A noun kept as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        from_json(column, &self.text(column)?)
    }

    pub(super) fn maybe_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.maybe_text(column)?.map(|text| from_json(column, &text)).transpose()
    }

    /// A word of a fixed list.
    pub(super) fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        let word = serde_json::Value::String(self.text(column)?);
        serde_json::from_value(word).map_err(|error| StoreError::Row { column, reason: error.to_string() })
    }
}

fn parsed(column: &'static str, text: &str) -> Result<Uuid, StoreError> {
    text.parse().map_err(|_| StoreError::Row { column, reason: format!("{text:?} is no UUID") })
}

/// What was written can be read: values that came in within serde's 128 levels are kept a few levels deeper.
fn from_json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, StoreError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let read = T::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| StoreError::Row { column, reason: error.to_string() })
}

/// Every row as a noun.
pub(super) fn each<T>(
    rows: &[AnyRow],
    read: impl Fn(&Cursor<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(|row| read(&Cursor(row))).collect()
}
