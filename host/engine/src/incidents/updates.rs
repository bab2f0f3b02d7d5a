//! Status updates: posted by people or steps, from a text or a template of the playbook, and promised again.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    Engine, EngineError,
    incidents::{
        change::Amended,
        edit::Asking,
        tasks::{checked, head},
    },
};
use wardroom_domain::{
    dossier::{Update, alarm::Surroundings, scope::incident_scope},
    expression::Scope,
    id::IncidentId,
    incident::Stage,
    milestone::MilestoneKind,
    playbook::Audience,
    timeline::EntryKind,
};

/// The longest time until the next update.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// An update to post.
#[derive(Debug, Clone, Default)]
pub struct NewUpdate {
    /// Whom it is for; none: what its template says, else internal.
    pub audience: Option<Audience>,
    /// What people are told: 1 to 4,000 characters; none: the template's text.
    pub text: Option<String>,
    /// The playbook's template that makes the text.
    pub template: Option<String>,
    /// When the next one comes, from now; none: by the cadence.
    pub next_in: Option<Duration>,
}

impl Engine {
    /// Posts a status update.
    pub(crate) async fn post_update(
        &self,
        asking: &Asking,
        id: IncidentId,
        new: &NewUpdate,
    ) -> Result<Amended, EngineError> {
        let text = new.text.as_deref().map(|text| checked("text", text, 4_000)).transpose()?;
        if new.next_in.is_some_and(|next| next.is_zero() || next > LONGEST) {
            return Err(EngineError::invalid("next_in", "1s to 7d is wanted"));
        }
        let alerts = self.store().alerts(id).await?;
        self.amend(asking, id, |dossier, around, told| {
            let seen = incident_scope(dossier, &alerts, around.people, around.playbook);
            let (made, meant) = match &new.template {
                Some(name) => from_template(name, seen, around)?,
                None => (None, None),
            };
            let text = text.clone().or(made);
            let text = text.ok_or_else(|| EngineError::invalid("text", "is missing: give `text` or `template`"))?;
            let audience = new.audience.or(meant).unwrap_or(Audience::Internal);
            let head = head(&dossier.parts.updates, around.now)?;
            let (number, by) = (head.number, asking.actor.name());
            let goes_on = (Stage::Triage..=Stage::Resolution).contains(&dossier.incident.stage);
            let cadence = new.next_in.unwrap_or_else(|| around.cadence(&dossier.incident));
            let next_at = (goes_on || new.next_in.is_some()).then(|| around.now.plus(cadence));
            dossier.incident.details.next_update_at = next_at;
            dossier.incident.details.update_reminders = 0;
            let about = json!({
                "update": number, "audience": audience, "text": text, "next_at": next_at, "by": by,
            });
            dossier.parts.updates.push(Update { head, audience, text: text.clone(), next_at, by });
            told.entry(EntryKind::Update, text, about.clone());
            told.milestone(MilestoneKind::UpdatePosted, about);
            Ok(number)
        })
        .await
    }
}

fn from_template(
    name: &str,
    seen: Value,
    around: &Surroundings<'_>,
) -> Result<(Option<String>, Option<Audience>), EngineError> {
    let template = around.playbook.and_then(|playbook| playbook.templates.get(name));
    let template = template.ok_or_else(|| EngineError::not_found("template of its playbook", name))?;
    let scope = Scope { names: BTreeMap::from([("incident", seen)]) };
    let made = template.text.resolve(&scope).map_err(|error| EngineError::invalid("template", error.to_string()))?;
    let text = made.as_str().map_or_else(|| made.to_string(), str::to_owned);
    Ok((Some(checked("template", &text, 4_000)?), Some(template.audience)))
}
