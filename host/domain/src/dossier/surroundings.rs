//! What a decision about an incident leans on beside the incident itself.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    id::PersonId,
    incident::Incident,
    person::Person,
    playbook::{Playbook, default_cadence},
    time::Timestamp,
};

/// What a dossier leans on, beside itself.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The playbook's revision that the incident began with.
    pub playbook: Option<&'a Playbook>,
    /// The people of its roles.
    pub people: &'a BTreeMap<PersonId, Person>,
    /// The time.
    pub now: Timestamp,
}

impl Surroundings<'_> {
    /// How often a status update is promised.
    pub fn cadence(&self, incident: &Incident) -> Duration {
        let of_playbook = self.playbook.map(|playbook| playbook.cadence(incident.severity));
        of_playbook.unwrap_or_else(|| default_cadence(incident.severity))
    }

    /// Whether somebody is away now.
    pub fn is_away(&self, person: PersonId) -> bool {
        self.people.get(&person).is_some_and(|person| person.is_away(self.now))
    }

    /// The handle of somebody who holds a role.
    pub fn handle(&self, person: Option<PersonId>) -> Option<String> {
        person.and_then(|id| self.people.get(&id)).map(|person| person.handle.clone())
    }
}
