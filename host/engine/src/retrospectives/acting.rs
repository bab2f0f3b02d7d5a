//! What a caller may do to the retrospectives of incidents they may see.

use std::collections::BTreeMap;

use crate::{
    Acting, EngineError,
    retrospectives::{
        RetrospectiveEdit,
        contribute::Link,
        follow_ups::{FollowUpEdit, NewFollowUp},
    },
};
use wardroom_domain::dossier::{Contribution, Dossier, FollowUp, Proposal, Publication};

impl Acting<'_> {
    /// The retrospective as text in Markdown.
    pub async fn retrospective_text(&self, reference: &str) -> Result<String, EngineError> {
        self.engine.retrospective_text(self.seen_incident(reference).await?.id).await
    }

    /// Changes the retrospective.
    pub async fn retrospective_edit(&self, reference: &str, edit: &RetrospectiveEdit) -> Result<Dossier, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        Ok(self.engine.edit_retrospective(&self.asking(), id, edit).await?.dossier)
    }

    /// Publishes it as a new version.
    pub async fn retrospective_publish(&self, reference: &str) -> Result<Publication, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.publish_retrospective(self.caller, id).await?.part(|parts| &mut parts.publications)
    }

    /// Does without it, for a reason.
    pub async fn retrospective_waive(&self, reference: &str, reason: &str) -> Result<(), EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.waive_retrospective(self.caller, id, reason).await.map(drop)
    }

    /// Asks somebody more for a contribution.
    pub async fn contribution_ask(&self, reference: &str, person: &str) -> Result<Contribution, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        let asked = self.engine.ask_to_contribute(&self.asking(), id, person).await?;
        asked.part(|parts| &mut parts.contributions)
    }

    /// Writes the caller's own contribution.
    pub async fn contribution_write(
        &self,
        reference: &str,
        number: u32,
        sections: &BTreeMap<String, String>,
    ) -> Result<Contribution, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        let written = self.engine.contribute(self.caller, id, number, sections).await?;
        written.part(|parts| &mut parts.contributions)
    }

    /// Makes a link by which a person contributes without a token.
    pub async fn contribution_link(&self, reference: &str, number: u32) -> Result<Link, EngineError> {
        self.engine.contribution_link(self.seen_incident(reference).await?.id, number).await
    }

    /// Takes what somebody wrote, or everybody who did, over into the draft: each once.
    pub async fn contribution_merge(&self, reference: &str, only: Option<u32>) -> Result<Dossier, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        Ok(self.engine.merge_contributions(&self.asking(), id, only).await?.dossier)
    }

    /// Adds a follow-up.
    pub async fn follow_up_create(&self, reference: &str, new: &NewFollowUp) -> Result<FollowUp, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.add_follow_up(&self.asking(), id, new).await?.part(|parts| &mut parts.follow_ups)
    }

    /// Edits a follow-up.
    pub async fn follow_up_edit(
        &self,
        reference: &str,
        number: u32,
        edit: &FollowUpEdit,
    ) -> Result<FollowUp, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.edit_follow_up(&self.asking(), id, number, edit).await?.part(|parts| &mut parts.follow_ups)
    }

    /// Proposes a change of the playbook.
    pub async fn proposal_create(&self, reference: &str, source: &str, reason: &str) -> Result<Proposal, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.propose(&self.asking(), id, source, reason).await?.part(|parts| &mut parts.proposals)
    }

    /// Applies a proposal to the playbook.
    pub async fn proposal_apply(&self, reference: &str, number: u32) -> Result<Proposal, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.apply_proposal(self.caller, id, number).await?.part(|parts| &mut parts.proposals)
    }

    /// Refuses a proposal.
    pub async fn proposal_refuse(&self, reference: &str, number: u32, reason: &str) -> Result<Proposal, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.refuse_proposal(self.caller, id, number, reason).await?.part(|parts| &mut parts.proposals)
    }
}
