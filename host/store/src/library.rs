//! Reading what administrators keep: workflows, playbooks, connections, secrets, the kill switch.

use sqlx::Row;

use super::{
    DocumentKind, DocumentRevision, Review, SealedSecret, Store, StoreError,
    read::{Cursor, Select, each},
    statement::Cell,
};
use wardroom_domain::{connection::Connection, pause::Pause};

const REVISION: &str = "SELECT name, revision, source, created_at, created_by, deleted";
/// The most of each kind; installations stay far below.
const MOST: u32 = 10_000;

impl Store {
    /// A number that rises with every change of what this file reads.
    pub async fn catalog_version(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT value FROM counters WHERE name = 'catalog'").fetch_one(&self.readers).await?;
        Ok(row.try_get(0)?)
    }

    /// The newest revision of each document in use, by name.
    pub async fn live_documents(&self, kind: DocumentKind) -> Result<Vec<DocumentRevision>, StoreError> {
        let sql = format!(
            "{REVISION} FROM {table} w WHERE deleted = 0 AND revision = (SELECT MAX(revision) FROM {table} o WHERE o.name = \
             w.name)",
            table = kind.table()
        );
        each(&Select::new(&sql).order("name", MOST).all(self).await?, |row| revision(kind, row))
    }

    /// One revision.
    pub async fn revision(
        &self,
        kind: DocumentKind,
        name: &str,
        number: i64,
    ) -> Result<Option<DocumentRevision>, StoreError> {
        let select = revisions_of(kind, name).and("revision =", Cell::int(number));
        select.one(self).await?.map(|row| revision(kind, &Cursor(&row))).transpose()
    }

    /// The newest revision, a deletion included.
    pub async fn newest_revision(
        &self,
        kind: DocumentKind,
        name: &str,
    ) -> Result<Option<DocumentRevision>, StoreError> {
        let select = revisions_of(kind, name).order("revision DESC", 1);
        select.one(self).await?.map(|row| revision(kind, &Cursor(&row))).transpose()
    }

    /// All revisions, the newest first.
    pub async fn revisions(&self, kind: DocumentKind, name: &str) -> Result<Vec<DocumentRevision>, StoreError> {
        let select = revisions_of(kind, name).order("revision DESC", MOST);
        each(&select.all(self).await?, |row| revision(kind, row))
    }

    /// When each playbook was last reviewed, by name.
    pub async fn reviews(&self) -> Result<Vec<Review>, StoreError> {
        let select = Select::new("SELECT name, at, reviewer FROM playbook_reviews").order("name", MOST);
        each(&select.all(self).await?, |row| {
            Ok(Review { playbook: row.text("name")?, at: row.time("at")?, by: row.text("reviewer")? })
        })
    }

    /// The newest revision of each connection, by name.
    pub async fn connections(&self) -> Result<Vec<Connection>, StoreError> {
        let sql = "SELECT document FROM connections c WHERE revision = (SELECT MAX(revision) FROM connections o \
                   WHERE o.name = c.name)";
        each(&Select::new(sql).order("name", MOST).all(self).await?, |row| row.json("document"))
    }

    /// The newest revision of a connection.
    pub async fn connection(&self, name: &str) -> Result<Option<Connection>, StoreError> {
        let select = Select::new("SELECT document FROM connections").and("name =", Cell::text(name));
        let row = select.order("revision DESC", 1).one(self).await?;
        row.map(|row| Cursor(&row).json("document")).transpose()
    }

    /// One revision of a connection.
    pub async fn connection_revision(&self, name: &str, revision: i64) -> Result<Option<Connection>, StoreError> {
        let select = Select::new("SELECT document FROM connections").and("name =", Cell::text(name));
        let row = select.and("revision =", Cell::int(revision)).one(self).await?;
        row.map(|row| Cursor(&row).json("document")).transpose()
    }

    /// A sealed secret.
    pub async fn secret(&self, name: &str) -> Result<Option<SealedSecret>, StoreError> {
        let select =
            Select::new("SELECT name, sealed, updated_at, updated_by FROM secrets").and("name =", Cell::text(name));
        select.one(self).await?.map(|row| secret(&Cursor(&row))).transpose()
    }

    /// Every sealed secret, by name.
    pub async fn secrets(&self) -> Result<Vec<SealedSecret>, StoreError> {
        let select = Select::new("SELECT name, sealed, updated_at, updated_by FROM secrets").order("name", MOST);
        each(&select.all(self).await?, secret)
    }

    /// Whether a secret is set.
    pub async fn has_secret(&self, name: &str) -> Result<bool, StoreError> {
        Ok(Select::new("SELECT name FROM secrets").and("name =", Cell::text(name)).one(self).await?.is_some())
    }

    /// What the kill switch holds.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        let rows = Select::new("SELECT document FROM pauses").order("scope, name", MOST).all(self).await?;
        each(&rows, |row| row.json("document"))
    }
}

fn revisions_of(kind: DocumentKind, name: &str) -> Select {
    Select::new(&format!("{REVISION} FROM {}", kind.table())).and("name =", Cell::text(name))
}

fn revision(kind: DocumentKind, row: &Cursor<'_>) -> Result<DocumentRevision, StoreError> {
    Ok(DocumentRevision {
        kind,
        name: row.text("name")?,
        revision: row.int("revision")?,
        source: row.text("source")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        deleted: row.flag("deleted")?,
    })
}

fn secret(row: &Cursor<'_>) -> Result<SealedSecret, StoreError> {
    Ok(SealedSecret {
        name: row.text("name")?,
        sealed: row.bytes("sealed")?,
        updated_at: row.time("updated_at")?,
        updated_by: row.text("updated_by")?,
    })
}
