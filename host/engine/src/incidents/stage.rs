//! Changing an incident's stage: the one use case behind the API, the CLI and `wardroom/set-stage`.

use serde_json::json;

use crate::{Engine, EngineError, incidents::edit::Asking};
use wardroom_domain::{
    dossier::alarm::Surroundings,
    dossier::{Dossier, Told, begin, guard, retrospective::RetrospectiveStatus, scope::incident_scope},
    event::Fact,
    id::IncidentId,
    incident::{Incident, Stage, StageError},
    playbook::GuardMode,
    timeline::EntryKind,
};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// A change of stage that somebody or something asks for.
#[derive(Debug, Clone)]
pub struct StageRequest {
    /// The stage to enter.
    pub to: Stage,
    /// Why.
    pub reason: Option<String>,
    /// Why the playbook's criteria do not count this time.
    pub override_reason: Option<String>,
}

impl StageRequest {
    /// A stage to enter, as the playbook wants it.
    pub fn to(stage: Stage) -> Self {
        Self { to: stage, reason: None, override_reason: None }
    }
}

impl Engine {
    /// Enters a stage: the row, its timeline entries and its events in one transaction. Gives the incident as it is then.
    pub(crate) async fn change_stage(
        &self,
        asking: &Asking,
        id: IncidentId,
        request: &StageRequest,
    ) -> Result<Incident, EngineError> {
        for (field, text) in [("reason", &request.reason), ("override", &request.override_reason)] {
            if text.as_ref().is_some_and(|text| text.chars().count() > MAX_REASON) {
                return Err(EngineError::invalid(field, format!("at most {MAX_REASON} characters")));
            }
        }
        let alerts = self.store().alerts(id).await?;
        let claims = self.may_claim_alerts(&self.incident(id).await?, request.to).await?;
        let amended = self.amend(asking, id, |dossier, around, told| {
            let seen = incident_scope(dossier, &alerts, around.people, around.playbook);
            enter(dossier, request, &seen, around, told)?;
            if asking.actor.is_person() {
                dossier.incident.acknowledge(around.now);
            }
            dossier.incident.claims_alerts = claims;
            Ok(0)
        });
        Ok(amended.await?.dossier.incident)
    }

    /// Whether alerts of its group join the incident in a stage: while it is open, unless a newer one of the group is.
    async fn may_claim_alerts(&self, incident: &Incident, stage: Stage) -> Result<bool, EngineError> {
        match &incident.origin {
            Some(origin) if stage.takes_alerts() => {
                let open = self.store().open_incident(&origin.source, &origin.group_key).await?;
                Ok(open.is_none_or(|open| open.id == incident.id))
            }
            _ => Ok(false),
        }
    }
}

/// Enters a stage if the playbook's criteria and the retrospective allow it.
pub(crate) fn enter(
    dossier: &mut Dossier,
    request: &StageRequest,
    seen: &serde_json::Value,
    around: &Surroundings<'_>,
    told: &mut Told,
) -> Result<(), StageError> {
    let from = dossier.incident.stage;
    let entered = dossier.incident.enter(request.to, request.reason.as_deref(), around.now)?;
    let unmet = around.playbook.map(|playbook| guard::unmet(playbook, from, request.to, seen)).unwrap_or_default();
    let overriding = request.override_reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let blocking: Vec<String> =
        unmet.iter().filter(|one| one.mode == GuardMode::Block).map(|one| one.text.clone()).collect();
    if !blocking.is_empty() && overriding.is_none() {
        return Err(StageError::Unmet(blocking));
    }
    if request.to == Stage::Closed && !may_close(dossier) {
        return Err(StageError::RetrospectiveOpen);
    }
    let why = entered.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let about = json!({ "from": entered.from, "to": entered.to, "reason": entered.reason });
    told.entry(EntryKind::Stage, format!("entered {} from {}{why}", entered.to, entered.from), about);
    if !unmet.is_empty() {
        let texts: Vec<&str> = unmet.iter().map(|one| one.text.as_str()).collect();
        let all_the_same = overriding.map_or_else(String::new, |reason| format!("; overridden: {reason}"));
        let about = json!({ "unmet": texts, "override": overriding });
        told.entry(EntryKind::Stage, format!("left {from} with unmet: {}{all_the_same}", texts.join("; ")), about);
    }
    told.facts.push(Fact::StageEntered {
        from: Some(entered.from),
        stage: entered.to,
        first: entered.first,
        reason: entered.reason.clone(),
    });
    begin::entered(dossier, &entered, around, told);
    Ok(())
}

/// An incident is closed with a published retrospective, or with a reason why there is none.
fn may_close(dossier: &Dossier) -> bool {
    let published = |one: &wardroom_domain::dossier::Retrospective| one.status == RetrospectiveStatus::Published;
    dossier.incident.details.waiver.is_some()
        || dossier.parts.retrospective.first().is_some_and(published)
        || !dossier.parts.publications.is_empty()
}
