//! Changes of playbooks that a retrospective proposes: the whole new document with its difference, applied on approval as a
//! new revision.

use serde_json::json;
use similar::TextDiff;

use crate::{
    Caller, Engine, EngineError,
    incidents::{
        change::Amended,
        edit::Asking,
        tasks::{checked, head, part_of},
    },
};
use wardroom_domain::{
    dossier::{Proposal, retrospective::ProposalStatus},
    id::IncidentId,
    timeline::EntryKind,
};
use wardroom_store::DocumentKind;

/// The longest difference that is kept, in characters.
const MAX_DIFF: usize = 64 * 1024;

impl Engine {
    /// Proposes a change of a playbook: its whole new document, which has to be good.
    pub(crate) async fn propose(
        &self,
        asking: &Asking,
        id: IncidentId,
        source: &str,
        reason: &str,
    ) -> Result<Amended, EngineError> {
        let reason = checked("reason", reason, 2_000)?;
        let playbook = self.playbook_validate(source).await?.map_err(EngineError::Document)?;
        let known = self.store().newest_revision(DocumentKind::Playbook, &playbook.name).await?;
        let known = known.filter(|known| !known.deleted);
        let known = known.ok_or_else(|| EngineError::not_found("playbook", &playbook.name))?;
        if known.source == source {
            return Err(EngineError::invalid("source", "is what the playbook says already"));
        }
        let diff = TextDiff::from_lines(known.source.as_str(), source);
        let diff: String = diff.unified_diff().context_radius(3).to_string().chars().take(MAX_DIFF).collect();
        self.amend(asking, id, |dossier, around, told| {
            crate::retrospectives::open(dossier)?;
            let head = head(&dossier.parts.proposals, around.now)?;
            let number = head.number;
            let name = &playbook.name;
            dossier.parts.proposals.push(Proposal {
                head,
                playbook: name.clone(),
                base: known.revision,
                source: source.to_owned(),
                diff: diff.clone(),
                reason: reason.clone(),
                by: asking.actor.name(),
                status: ProposalStatus::Proposed,
                decided_by: None,
                applied_as: None,
            });
            let about = json!({ "proposal": number, "playbook": name, "base": known.revision });
            told.entry(EntryKind::Retrospective, format!("proposed to change playbook {name}: {reason}"), about);
            Ok(number)
        })
        .await
    }

    /// Makes a proposal the playbook's new revision. Refused when the playbook has changed since; made twice, it is one
    /// revision.
    pub(crate) async fn apply_proposal(
        &self,
        caller: &Caller,
        id: IncidentId,
        number: u32,
    ) -> Result<Amended, EngineError> {
        let mut parts = self.store().parts(id).await?;
        let proposal = part_of(&mut parts.proposals, number)?.clone();
        let applied = match proposal.status {
            ProposalStatus::Refused => {
                return Err(EngineError::Conflict(format!("proposal {number} was refused")));
            }
            ProposalStatus::Applied => proposal.applied_as.unwrap_or(proposal.base),
            ProposalStatus::Proposed => self.revision_from(caller, &proposal).await?,
        };
        self.decided(caller, id, number, ProposalStatus::Applied, Some(applied), "applied").await
    }

    /// Refuses a proposal.
    pub(crate) async fn refuse_proposal(
        &self,
        caller: &Caller,
        id: IncidentId,
        number: u32,
        reason: &str,
    ) -> Result<Amended, EngineError> {
        let reason = checked("reason", reason, 500)?;
        self.decided(caller, id, number, ProposalStatus::Refused, None, &format!("refused ({reason})")).await
    }

    /// A revision that was saved before its proposal could be marked is found again by its text.
    async fn revision_from(&self, caller: &Caller, proposal: &Proposal) -> Result<i64, EngineError> {
        let newest = self.store().newest_revision(DocumentKind::Playbook, &proposal.playbook).await?;
        if let Some(saved) = newest.filter(|newest| newest.source == proposal.source && !newest.deleted) {
            return Ok(saved.revision);
        }
        let (name, base) = (&proposal.playbook, proposal.base);
        Ok(self.playbook_save(caller, name, &proposal.source, Some(base)).await?.revision)
    }

    async fn decided(
        &self,
        caller: &Caller,
        id: IncidentId,
        number: u32,
        to: ProposalStatus,
        applied_as: Option<i64>,
        word: &str,
    ) -> Result<Amended, EngineError> {
        let asking = Asking::person(caller, None);
        self.amend(&asking, id, |dossier, _, told| {
            let one = part_of(&mut dossier.parts.proposals, number)?;
            if one.status == to {
                return Ok(number);
            }
            if one.status != ProposalStatus::Proposed {
                return Err(EngineError::Conflict(format!("proposal {number} has been decided")));
            }
            one.status = to;
            one.decided_by = Some(caller.person.handle.clone());
            one.applied_as = applied_as;
            let about = json!({ "proposal": number, "playbook": one.playbook, "revision": applied_as });
            told.entry(EntryKind::Retrospective, format!("{word}: the change of playbook {}", one.playbook), about);
            Ok(number)
        })
        .await
    }
}
