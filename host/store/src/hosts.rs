//! Hosts and their leases, on a connection of their own: a full journal must not cost a host its lease. The database's
//! time decides.

use std::time::Duration;

use sqlx::{AssertSqlSafe, any::AnyRow};

use super::{
    Store, StoreError,
    dialect::{self, Trouble},
    read::{Cursor, bound},
    rows,
    statement::Cell,
};
use wardroom_domain::{id::HostId, run::Lease};

impl Store {
    /// Registers a host for a new life: its epoch is one higher than in the last.
    pub async fn register_host(&self, host: HostId, lease: Duration) -> Result<Lease, StoreError> {
        let now = self.backend().now_ms();
        let sql = format!(
            "INSERT INTO hosts (id, epoch, lease_expires_at, started_at) VALUES ($1, 1, {now} + $2, {now}) \
             ON CONFLICT (id) DO UPDATE SET epoch = hosts.epoch + 1, lease_expires_at = excluded.lease_expires_at, \
             started_at = excluded.started_at RETURNING epoch"
        );
        let rows = self.aside(&sql, vec![rows::id(host.0), milliseconds(lease)]).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok(Lease { host, epoch: Cursor(row).int("epoch")? })
    }

    /// Renews a lease that still holds; `false` when it has run out, or the host has begun another life.
    pub async fn renew_host(&self, lease: Lease, duration: Duration) -> Result<bool, StoreError> {
        let now = self.backend().now_ms();
        let sql = format!(
            "UPDATE hosts SET lease_expires_at = {now} + $1 WHERE id = $2 AND epoch = $3 AND lease_expires_at >= {now} \
             RETURNING epoch"
        );
        let cells = vec![milliseconds(duration), rows::id(lease.host.0), Cell::int(lease.epoch)];
        Ok(!self.aside(&sql, cells).await?.is_empty())
    }

    /// Begins a host's next life after its lease ran out; none when somebody else did so.
    pub async fn revive_host(&self, lease: Lease, duration: Duration) -> Result<Option<Lease>, StoreError> {
        let now = self.backend().now_ms();
        let sql = format!(
            "UPDATE hosts SET epoch = epoch + 1, lease_expires_at = {now} + $1 WHERE id = $2 AND epoch = $3 \
             RETURNING epoch"
        );
        let cells = vec![milliseconds(duration), rows::id(lease.host.0), Cell::int(lease.epoch)];
        let rows = self.aside(&sql, cells).await?;
        let epoch = rows.first().map(|row| Cursor(row).int("epoch")).transpose()?;
        Ok(epoch.map(|epoch| Lease { epoch, ..lease }))
    }

    /// Gives a lease up: what the host drove may be claimed at once.
    pub async fn release_host(&self, lease: Lease) -> Result<(), StoreError> {
        let sql = "UPDATE hosts SET lease_expires_at = 0 WHERE id = $1 AND epoch = $2 RETURNING epoch";
        self.aside(sql, vec![rows::id(lease.host.0), Cell::int(lease.epoch)]).await?;
        Ok(())
    }

    /// One statement outside the journal, in a transaction of its own.
    pub(super) async fn aside(&self, sql: &str, cells: Vec<Cell>) -> Result<Vec<AnyRow>, StoreError> {
        let mut aside = self.aside.lock().await;
        if aside.connection.is_none() {
            let connected = dialect::connect(self.backend(), &aside.url).await;
            aside.connection = Some(connected.inspect_err(|error| self.health.unreachable(error))?);
        }
        let Some(connection) = &mut aside.connection else { return Err(StoreError::Closed) };
        let result = bound(sqlx::query(AssertSqlSafe(sql.to_owned())), cells).fetch_all(&mut *connection).await;
        match &result {
            // What changed no row says nothing of the disk.
            Ok(rows) if rows.is_empty() => {}
            Ok(_) => self.health.wrote(),
            Err(error) => {
                self.health.failed(error);
                if dialect::trouble(error) == Some(Trouble::Away) {
                    aside.connection = None;
                }
            }
        }
        Ok(result?)
    }
}

fn milliseconds(duration: Duration) -> Cell {
    Cell::int(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
