//! The roles of an incident: who is given one, who takes it, who hands it over.

use serde_json::json;

use crate::{Engine, EngineError, incidents::edit::Asking};
use wardroom_domain::{
    dossier::begin,
    id::IncidentId,
    incident::{Holders, Incident},
    person::Person,
    timeline::EntryKind,
};

/// Who is given a role, and how.
#[derive(Debug, Clone, Default)]
pub struct Assignment {
    /// The handle of the person who acts; none: nobody.
    pub primary: Option<String>,
    /// The handle of the person who acts when the primary is away or silent.
    pub backup: Option<String>,
    /// How long the primary may be silent before the backup steps in; none: what the playbook says, else for ever.
    pub answer_within_ms: Option<u64>,
    /// What the next one has to know: at most 2,000 characters.
    pub handover: Option<String>,
}

impl Engine {
    /// Gives a role to a primary and a backup, or takes it from them.
    pub(crate) async fn assign_role(
        &self,
        asking: &Asking,
        id: IncidentId,
        role: &str,
        assignment: &Assignment,
    ) -> Result<Incident, EngineError> {
        let well_formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if role.is_empty() || role.len() > 64 || !role.chars().all(well_formed) {
            return Err(EngineError::invalid("role", "1 to 64 of a-z 0-9 _ - are wanted, such as commander"));
        }
        if assignment.primary.is_some() && assignment.primary == assignment.backup {
            return Err(EngineError::invalid("backup", "the backup has to be somebody else than the primary"));
        }
        let handover = assignment.handover.as_deref().map(str::trim).filter(|note| !note.is_empty());
        if handover.is_some_and(|note| note.chars().count() > 2_000) {
            return Err(EngineError::invalid("handover", "at most 2,000 characters are wanted"));
        }
        let primary = self.known_person("primary", assignment.primary.as_deref()).await?;
        let backup = self.known_person("backup", assignment.backup.as_deref()).await?;
        let ids = [&primary, &backup].map(|person| person.as_ref().map(|person| person.id));
        let amended = self.amend(asking, id, |dossier, around, told| {
            let before = dossier.incident.roles.get(role).cloned().unwrap_or_default();
            if before.are(ids[0], ids[1]) && handover.is_none() {
                return Ok(0);
            }
            let planned = || {
                let plan = around.playbook?.roles.iter().find(|plan| plan.name == role)?;
                plan.answer_within.map(|within| u64::try_from(within.as_millis()).unwrap_or(u64::MAX))
            };
            let holders = Holders {
                given_at: Some(around.now),
                answer_within_ms: assignment.answer_within_ms.or_else(planned),
                ..Holders::of(ids[0], ids[1])
            };
            let from = around.handle(before.acting(|person| around.is_away(person)));
            if ids == [None, None] {
                dossier.incident.roles.remove(role);
            } else {
                dossier.incident.roles.insert(role.to_owned(), holders);
            }
            dossier.incident.touch(around.now);
            begin::given(role, [primary.as_ref(), backup.as_ref()], around, told);
            if let Some(note) = handover {
                let from = from.unwrap_or_else(|| "nobody".to_owned());
                let to = assignment.primary.clone().unwrap_or_else(|| "nobody".to_owned());
                let about = json!({ "role": role, "from": from, "to": to, "handover": note });
                told.entry(EntryKind::Role, format!("{role} handed over from {from} to {to}: {note}"), about);
            }
            Ok(0)
        });
        Ok(amended.await?.dossier.incident)
    }

    /// Takes a role that was given to the caller, or steps in as its backup.
    pub(crate) async fn take_role(
        &self,
        asking: &Asking,
        id: IncidentId,
        role: &str,
        person: &Person,
    ) -> Result<Incident, EngineError> {
        let amended = self.amend(asking, id, |dossier, around, told| {
            let incident = &mut dossier.incident;
            let holders = incident.roles.get_mut(role).ok_or_else(|| EngineError::not_found("role", role))?;
            let as_backup = match Some(person.id) {
                who if who == holders.primary => false,
                who if who == holders.backup => true,
                _ => {
                    let message = format!("{} was not given the role {role}: assign it first", person.handle);
                    return Err(EngineError::Conflict(message));
                }
            };
            if holders.taken_at.is_some() && holders.stepped_in == as_backup {
                return Ok(0);
            }
            holders.taken_at = Some(around.now);
            holders.stepped_in = as_backup;
            incident.touch(around.now);
            let text = format!("{} takes the role {role}{}", person.handle, if as_backup { " as backup" } else { "" });
            told.entry(
                EntryKind::Role,
                text,
                json!({ "role": role, "taken_by": person.handle, "as_backup": as_backup }),
            );
            Ok(0)
        });
        Ok(amended.await?.dossier.incident)
    }

    /// The person of a handle that a field names.
    pub(crate) async fn known_person(&self, field: &str, handle: Option<&str>) -> Result<Option<Person>, EngineError> {
        let Some(handle) = handle else { return Ok(None) };
        let found = self.store().person_by_handle(handle).await?;
        let shown: String = handle.chars().take(64).collect();
        found.map(Some).ok_or_else(|| EngineError::invalid(field, format!("there is no person {shown:?}")))
    }
}
