//! Editing an incident beside its stage: title, severity, labels, times, roles, and notes on its timeline.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Caller, Engine, EngineError,
    once::Once,
    open::{check_labels, check_title},
};
use crate::{
    domain::{
        alert::Labels,
        event::{Event, Fact},
        id::{EventId, IncidentId},
        incident::{Holders, Incident, Severity},
        person::Actor,
        time::Timestamp,
        timeline::{EntryKind, NewEntry},
    },
    store::{Committed, Dependant, Guard, Write},
};

const LOST_WRITES: usize = 16;
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
}

/// Who changes an incident, and when the change counts.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Who or what asks.
    pub actor: Actor,
    /// How many runs stand between this and an outside cause.
    pub depth: u8,
    /// The revision the caller read (`If-Match`).
    pub expected: Option<i64>,
    /// Makes it happen once.
    pub once: Option<Once>,
}

impl Asking {
    /// A person asks, about the revision they read.
    pub fn person(caller: &Caller, expected: Option<i64>) -> Self {
        Self { actor: caller.actor(), depth: 0, expected, once: None }
    }
}

impl Engine {
    /// Edits an incident.
    pub async fn edit_incident(&self, asking: &Asking, id: IncidentId, edit: &Edit) -> Result<Incident, EngineError> {
        let title = edit.title.as_deref().map(check_title).transpose()?;
        if let Some(labels) = &edit.labels {
            check_labels(labels)?;
        }
        self.change(asking, id, |incident| {
            let before = incident.clone();
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
            let changes = differences(&before, incident);
            let words: Vec<&str> = changes.keys().map(String::as_str).collect();
            let (from, to) = (before.severity, incident.severity);
            let fields = changes.keys().cloned().collect();
            (!changes.is_empty()).then(|| Change {
                kind: EntryKind::Edited,
                text: format!("edited {}", words.join(", ")),
                data: changes.clone().into(),
                fact: Some(if from == to { Fact::Edited { fields } } else { Fact::SeverityChanged { from, to } }),
            })
        })
        .await
    }

    /// Gives a role to a primary and a backup, or takes it from them.
    pub async fn assign_role(
        &self,
        asking: &Asking,
        id: IncidentId,
        role: &str,
        holders: &Holders,
    ) -> Result<Incident, EngineError> {
        let well_formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if role.is_empty() || role.len() > 64 || !role.chars().all(well_formed) {
            return Err(EngineError::invalid("role", "1 to 64 of a-z 0-9 _ - are wanted, such as commander"));
        }
        if holders.primary.is_some() && holders.primary == holders.backup {
            return Err(EngineError::invalid("backup", "the backup has to be somebody else than the primary"));
        }
        let mut names = Vec::new();
        let mut handles = BTreeMap::new();
        for (field, person) in [("primary", holders.primary), ("backup", holders.backup)] {
            if let Some(person) = person {
                let found = self.store().person(person).await?;
                let found = found.ok_or_else(|| EngineError::invalid(field, format!("there is no person {person}")))?;
                names.push(format!("{} ({field})", found.handle));
                handles.insert(field, found.handle);
            }
        }
        let text =
            if names.is_empty() { format!("nobody is {role} now") } else { format!("{role}: {}", names.join(", ")) };
        self.change(asking, id, |incident| {
            let before = incident.roles.get(role).cloned().unwrap_or_default();
            if before == *holders {
                return None;
            }
            if *holders == Holders::default() {
                incident.roles.remove(role);
            } else {
                incident.roles.insert(role.to_owned(), holders.clone());
            }
            Some(Change {
                kind: EntryKind::Role,
                text: text.clone(),
                data: json!({ "role": role, "before": before, "after": holders }),
                fact: Some(Fact::RoleAssigned {
                    role: role.to_owned(),
                    primary: handles.get("primary").cloned(),
                    backup: handles.get("backup").cloned(),
                }),
            })
        })
        .await
    }

    /// Adds a note to the timeline.
    pub async fn note(
        &self,
        caller: &Caller,
        id: IncidentId,
        text: &str,
        once: Option<&Once>,
    ) -> Result<Incident, EngineError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_NOTE {
            return Err(EngineError::invalid("text", format!("1 to {MAX_NOTE} characters are wanted")));
        }
        for _ in 0..LOST_WRITES {
            let mut incident = self.incident(id).await?;
            if self.made_before(once).await?.is_some() {
                return Ok(incident);
            }
            // The timeline is not what people edit: only the row's version moves.
            incident.version += 1;
            let entry = self.entry(caller.actor(), id, EntryKind::Note, text.to_owned(), json!({}));
            let key = once.map(|once| Dependant::Key(once.record(id, self.now())));
            let guard = Guard::Incident(Box::new(incident.clone()));
            let then = [Some(Dependant::Entry(entry)), key].into_iter().flatten().collect();
            if self.store().commit(Write { guard, then }).await? == Committed::Applied {
                return Ok(incident);
            }
        }
        Err(EngineError::Overloaded)
    }

    async fn change(
        &self,
        asking: &Asking,
        id: IncidentId,
        mut change: impl FnMut(&mut Incident) -> Option<Change>,
    ) -> Result<Incident, EngineError> {
        for _ in 0..LOST_WRITES {
            let mut incident = self.incident(id).await?;
            if self.made_before(asking.once.as_ref()).await?.is_some() {
                return Ok(incident);
            }
            if asking.expected.is_some_and(|expected| expected != incident.revision) {
                return Err(EngineError::Stale { noun: "incident", actual: incident.revision });
            }
            let Some(Change { kind, text, data, fact }) = change(&mut incident) else { return Ok(incident) };
            incident.touch(self.now());
            let mut then = vec![Dependant::Entry(self.entry(asking.actor.clone(), id, kind, text, data))];
            then.extend(asking.once.as_ref().map(|once| Dependant::Key(once.record(id, incident.updated_at))));
            if let Some(fact) = fact {
                then.push(Dependant::Event(Event {
                    id: EventId(self.new_id()),
                    incident: Some(id),
                    at: incident.updated_at,
                    depth: asking.depth,
                    fact,
                    snapshot: self.live_scope(&incident).await?,
                }));
            }
            let guard = Guard::Incident(Box::new(incident.clone()));
            if self.store().commit(Write { guard, then }).await? == Committed::Applied {
                self.0.events.notify_one();
                return Ok(incident);
            }
        }
        Err(EngineError::Overloaded)
    }

    fn entry(&self, actor: Actor, incident: IncidentId, kind: EntryKind, text: String, data: Value) -> NewEntry {
        NewEntry { incident, kind, at: self.now(), actor, text, data }
    }
}

/// What an edit leaves beside the row: a timeline entry, and a fact that triggers read.
struct Change {
    kind: EntryKind,
    text: String,
    data: Value,
    fact: Option<Fact>,
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
    changes
}
