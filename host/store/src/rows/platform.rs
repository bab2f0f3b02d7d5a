//! Writing what administrators and engineers keep.

use wardroom_domain::pause::PauseScope;

use crate::{
    plugins, rows,
    statement::{Cell, Writer},
    write::{DocumentKind, DocumentRevision, Guard},
};

/// Writes a guard; whether it went in.
pub(crate) async fn write(writer: &mut Writer<'_>, guard: &Guard) -> Result<bool, sqlx::Error> {
    let written = match guard {
        Guard::Document(one) => revision(writer, one).await?,
        Guard::Documents(all) => return revisions(writer, all).await,
        Guard::Review(one) => {
            let sql = "INSERT INTO playbook_reviews (name, at, reviewer) VALUES ($1, $2, $3) ON CONFLICT (name) \
                       DO UPDATE SET at = excluded.at, reviewer = excluded.reviewer";
            writer.run(sql, vec![Cell::text(&one.playbook), rows::time(one.at), Cell::text(&one.by)]).await?
        }
        Guard::Plugin(..)
        | Guard::PluginOn { .. }
        | Guard::PluginOff(_)
        | Guard::PluginGrant(..)
        | Guard::PluginLimits(..)
        | Guard::GrantAsked(_)
        | Guard::GrantDecided(_) => plugins::write(writer, guard).await?,
        Guard::Connection(one) => {
            let sql = "INSERT INTO connections (name, revision, document, updated_at) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT DO NOTHING";
            let cells =
                vec![Cell::text(&one.name), Cell::int(one.revision), rows::json(one), rows::time(one.updated_at)];
            writer.run(sql, cells).await?
        }
        Guard::Source(one) => {
            let sql = "INSERT INTO sources (name, document) VALUES ($1, $2) ON CONFLICT (name) \
                       DO UPDATE SET document = excluded.document";
            writer.run(sql, vec![Cell::text(&one.name), rows::json(one)]).await?
        }
        Guard::SourceOff(name) => writer.run("DELETE FROM sources WHERE name = $1", vec![Cell::text(name)]).await?,
        Guard::Silence(one) => {
            let sql = "INSERT INTO silences (id, document, ends_at) VALUES ($1, $2, $3) ON CONFLICT (id) \
                       DO UPDATE SET document = excluded.document, ends_at = excluded.ends_at";
            writer.run(sql, vec![rows::id(one.id.0), rows::json(one), rows::time(one.ends_at)]).await?
        }
        Guard::Silenced { silence, alerts, at } => {
            let sql = "UPDATE silences SET alerts = alerts + $1, last_alert_at = $2 WHERE id = $3";
            writer.run(sql, vec![Cell::int(*alerts), rows::time(*at), rows::id(silence.0)]).await?
        }
        Guard::Secret(one) => {
            let sql = "INSERT INTO secrets (name, sealed, updated_at, updated_by) VALUES ($1, $2, $3, $4) ON CONFLICT (name) \
                       DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at, updated_by = \
                       excluded.updated_by";
            let cells = vec![
                Cell::text(&one.name),
                Cell::Bytes(Some(one.sealed.clone())),
                rows::time(one.updated_at),
                Cell::text(&one.updated_by),
            ];
            writer.run(sql, cells).await?
        }
        Guard::Person(_) | Guard::PersonChange(_) | Guard::Token(_) | Guard::TokenOff(..) => {
            person(writer, guard).await?
        }
        Guard::Pause(one) => {
            let sql = "INSERT INTO pauses (scope, name, document) VALUES ($1, $2, $3) ON CONFLICT (scope, name) \
                       DO UPDATE SET document = excluded.document";
            let [scope, name] = scope(&one.scope);
            writer.run(sql, vec![scope, name, rows::json(one)]).await?
        }
        Guard::Resume(one) => {
            let [scope, name] = scope(one);
            writer.run("DELETE FROM pauses WHERE scope = $1 AND name = $2", vec![scope, name]).await?
        }
        Guard::ScheduleOff(name, version) => {
            let sql = "DELETE FROM schedules WHERE name = $1 AND version = $2";
            writer.run(sql, vec![Cell::text(name), Cell::int(*version)]).await?
        }
        // The others are written as sets, in `batch`.
        Guard::NewIncident(_)
        | Guard::Incident(_)
        | Guard::NewRun(_)
        | Guard::Run(..)
        | Guard::NewEvent(_)
        | Guard::Dispatched(_)
        | Guard::NewSchedule(_)
        | Guard::Schedule(_)
        | Guard::Key(_) => 0,
    };
    Ok(written > 0)
}

/// People and their tokens.
pub(crate) async fn person(writer: &mut Writer<'_>, guard: &Guard) -> Result<u64, sqlx::Error> {
    match guard {
        Guard::Person(one) => {
            let sql = "INSERT INTO people (id, handle, name, email, created_at, profile, revision) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
            let cells = vec![
                rows::id(one.id.0),
                Cell::text(&one.handle),
                Cell::text(&one.name),
                Cell::maybe(one.email.as_ref()),
                rows::time(one.created_at),
                rows::json(&one.profile),
                Cell::int(one.revision),
            ];
            writer.run(sql, cells).await
        }
        Guard::PersonChange(one) => {
            let sql =
                "UPDATE people SET name = $1, email = $2, profile = $3, revision = $4 WHERE id = $5 AND revision = $6";
            let cells = vec![
                Cell::text(&one.name),
                Cell::maybe(one.email.as_ref()),
                rows::json(&one.profile),
                Cell::int(one.revision),
                rows::id(one.id.0),
                Cell::int(one.revision - 1),
            ];
            writer.run(sql, cells).await
        }
        Guard::Token(one) => {
            let sql = "INSERT INTO tokens (id, person_id, name, role, hash, created_at, revoked_at) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
            let cells = vec![
                rows::id(one.id.0),
                rows::id(one.person.0),
                Cell::text(&one.name),
                rows::word(one.role),
                Cell::text(&one.hash),
                rows::time(one.created_at),
                rows::maybe_time(one.revoked_at),
            ];
            writer.run(sql, cells).await
        }
        Guard::TokenOff(id, at) => {
            let sql = "UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
            writer.run(sql, vec![rows::time(*at), rows::id(id.0)]).await
        }
        _ => Ok(0),
    }
}

pub(crate) async fn revision(writer: &mut Writer<'_>, one: &DocumentRevision) -> Result<u64, sqlx::Error> {
    let sql = match one.kind {
        DocumentKind::Workflow => {
            "INSERT INTO workflow_revisions (name, revision, source, created_at, created_by, deleted) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
        }
        DocumentKind::Playbook => {
            "INSERT INTO playbook_revisions (name, revision, source, created_at, created_by, deleted) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
        }
    };
    let cells = vec![
        Cell::text(&one.name),
        Cell::int(one.revision),
        Cell::text(&one.source),
        rows::time(one.created_at),
        Cell::text(&one.created_by),
        Cell::int(i64::from(one.deleted)),
    ];
    writer.run(sql, cells).await
}

/// All or none: one that is taken is found before the first is written.
pub(crate) async fn revisions(writer: &mut Writer<'_>, all: &[DocumentRevision]) -> Result<bool, sqlx::Error> {
    for one in all {
        let sql = match one.kind {
            DocumentKind::Workflow => "SELECT revision FROM workflow_revisions WHERE name = $1 AND revision = $2",
            DocumentKind::Playbook => "SELECT revision FROM playbook_revisions WHERE name = $1 AND revision = $2",
        };
        if writer.finds(sql, vec![Cell::text(&one.name), Cell::int(one.revision)]).await? {
            return Ok(false);
        }
    }
    for one in all {
        if revision(writer, one).await? == 0 {
            // Another host was faster in between: the whole transaction is given up, and redone without its neighbours.
            return Err(sqlx::Error::RowNotFound);
        }
    }
    Ok(true)
}

pub(crate) fn scope(scope: &PauseScope) -> [Cell; 2] {
    match scope {
        PauseScope::All => [Cell::text("all"), Cell::text("")],
        PauseScope::Workflow(name) => [Cell::text("workflow"), Cell::text(name)],
        PauseScope::Connection(name) => [Cell::text("connection"), Cell::text(name)],
    }
}
