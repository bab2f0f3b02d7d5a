//! Who may see a private incident: the people it names, and nobody else. Everything that hangs on it is hidden with it.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{Caller, Engine, EngineError, incidents::edit::Asking};
use wardroom_domain::{person::AccessRole, timeline::EntryKind};

/// The most people that a private incident names.
const MAX_PEOPLE: usize = 200;

impl Engine {
    /// Says who may see an incident; none: everybody. Whoever may see it may say so, and an administrator, who is not
    /// shown it for that: the timeline and the audit log name them.
    pub(crate) async fn set_access(
        &self,
        caller: &Caller,
        reference: &str,
        visible_to: Option<&BTreeSet<String>>,
    ) -> Result<(), EngineError> {
        let incident = self.incident_by_reference(reference).await?;
        let sees = incident.is_visible_to(&caller.person.handle);
        if !sees && caller.role < AccessRole::Admin {
            return Err(EngineError::not_found("incident", reference));
        }
        let named = match visible_to {
            Some(handles) => Some(self.checked_people(handles).await?),
            None => None,
        };
        let about = json!({ "before": incident.details.visible_to, "after": named });
        let audit = self.audit(caller, "incident.access", &incident.reference(), about);
        let asking = Asking { also: vec![audit], ..Asking::person(caller, None) };
        self.amend(&asking, incident.id, |dossier, around, told| {
            let incident = &mut dossier.incident;
            if incident.details.visible_to == named {
                return Ok(0);
            }
            let text = named.as_ref().map_or_else(
                || "everybody may see the incident now".to_owned(),
                |handles| {
                    let handles: Vec<&str> = handles.iter().map(String::as_str).collect();
                    format!("only {} may see the incident now", handles.join(", "))
                },
            );
            incident.details.visible_to.clone_from(&named);
            incident.touch(around.now);
            told.entry(EntryKind::Access, text, json!({ "visible_to": named }));
            Ok(0)
        })
        .await?;
        Ok(())
    }

    /// The people who may see an incident that is opened as private: the opener among them.
    pub(crate) async fn checked_access(
        &self,
        caller: &Caller,
        visible_to: Option<&BTreeSet<String>>,
    ) -> Result<Option<BTreeSet<String>>, EngineError> {
        let Some(handles) = visible_to else { return Ok(None) };
        let mut handles = self.checked_people(handles).await?;
        handles.insert(caller.person.handle.clone());
        Ok(Some(handles))
    }

    async fn checked_people(&self, handles: &BTreeSet<String>) -> Result<BTreeSet<String>, EngineError> {
        if handles.is_empty() || handles.len() > MAX_PEOPLE {
            return Err(EngineError::invalid("visible_to", format!("1 to {MAX_PEOPLE} handles are wanted")));
        }
        for handle in handles {
            self.known_person("visible_to", Some(handle)).await?;
        }
        Ok(handles.clone())
    }
}
