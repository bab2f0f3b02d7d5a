//! Opening an incident by hand, and reading one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{
    Caller, Engine, EngineError,
    once::{Once, making},
    scope::incident_scope,
};
use crate::{
    domain::{
        alert::{Alert, Labels},
        event::{Event, Fact},
        id::{EventId, IncidentId, PersonId},
        incident::{Incident, IncidentKind, Origin, Severity, Stage, Times},
        person::{Actor, Person},
        time::Timestamp,
        timeline::{EntryKind, NewEntry},
    },
    store::{Committed, Dependant, Guard},
};

/// The most labels an incident has.
pub const MAX_LABELS: usize = 64;
/// The longest title, in characters.
pub const MAX_TITLE: usize = 200;

/// What opens an incident.
#[derive(Debug, Clone)]
pub struct NewIncident {
    /// 1 to 200 characters.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Real or practice.
    pub kind: IncidentKind,
    /// At most 64; names of at most 128 and values of at most 4,096 characters.
    pub labels: Labels,
}

impl Engine {
    /// Opens an incident for a person.
    pub async fn open_incident(
        &self,
        caller: &Caller,
        new: NewIncident,
        once: Option<Once>,
    ) -> Result<Incident, EngineError> {
        let title = check_title(&new.title)?;
        check_labels(&new.labels)?;
        // The second look tells what a request under the same key made that was faster.
        for _ in 0..2 {
            if let Some(made) = self.made_before(once.as_ref()).await? {
                return self.incident_by_reference(&made).await;
            }
            let draft = Draft { title: title.clone(), origin: None, recurrence_of: None };
            let incident = self.draft(draft, &new).await?;
            let then = opening(self, &incident, &[], &caller.actor(), &BTreeMap::new());
            let boxed = Box::new(incident.clone());
            let guard = Guard::NewIncident(boxed.clone());
            let thing = Dependant::NewIncident(boxed);
            let write = making(once.as_ref(), incident.id, incident.created_at, guard, thing, then);
            if self.store().commit(write).await? == Committed::Applied {
                self.0.events.notify_one();
                return Ok(incident);
            }
        }
        Err(EngineError::Overloaded)
    }

    pub(super) async fn draft(&self, draft: Draft, new: &NewIncident) -> Result<Incident, EngineError> {
        let now = self.now();
        Ok(Incident {
            id: IncidentId(self.new_id()),
            number: self.store().next_incident_number().await?,
            kind: new.kind,
            title: draft.title,
            severity: new.severity,
            stage: Stage::Alerting,
            labels: new.labels.clone(),
            roles: BTreeMap::new(),
            times: Times { detected_at: Some(now), ..Times::default() },
            claims_alerts: draft.origin.is_some(),
            origin: draft.origin,
            recurrence_of: draft.recurrence_of,
            entered: BTreeSet::from([Stage::Alerting]),
            created_at: now,
            updated_at: now,
            revision: 1,
            version: 1,
        })
    }

    /// The incident.
    pub async fn incident(&self, id: IncidentId) -> Result<Incident, EngineError> {
        self.store().incident(id).await?.ok_or_else(|| EngineError::not_found("incident", id))
    }

    /// The incident of an identifier or a number such as `INC-42`.
    pub async fn incident_by_reference(&self, reference: &str) -> Result<Incident, EngineError> {
        let found = match reference.strip_prefix("INC-").map(str::parse::<u32>) {
            Some(Ok(number)) => self.store().incident_by_number(number).await?,
            Some(Err(_)) => None,
            None => match reference.parse::<IncidentId>() {
                Ok(id) => self.store().incident(id).await?,
                Err(_) => None,
            },
        };
        found.ok_or_else(|| EngineError::not_found("incident", reference))
    }

    /// The people an incident's roles name.
    pub(super) async fn people_of(&self, incident: &Incident) -> Result<BTreeMap<PersonId, Person>, EngineError> {
        let mut people = BTreeMap::new();
        for id in incident.people() {
            if let Some(person) = self.store().person(id).await? {
                people.insert(id, person);
            }
        }
        Ok(people)
    }
}

/// What differs between opening by hand and by an alert.
pub(super) struct Draft {
    pub(super) title: String,
    pub(super) origin: Option<Origin>,
    pub(super) recurrence_of: Option<IncidentId>,
}

/// What is written with a new incident: its first entry and the event "entered `alerting`".
pub(super) fn opening(
    engine: &Engine,
    incident: &Incident,
    alerts: &[Alert],
    actor: &Actor,
    people: &BTreeMap<PersonId, Person>,
) -> Vec<Dependant> {
    let at: Timestamp = incident.created_at;
    let entry = NewEntry {
        incident: incident.id,
        kind: EntryKind::Opened,
        at,
        actor: actor.clone(),
        text: format!("opened as {}: {}", incident.severity, incident.title),
        data: json!({ "severity": incident.severity, "kind": incident.kind, "recurrence_of": incident.recurrence_of }),
    };
    let event = Event {
        id: EventId(engine.new_id()),
        incident: Some(incident.id),
        at,
        depth: 0,
        fact: Fact::StageEntered { from: None, stage: Stage::Alerting, first: true, reason: None },
        snapshot: incident_scope(incident, alerts, people),
    };
    vec![Dependant::Entry(entry), Dependant::Event(event)]
}

/// The title without surrounding space, if it is one.
pub(super) fn check_title(title: &str) -> Result<String, EngineError> {
    let title = title.trim();
    match title.chars().count() {
        1..=MAX_TITLE => Ok(title.to_owned()),
        0 => Err(EngineError::invalid("title", "is empty: 1 to 200 characters are wanted")),
        long => Err(EngineError::invalid("title", format!("has {long} characters: at most {MAX_TITLE} are wanted"))),
    }
}

/// Whether labels are within their limits.
pub(super) fn check_labels(labels: &Labels) -> Result<(), EngineError> {
    if labels.len() > MAX_LABELS {
        return Err(EngineError::invalid("labels", format!("there are {}: at most {MAX_LABELS}", labels.len())));
    }
    for (name, value) in labels {
        if name.is_empty() || name.chars().count() > 128 {
            return Err(EngineError::invalid("labels", "a name has 1 to 128 characters"));
        }
        if value.chars().count() > 4_096 {
            return Err(EngineError::invalid(format!("labels.{name}"), "a value has at most 4,096 characters"));
        }
    }
    Ok(())
}
