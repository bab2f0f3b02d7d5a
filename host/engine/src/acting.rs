//! The one door to incidents: whatever belongs to one, or can reveal one, is reached through [`Engine::acting_as`], and what
//! stands behind it decides what the caller may see. What a caller may not see does not exist for them.
//!
//! The functions of each noun are in its folder's `acting.rs`. [`Engine`] itself shows `http` and `web` nothing of an incident.

use crate::{Caller, Engine, EngineError, incidents::edit::Asking, once::Once};
use wardroom_domain::{id::IncidentId, incident::Incident, schedule::Owner};

/// What one caller does.
#[derive(Clone)]
pub struct Acting<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) caller: &'a Caller,
    pub(crate) expected: Option<i64>,
    pub(crate) once: Option<Once>,
}

impl Engine {
    /// Everything that a caller may do to incidents and what belongs to them.
    pub fn acting_as<'a>(&'a self, caller: &'a Caller) -> Acting<'a> {
        Acting { engine: self, caller, expected: None, once: None }
    }
}

impl Acting<'_> {
    /// The same, about the revision that the caller read (`If-Match`).
    #[must_use]
    pub fn expecting(self, expected: Option<i64>) -> Self {
        Self { expected, ..self }
    }

    /// The same, once (`Idempotency-Key`).
    #[must_use]
    pub fn once(self, once: Option<Once>) -> Self {
        Self { once, ..self }
    }

    /// Whether the caller may see an incident.
    pub(crate) fn sees(&self, incident: &Incident) -> bool {
        incident.is_visible_to(&self.caller.person.handle)
    }

    /// The incident of an identifier or number, if the caller may see it.
    pub(crate) async fn seen_incident(&self, reference: &str) -> Result<Incident, EngineError> {
        let incident = self.engine.incident_by_reference(reference).await?;
        if self.sees(&incident) { Ok(incident) } else { Err(EngineError::not_found("incident", reference)) }
    }

    /// Whether the caller may see what belongs to an incident, or to none. What belonged to an incident that is gone belongs
    /// to none.
    pub(crate) async fn sees_part_of(&self, incident: Option<IncidentId>) -> Result<bool, EngineError> {
        let Some(id) = incident else { return Ok(true) };
        let found = self.engine.store().incident(id).await?;
        Ok(found.is_none_or(|incident| self.sees(&incident)))
    }

    /// Whether the caller may see a schedule of an owner: a timer is as private as its incident.
    pub(crate) async fn sees_owner(&self, owner: &Owner) -> Result<bool, EngineError> {
        match owner {
            Owner::Incident { id } => self.sees_part_of(Some(*id)).await,
            Owner::People | Owner::Workflow { .. } => Ok(true),
        }
    }

    /// An incident as the caller sees it: it names no other incident that they may not see.
    pub(crate) async fn without_hidden(&self, mut incident: Incident) -> Result<Incident, EngineError> {
        if !self.sees_part_of(incident.recurrence_of).await? {
            incident.recurrence_of = None;
        }
        if !self.sees_part_of(incident.details.merged_into).await? {
            incident.details.merged_into = None;
        }
        Ok(incident)
    }

    /// Who changes an incident, about which revision, and how often.
    pub(crate) fn asking(&self) -> Asking {
        Asking::person(self.caller, self.expected).once(self.once.clone())
    }
}
