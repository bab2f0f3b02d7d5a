//! Between schedules and their rows.

use super::{Table, Text, id, json, maybe_time, time, word};
use crate::{
    statement::{Cell, Cells, Kind::Int},
    write::StoredSchedule,
};
use wardroom_domain::{
    id::ScheduleId,
    schedule::{Owner, Tick},
};

/// Into how many shares the schedules fall: hosts divide these among themselves.
pub(crate) const SHARES: i64 = 5_040;

pub(crate) const SCHEDULES: Table = Table {
    name: "schedules",
    columns: &[
        ("name", Text),
        ("id", Text),
        ("owner", Text),
        ("owner_name", Text),
        ("position", Int),
        ("share", Int),
        ("document", Text),
        ("revision", Int),
        ("updated_at", Int),
        ("updated_by", Text),
        ("state", Text),
        ("due_at", Int),
        ("version", Int),
    ],
    key: &["name"],
};

pub(crate) fn schedule(schedule: &StoredSchedule) -> Cells {
    let (owner, owner_name) = owner(&schedule.owner);
    let share = i64::try_from(schedule.id.0.as_u64_pair().1 % SHARES.unsigned_abs()).unwrap_or_default();
    vec![
        Cell::text(&schedule.name),
        id(schedule.id.0),
        Cell::text(owner),
        Cell::text(owner_name),
        Cell::int(schedule.position),
        Cell::int(share),
        json(&schedule.document),
        Cell::int(schedule.revision),
        time(schedule.updated_at),
        Cell::text(&schedule.updated_by),
        json(&schedule.state),
        maybe_time(schedule.state.due),
        Cell::int(schedule.version),
    ]
}

/// The columns of an owner.
pub(crate) fn owner(owner: &Owner) -> (&'static str, String) {
    match owner {
        Owner::People => ("people", String::new()),
        Owner::Workflow { name } => ("workflow", name.clone()),
        Owner::Incident { id } => ("incident", id.to_string()),
    }
}

/// A definition that something else owns: the state of one that is there stays, and it is looked at at once.
pub(crate) const DEFINE: &str = "INSERT INTO schedules (name, id, owner, owner_name, position, share, document, revision, updated_at, updated_by, \
     state, due_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (name) DO \
     UPDATE SET document = excluded.document, revision = schedules.revision + 1, updated_at = excluded.updated_at, \
     updated_by = excluded.updated_by, due_at = excluded.updated_at, version = schedules.version + 1 WHERE \
     schedules.document <> excluded.document";

/// The end of a workflow's schedules behind the first so many.
pub(crate) const UNDEFINE: &str =
    "DELETE FROM schedules WHERE owner = 'workflow' AND owner_name = $1 AND position > $2";

pub(crate) const TICKS: Table = Table {
    name: "ticks",
    columns: &[
        ("schedule_id", Text),
        ("nominal", Int),
        ("kind", Text),
        ("last_nominal", Int),
        ("count", Int),
        ("outcome", Text),
        ("why", Text),
        ("at", Int),
        ("run_id", Text),
    ],
    key: &["schedule_id", "nominal", "kind"],
};

pub(crate) fn tick(schedule: ScheduleId, tick: &Tick) -> Cells {
    vec![
        id(schedule.0),
        time(tick.nominal),
        word(tick.kind),
        time(tick.last),
        Cell::int(i64::try_from(tick.count).unwrap_or(i64::MAX)),
        word(tick.outcome),
        Cell::maybe(tick.why.as_ref()),
        time(tick.at),
        Cell::maybe(tick.run),
    ]
}
