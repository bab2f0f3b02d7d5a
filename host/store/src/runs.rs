//! Reading runs with their steps, attempts and approvals, and claiming those that are due.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use super::{
    Backend, Page, Store, StoreError,
    incidents::visible,
    read::{Cursor, Select, bound, each},
    rows,
    statement::Cell,
};
use wardroom_domain::{
    id::{ApprovalId, EventId, HostId, IncidentId, RunId},
    run::{Approval, ApprovalStatus, AttemptRecord, Lease, Run, RunStatus, Slot, StepRun},
    time::Timestamp,
};

const RUN: &str = "SELECT id, workflow, revision, status, mode, incident_id, event_id, rerun_of, undo_of, parent, becomes_of, slot, slot_policy, slot_held, trigger_data, inputs, depth, pins, \
                   started_by, created_at, finished_at, deadline, ending, section, hold, signals, version, host_id, host_epoch, wake_at FROM runs";
const STEP: &str = "SELECT run_id, step, item, status, phase, generation, attempt, calls, input, connection_revision, output, \
                    summary, error, started_at, finished_at, wake_at, resume, undo, approval_id, votes FROM step_runs";
const APPROVAL: &str = "SELECT id, run_id, step, incident_id, role, status, shows, destructive, requested_at, expires_at, \
                        decided_by, decided_at, reason, people, quorum, votes FROM approvals";

/// Of so many runs that are claimed at once, one need not be an incident's.
const OTHERS: usize = 8;
/// How long a claimed run is left alone that could not be read.
const PUT_OFF: Duration = Duration::from_mins(1);

/// Those who may see the incident of a row, when it is private.
const HIDDEN_FROM: &str = "(SELECT i.visible_to FROM incidents i WHERE i.id = incident_id)";

/// Which runs a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only of this workflow.
    pub workflow: Option<String>,
    /// Only of this incident.
    pub incident: Option<IncidentId>,
    /// Only in this status.
    pub status: Option<RunStatus>,
    /// Only what somebody of this handle may see.
    pub visible_to: Option<String>,
}

impl Store {
    /// The run of an identifier, with its steps.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        let rows = Select::new(RUN).and("id =", rows::id(id.0)).all(self).await?;
        Ok(self.with_steps(&rows).await?.pop())
    }

    /// A page of runs without their steps, the newest first; the cursor is the last one's identifier.
    pub async fn runs(&self, filter: &RunFilter, page: &Page) -> Result<Vec<Run>, StoreError> {
        let select = Select::new(RUN)
            .and_maybe("workflow =", filter.workflow.as_ref().map(Cell::text))
            .and_maybe("incident_id =", filter.incident.map(|id| rows::id(id.0)))
            .and_maybe("status =", filter.status.map(rows::word))
            .and_maybe("id <", page.after.as_ref().map(Cell::text));
        let select = visible(select, HIDDEN_FROM, filter.visible_to.as_ref());
        each(&select.order("id DESC", page.limit).all(self).await?, run)
    }

    /// How the tries of a run ended, in the order they did.
    pub async fn attempts(&self, run: RunId) -> Result<Vec<AttemptRecord>, StoreError> {
        let sql = "SELECT run_id, step, item, generation, attempt, phase, call, started_at, finished_at, outcome, error, trace \
                   FROM attempts";
        let rows = Select::new(sql).and("run_id =", rows::id(run.0)).order("finished_at, step, item, call", 10_000);
        each(&rows.all(self).await?, attempt)
    }

    /// An approval.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        let row = Select::new(APPROVAL).and("id =", rows::id(id.0)).one(self).await?;
        row.map(|row| approval(&Cursor(&row))).transpose()
    }

    /// A page of the approvals that somebody may see, the oldest first; the cursor is the last one's identifier.
    pub async fn approvals(
        &self,
        status: Option<ApprovalStatus>,
        visible_to: &String,
        page: &Page,
    ) -> Result<Vec<Approval>, StoreError> {
        let select = Select::new(APPROVAL)
            .and_maybe("status =", status.map(rows::word))
            .and_maybe("id >", page.after.as_ref().map(Cell::text));
        let select = visible(select, HIDDEN_FROM, Some(visible_to));
        each(&select.order("id", page.limit).all(self).await?, approval)
    }

    /// Claims runs that are due and driven by nobody, and those whose host is gone or began a new life; runs of incidents
    /// before others.
    pub async fn claim_runs(&self, lease: Lease, now: Timestamp, limit: u32) -> Result<Vec<Run>, StoreError> {
        let ids = self.claimable(now, limit).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (0..ids.len()).map(|index| format!("${}", index + 3)).collect();
        // The conditions stand here again: between reading and writing another host may have been faster.
        let sql = format!(
            "UPDATE runs SET host_id = $1, host_epoch = $2, version = version + 1 WHERE id IN (SELECT id FROM runs WHERE id \
             IN ({}) AND wake_at IS NOT NULL AND (host_id IS NULL OR {}) {}) RETURNING id",
            places.join(", "),
            orphaned(self.backend()),
            self.backend().skip_locked(),
        );
        let mine = [Cell::text(lease.host.to_string()), Cell::int(lease.epoch)];
        let cells = mine.into_iter().chain(ids.into_iter().map(Cell::text)).collect();
        let claimed = each(&self.aside(&sql, cells).await?, |row| row.uuid("id").map(RunId))?;
        if let Ok(runs) = self.runs_of(&claimed).await {
            return Ok(runs);
        }
        // One of them cannot be read, and must not hold up the others.
        let mut runs = Vec::with_capacity(claimed.len());
        for id in claimed {
            match self.run(id).await {
                Ok(run) => runs.extend(run),
                Err(error) => {
                    tracing::warn!(run.id = %id, %error, "a claimed run could not be read; it is put off");
                    self.put_off(id, lease, now.plus(PUT_OFF)).await?;
                }
            }
        }
        Ok(runs)
    }

    /// The runs of these identifiers, in any order.
    async fn runs_of(&self, ids: &[RunId]) -> Result<Vec<Run>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (1..=ids.len()).map(|index| format!("${index}")).collect();
        let sql = format!("{RUN} WHERE id IN ({})", places.join(", "));
        let cells = ids.iter().map(|id| rows::id(id.0)).collect();
        let found = bound(sqlx::query(AssertSqlSafe(sql)), cells).fetch_all(&self.readers).await?;
        self.with_steps(&found).await
    }

    /// Gives a claimed run back, to be claimed again at a time.
    async fn put_off(&self, id: RunId, lease: Lease, until: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE runs SET host_id = NULL, host_epoch = NULL, wake_at = $1, version = version + 1 \
                   WHERE id = $2 AND host_id = $3 AND host_epoch = $4 RETURNING id";
        let cells = vec![rows::time(until), rows::id(id.0), rows::id(lease.host.0), Cell::int(lease.epoch)];
        self.aside(sql, cells).await?;
        Ok(())
    }

    /// The runs leased to a host in one of its lives, at most 1,000.
    pub async fn leased_runs(&self, lease: Lease) -> Result<BTreeSet<RunId>, StoreError> {
        let select = Select::new("SELECT id FROM runs")
            .and("host_id =", rows::id(lease.host.0))
            .and("host_epoch =", Cell::int(lease.epoch))
            .order("id", 1_000);
        Ok(each(&select.all(self).await?, |row| row.uuid("id").map(RunId))?.into_iter().collect())
    }

    /// Reads before it writes: most looks find nothing, and a look must not take SQLite's one write lock.
    async fn claimable(&self, now: Timestamp, limit: u32) -> Result<Vec<String>, StoreError> {
        // What was under way comes before what is due.
        let orphans = orphans(self.backend(), limit).all(self).await?;
        let orphans = each(&orphans, |row| Ok((row.text("id")?, row.maybe_text("incident_id")?)))?;
        let (urgent, other): (Vec<_>, Vec<_>) = orphans.into_iter().partition(|(_, incident)| incident.is_some());
        let [mut urgent, mut other] =
            [urgent, other].map(|runs| runs.into_iter().map(|(id, _)| id).collect::<Vec<_>>());
        let due = due_of_incidents(now, limit).all(self).await?;
        urgent.extend(each(&due, |row| row.text("id"))?);
        let due = due_of_none(now, limit).all(self).await?;
        other.extend(each(&due, |row| row.text("id"))?);
        Ok(in_order(urgent, other, limit as usize))
    }

    /// Makes runs due that the kill switch held.
    pub async fn wake_paused_runs(&self, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE runs SET wake_at = $1 WHERE status = 'paused' AND wake_at > $2 RETURNING id";
        self.aside(sql, vec![rows::time(now), rows::time(now)]).await?;
        Ok(())
    }

    async fn with_steps(&self, rows: &[AnyRow]) -> Result<Vec<Run>, StoreError> {
        let mut runs = each(rows, run)?;
        if runs.is_empty() {
            return Ok(runs);
        }
        let places: Vec<String> = (1..=runs.len()).map(|index| format!("${index}")).collect();
        let sql = format!("{STEP} WHERE run_id IN ({}) ORDER BY run_id, position", places.join(", "));
        let cells = runs.iter().map(|run| rows::id(run.id.0)).collect();
        let mut steps: BTreeMap<RunId, Vec<StepRun>> = BTreeMap::new();
        for row in bound(sqlx::query(AssertSqlSafe(sql)), cells).fetch_all(&self.readers).await? {
            let row = Cursor(&row);
            steps.entry(RunId(row.uuid("run_id")?)).or_default().push(step(&row)?);
        }
        for run in &mut runs {
            run.steps = steps.remove(&run.id).unwrap_or_default();
        }
        Ok(runs)
    }

    /// How many runs have not ended.
    pub async fn live_runs(&self) -> Result<i64, StoreError> {
        // Two counts, because each of them is all of one partial index; one count would walk the whole history.
        let sql = "SELECT (SELECT COUNT(*) FROM runs WHERE wake_at IS NOT NULL AND host_id IS NULL) + \
                   (SELECT COUNT(*) FROM runs WHERE wake_at IS NOT NULL AND host_id IS NOT NULL)";
        Ok(sqlx::query(sql).fetch_one(&self.readers).await?.try_get(0)?)
    }
}

/// Runs of incidents first; but one place in eight is for the others, so that they are claimed at last however much comes.
fn in_order(mut urgent: Vec<String>, mut other: Vec<String>, limit: usize) -> Vec<String> {
    let kept_free = other.len().min(limit / OTHERS);
    let late = urgent.split_off(urgent.len().min(limit.saturating_sub(kept_free)));
    urgent.append(&mut other);
    urgent.extend(late);
    urgent.truncate(limit);
    urgent
}

/// Runs of incidents that are due and driven by nobody.
pub(super) fn due_of_incidents(now: Timestamp, limit: u32) -> Select {
    due("incident_id IS NOT NULL", now, limit)
}

/// Runs without an incident that are due and driven by nobody.
pub(super) fn due_of_none(now: Timestamp, limit: u32) -> Select {
    due("incident_id IS NULL", now, limit)
}

fn due(whose: &str, now: Timestamp, limit: u32) -> Select {
    let select = Select::new("SELECT id FROM runs").that("host_id IS NULL").that(whose);
    select.and("wake_at <=", rows::time(now)).order("wake_at", limit)
}

/// Runs whose host is gone. In the order of the index that holds driven runs only: asked for by `id`, SQLite would walk
/// the whole history.
pub(super) fn orphans(backend: Backend, limit: u32) -> Select {
    let sql = format!("SELECT id, incident_id FROM runs WHERE host_id IS NOT NULL AND {}", orphaned(backend));
    Select::new(&sql).order("host_id, host_epoch", limit)
}

/// Whether the host that drove a run is gone: unknown, in a later life, or silent for longer than its lease.
fn orphaned(backend: Backend) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM hosts WHERE hosts.id = runs.host_id AND hosts.epoch = runs.host_epoch AND \
         hosts.lease_expires_at >= {})",
        backend.now_ms()
    )
}

fn run(row: &Cursor<'_>) -> Result<Run, StoreError> {
    let lease = match (row.maybe_uuid("host_id")?, row.maybe_int("host_epoch")?) {
        (Some(host), Some(epoch)) => Some(Lease { host: HostId(host), epoch }),
        _ => None,
    };
    let slot = match row.maybe_text("slot")? {
        Some(key) => Some(Slot { key, policy: row.word("slot_policy")?, held: row.flag("slot_held")? }),
        None => None,
    };
    Ok(Run {
        id: RunId(row.uuid("id")?),
        workflow: row.text("workflow")?,
        revision: row.int("revision")?,
        status: row.word("status")?,
        mode: row.word("mode")?,
        incident: row.maybe_uuid("incident_id")?.map(IncidentId),
        event: row.maybe_uuid("event_id")?.map(EventId),
        rerun_of: row.maybe_uuid("rerun_of")?.map(RunId),
        undo_of: row.maybe_uuid("undo_of")?.map(RunId),
        parent: row.maybe_json("parent")?,
        becomes_of: row.maybe_uuid("becomes_of")?.map(IncidentId),
        slot,
        trigger: row.json("trigger_data")?,
        inputs: row.json("inputs")?,
        depth: row.number("depth")?,
        pins: row.json("pins")?,
        started_by: row.json("started_by")?,
        created_at: row.time("created_at")?,
        finished_at: row.maybe_time("finished_at")?,
        deadline: row.time("deadline")?,
        ending: row.maybe_json("ending")?,
        section: row.word("section")?,
        hold: row.maybe_json("hold")?,
        signals: row.json("signals")?,
        version: row.int("version")?,
        lease,
        wake_at: row.maybe_time("wake_at")?,
        steps: Vec::new(),
    })
}

fn step(row: &Cursor<'_>) -> Result<StepRun, StoreError> {
    Ok(StepRun {
        step: row.text("step")?,
        item: item(row)?,
        status: row.word("status")?,
        phase: row.word("phase")?,
        generation: row.number("generation")?,
        attempt: row.number("attempt")?,
        calls: row.number("calls")?,
        input: row.maybe_json("input")?,
        connection_revision: row.maybe_int("connection_revision")?,
        output: row.json("output")?,
        summary: row.maybe_text("summary")?,
        error: row.maybe_json("error")?,
        started_at: row.maybe_time("started_at")?,
        finished_at: row.maybe_time("finished_at")?,
        wake_at: row.maybe_time("wake_at")?,
        resume: row.maybe_bytes("resume")?,
        undo: row.maybe_json("undo")?,
        approval: row.maybe_uuid("approval_id")?.map(ApprovalId),
        votes: row.maybe_json("votes")?.unwrap_or_default(),
    })
}

/// The item of a `foreach`; the rows keep -1 for a step itself, so that it can be a part of the key.
fn item(row: &Cursor<'_>) -> Result<Option<u32>, StoreError> {
    Ok(u32::try_from(row.int("item")?).ok())
}

fn attempt(row: &Cursor<'_>) -> Result<AttemptRecord, StoreError> {
    Ok(AttemptRecord {
        run: RunId(row.uuid("run_id")?),
        step: row.text("step")?,
        item: item(row)?,
        generation: row.number("generation")?,
        attempt: row.number("attempt")?,
        phase: row.word("phase")?,
        call: row.number("call")?,
        started_at: row.time("started_at")?,
        finished_at: row.time("finished_at")?,
        outcome: row.text("outcome")?,
        error: row.maybe_json("error")?,
        trace: row.json("trace")?,
    })
}

fn approval(row: &Cursor<'_>) -> Result<Approval, StoreError> {
    Ok(Approval {
        id: ApprovalId(row.uuid("id")?),
        run: RunId(row.uuid("run_id")?),
        step: row.text("step")?,
        incident: row.maybe_uuid("incident_id")?.map(IncidentId),
        role: row.maybe_text("role")?,
        status: row.word("status")?,
        shows: row.json("shows")?,
        destructive: row.flag("destructive")?,
        requested_at: row.time("requested_at")?,
        expires_at: row.maybe_time("expires_at")?,
        decided_by: row.maybe_json("decided_by")?,
        decided_at: row.maybe_time("decided_at")?,
        reason: row.maybe_text("reason")?,
        people: row.json("people")?,
        quorum: row.number("quorum")?,
        votes: row.json("votes")?,
    })
}
