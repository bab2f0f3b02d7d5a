//! Changing an incident's stage: the one use case behind the API, the CLI and `wardroom/set-stage`.

use serde_json::json;

use super::{Engine, EngineError, once::Once, scope::incident_scope};
use crate::{
    domain::{
        event::{Event, Fact},
        id::{EventId, IncidentId},
        incident::{Entered, Incident, Stage},
        person::Actor,
        timeline::{EntryKind, NewEntry},
    },
    store::{Committed, Dependant, Guard, Write},
};

/// How often a change that lost against another is tried again.
const LOST_WRITES: usize = 16;

/// A change of stage that somebody or something asks for.
#[derive(Debug, Clone)]
pub struct StageRequest {
    /// The stage to enter.
    pub to: Stage,
    /// Why.
    pub reason: Option<String>,
    /// Who or what asks.
    pub actor: Actor,
    /// How many runs stand between this and an outside cause.
    pub depth: u8,
    /// The revision the caller read (`If-Match`).
    pub expected: Option<i64>,
    /// Makes it happen once.
    pub once: Option<Once>,
}

impl Engine {
    /// Enters a stage: the row, its timeline entry and its event in one transaction. Gives the incident as it is then.
    pub async fn change_stage(&self, id: IncidentId, request: StageRequest) -> Result<Incident, EngineError> {
        for _ in 0..LOST_WRITES {
            let mut incident = self.incident(id).await?;
            if self.made_before(request.once.as_ref()).await?.is_some() {
                return Ok(incident);
            }
            if let Some(expected) = request.expected.filter(|expected| *expected != incident.revision) {
                tracing::debug!(incident.id = %id, expected, "a stage change came with an old revision");
                return Err(EngineError::Stale { noun: "incident", actual: incident.revision });
            }
            let entered = incident.enter(request.to, request.reason.as_deref(), self.now())?;
            incident.claims_alerts = self.may_claim_alerts(&incident).await?;
            let then = self.stage_dependants(&incident, entered, &request).await?;
            let write = Write { guard: Guard::Incident(Box::new(incident.clone())), then };
            if self.store().commit(write).await? == Committed::Applied {
                self.0.events.notify_one();
                return Ok(incident);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Whether alerts of its group join the incident: while it is open, unless a newer one of the group is.
    async fn may_claim_alerts(&self, incident: &Incident) -> Result<bool, EngineError> {
        match &incident.origin {
            Some(origin) if incident.stage.takes_alerts() => {
                let open = self.store().open_incident(&origin.source, &origin.group_key).await?;
                Ok(open.is_none_or(|open| open.id == incident.id))
            }
            _ => Ok(false),
        }
    }

    async fn stage_dependants(
        &self,
        incident: &Incident,
        entered: Entered,
        request: &StageRequest,
    ) -> Result<Vec<Dependant>, EngineError> {
        let alerts = self.store().alerts(incident.id).await?;
        let people = self.people_of(incident).await?;
        let why = entered.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        let entry = NewEntry {
            incident: incident.id,
            kind: EntryKind::Stage,
            at: incident.updated_at,
            actor: request.actor.clone(),
            text: format!("entered {} from {}{why}", entered.to, entered.from),
            data: json!({ "from": entered.from, "to": entered.to, "reason": entered.reason }),
        };
        let event = Event {
            id: EventId(self.new_id()),
            incident: Some(incident.id),
            at: incident.updated_at,
            depth: request.depth,
            fact: Fact::StageEntered {
                from: Some(entered.from),
                stage: entered.to,
                first: entered.first,
                reason: entered.reason,
            },
            snapshot: incident_scope(incident, &alerts, &people),
        };
        let mut then = vec![Dependant::Entry(entry), Dependant::Event(event)];
        if let Some(once) = &request.once {
            then.push(Dependant::Key(once.record(incident.id, incident.updated_at)));
        }
        Ok(then)
    }
}
