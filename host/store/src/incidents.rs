//! Reading incidents, their alerts and their timeline.

use sqlx::Row;

use super::{
    Page, Store, StoreError,
    pressure::PATIENCE,
    read::{Cursor, Select, each},
    rows::{self, open_group},
    statement::Cell,
};
use wardroom_domain::{
    alert::{Alert, Signal},
    dossier::{PartRow, Parts},
    id::{AlertId, IncidentId},
    incident::{Incident, IncidentKind, Origin, Severity, Stage},
    time::Timestamp,
    timeline::{Entry, EntryKind, NewEntry},
};

const SELECT: &str = "SELECT id, number, kind, title, severity, stage, labels, roles, times, source, group_key, open_group, \
                      recurrence_of, entered, created_at, updated_at, revision, version, details, due_at FROM incidents";

/// Which incidents a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// Only in this stage.
    pub stage: Option<Stage>,
    /// Only of this severity.
    pub severity: Option<Severity>,
    /// Only real ones, or only drills.
    pub kind: Option<IncidentKind>,
    /// Only what somebody of this handle may see.
    pub visible_to: Option<String>,
}

/// Leaves out private incidents that somebody may not see; `column` holds the handles of those who may.
pub(super) fn visible(select: Select, column: &str, handle: Option<&String>) -> Select {
    let Some(handle) = handle else { return select };
    select.null_or_like(column, &format!("%,{},%", literally(handle)))
}

/// Text of a pattern that stands for itself.
fn literally(text: &str) -> String {
    text.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%")
}

/// Which entries of a timeline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimelineFilter {
    /// Only of these kinds; empty: of all.
    pub kinds: Vec<EntryKind>,
    /// Only with this in their text, whatever its case.
    pub text: Option<String>,
}

impl Store {
    /// The next number: drawn once, never given twice. [`StoreError::Busy`] when its turn does not come within 5 s.
    pub async fn next_incident_number(&self) -> Result<u32, StoreError> {
        let sql = "UPDATE counters SET value = value + 1 WHERE name = 'incident' RETURNING value";
        let turn = tokio::time::timeout(PATIENCE, self.numbers.lock()).await;
        let _turn = turn.map_err(|_| self.journal.withdrew())?;
        let row = self.aside(sql, Vec::new()).await?;
        let number: i64 = row.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?;
        u32::try_from(number).map_err(|_| StoreError::Row { column: "value", reason: "numbers are used up".to_owned() })
    }

    /// The incident of an identifier.
    pub async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        let row = Select::new(SELECT).and("id =", rows::id(id.0)).one(self).await?;
        row.map(|row| incident(&Cursor(&row))).transpose()
    }

    /// The incident of a number.
    pub async fn incident_by_number(&self, number: u32) -> Result<Option<Incident>, StoreError> {
        let row = Select::new(SELECT).and("number =", Cell::int(number)).one(self).await?;
        row.map(|row| incident(&Cursor(&row))).transpose()
    }

    /// The incident that alerts of a group join now.
    pub async fn open_incident(&self, source: &str, group_key: &str) -> Result<Option<Incident>, StoreError> {
        let group = Cell::text(open_group(source, group_key));
        let row = Select::new(SELECT).and("open_group =", group).one(self).await?;
        row.map(|row| incident(&Cursor(&row))).transpose()
    }

    /// The newest incident of a group, open or not.
    pub async fn latest_incident(&self, source: &str, group_key: &str) -> Result<Option<Incident>, StoreError> {
        let select = Select::new(SELECT).and("source =", Cell::text(source)).and("group_key =", Cell::text(group_key));
        let row = select.order("number DESC", 1).one(self).await?;
        row.map(|row| incident(&Cursor(&row))).transpose()
    }

    /// How many incidents a source has opened since a time, at most 10,000.
    pub async fn opened_since(&self, source: &str, since: Timestamp) -> Result<usize, StoreError> {
        let select = Select::new("SELECT id FROM incidents").and("source =", Cell::text(source));
        let select = select.and("created_at >=", rows::time(since)).order("created_at", 10_000);
        Ok(select.all(self).await?.len())
    }

    /// A page of incidents, the newest first; the cursor is the last one's number.
    pub async fn incidents(&self, filter: &IncidentFilter, page: &Page) -> Result<Vec<Incident>, StoreError> {
        let after = page.after.as_ref().and_then(|after| after.parse::<i64>().ok()).map(Cell::int);
        let rows = Select::new(SELECT)
            .and_maybe("stage =", filter.stage.map(rows::word))
            .and_maybe("severity =", filter.severity.map(rows::word))
            .and_maybe("kind =", filter.kind.map(rows::word))
            .and_maybe("number <", after);
        let rows = visible(rows, "visible_to", filter.visible_to.as_ref());
        each(&rows.order("number DESC", page.limit).all(self).await?, incident)
    }

    /// The parts of an incident.
    pub async fn parts(&self, incident: IncidentId) -> Result<Parts, StoreError> {
        let select = Select::new("SELECT kind, number, document FROM incident_parts");
        let rows = select.and("incident_id =", rows::id(incident.0)).order("kind, number", 10_000).all(self).await?;
        let mut parts = Parts::default();
        for row in &rows {
            let row = Cursor(row);
            let (kind, number) = (row.word("kind")?, row.number("number")?);
            let part = PartRow { incident, kind, number, document: row.json("document")? };
            let wrong = |error: serde_json::Error| StoreError::Row { column: "document", reason: error.to_string() };
            parts.add(part).map_err(wrong)?;
        }
        Ok(parts)
    }

    /// The incidents that want to be looked at by the clock, the longest due first.
    pub async fn due_incidents(&self, now: Timestamp, most: u32) -> Result<Vec<IncidentId>, StoreError> {
        let select = Select::new("SELECT id FROM incidents").and("due_at <=", rows::time(now));
        each(&select.order("due_at", most).all(self).await?, |row| row.uuid("id").map(IncidentId))
    }

    /// When the newest incident that followed a playbook was opened.
    pub async fn playbook_last_used(&self, playbook: &str) -> Result<Option<Timestamp>, StoreError> {
        let select = Select::new("SELECT created_at FROM incidents").and("playbook =", Cell::text(playbook));
        let row = select.order("created_at DESC", 1).one(self).await?;
        row.map(|row| Cursor(&row).time("created_at")).transpose()
    }

    /// The alerts of an incident, in the order they came.
    pub async fn alerts(&self, incident: IncidentId) -> Result<Vec<Alert>, StoreError> {
        let sql = "SELECT id, incident_id, source, signal, received_at, changed_at FROM alerts";
        let rows = Select::new(sql).and("incident_id =", rows::id(incident.0)).order("id", 10_000).all(self).await?;
        each(&rows, alert)
    }

    /// A page of an incident's timeline, the oldest first; the cursor is the last entry's number.
    pub async fn timeline(&self, incident: IncidentId, page: &Page) -> Result<Vec<Entry>, StoreError> {
        self.timeline_of(incident, &TimelineFilter::default(), page).await
    }

    /// The same of some entries only.
    pub async fn timeline_of(
        &self,
        incident: IncidentId,
        filter: &TimelineFilter,
        page: &Page,
    ) -> Result<Vec<Entry>, StoreError> {
        let after = page.after.as_ref().and_then(|after| after.parse::<i64>().ok()).map(Cell::int);
        let mut select = Select::new("SELECT incident_id, seq, kind, at, actor, text, data FROM timeline")
            .and("incident_id =", rows::id(incident.0))
            .and_maybe("seq >", after);
        if !filter.kinds.is_empty() {
            select = select.among("kind", filter.kinds.iter().map(rows::word));
        }
        if let Some(text) = &filter.text {
            select = select.like("LOWER(text)", &format!("%{}%", literally(&text.to_lowercase())));
        }
        each(&select.order("seq", page.limit).all(self).await?, entry)
    }
}

fn incident(row: &Cursor<'_>) -> Result<Incident, StoreError> {
    let origin = match (row.maybe_text("source")?, row.maybe_text("group_key")?) {
        (Some(source), Some(group_key)) => Some(Origin { source, group_key }),
        _ => None,
    };
    Ok(Incident {
        id: IncidentId(row.uuid("id")?),
        number: row.number("number")?,
        kind: row.word("kind")?,
        title: row.text("title")?,
        severity: row.word("severity")?,
        stage: row.word("stage")?,
        labels: row.json("labels")?,
        roles: row.json("roles")?,
        times: row.json("times")?,
        origin,
        claims_alerts: row.maybe_text("open_group")?.is_some(),
        recurrence_of: row.maybe_uuid("recurrence_of")?.map(IncidentId),
        details: row.json("details")?,
        due_at: row.maybe_time("due_at")?,
        entered: row.json("entered")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        revision: row.int("revision")?,
        version: row.int("version")?,
    })
}

fn alert(row: &Cursor<'_>) -> Result<Alert, StoreError> {
    let signal: Signal = row.json("signal")?;
    Ok(Alert {
        id: AlertId(row.uuid("id")?),
        incident: IncidentId(row.uuid("incident_id")?),
        source: row.text("source")?,
        signal,
        received_at: row.time("received_at")?,
        changed_at: row.time("changed_at")?,
    })
}

fn entry(row: &Cursor<'_>) -> Result<Entry, StoreError> {
    let entry = NewEntry {
        incident: IncidentId(row.uuid("incident_id")?),
        kind: row.word("kind")?,
        at: row.time("at")?,
        actor: row.json("actor")?,
        text: row.text("text")?,
        data: row.json("data")?,
    };
    Ok(Entry { seq: row.int("seq")?, entry })
}
