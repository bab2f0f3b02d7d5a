//! Reading the outbox, what became of each event, idempotency keys and the audit log.

use serde_json::Value;

use super::{
    KeyRecord, Page, Store, StoreError,
    read::{Cursor, Select, each},
    rows,
    statement::Cell,
};
use wardroom_domain::{
    audit::{AuditEntry, AuditFilter},
    event::{Event, TriggerOutcome},
    id::{EventId, IncidentId, RunId},
    time::Timestamp,
};

const EVENT: &str = "SELECT id, incident_id, at, depth, fact, snapshot FROM events";

impl Store {
    /// Events nobody has dispatched, the oldest first.
    pub async fn undispatched_events(&self, limit: u32) -> Result<Vec<Event>, StoreError> {
        // Written into the statement, so that SQLite sees that its partial index serves.
        let sql = format!("{EVENT} WHERE dispatched = 0");
        each(&Select::new(&sql).order("id", limit).all(self).await?, event)
    }

    /// The events of an incident, the oldest first, at most 1,000.
    pub async fn events(&self, incident: IncidentId) -> Result<Vec<Event>, StoreError> {
        let rows = Select::new(EVENT).and("incident_id =", rows::id(incident.0)).order("id", 1_000);
        each(&rows.all(self).await?, event)
    }

    /// What the events of an incident meant for each workflow that listens.
    pub async fn outcomes(&self, incident: IncidentId) -> Result<Vec<TriggerOutcome>, StoreError> {
        let sql = "SELECT o.event_id, o.workflow, o.run_id, o.why_not, o.at FROM trigger_outcomes o JOIN events e \
                   ON e.id = o.event_id";
        let rows = Select::new(sql).and("e.incident_id =", rows::id(incident.0)).order("o.event_id, o.workflow", 5_000);
        each(&rows.all(self).await?, outcome)
    }

    /// What an idempotency key was used for.
    pub async fn key(&self, scope: &str, key: &str) -> Result<Option<KeyRecord>, StoreError> {
        let row = Select::new("SELECT scope, key, request, made, at FROM keys")
            .and("scope =", Cell::text(scope))
            .and("key =", Cell::text(key))
            .one(self)
            .await?;
        row.map(|row| record(&Cursor(&row))).transpose()
    }

    /// Forgets the keys used before a time.
    pub async fn forget_keys(&self, before: Timestamp) -> Result<(), StoreError> {
        self.aside("DELETE FROM keys WHERE at <= $1 RETURNING key", vec![rows::time(before)]).await?;
        Ok(())
    }

    /// A page of the audit log, the newest first; the cursor is the last entry's identifier.
    pub async fn audit(&self, filter: &AuditFilter, page: &Page) -> Result<Vec<AuditEntry>, StoreError> {
        let mut select = Select::new("SELECT id, at, actor, action, target, data FROM audit")
            .and_maybe("id <", page.after.as_ref().map(Cell::text))
            .and_maybe("target =", filter.target.as_ref().map(Cell::text))
            .and_maybe("at >=", filter.since.map(rows::time))
            .and_maybe("at <", filter.until.map(rows::time));
        if let Some(handle) = &filter.actor {
            // Who did it is kept as JSON, a person with the handle of that time.
            let field = format!("\"handle\":{}", Value::from(handle.as_str()));
            select = select.like("actor", &format!("%{}%", literally(&field)));
        }
        if let Some(action) = &filter.action {
            let more = if action.ends_with('.') { "%" } else { "" };
            select = select.like("action", &format!("{}{more}", literally(action)));
        }
        let rows = select.order("id DESC", page.limit).all(self).await?;
        each(&rows, audit)
    }
}

/// A text as a pattern that is like nothing else.
fn literally(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn event(row: &Cursor<'_>) -> Result<Event, StoreError> {
    Ok(Event {
        id: EventId(row.uuid("id")?),
        incident: row.maybe_uuid("incident_id")?.map(IncidentId),
        at: row.time("at")?,
        depth: row.number("depth")?,
        fact: row.json("fact")?,
        snapshot: row.json("snapshot")?,
    })
}

fn outcome(row: &Cursor<'_>) -> Result<TriggerOutcome, StoreError> {
    Ok(TriggerOutcome {
        event: EventId(row.uuid("event_id")?),
        workflow: row.text("workflow")?,
        run: row.maybe_uuid("run_id")?.map(RunId),
        why_not: row.maybe_text("why_not")?,
        at: row.time("at")?,
    })
}

fn record(row: &Cursor<'_>) -> Result<KeyRecord, StoreError> {
    Ok(KeyRecord {
        scope: row.text("scope")?,
        key: row.text("key")?,
        request: row.text("request")?,
        made: row.text("made")?,
        at: row.time("at")?,
    })
}

fn audit(row: &Cursor<'_>) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: row.uuid("id")?,
        at: row.time("at")?,
        actor: row.json("actor")?,
        action: row.text("action")?,
        target: row.text("target")?,
        data: row.json("data")?,
    })
}
