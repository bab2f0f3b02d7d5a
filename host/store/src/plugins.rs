//! Plugins: their versions, their components, what they were given and what they wait for.

use super::{
    Store, StoreError, StoredPlugin,
    read::{Cursor, Select, each},
    statement::Cell,
};
pub(super) use crate::rows::plugins::write;
use wardroom_domain::{
    grant::{GrantRequest, GrantStatus, PluginGrant},
    limits::CallLimits,
};

const PLUGIN: &str =
    "SELECT digest, manifest, size, installed_at, installed_by, active, activated_at, provenance FROM plugins";
/// The most of each kind; installations stay far below.
const MOST: u32 = 10_000;

impl Store {
    /// The plugins that new runs use, by name.
    pub async fn active_plugins(&self) -> Result<Vec<StoredPlugin>, StoreError> {
        each(&Select::new(PLUGIN).and("active =", Cell::int(1)).order("name", MOST).all(self).await?, plugin)
    }

    /// The versions of a plugin that are kept, the one used last first.
    pub async fn plugin_versions(&self, name: &str) -> Result<Vec<StoredPlugin>, StoreError> {
        let select = Select::new(PLUGIN).and("name =", Cell::text(name));
        let rows =
            select.order("active DESC, COALESCE(activated_at, 0) DESC, installed_at DESC", MOST).all(self).await?;
        each(&rows, plugin)
    }

    /// The plugin of a digest, in use or not.
    pub async fn plugin(&self, digest: &str) -> Result<Option<StoredPlugin>, StoreError> {
        let row = Select::new(PLUGIN).and("digest =", Cell::text(digest)).one(self).await?;
        row.map(|row| plugin(&Cursor(&row))).transpose()
    }

    /// A plugin's component.
    pub async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let select = Select::new("SELECT component FROM plugin_components").and("digest =", Cell::text(digest));
        select.one(self).await?.map(|row| Cursor(&row).bytes("component")).transpose()
    }

    /// What each plugin was given, by name.
    pub async fn plugin_grants(&self) -> Result<Vec<(String, PluginGrant)>, StoreError> {
        let rows = Select::new("SELECT plugin, document FROM plugin_grants").order("plugin", MOST).all(self).await?;
        each(&rows, |row| Ok((row.text("plugin")?, row.json("document")?)))
    }

    /// What plugins may use, by name.
    pub async fn plugin_limits(&self) -> Result<Vec<(String, CallLimits)>, StoreError> {
        let rows = Select::new("SELECT plugin, document FROM plugin_limits").order("plugin", MOST).all(self).await?;
        each(&rows, |row| Ok((row.text("plugin")?, row.json("document")?)))
    }

    /// A grant request.
    pub async fn grant_request(&self, id: &str) -> Result<Option<GrantRequest>, StoreError> {
        let select = Select::new("SELECT document FROM grant_requests").and("id =", Cell::text(id));
        select.one(self).await?.map(|row| Cursor(&row).json("document")).transpose()
    }

    /// Grant requests of a status, the newest first, at most 200.
    pub async fn grant_requests(&self, status: GrantStatus) -> Result<Vec<GrantRequest>, StoreError> {
        let select = Select::new("SELECT document FROM grant_requests").and("status =", Cell::text(status.as_str()));
        each(&select.order("at DESC", 200).all(self).await?, |row| row.json("document"))
    }

    /// The digests of versions out of use that no run is pinned to, neither one that goes on nor one that is kept.
    pub async fn unused_components(&self) -> Result<Vec<StoredPlugin>, StoreError> {
        let select = Select::new(PLUGIN)
            .and("active =", Cell::int(0))
            .that("NOT EXISTS (SELECT 1 FROM runs WHERE runs.pins LIKE '%' || plugins.digest || '%')");
        each(&select.order("name, COALESCE(activated_at, 0) DESC, installed_at DESC", MOST).all(self).await?, plugin)
    }

    /// Forgets a version with its component, unless it came into use again or a run is pinned to it.
    pub async fn forget_component(&self, digest: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM plugins WHERE digest = $1 AND active = 0 AND NOT EXISTS (SELECT 1 FROM runs WHERE \
                   runs.pins LIKE '%' || plugins.digest || '%') RETURNING digest";
        let gone = !self.aside(sql, vec![Cell::text(digest)]).await?.is_empty();
        if gone {
            let sql = "DELETE FROM plugin_components WHERE digest = $1 AND NOT EXISTS (SELECT 1 FROM plugins WHERE \
                       plugins.digest = plugin_components.digest) RETURNING digest";
            self.aside(sql, vec![Cell::text(digest)]).await?;
        }
        Ok(gone)
    }
}

fn plugin(row: &Cursor<'_>) -> Result<StoredPlugin, StoreError> {
    Ok(StoredPlugin {
        digest: row.text("digest")?,
        manifest: row.json("manifest")?,
        size: row.int("size")?,
        installed_at: row.time("installed_at")?,
        installed_by: row.text("installed_by")?,
        active: row.flag("active")?,
        activated_at: row.maybe_time("activated_at")?,
        provenance: row.maybe_json("provenance")?.unwrap_or_default(),
    })
}
