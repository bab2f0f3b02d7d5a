//! Changing an incident with its parts: the one way a dossier is read, changed and written. What differs afterwards is
//! written in one transaction with its timeline entries and events, guarded by the incident's version.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Engine, EngineError,
    incidents::{edit::Asking, tasks::part_of},
};
use wardroom_domain::{
    alert::Alert,
    dossier::{Dossier, Part, Parts, Told, alarm, alarm::Surroundings, begin, scope::incident_scope},
    event::Event,
    id::{EventId, IncidentId, PersonId},
    incident::Incident,
    person::Person,
    playbook::Playbook,
    timeline::NewEntry,
};
use wardroom_store::{Committed, Dependant, Guard, Write};

/// How often a change that lost against another is tried again: fifty people at once all get their turn.
const LOST_WRITES: usize = 64;

/// An incident with everything a decision about it leans on.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The incident and its parts.
    pub dossier: Dossier,
    /// Its alerts.
    pub alerts: Vec<Alert>,
    /// The people of its roles.
    pub people: BTreeMap<PersonId, Person>,
    /// The playbook's revision it began with.
    pub playbook: Option<Arc<Playbook>>,
}

impl Opened {
    /// What the dossier leans on, at a time.
    pub fn around(&self, now: wardroom_domain::time::Timestamp) -> Surroundings<'_> {
        Surroundings { playbook: self.playbook.as_deref(), people: &self.people, now }
    }

    /// The incident as expressions see it.
    pub fn scope(&self) -> serde_json::Value {
        incident_scope(&self.dossier, &self.alerts, &self.people, self.playbook.as_deref())
    }
}

/// What became of a change.
#[derive(Debug, Clone)]
pub struct Amended {
    /// The dossier as it is now.
    pub dossier: Dossier,
    /// The number of the part it was about; 0: of none.
    pub number: u32,
}

impl Amended {
    /// The part it was about.
    pub(crate) fn part<P: Part>(mut self, parts: impl Fn(&mut Parts) -> &mut Vec<P>) -> Result<P, EngineError> {
        part_of(parts(&mut self.dossier.parts), self.number).cloned()
    }
}

impl Engine {
    /// Reads an incident with everything a decision about it leans on.
    pub(crate) async fn opened(&self, id: IncidentId) -> Result<Opened, EngineError> {
        let incident = self.incident(id).await?;
        self.opened_from(incident).await
    }

    pub(crate) async fn opened_from(&self, incident: Incident) -> Result<Opened, EngineError> {
        Ok(Opened {
            alerts: self.store().alerts(incident.id).await?,
            people: self.people_of(&incident).await?,
            playbook: self.playbook_of(&incident).await?,
            dossier: Dossier { parts: self.store().parts(incident.id).await?, incident },
        })
    }

    /// The playbook's revision that an incident began with.
    pub(crate) async fn playbook_of(&self, incident: &Incident) -> Result<Option<Arc<Playbook>>, EngineError> {
        match &incident.details.playbook {
            Some(pin) => self.playbook_revision(&pin.name, pin.revision).await.map(Some),
            None => Ok(None),
        }
    }

    /// Changes a dossier: `decide` says how, from its present state, and may be asked again when another change was faster.
    /// Nothing is written when nothing differs. A change that has been made before under the same key is not made again.
    pub(crate) async fn amend(
        &self,
        asking: &Asking,
        id: IncidentId,
        mut decide: impl FnMut(&mut Dossier, &Surroundings<'_>, &mut Told) -> Result<u32, EngineError>,
    ) -> Result<Amended, EngineError> {
        for _ in 0..LOST_WRITES {
            let before = self.opened(id).await?;
            if let Some(made) = self.made_before(asking.once.as_ref()).await? {
                return Ok(Amended { dossier: before.dossier, number: made.parse().unwrap_or_default() });
            }
            let revision = before.dossier.incident.revision;
            if asking.expected.is_some_and(|expected| expected != revision) {
                return Err(EngineError::Stale { noun: "incident", actual: revision });
            }
            let (mut after, mut told) = (before.clone(), Told::default());
            let now = self.now();
            let number = decide(&mut after.dossier, &before.around(now), &mut told)?;
            if after.dossier == before.dossier && told == Told::default() && asking.once.is_none() {
                return Ok(Amended { dossier: after.dossier, number });
            }
            let then = self.settle(asking, &before, &mut after, told, number).await?;
            let guard = Guard::Incident(Box::new(after.dossier.incident.clone()));
            if self.store().commit(Write { guard, then }).await? == Committed::Applied {
                self.0.events.notify_one();
                return Ok(Amended { dossier: after.dossier, number });
            }
        }
        Err(EngineError::Overloaded)
    }

    /// What hangs on a changed dossier: the clocks of deadlines that begin, the next alarm, and everything to be written.
    async fn settle(
        &self,
        asking: &Asking,
        before: &Opened,
        after: &mut Opened,
        mut told: Told,
        number: u32,
    ) -> Result<Vec<Dependant>, EngineError> {
        let now = self.now();
        if after.dossier.incident.roles != before.dossier.incident.roles {
            after.people = self.people_of(&after.dossier.incident).await?;
        }
        self.round_off(after, &mut told);
        let incident = &mut after.dossier.incident;
        if incident.version == before.dossier.incident.version {
            // Its parts are not what people edit in the row: the revision they compare stays.
            incident.version += 1;
            incident.updated_at = now;
        }
        let mut then = Vec::new();
        let parts = after.dossier.parts.changes(&before.dossier.parts, after.dossier.incident.id, now);
        then.extend(parts.into_iter().map(Dependant::Part));
        then.extend(self.telling(after, asking, told));
        then.extend(asking.also.iter().cloned());
        then.extend(asking.once.as_ref().map(|once| Dependant::Key(once.record(number, now))));
        Ok(then)
    }

    /// Starts the clocks of deadlines whose condition holds now, and sets the next alarm.
    pub(crate) fn round_off(&self, opened: &mut Opened, told: &mut Told) {
        let now = self.now();
        let scope = opened.scope();
        let Opened { dossier, people, playbook, .. } = opened;
        let around = Surroundings { playbook: playbook.as_deref(), people, now };
        begin::arm(dossier, &scope, &around, told);
        dossier.incident.due_at = alarm::next(dossier, &around);
    }

    /// Timeline entries and events; events carry the incident as it is after the change.
    pub(crate) fn telling(&self, after: &Opened, asking: &Asking, told: Told) -> Vec<Dependant> {
        let incident = &after.dossier.incident;
        let at = incident.updated_at;
        let mut then: Vec<Dependant> = Vec::new();
        for (kind, text, data) in told.entries {
            let (incident, actor) = (incident.id, asking.actor.clone());
            then.push(Dependant::Entry(NewEntry { incident, kind, at, actor, text, data }));
        }
        if told.facts.is_empty() {
            return then;
        }
        let snapshot = after.scope();
        for fact in told.facts {
            then.push(Dependant::Event(Event {
                id: EventId(self.new_id()),
                incident: Some(incident.id),
                at,
                depth: asking.depth,
                fact,
                snapshot: snapshot.clone(),
            }));
        }
        then
    }
}
