//! A signal that is meant for no run: an event that workflows may listen to.

use serde_json::Value;

use crate::{
    Caller, Engine, EngineError,
    once::{Once, making},
    runs::decide::check_signal,
};
use wardroom_domain::{
    event::{Event, Fact},
    id::EventId,
    incident::Incident,
};
use wardroom_store::{Committed, Dependant, Guard};

impl Engine {
    /// Writes the event; gives its identifier once it is durable.
    pub(crate) async fn signal(
        &self,
        caller: &Caller,
        name: &str,
        payload: Value,
        incident: Option<&Incident>,
        once: Option<&Once>,
    ) -> Result<EventId, EngineError> {
        check_signal(name, &payload)?;
        let snapshot = match incident {
            Some(incident) => self.live_scope(incident).await?,
            None => Value::Null,
        };
        for _ in 0..2 {
            if let Some(made) = self.made_before(once).await? {
                return made.parse().map_err(|_| EngineError::not_found("event", &made));
            }
            let event = Event {
                id: EventId(self.new_id()),
                incident: incident.map(|incident| incident.id),
                at: self.now(),
                depth: 0,
                fact: Fact::Signaled {
                    name: name.to_owned(),
                    payload: payload.clone(),
                    by: caller.person.handle.clone(),
                },
                snapshot: snapshot.clone(),
            };
            let (id, at) = (event.id, event.at);
            let guard = Guard::NewEvent(Box::new(event.clone()));
            if self.store().commit(making(once, id, at, guard, Dependant::Event(event), Vec::new())).await?
                == Committed::Applied
            {
                self.0.events.notify_one();
                return Ok(id);
            }
        }
        Err(EngineError::Overloaded)
    }
}
