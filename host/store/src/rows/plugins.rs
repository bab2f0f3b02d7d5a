//! Writing plugins, their grants and limits.

use crate::{
    StoredPlugin, rows,
    statement::{Cell, Writer},
    write::Guard,
};

/// Writes a guard of this file's; how many rows it found.
pub(crate) async fn write(writer: &mut Writer<'_>, guard: &Guard) -> Result<u64, sqlx::Error> {
    match guard {
        Guard::Plugin(one, component) => keep(writer, one, component).await,
        Guard::PluginOff(name) => writer.run(OFF, vec![Cell::text(name)]).await,
        Guard::PluginOn { name, digest, at } => {
            writer.run(OFF, vec![Cell::text(name)]).await?;
            let sql = "UPDATE plugins SET active = 1, activated_at = $1 WHERE digest = $2";
            writer.run(sql, vec![rows::time(*at), Cell::text(digest)]).await
        }
        Guard::PluginGrant(plugin, grant) => {
            let sql = "INSERT INTO plugin_grants (plugin, document) VALUES ($1, $2) ON CONFLICT (plugin) \
                       DO UPDATE SET document = excluded.document";
            writer.run(sql, rows::plugin_grant(plugin, grant)).await
        }
        Guard::PluginLimits(plugin, limits) => {
            let sql = "INSERT INTO plugin_limits (plugin, document) VALUES ($1, $2) ON CONFLICT (plugin) \
                       DO UPDATE SET document = excluded.document";
            writer.run(sql, vec![Cell::text(plugin), rows::json(limits)]).await
        }
        Guard::GrantAsked(request) => {
            let sql = "INSERT INTO grant_requests (id, status, at, document) VALUES ($1, $2, $3, $4) ON CONFLICT (id) \
                       DO UPDATE SET status = excluded.status, at = excluded.at, document = excluded.document \
                       WHERE grant_requests.status = 'approved'";
            writer.run(sql, rows::grant_request(request)).await
        }
        Guard::GrantDecided(request) => {
            let sql = "UPDATE grant_requests SET status = $1, document = $2 WHERE id = $3 AND status <> 'approved'";
            let cells = vec![Cell::text(request.status.as_str()), rows::json(request), Cell::text(&request.id)];
            writer.run(sql, cells).await
        }
        _ => Ok(0),
    }
}

pub(crate) async fn keep(writer: &mut Writer<'_>, plugin: &StoredPlugin, component: &[u8]) -> Result<u64, sqlx::Error> {
    let name = &plugin.manifest.name;
    if plugin.active {
        writer.run(OFF, vec![Cell::text(name)]).await?;
    }
    let sql = "INSERT INTO plugin_components (digest, component) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    writer.run(sql, vec![Cell::text(&plugin.digest), Cell::Bytes(Some(component.to_vec()))]).await?;
    let cells = vec![
        Cell::text(&plugin.digest),
        Cell::text(name),
        Cell::text(&plugin.manifest.version),
        rows::json(&plugin.manifest),
        Cell::int(plugin.size),
        rows::time(plugin.installed_at),
        Cell::text(&plugin.installed_by),
        Cell::int(i64::from(plugin.active)),
        rows::maybe_time(plugin.activated_at),
        rows::json(&plugin.provenance),
    ];
    writer.run(if plugin.active { USE } else { KEEP }, cells).await
}

pub(crate) const USE: &str = "INSERT INTO plugins (digest, name, version, manifest, size, installed_at, installed_by, active, \
                   activated_at, provenance) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (digest) \
                   DO UPDATE SET active = 1, activated_at = excluded.activated_at, provenance = excluded.provenance";

/// What is there already stays as it is.
pub(crate) const KEEP: &str = "INSERT INTO plugins (digest, name, version, manifest, size, installed_at, installed_by, active, \
                    activated_at, provenance) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (digest) \
                    DO UPDATE SET size = excluded.size";

pub(crate) const OFF: &str = "UPDATE plugins SET active = 0 WHERE name = $1 AND active = 1";
