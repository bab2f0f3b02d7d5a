//! Editing an incident beside its stage: title, severity, labels, times, custom fields, and notes on its timeline.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

pub use crate::incidents::change_request::Asking;
use crate::{
    Engine, EngineError,
    incidents::open::{check_labels, check_title},
};
use wardroom_domain::{
    alert::Labels,
    dossier::alarm::Surroundings,
    event::Fact,
    id::IncidentId,
    incident::{Incident, MAX_FIELDS, Severity},
    time::Timestamp,
    timeline::EntryKind,
};

/// The longest note, in characters.
pub const MAX_NOTE: usize = 2_000;

/// What people may edit; what is absent stays. A time given as null is cleared.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// A new title.
    pub title: Option<String>,
    /// A new severity.
    pub severity: Option<Severity>,
    /// All labels anew.
    pub labels: Option<Labels>,
    /// When people began to be affected.
    pub impact_started_at: Option<Option<Timestamp>>,
    /// When it was noticed.
    pub detected_at: Option<Option<Timestamp>>,
    /// When somebody took it.
    pub acknowledged_at: Option<Option<Timestamp>>,
    /// When people stopped being affected.
    pub mitigated_at: Option<Option<Timestamp>>,
    /// Custom fields to set; null takes one away.
    pub fields: BTreeMap<String, Value>,
    /// Why, for the timeline.
    pub reason: Option<String>,
}

impl Engine {
    /// Edits an incident.
    pub(crate) async fn edit_incident(
        &self,
        asking: &Asking,
        id: IncidentId,
        edit: &Edit,
    ) -> Result<Incident, EngineError> {
        let title = edit.title.as_deref().map(check_title).transpose()?;
        if let Some(labels) = &edit.labels {
            check_labels(labels)?;
        }
        let amended = self.amend(asking, id, |dossier, around, told| {
            let before = dossier.incident.clone();
            let cadence = around.cadence(&before);
            let incident = &mut dossier.incident;
            if let Some(title) = &title {
                incident.title.clone_from(title);
            }
            incident.severity = edit.severity.unwrap_or(incident.severity);
            if let Some(labels) = &edit.labels {
                incident.labels.clone_from(labels);
            }
            let times = &mut incident.times;
            times.impact_started_at = edit.impact_started_at.unwrap_or(times.impact_started_at);
            times.detected_at = edit.detected_at.unwrap_or(times.detected_at);
            times.acknowledged_at = edit.acknowledged_at.unwrap_or(times.acknowledged_at);
            times.mitigated_at = edit.mitigated_at.unwrap_or(times.mitigated_at);
            custom_fields(&mut incident.details.fields, &edit.fields)?;
            let changes = differences(&before, incident);
            if changes.is_empty() {
                return Ok(0);
            }
            incident.touch(around.now);
            sooner(incident, cadence, around);
            let why = edit.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            let words: Vec<&str> = changes.keys().map(String::as_str).collect();
            let (from, to) = (before.severity, incident.severity);
            told.entry(EntryKind::Edited, format!("edited {}{why}", words.join(", ")), changes.clone().into());
            let fields = changes.keys().cloned().collect();
            told.facts.push(if from == to { Fact::Edited { fields } } else { Fact::SeverityChanged { from, to } });
            Ok(0)
        });
        Ok(amended.await?.dossier.incident)
    }

    /// Adds a note to the timeline.
    pub(crate) async fn note(&self, asking: &Asking, id: IncidentId, text: &str) -> Result<Incident, EngineError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_NOTE {
            return Err(EngineError::invalid("text", format!("1 to {MAX_NOTE} characters are wanted")));
        }
        let amended = self.amend(asking, id, |_, _, told| {
            told.entry(EntryKind::Note, text, json!({}));
            Ok(0)
        });
        Ok(amended.await?.dossier.incident)
    }
}

/// A worse severity promises the next update sooner; never later than was promised.
fn sooner(incident: &mut Incident, before: Duration, around: &Surroundings<'_>) {
    let now = around.cadence(incident);
    if now < before
        && let Some(promised) = incident.details.next_update_at
    {
        incident.details.next_update_at = Some(promised.min(around.now.plus(now)));
    }
}

/// Sets custom fields; null takes one away.
fn custom_fields(fields: &mut BTreeMap<String, Value>, given: &BTreeMap<String, Value>) -> Result<(), EngineError> {
    for (name, value) in given {
        let path = format!("fields.{}", name.chars().take(64).collect::<String>());
        let well_formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(well_formed) {
            return Err(EngineError::invalid(path, "a name has 1 to 64 of a-z 0-9 _"));
        }
        match value {
            Value::Null => _ = fields.remove(name),
            Value::String(text) if text.chars().count() > 2_000 => {
                return Err(EngineError::invalid(path, "at most 2,000 characters are wanted"));
            }
            Value::Array(_) | Value::Object(_) => {
                return Err(EngineError::invalid(path, "a text, a number or a truth value is wanted"));
            }
            value => _ = fields.insert(name.clone(), value.clone()),
        }
    }
    if fields.len() > MAX_FIELDS {
        return Err(EngineError::invalid("fields", format!("at most {MAX_FIELDS} custom fields are wanted")));
    }
    Ok(())
}

/// What an edit changed: before and after, by field.
fn differences(before: &Incident, after: &Incident) -> Map<String, Value> {
    let times = |incident: &Incident| json!(incident.times);
    let mut changes = Map::new();
    let mut note = |field: &str, before: Value, after: Value| {
        if before != after {
            changes.insert(field.to_owned(), json!({ "before": before, "after": after }));
        }
    };
    note("title", json!(before.title), json!(after.title));
    note("severity", json!(before.severity), json!(after.severity));
    note("labels", json!(before.labels), json!(after.labels));
    note("times", times(before), times(after));
    note("fields", json!(before.details.fields), json!(after.details.fields));
    changes
}
