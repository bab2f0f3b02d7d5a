//! Reading schedules and their ticks.

use std::collections::BTreeMap;

use super::{
    Page, Store, StoreError, StoredSchedule,
    incidents::visible,
    read::{Cursor, Select, each},
    rows,
    statement::Cell,
};
use wardroom_domain::{
    id::{HostId, IncidentId, RunId, ScheduleId},
    run::RunStatus,
    schedule::{Owner, State, Tick, TickKind},
    time::Timestamp,
};

const SELECT: &str = "SELECT name, id, owner, owner_name, position, document, revision, updated_at, updated_by, state, \
                      due_at, version FROM schedules";
const TICK: &str = "SELECT nominal, kind, last_nominal, count, outcome, why, at, run_id FROM ticks";

/// A host's part of the schedules: which one of how many hosts it is. What is overdue by `patience_ms` is everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Which host, from 0.
    pub index: u32,
    /// Of how many, at least 1.
    pub of: u32,
    /// After how many milliseconds one that another host should have looked at is looked at by all.
    pub patience_ms: u32,
}

/// Who may see the incident that a timer belongs to; null for other schedules.
const HIDDEN_FROM: &str = "(SELECT i.visible_to FROM incidents i WHERE owner = 'incident' AND i.id = owner_name)";

impl Store {
    /// Schedules that want to be looked at, the longest overdue first.
    pub async fn due_schedules(
        &self,
        now: Timestamp,
        share: Share,
        limit: u32,
    ) -> Result<Vec<StoredSchedule>, StoreError> {
        each(&due(now, share, limit).all(self).await?, schedule)
    }

    /// When the next schedule after `now` wants to be looked at.
    pub async fn next_due_schedule(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let select = Select::new("SELECT due_at FROM schedules").that("due_at IS NOT NULL");
        let row = select.and("due_at >", rows::time(now)).order("due_at", 1).one(self).await?;
        row.map(|row| Cursor(&row).time("due_at")).transpose()
    }

    /// The schedule of a name.
    pub async fn schedule(&self, name: &str) -> Result<Option<StoredSchedule>, StoreError> {
        let row = Select::new(SELECT).and("name =", Cell::text(name)).one(self).await?;
        row.map(|row| schedule(&Cursor(&row))).transpose()
    }

    /// The schedules of these names: at least one.
    pub async fn schedules_named(
        &self,
        names: impl Iterator<Item = &String>,
    ) -> Result<Vec<StoredSchedule>, StoreError> {
        each(&Select::new(SELECT).among("name", names.map(Cell::text)).all(self).await?, schedule)
    }

    /// A page of schedules by name; only those of an owner's kind (`people`, `workflow` or `incident`) if one is named, and
    /// without the timers of incidents that somebody of a handle may not see.
    pub async fn schedules(
        &self,
        owner: Option<&str>,
        visible_to: Option<&String>,
        page: &Page,
    ) -> Result<Vec<StoredSchedule>, StoreError> {
        let select = Select::new(SELECT)
            .and_maybe("owner =", owner.map(Cell::text))
            .and_maybe("name >", page.after.as_ref().map(Cell::text));
        let rows = visible(select, HIDDEN_FROM, visible_to).order("name", page.limit).all(self).await?;
        each(&rows, schedule)
    }

    /// The schedules of one owner, at most 200.
    pub async fn schedules_of(&self, owner: &Owner) -> Result<Vec<StoredSchedule>, StoreError> {
        let (kind, name) = rows::owner(owner);
        let select = Select::new(SELECT).and("owner =", Cell::text(kind)).and("owner_name =", Cell::text(name));
        each(&select.order("position, name", 200).all(self).await?, schedule)
    }

    /// What became of a schedule's times, the newest first, behind the tick of this time and kind.
    pub async fn ticks(
        &self,
        id: ScheduleId,
        after: Option<(Timestamp, TickKind)>,
        limit: u32,
    ) -> Result<Vec<Tick>, StoreError> {
        let mut select = Select::new(TICK).and("schedule_id =", rows::id(id.0));
        if let Some((nominal, kind)) = after {
            // A time that was missed and made up for has two ticks: a page may end between them.
            select = select.and_row("(nominal, kind) <", vec![rows::time(nominal), rows::word(kind)]);
        }
        each(&select.order("nominal DESC, kind DESC", limit).all(self).await?, tick)
    }

    /// The ticks of a schedule from one time to another that are neither skipped nor refused, at most 10,000.
    pub async fn ticks_taken(
        &self,
        id: ScheduleId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, TickKind)>, StoreError> {
        let rows = Select::new(TICK)
            .and("schedule_id =", rows::id(id.0))
            .and("nominal >=", rows::time(from))
            .and("nominal <=", rows::time(until))
            .that("outcome IN ('started', 'caught_up', 'held', 'queued')")
            .order("nominal", 10_000)
            .all(self)
            .await?;
        each(&rows, |row| Ok((row.time("nominal")?, row.word("kind")?)))
    }

    /// How each of these runs ended; none while it goes on. A run that is gone is left out.
    pub async fn endings(&self, runs: &[RunId]) -> Result<BTreeMap<RunId, Option<RunStatus>>, StoreError> {
        if runs.is_empty() {
            return Ok(BTreeMap::new());
        }
        let select = Select::new("SELECT id, status FROM runs").among("id", runs.iter().map(|run| rows::id(run.0)));
        let found = each(&select.all(self).await?, |row| {
            let status: RunStatus = row.word("status")?;
            Ok((RunId(row.uuid("id")?), status.is_terminal().then_some(status)))
        })?;
        Ok(found.into_iter().collect())
    }

    /// How many hosts hold a lease now, and which of them a host is, in the order of their identifiers.
    pub async fn place_among_hosts(&self, host: HostId) -> Result<(u32, u32), StoreError> {
        let sql = format!("SELECT id FROM hosts WHERE lease_expires_at > {}", self.backend().now_ms());
        let rows = Select::new(&format!("SELECT id FROM ({sql}) live")).order("id", 10_000).all(self).await?;
        let hosts = each(&rows, |row| row.uuid("id"))?;
        let index = hosts.iter().position(|id| *id == host.0).unwrap_or_default();
        let width = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Ok((width(index), width(hosts.len().max(1))))
    }
}

/// Schedules that are due.
pub(super) fn due(now: Timestamp, share: Share, limit: u32) -> Select {
    let Share { index, of, patience_ms } = share;
    let overdue = now.unix_ms().saturating_sub(i64::from(patience_ms));
    let select = Select::new(SELECT).that("due_at IS NOT NULL").and("due_at <=", rows::time(now));
    let mine = format!("(share % {} = {index} OR due_at <= {overdue})", of.max(1));
    if of > 1 { select.that(&mine) } else { select }.order("due_at", limit)
}

fn schedule(row: &Cursor<'_>) -> Result<StoredSchedule, StoreError> {
    let owner_name = row.text("owner_name")?;
    let owner = match row.text("owner")?.as_str() {
        "people" => Owner::People,
        "workflow" => Owner::Workflow { name: owner_name },
        "incident" => Owner::Incident { id: IncidentId(row.uuid("owner_name")?) },
        other => return Err(StoreError::Row { column: "owner", reason: format!("{other:?} is no owner") }),
    };
    let state: State = row.json("state")?;
    Ok(StoredSchedule {
        name: row.text("name")?,
        id: ScheduleId(row.uuid("id")?),
        owner,
        position: row.int("position")?,
        document: row.json("document")?,
        revision: row.int("revision")?,
        updated_at: row.time("updated_at")?,
        updated_by: row.text("updated_by")?,
        state: State { due: row.maybe_time("due_at")?, ..state },
        version: row.int("version")?,
    })
}

fn tick(row: &Cursor<'_>) -> Result<Tick, StoreError> {
    Ok(Tick {
        nominal: row.time("nominal")?,
        last: row.time("last_nominal")?,
        count: row.number("count")?,
        kind: row.word("kind")?,
        outcome: row.word("outcome")?,
        why: row.maybe_text("why")?,
        at: row.time("at")?,
        run: row.maybe_uuid("run_id")?.map(RunId),
    })
}
