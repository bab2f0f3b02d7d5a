//! The small durable values of plugins: a scope for each plugin and connection, changed by compare-and-set.

use super::{
    Store, StoreError,
    read::{Cursor, Select, each},
    statement::Cell,
};

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateValue {
    /// The bytes.
    pub value: Vec<u8>,
    /// Counts writes of the key, from 1.
    pub version: i64,
}

/// What a writer expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateExpect {
    /// Anything or nothing.
    Any,
    /// Nothing.
    Absent,
    /// This version.
    Version(i64),
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateChange {
    /// Done; the version afterwards, 0 when the key is gone.
    Done(i64),
    /// Another version is there; 0: nothing.
    Conflict(i64),
    /// The scope holds as many keys as it may.
    Full,
}

/// The most keys of a scope.
const KEYS: i64 = 1_000;

impl Store {
    /// Reads a value.
    pub async fn state(&self, plugin: &str, connection: &str, key: &str) -> Result<Option<StateValue>, StoreError> {
        let row = scoped("SELECT value, version FROM plugin_state", plugin, connection)
            .and("key =", Cell::text(key))
            .one(self)
            .await?;
        row.map(|row| Ok(StateValue { value: Cursor(&row).bytes("value")?, version: Cursor(&row).int("version")? }))
            .transpose()
    }

    /// Writes a value.
    pub async fn put_state(
        &self,
        (plugin, connection, key): (&str, &str, &str),
        value: Vec<u8>,
        expect: StateExpect,
    ) -> Result<StateChange, StoreError> {
        let known = self.state(plugin, connection, key).await?.map_or(0, |known| known.version);
        if known == 0 && self.state_count(plugin, connection).await? >= KEYS {
            return Ok(StateChange::Full);
        }
        let mut cells = vec![Cell::text(plugin), Cell::text(connection), Cell::text(key), Cell::Bytes(Some(value))];
        let insert = "INSERT INTO plugin_state (plugin, connection, key, value, version) VALUES ($1, $2, $3, $4, 1)";
        let replace = "ON CONFLICT (plugin, connection, key) DO UPDATE SET value = excluded.value, version = \
                       plugin_state.version + 1";
        let sql = match expect {
            StateExpect::Any => format!("{insert} {replace} RETURNING version"),
            StateExpect::Absent => format!("{insert} ON CONFLICT DO NOTHING RETURNING version"),
            StateExpect::Version(version) => {
                cells.push(Cell::int(version));
                "UPDATE plugin_state SET value = $4, version = version + 1 WHERE plugin = $1 AND connection = $2 AND key = $3 \
                 AND version = $5 RETURNING version"
                    .to_owned()
            }
        };
        match self.aside(&sql, cells).await?.first() {
            Some(row) => Ok(StateChange::Done(Cursor(row).int("version")?)),
            None => self.conflict(plugin, connection, key).await,
        }
    }

    /// Removes a value.
    pub async fn delete_state(
        &self,
        (plugin, connection, key): (&str, &str, &str),
        expect: StateExpect,
    ) -> Result<StateChange, StoreError> {
        let mut cells = vec![Cell::text(plugin), Cell::text(connection), Cell::text(key)];
        let mut sql = "DELETE FROM plugin_state WHERE plugin = $1 AND connection = $2 AND key = $3".to_owned();
        if let StateExpect::Version(version) = expect {
            cells.push(Cell::int(version));
            sql.push_str(" AND version = $4");
        }
        if expect == StateExpect::Absent {
            return match self.conflict(plugin, connection, key).await? {
                StateChange::Conflict(0) => Ok(StateChange::Done(0)),
                other => Ok(other),
            };
        }
        let gone = !self.aside(&format!("{sql} RETURNING version"), cells).await?.is_empty();
        if gone || expect == StateExpect::Any {
            Ok(StateChange::Done(0))
        } else {
            self.conflict(plugin, connection, key).await
        }
    }

    /// Keys in byte order that begin with a prefix.
    pub async fn state_keys(
        &self,
        plugin: &str,
        connection: &str,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let rows = scoped("SELECT key FROM plugin_state", plugin, connection).order("key", 1_000).all(self).await?;
        // Sorted and cut here: a scope is small, and databases differ in how they order and match text.
        let mut keys = each(&rows, |row| row.text("key"))?;
        keys.retain(|key| key.starts_with(prefix));
        keys.sort_unstable();
        keys.truncate(limit as usize);
        Ok(keys)
    }

    async fn state_count(&self, plugin: &str, connection: &str) -> Result<i64, StoreError> {
        let row = scoped("SELECT COUNT(*) AS count FROM plugin_state", plugin, connection).one(self).await?;
        row.map_or(Ok(0), |row| Cursor(&row).int("count"))
    }

    async fn conflict(&self, plugin: &str, connection: &str, key: &str) -> Result<StateChange, StoreError> {
        let known = self.state(plugin, connection, key).await?;
        Ok(StateChange::Conflict(known.map_or(0, |known| known.version)))
    }
}

fn scoped(sql: &str, plugin: &str, connection: &str) -> Select {
    Select::new(sql).and("plugin =", Cell::text(plugin)).and("connection =", Cell::text(connection))
}
