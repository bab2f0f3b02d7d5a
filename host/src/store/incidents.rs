//! Reading incidents, their alerts and their timeline.

use sqlx::Row;

use super::{
    Page, Store, StoreError,
    pressure::PATIENCE,
    read::{Cursor, Select, each},
    rows::{self, open_group},
    statement::Cell,
};
use crate::domain::{
    alert::{Alert, Signal},
    id::{AlertId, IncidentId},
    incident::{Incident, IncidentKind, Origin, Severity, Stage},
    timeline::{Entry, NewEntry},
};

const SELECT: &str = "SELECT id, number, kind, title, severity, stage, labels, roles, times, source, group_key, open_group, \
                      recurrence_of, entered, created_at, updated_at, revision, version FROM incidents";

/// Which incidents a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// Only in this stage.
    pub stage: Option<Stage>,
    /// Only of this severity.
    pub severity: Option<Severity>,
    /// Only real ones, or only drills.
    pub kind: Option<IncidentKind>,
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

    /// A page of incidents, the newest first; the cursor is the last one's number.
    pub async fn incidents(&self, filter: &IncidentFilter, page: &Page) -> Result<Vec<Incident>, StoreError> {
        let after = page.after.as_ref().and_then(|after| after.parse::<i64>().ok()).map(Cell::int);
        let rows = Select::new(SELECT)
            .and_maybe("stage =", filter.stage.map(rows::word))
            .and_maybe("severity =", filter.severity.map(rows::word))
            .and_maybe("kind =", filter.kind.map(rows::word))
            .and_maybe("number <", after)
            .order("number DESC", page.limit)
            .all(self)
            .await?;
        each(&rows, incident)
    }

    /// The alerts of an incident, in the order they came.
    pub async fn alerts(&self, incident: IncidentId) -> Result<Vec<Alert>, StoreError> {
        let sql = "SELECT id, incident_id, source, signal, received_at, changed_at FROM alerts";
        let rows = Select::new(sql).and("incident_id =", rows::id(incident.0)).order("id", 10_000).all(self).await?;
        each(&rows, alert)
    }

    /// A page of an incident's timeline, the oldest first; the cursor is the last entry's number.
    pub async fn timeline(&self, incident: IncidentId, page: &Page) -> Result<Vec<Entry>, StoreError> {
        let after = page.after.as_ref().and_then(|after| after.parse::<i64>().ok()).map(Cell::int);
        let rows = Select::new("SELECT incident_id, seq, kind, at, actor, text, data FROM timeline")
            .and("incident_id =", rows::id(incident.0))
            .and_maybe("seq >", after)
            .order("seq", page.limit)
            .all(self)
            .await?;
        each(&rows, entry)
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
