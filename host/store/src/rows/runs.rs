//! The rows of runs: steps, attempts and approvals with them.

use super::{
    super::statement::{
        Cell, Cells,
        Kind::{Bytes, Int, Text},
        Table,
    },
    id, json, maybe_json, maybe_time, time, word,
};
use wardroom_domain::run::{Approval, AttemptRecord, Run, StepRun};

pub(crate) const RUNS: Table = Table {
    name: "runs",
    columns: &[
        ("id", Text),
        ("workflow", Text),
        ("revision", Int),
        ("status", Text),
        ("mode", Text),
        ("incident_id", Text),
        ("event_id", Text),
        ("rerun_of", Text),
        ("undo_of", Text),
        ("parent_id", Text),
        ("parent", Text),
        ("becomes_of", Text),
        ("slot", Text),
        ("slot_policy", Text),
        ("slot_held", Int),
        ("trigger_data", Text),
        ("inputs", Text),
        ("depth", Int),
        ("pins", Text),
        ("started_by", Text),
        ("created_at", Int),
        ("finished_at", Int),
        ("deadline", Int),
        ("ending", Text),
        ("section", Text),
        ("hold", Text),
        ("signals", Text),
        ("version", Int),
        ("host_id", Text),
        ("host_epoch", Int),
        ("wake_at", Int),
    ],
    key: &["id"],
};

pub(crate) fn run(run: &Run) -> Cells {
    vec![
        id(run.id.0),
        Cell::text(&run.workflow),
        Cell::int(run.revision),
        word(run.status),
        word(run.mode),
        Cell::maybe(run.incident),
        Cell::maybe(run.event),
        Cell::maybe(run.rerun_of),
        Cell::maybe(run.undo_of),
        Cell::maybe(run.parent.as_ref().map(|parent| parent.run)),
        maybe_json(run.parent.as_ref()),
        Cell::maybe(run.becomes_of),
        Cell::maybe(run.slot.as_ref().map(|slot| &slot.key)),
        Cell::maybe(run.slot.as_ref().map(|slot| slot.policy.as_str())),
        slot_held(run),
        json(&run.trigger),
        json(&run.inputs),
        Cell::int(run.depth),
        json(&run.pins),
        json(&run.started_by),
        time(run.created_at),
        maybe_time(run.finished_at),
        time(run.deadline),
        maybe_json(run.ending.as_ref()),
        word(run.section),
        maybe_json(run.hold.as_ref()),
        json(&run.signals),
        Cell::int(run.version),
        Cell::maybe(run.lease.map(|lease| lease.host)),
        Cell::Int(run.lease.map(|lease| lease.epoch)),
        maybe_time(run.wake_at),
    ]
}

/// Whether the run is the one that goes on in its slot.
fn slot_held(run: &Run) -> Cell {
    Cell::int(i64::from(run.slot.as_ref().is_some_and(|slot| slot.held)))
}

/// What changes in a run; the rest is pinned when it starts.
pub(crate) const RUN_STATE: Table = Table {
    name: "runs",
    columns: &[
        ("id", Text),
        ("status", Text),
        ("finished_at", Int),
        ("deadline", Int),
        ("ending", Text),
        ("section", Text),
        ("hold", Text),
        ("signals", Text),
        ("version", Int),
        ("host_id", Text),
        ("host_epoch", Int),
        ("wake_at", Int),
        ("slot_held", Int),
    ],
    key: &["id"],
};

pub(crate) fn run_state(run: &Run) -> Cells {
    vec![
        id(run.id.0),
        word(run.status),
        maybe_time(run.finished_at),
        time(run.deadline),
        maybe_json(run.ending.as_ref()),
        word(run.section),
        maybe_json(run.hold.as_ref()),
        json(&run.signals),
        Cell::int(run.version),
        Cell::maybe(run.lease.map(|lease| lease.host)),
        Cell::Int(run.lease.map(|lease| lease.epoch)),
        maybe_time(run.wake_at),
        slot_held(run),
    ]
}

pub(crate) const STEPS: Table = Table {
    name: "step_runs",
    columns: &[
        ("run_id", Text),
        ("step", Text),
        ("item", Int),
        ("position", Int),
        ("status", Text),
        ("phase", Text),
        ("generation", Int),
        ("attempt", Int),
        ("calls", Int),
        ("input", Text),
        ("connection_revision", Int),
        ("output", Text),
        ("summary", Text),
        ("error", Text),
        ("started_at", Int),
        ("finished_at", Int),
        ("wake_at", Int),
        ("resume", Bytes),
        ("undo", Text),
        ("approval_id", Text),
        ("votes", Text),
    ],
    key: &["run_id", "step", "item"],
};

/// What stands for "no item".
const NO_ITEM: i64 = -1;

fn item(item: Option<u32>) -> Cell {
    Cell::int(item.map_or(NO_ITEM, i64::from))
}

pub(crate) fn step(run: &Run, position: usize, step: &StepRun) -> Cells {
    vec![
        id(run.id.0),
        Cell::text(&step.step),
        item(step.item),
        Cell::int(i64::try_from(position).unwrap_or(i64::MAX)),
        word(step.status),
        word(step.phase),
        Cell::int(step.generation),
        Cell::int(step.attempt),
        Cell::int(step.calls),
        maybe_json(step.input.as_ref()),
        Cell::Int(step.connection_revision),
        json(&step.output),
        Cell::maybe(step.summary.as_ref()),
        maybe_json(step.error.as_ref()),
        maybe_time(step.started_at),
        maybe_time(step.finished_at),
        maybe_time(step.wake_at),
        Cell::Bytes(step.resume.clone()),
        maybe_json(step.undo.as_ref()),
        Cell::maybe(step.approval),
        maybe_json(Some(&step.votes).filter(|votes| !votes.is_empty())),
    ]
}

pub(crate) const ATTEMPTS: Table = Table {
    name: "attempts",
    columns: &[
        ("run_id", Text),
        ("step", Text),
        ("item", Int),
        ("generation", Int),
        ("attempt", Int),
        ("phase", Text),
        ("call", Int),
        ("started_at", Int),
        ("finished_at", Int),
        ("outcome", Text),
        ("error", Text),
        ("trace", Text),
    ],
    key: &["run_id", "step", "item", "generation", "call"],
};

pub(crate) fn attempt(record: &AttemptRecord) -> Cells {
    vec![
        id(record.run.0),
        Cell::text(&record.step),
        item(record.item),
        Cell::int(record.generation),
        Cell::int(record.attempt),
        word(record.phase),
        Cell::int(record.call),
        time(record.started_at),
        time(record.finished_at),
        Cell::text(&record.outcome),
        maybe_json(record.error.as_ref()),
        json(&record.trace),
    ]
}

pub(crate) const APPROVALS: Table = Table {
    name: "approvals",
    columns: &[
        ("id", Text),
        ("run_id", Text),
        ("step", Text),
        ("incident_id", Text),
        ("role", Text),
        ("status", Text),
        ("shows", Text),
        ("destructive", Int),
        ("requested_at", Int),
        ("expires_at", Int),
        ("decided_by", Text),
        ("decided_at", Int),
        ("reason", Text),
        ("people", Text),
        ("quorum", Int),
        ("votes", Text),
    ],
    key: &["id"],
};

pub(crate) fn approval(approval: &Approval) -> Cells {
    vec![
        id(approval.id.0),
        id(approval.run.0),
        Cell::text(&approval.step),
        Cell::maybe(approval.incident),
        Cell::maybe(approval.role.as_ref()),
        word(approval.status),
        json(&approval.shows),
        Cell::int(i64::from(approval.destructive)),
        time(approval.requested_at),
        maybe_time(approval.expires_at),
        maybe_json(approval.decided_by.as_ref()),
        maybe_time(approval.decided_at),
        Cell::maybe(approval.reason.as_ref()),
        json(&approval.people),
        Cell::int(approval.quorum),
        json(&approval.votes),
    ]
}
