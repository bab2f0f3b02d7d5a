//! How runs hang together: who waits for whose turn, whose child a run is, which run takes another back. Reads only.

use super::{
    Store, StoreError,
    read::{Cursor, Select, each},
    rows,
    statement::Cell,
};
use wardroom_domain::{
    id::{IncidentId, RunId},
    run::{MAX_QUEUED, Occupant},
};

/// How many orphans are found at once.
const ORPHANS: u32 = 100;

impl Store {
    /// The live runs of a workflow and key, in the order they came.
    pub async fn occupants(&self, workflow: &str, key: &str) -> Result<Vec<Occupant>, StoreError> {
        let select = Select::new("SELECT id, slot_policy, slot_held, incident_id FROM runs")
            .and("slot =", Cell::text(key))
            .and("workflow =", Cell::text(workflow))
            .that("wake_at IS NOT NULL")
            .order("id", 2 * u32::try_from(MAX_QUEUED).unwrap_or(u32::MAX));
        each(&select.all(self).await?, |row| {
            Ok(Occupant {
                run: RunId(row.uuid("id")?),
                policy: row.word("slot_policy")?,
                held: row.flag("slot_held")?,
                of_incident: row.maybe_uuid("incident_id")?.is_some(),
            })
        })
    }

    /// Whether a condition that became true has started the workflow for the incident.
    pub async fn became(&self, workflow: &str, incident: IncidentId) -> Result<bool, StoreError> {
        let select = Select::new("SELECT id FROM runs")
            .and("becomes_of =", rows::id(incident.0))
            .and("workflow =", Cell::text(workflow));
        Ok(select.one(self).await?.is_some())
    }

    /// The run that takes this one back, however often it was begun again.
    pub async fn undo_of(&self, run: RunId) -> Result<Option<RunId>, StoreError> {
        let select = Select::new("SELECT id FROM runs").and("undo_of =", rows::id(run.0)).that("rerun_of IS NULL");
        select.one(self).await?.map(|row| Cursor(&row).uuid("id").map(RunId)).transpose()
    }

    /// Live runs whose parent has ended, and that nobody has stopped.
    pub async fn orphaned_children(&self) -> Result<Vec<RunId>, StoreError> {
        each(&abandoned().all(self).await?, |row| row.uuid("id").map(RunId))
    }
}

/// In the order of the index of live children: any other would read all live runs.
pub(super) fn abandoned() -> Select {
    Select::new("SELECT runs.id FROM runs")
        .that("runs.parent_id IS NOT NULL")
        .that("runs.wake_at IS NOT NULL")
        .that("runs.ending IS NULL")
        .that("(SELECT above.wake_at FROM runs above WHERE above.id = runs.parent_id) IS NULL")
        .order("runs.parent_id", ORPHANS)
}
