//! Writing a batch inside one transaction: guards first, one multi-row statement a kind; then what hangs on those that went
//! in. Decides nothing: which writes share a batch is the journal's business.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    dialect::{Trace, WrittenRow},
    rows,
    statement::{Cell, Cells, Landed, OnConflict, SEPARATOR, Table, Writer},
    write::{Dependant, Guard, Write},
};
use wardroom_base::fault;
use wardroom_domain::{run::Run, timeline::NewEntry};

/// What became of a batch.
pub(super) struct Written {
    /// For each write, whether its guard went in.
    pub(super) applied: Vec<bool>,
    /// By what the transaction is found again; none when nothing went in, or nothing of the frequent kinds.
    pub(super) trace: Option<Trace>,
}

/// Guards of one kind: their table, and for each its write's index and its row.
#[derive(Default)]
struct Kinds {
    new_incidents: Vec<(usize, Cells)>,
    incidents: Vec<(usize, Cells)>,
    new_runs: Vec<(usize, Cells)>,
    runs: Vec<(usize, Cells)>,
    new_events: Vec<(usize, Cells)>,
    dispatched: Vec<(usize, Cells)>,
    new_schedules: Vec<(usize, Cells)>,
    schedules: Vec<(usize, Cells)>,
    keys: Vec<(usize, Cells)>,
    seldom: Vec<usize>,
}

/// Writes the batch. The caller begins and commits.
pub(super) async fn write(writer: &mut Writer<'_>, batch: &[&Write]) -> Result<Written, sqlx::Error> {
    let mut written = Written { applied: vec![false; batch.len()], trace: None };
    let kinds = sort(batch);
    // The order of kinds is fixed, so that two hosts lock tables in the same order.
    guards(writer, &rows::INCIDENTS, None, kinds.new_incidents, &mut written).await?;
    guards(writer, &rows::INCIDENTS, Some("version"), kinds.incidents, &mut written).await?;
    guards(writer, &rows::RUNS, None, kinds.new_runs, &mut written).await?;
    guards(writer, &rows::RUN_STATE, Some("version"), kinds.runs, &mut written).await?;
    guards(writer, &rows::EVENTS, None, kinds.new_events, &mut written).await?;
    guards(writer, &rows::DISPATCHED, Some("dispatched"), kinds.dispatched, &mut written).await?;
    guards(writer, &rows::SCHEDULES, None, kinds.new_schedules, &mut written).await?;
    guards(writer, &rows::SCHEDULES, Some("version"), kinds.schedules, &mut written).await?;
    guards(writer, &rows::KEYS, None, kinds.keys, &mut written).await?;
    for index in kinds.seldom {
        written.applied[index] = super::platform::write(writer, &batch[index].guard).await?;
    }
    fault::pass("journal.guards").await?;
    let winners = batch.iter().zip(&written.applied).filter(|(_, applied)| **applied).map(|(write, _)| *write);
    dependants(writer, &winners.collect::<Vec<_>>()).await?;
    Ok(written)
}

fn sort(writes: &[&Write]) -> Kinds {
    let mut kinds = Kinds::default();
    for (index, write) in writes.iter().enumerate() {
        match &write.guard {
            Guard::NewIncident(incident) => kinds.new_incidents.push((index, rows::incident(incident))),
            Guard::Incident(incident) => {
                kinds.incidents.push((index, expecting(rows::incident(incident), incident.version - 1)));
            }
            Guard::NewRun(run) => kinds.new_runs.push((index, rows::run(run))),
            Guard::Run(run, _) => kinds.runs.push((index, expecting(rows::run_state(run), run.version - 1))),
            Guard::NewEvent(event) => kinds.new_events.push((index, rows::event(event))),
            Guard::Dispatched(event) => {
                kinds.dispatched.push((index, vec![rows::id(event.0), Cell::int(1), Cell::int(0)]));
            }
            Guard::NewSchedule(schedule) => kinds.new_schedules.push((index, rows::schedule(schedule))),
            Guard::Schedule(schedule) => {
                kinds.schedules.push((index, expecting(rows::schedule(schedule), schedule.version - 1)));
            }
            Guard::Key(record) => kinds.keys.push((index, rows::key(record))),
            _ => kinds.seldom.push(index),
        }
    }
    kinds
}

fn expecting(mut cells: Cells, expected: i64) -> Cells {
    cells.push(Cell::int(expected));
    cells
}

/// Writes the guards of one kind and marks those that went in: by `compared` for changes, by absence for new rows.
async fn guards(
    writer: &mut Writer<'_>,
    table: &Table,
    compared: Option<&str>,
    guards: Vec<(usize, Cells)>,
    written: &mut Written,
) -> Result<(), sqlx::Error> {
    if guards.is_empty() {
        return Ok(());
    }
    let (indices, cells): (Vec<usize>, Vec<Cells>) = guards.into_iter().unzip();
    let landed = match compared {
        Some(column) => writer.compare_and_set(table, column, &cells).await?,
        None => writer.insert_new(table, &cells).await?,
    };
    if let Some(Landed { key, transaction }) = landed.first() {
        let key = table.key.iter().copied().zip(key.split(SEPARATOR).map(str::to_owned)).collect();
        written.trace = Some(Trace { id: transaction.clone(), row: Some(WrittenRow { table: table.name, key }) });
    }
    let mut landed: BTreeSet<String> = landed.into_iter().map(|landed| landed.key).collect();
    for (index, cells) in indices.into_iter().zip(&cells) {
        // Taken out when it is found: of two writes that name one row, one went in.
        written.applied[index] = landed.remove(&key(cells, table.key.len()));
    }
    Ok(())
}

fn key(cells: &Cells, columns: usize) -> String {
    let mut key = String::new();
    for (index, cell) in cells.iter().take(columns).enumerate() {
        if index > 0 {
            key.push(SEPARATOR);
        }
        match cell {
            Cell::Text(text) => key.push_str(text.as_deref().unwrap_or_default()),
            Cell::Int(number) => key.push_str(&number.unwrap_or_default().to_string()),
            Cell::Bytes(_) => {}
        }
    }
    key
}

/// The rows of the dependants, by table.
#[derive(Default)]
struct Rows<'a> {
    incidents: Vec<Cells>,
    runs: Vec<Cells>,
    new_steps: Vec<Cells>,
    steps: Vec<Cells>,
    attempts: Vec<Cells>,
    approvals: Vec<Cells>,
    alerts: Vec<Cells>,
    parts: Vec<Cells>,
    entries: Vec<&'a NewEntry>,
    events: Vec<Cells>,
    outcomes: Vec<Cells>,
    ticks: Vec<Cells>,
    definitions: Vec<Cells>,
    undefined: Vec<(&'a str, i64)>,
    dropped: Vec<&'a str>,
    keys: Vec<Cells>,
    grants: Vec<Cells>,
    grant_requests: Vec<Cells>,
    audit: Vec<Cells>,
    catalog_changed: bool,
}

async fn dependants(writer: &mut Writer<'_>, winners: &[&Write]) -> Result<(), sqlx::Error> {
    let rows = collect(winners);
    writer.insert(&rows::INCIDENTS, &rows.incidents, OnConflict::Fail).await?;
    writer.insert(&rows::RUNS, &rows.runs, OnConflict::Fail).await?;
    writer.insert(&rows::STEPS, &rows.new_steps, OnConflict::Fail).await?;
    writer.insert(&rows::STEPS, &rows.steps, OnConflict::Replace).await?;
    writer.insert(&rows::ATTEMPTS, &rows.attempts, OnConflict::Fail).await?;
    writer.insert(&rows::APPROVALS, &rows.approvals, OnConflict::Replace).await?;
    writer.insert(&rows::ALERTS, &rows.alerts, OnConflict::Replace).await?;
    entries(writer, &rows.entries).await?;
    writer.insert(&rows::EVENTS, &rows.events, OnConflict::Fail).await?;
    writer.insert(&rows::OUTCOMES, &rows.outcomes, OnConflict::Fail).await?;
    writer.insert(&rows::PARTS, &rows.parts, OnConflict::Replace).await?;
    writer.insert(&rows::TICKS, &rows.ticks, OnConflict::Replace).await?;
    for cells in rows.definitions {
        writer.run(rows::DEFINE, cells).await?;
    }
    for name in rows.dropped {
        writer.run("DELETE FROM schedules WHERE name = $1", vec![Cell::text(name)]).await?;
    }
    for (workflow, stay) in rows.undefined {
        writer.run(rows::UNDEFINE, vec![Cell::text(workflow), Cell::int(stay)]).await?;
    }
    writer.insert(&rows::KEYS, &rows.keys, OnConflict::Nothing).await?;
    writer.insert(&rows::PLUGIN_GRANTS, &rows.grants, OnConflict::Replace).await?;
    writer.insert(&rows::GRANT_REQUESTS, &rows.grant_requests, OnConflict::Replace).await?;
    writer.insert(&rows::AUDIT, &rows.audit, OnConflict::Fail).await?;
    if rows.catalog_changed {
        writer.run("UPDATE counters SET value = value + 1 WHERE name = 'catalog'", Vec::new()).await?;
    }
    Ok(())
}

fn collect<'a>(winners: &[&'a Write]) -> Rows<'a> {
    let mut rows = Rows::default();
    for write in winners {
        match &write.guard {
            Guard::NewRun(run) => rows.new_steps.extend(all_steps(run)),
            Guard::Run(run, changed) => {
                let changed = changed.iter().filter_map(|index| run.steps.get(*index).map(|step| (*index, step)));
                rows.steps.extend(changed.map(|(index, step)| rows::step(run, index, step)));
            }
            _ => {}
        }
        for dependant in &write.then {
            match dependant {
                Dependant::NewIncident(incident) => rows.incidents.push(rows::incident(incident)),
                Dependant::NewRun(run) => {
                    rows.runs.push(rows::run(run));
                    rows.new_steps.extend(all_steps(run));
                }
                Dependant::Attempt(record) => rows.attempts.push(rows::attempt(record)),
                // An approval asked for and decided in one write is one row: the later word stands.
                Dependant::Approval(approval) => put(&mut rows.approvals, rows::approval(approval), 1),
                Dependant::Part(part) => put(&mut rows.parts, rows::part(part), 3),
                Dependant::Entry(entry) => rows.entries.push(entry),
                Dependant::Event(event) => rows.events.push(rows::event(event)),
                Dependant::Outcome(outcome) => rows.outcomes.push(rows::outcome(outcome)),
                Dependant::Alert(alert) => put(&mut rows.alerts, rows::alert(alert), 1),
                Dependant::Tick(schedule, tick) => put(&mut rows.ticks, rows::tick(*schedule, tick), 3),
                Dependant::Define(schedule) => rows.definitions.push(rows::schedule(schedule)),
                Dependant::DropSchedule(name) => rows.dropped.push(name),
                Dependant::Undefine { workflow, stay } => rows.undefined.push((workflow, *stay)),
                Dependant::Key(record) => rows.keys.push(rows::key(record)),
                Dependant::PluginGrant(plugin, grant) => put(&mut rows.grants, rows::plugin_grant(plugin, grant), 1),
                Dependant::GrantRequest(request) => put(&mut rows.grant_requests, rows::grant_request(request), 1),
                Dependant::Audit(entry) => rows.audit.push(rows::audit(entry)),
                Dependant::CatalogChanged => rows.catalog_changed = true,
            }
        }
    }
    rows
}

fn all_steps(run: &Run) -> impl Iterator<Item = Cells> {
    run.steps.iter().enumerate().map(|(position, step)| rows::step(run, position, step))
}

/// Adds a row, or replaces the one of the same key, which is its first columns: a statement must not hit one row twice.
fn put(rows: &mut Vec<Cells>, row: Cells, columns: usize) {
    match rows.iter_mut().find(|known| key(known, columns) == key(&row, columns)) {
        Some(known) => *known = row,
        None => rows.push(row),
    }
}

/// Numbers the entries of each incident without a gap, in the order the batch holds them, and writes them.
async fn entries(writer: &mut Writer<'_>, entries: &[&NewEntry]) -> Result<(), sqlx::Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut more: BTreeMap<String, i64> = BTreeMap::new();
    for entry in entries {
        *more.entry(entry.incident.to_string()).or_default() += 1;
    }
    let counts: Vec<Cells> = more.iter().map(|(id, more)| vec![Cell::text(id), Cell::int(*more)]).collect();
    let mut next: BTreeMap<String, i64> = BTreeMap::new();
    for (id, last) in writer.add("incidents", "id", "entries", &counts).await? {
        let count = more.get(&id).copied().unwrap_or_default();
        next.insert(id, last - count + 1);
    }
    let mut numbered = Vec::with_capacity(entries.len());
    for entry in entries {
        // An incident that is not there has no timeline: the entry is refused with its whole write.
        let seq = next.get_mut(&entry.incident.to_string()).ok_or(sqlx::Error::RowNotFound)?;
        numbered.push(rows::entry(entry, *seq));
        *seq += 1;
    }
    writer.insert(&rows::TIMELINE, &numbered, OnConflict::Fail).await
}
