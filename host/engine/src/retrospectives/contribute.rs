//! What participants contribute: each is asked once, writes by the API or by a link of their own, and may write again until
//! it is merged.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::retrospectives::{MAX_SECTION, check_section, draft, links::Invitation, none, open};
use crate::{
    Caller, Engine, EngineError,
    incidents::{change::Amended, edit::Asking, tasks::part_of},
};
use wardroom_domain::{
    dossier::{Contribution, Dossier, Retrospective, Told, begin},
    id::IncidentId,
    milestone::MilestoneKind,
    person::Actor,
    time::Timestamp,
    timeline::EntryKind,
};

/// The longest text of a section that somebody contributes, in characters.
const MAX_CONTRIBUTED: usize = 5_000;
/// How long after the deadline a link is still good.
const LATE: Duration = Duration::from_hours(14 * 24);

/// A link for one person.
#[derive(Debug, Clone)]
pub struct Link {
    /// The handle of the person.
    pub person: String,
    /// The path of the API that it leads to, after the server's address.
    pub path: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// What somebody with a link is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `INC-42` and its title.
    pub incident: String,
    /// The retrospective's template.
    pub retrospective: Retrospective,
    /// What they wrote so far.
    pub contribution: Contribution,
}

impl Engine {
    /// Asks somebody more for a contribution.
    pub(crate) async fn ask_to_contribute(
        &self,
        asking: &Asking,
        id: IncidentId,
        person: &str,
    ) -> Result<Amended, EngineError> {
        self.known_person("person", Some(person)).await?;
        self.amend(asking, id, |dossier, around, told| {
            open(dossier)?;
            if begin::ask(dossier, person, around) {
                let text = format!("asked {person} to contribute to the retrospective");
                told.entry(EntryKind::Retrospective, text, json!({ "person": person }));
            }
            let known = dossier.parts.contributions.iter().find(|one| one.person == person);
            let full = || EngineError::Conflict("an incident has at most 100 contributions".to_owned());
            Ok(known.ok_or_else(full)?.head.number)
        })
        .await
    }

    /// Writes the caller's own contribution.
    pub(crate) async fn contribute(
        &self,
        caller: &Caller,
        id: IncidentId,
        number: u32,
        sections: &BTreeMap<String, String>,
    ) -> Result<Amended, EngineError> {
        let handle = &caller.person.handle;
        let asking = Asking::person(caller, None);
        self.amend(&asking, id, |dossier, around, told| {
            let theirs = part_of(&mut dossier.parts.contributions, number)?.person.clone();
            if theirs != *handle {
                return Err(EngineError::Forbidden(format!("only {theirs} writes this contribution")));
            }
            give(dossier, number, sections, around.now, told)
        })
        .await
    }

    /// A link for the person who is asked for a contribution.
    pub(crate) async fn contribution_link(&self, id: IncidentId, number: u32) -> Result<Link, EngineError> {
        let parts = self.store().parts(id).await?;
        let one = parts.contributions.iter().find(|one| one.head.number == number);
        let one = one.ok_or_else(|| EngineError::not_found("contribution", number))?;
        Ok(self.link_of(id, one))
    }

    /// The links of everybody who has not contributed yet.
    pub(crate) async fn contribution_links(&self, id: IncidentId) -> Result<Vec<Link>, EngineError> {
        let parts = self.store().parts(id).await?;
        let waits = parts.contributions.iter().filter(|one| one.given_at.is_none());
        Ok(waits.map(|one| self.link_of(id, one)).collect())
    }

    fn link_of(&self, incident: IncidentId, one: &Contribution) -> Link {
        let expires_at = one.due_at.plus(LATE);
        let invitation = Invitation { incident, contribution: one.head.number, expires_at };
        let path = format!("/api/v1/contributions/{}", invitation.sign(&self.link_key()));
        Link { person: one.person.clone(), path, expires_at }
    }

    /// What somebody with a link is asked.
    pub async fn contribution_asked(&self, token: &str) -> Result<Asked, EngineError> {
        let invitation = self.invitation(token)?;
        let opened = self.opened(invitation.incident).await?;
        let dossier = &opened.dossier;
        let known = dossier.parts.contributions.iter().find(|one| one.head.number == invitation.contribution);
        Ok(Asked {
            incident: format!("{}: {}", dossier.incident.reference(), dossier.incident.title),
            retrospective: dossier.parts.retrospective.first().ok_or_else(none)?.clone(),
            contribution: known.ok_or_else(no_link)?.clone(),
        })
    }

    /// Writes the contribution of the person a link is for.
    pub async fn contribution_write_by_link(
        &self,
        token: &str,
        sections: &BTreeMap<String, String>,
    ) -> Result<Contribution, EngineError> {
        let invitation = self.invitation(token)?;
        let opened = self.opened(invitation.incident).await?;
        let known = opened.dossier.parts.contributions.iter().find(|one| one.head.number == invitation.contribution);
        let handle = known.ok_or_else(no_link)?.person.clone();
        let person = self.store().person_by_handle(&handle).await?.ok_or_else(no_link)?;
        let asking = Asking::of(Actor::Person { id: person.id, handle });
        let written = self.amend(&asking, invitation.incident, |dossier, around, told| {
            give(dossier, invitation.contribution, sections, around.now, told)
        });
        written.await?.part(|parts| &mut parts.contributions)
    }

    /// Takes what somebody wrote, or everybody who did, over into the draft: each once.
    pub(crate) async fn merge_contributions(
        &self,
        asking: &Asking,
        id: IncidentId,
        only: Option<u32>,
    ) -> Result<Amended, EngineError> {
        self.amend(asking, id, |dossier, _, told| {
            open(dossier)?;
            if let Some(number) = only {
                let one = part_of(&mut dossier.parts.contributions, number)?;
                if one.given_at.is_none() {
                    return Err(EngineError::Conflict(format!("{} has not contributed yet", one.person)));
                }
            }
            let mut merged = Vec::new();
            for index in 0..dossier.parts.contributions.len() {
                let one = &dossier.parts.contributions[index];
                let wanted = only.is_none_or(|number| number == one.head.number);
                if !wanted || one.merged || one.given_at.is_none() {
                    continue;
                }
                let (person, sections) = (one.person.clone(), one.sections.clone());
                take_over(draft(dossier)?, &person, &sections)?;
                dossier.parts.contributions[index].merged = true;
                merged.push(person);
            }
            if !merged.is_empty() {
                let text = format!("merged what {} contributed into the retrospective", merged.join(", "));
                told.entry(EntryKind::Retrospective, text, json!({ "merged": merged }));
            }
            Ok(only.unwrap_or_default())
        })
        .await
    }

    fn invitation(&self, token: &str) -> Result<Invitation, EngineError> {
        let invitation = Invitation::verify(token, &self.link_key()).ok_or_else(no_link)?;
        if invitation.expires_at <= self.now() {
            return Err(EngineError::Conflict("the link is over: ask for another one".to_owned()));
        }
        Ok(invitation)
    }

    fn link_key(&self) -> [u8; 32] {
        self.0.parts.keyring.derive("contribution links")
    }
}

/// Says nothing of what was wrong with it, and nothing of the link itself.
fn no_link() -> EngineError {
    EngineError::NotFound { noun: "contribution", name: "of this link".to_owned() }
}

fn give(
    dossier: &mut Dossier,
    number: u32,
    sections: &BTreeMap<String, String>,
    now: Timestamp,
    told: &mut Told,
) -> Result<u32, EngineError> {
    open(dossier)?;
    if dossier.incident.is_over() {
        return Err(EngineError::Conflict(format!("{} is over", dossier.incident.reference())));
    }
    let one = dossier.parts.retrospective.first().ok_or_else(none)?;
    for (id, text) in sections {
        check_section(one, id, text, MAX_CONTRIBUTED)?;
    }
    if sections.values().all(|text| text.trim().is_empty()) {
        return Err(EngineError::invalid("sections", "at least one section with a text is wanted"));
    }
    let known = part_of(&mut dossier.parts.contributions, number)?;
    if known.merged {
        let message = "the contribution is part of the retrospective already: edit that".to_owned();
        return Err(EngineError::Conflict(message));
    }
    let again = known.given_at.is_some();
    known.sections.clone_from(sections);
    known.given_at = Some(now);
    let (person, verb) = (known.person.clone(), if again { "wrote their contribution anew" } else { "contributed" });
    let about = json!({ "contribution": number, "person": person });
    told.entry(EntryKind::Retrospective, format!("{person} {verb} to the retrospective"), about.clone());
    told.milestone(MilestoneKind::Contributed, about);
    Ok(number)
}

fn take_over(one: &mut Retrospective, person: &str, sections: &BTreeMap<String, String>) -> Result<(), EngineError> {
    for (id, text) in sections.iter().filter(|(_, text)| !text.trim().is_empty()) {
        let known = one.sections.entry(id.clone()).or_default();
        let gap = if known.is_empty() { "" } else { "\n\n" };
        let longer = format!("{known}{gap}{person}: {}", text.trim());
        if longer.chars().count() > MAX_SECTION {
            let message = format!("section {id} would be longer than {MAX_SECTION} characters: shorten it first");
            return Err(EngineError::Conflict(message));
        }
        *known = longer;
    }
    Ok(())
}
