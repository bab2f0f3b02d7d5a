//! What a caller may do to the incidents they may see.

use std::collections::BTreeSet;

use crate::{
    Acting, EngineError,
    incidents::{
        change::Opened,
        edit::Edit,
        findings::{CauseEdit, NewArtifact},
        open::NewIncident,
        roles::Assignment,
        stage::StageRequest,
        tasks::{NewTask, TaskEdit},
        timeline::{Remark, TimelineFollower},
        updates::NewUpdate,
    },
};
use wardroom_domain::{
    alert::Alert,
    dossier::{
        Artifact, Cause, Parts, Update,
        brief::{Brief, brief},
        cause::Evidence,
    },
    event::{Event, TriggerOutcome},
    export::Files,
    incident::{Incident, IncidentKind, Severity, Stage},
    metrics::{Grouping, Metrics},
    page::Page,
    time::Timestamp,
    timeline::Entry,
};
use wardroom_store::{IncidentFilter, TimelineFilter};

/// How many entries of the timeline a brief is made from: the newest.
const BRIEF_READS: usize = 10_000;

/// Which incidents.
#[derive(Debug, Clone, Copy, Default)]
pub struct IncidentQuery {
    /// Only in this stage.
    pub stage: Option<Stage>,
    /// Only of this severity.
    pub severity: Option<Severity>,
    /// Only real ones, or only drills.
    pub kind: Option<IncidentKind>,
}

/// An incident with everything a view of it leans on, as it was at a time.
#[derive(Debug, Clone)]
pub struct IncidentView {
    /// The incident and what belongs to it.
    pub loaded: Opened,
    /// When it was read.
    pub at: Timestamp,
}

impl Acting<'_> {
    /// The incident of an identifier or number such as `INC-42`.
    pub async fn incident(&self, reference: &str) -> Result<Incident, EngineError> {
        self.without_hidden(self.seen_incident(reference).await?).await
    }

    /// A page of incidents, the newest first.
    pub async fn incident_list(&self, query: IncidentQuery, page: &Page) -> Result<Vec<Incident>, EngineError> {
        let IncidentQuery { stage, severity, kind } = query;
        let visible_to = Some(self.caller.person.handle.clone());
        let found = self.engine.store().incidents(&IncidentFilter { stage, severity, kind, visible_to }, page).await?;
        let mut incidents = Vec::with_capacity(found.len());
        for incident in found {
            incidents.push(self.without_hidden(incident).await?);
        }
        Ok(incidents)
    }

    /// An incident with its parts, people and playbook.
    pub async fn incident_view(&self, reference: &str) -> Result<IncidentView, EngineError> {
        let incident = self.incident(reference).await?;
        Ok(IncidentView { loaded: self.engine.opened_from(incident).await?, at: self.engine.now() })
    }

    /// The parts of an incident.
    pub async fn incident_parts(&self, reference: &str) -> Result<Parts, EngineError> {
        Ok(self.engine.store().parts(self.seen_incident(reference).await?.id).await?)
    }

    /// The alerts of an incident.
    pub async fn incident_alerts(&self, reference: &str) -> Result<Vec<Alert>, EngineError> {
        Ok(self.engine.store().alerts(self.seen_incident(reference).await?.id).await?)
    }

    /// The events of an incident, and for each and every workflow that listens what started or why nothing did.
    pub async fn incident_automations(
        &self,
        reference: &str,
    ) -> Result<(Vec<Event>, Vec<TriggerOutcome>), EngineError> {
        let id = self.seen_incident(reference).await?.id;
        Ok((self.engine.store().events(id).await?, self.engine.store().outcomes(id).await?))
    }

    /// What somebody who joins late has to know.
    pub async fn incident_brief(&self, reference: &str) -> Result<Brief, EngineError> {
        let IncidentView { loaded, at } = self.incident_view(reference).await?;
        let (entries, starred) = self.engine.whole_timeline(loaded.dossier.incident.id, BRIEF_READS).await?;
        Ok(brief(&loaded.dossier, &entries, &starred, &loaded.around(at)))
    }

    /// Opens an incident.
    pub async fn incident_open(&self, new: NewIncident) -> Result<Incident, EngineError> {
        self.engine.open_incident(self.caller, new, self.once.clone()).await
    }

    /// Edits title, severity, labels, times and custom fields.
    pub async fn incident_edit(&self, reference: &str, edit: &Edit) -> Result<Incident, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.without_hidden(self.engine.edit_incident(&self.asking(), id, edit).await?).await
    }

    /// Enters a stage.
    pub async fn incident_change_stage(
        &self,
        reference: &str,
        request: &StageRequest,
    ) -> Result<Incident, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.without_hidden(self.engine.change_stage(&self.asking(), id, request).await?).await
    }

    /// Merges a duplicate into another incident; gives that one.
    pub async fn incident_merge(&self, duplicate: &str, into: &str) -> Result<Incident, EngineError> {
        let (duplicate, into) = (self.seen_incident(duplicate).await?.id, self.seen_incident(into).await?.id);
        self.without_hidden(self.engine.merge(self.caller, duplicate, into).await?).await
    }

    /// Says who may see an incident; none: everybody. An administrator may, without being shown it.
    pub async fn incident_set_access(
        &self,
        reference: &str,
        visible_to: Option<&BTreeSet<String>>,
    ) -> Result<(), EngineError> {
        self.engine.set_access(self.caller, reference, visible_to).await
    }

    /// Makes the files of an export; that somebody did is in the audit log.
    pub async fn incident_export(&self, reference: &str) -> Result<Files, EngineError> {
        let incident = self.seen_incident(reference).await?;
        self.engine.export(self.caller, &incident).await
    }

    /// Measures the incidents that were opened in a while: the newest 10,000.
    pub async fn incident_metrics(
        &self,
        since: Timestamp,
        until: Timestamp,
        by: Grouping,
    ) -> Result<Metrics, EngineError> {
        self.engine.measure(self.caller, since, until, by).await
    }

    /// A page of the timeline.
    pub async fn timeline(
        &self,
        reference: &str,
        filter: &TimelineFilter,
        page: &Page,
    ) -> Result<Vec<Entry>, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        Ok(self.engine.store().timeline_of(id, filter, page).await?)
    }

    /// The last hash of the timeline as it is now, up to an entry: what an export is compared with.
    pub async fn timeline_head(&self, reference: &str, entries: usize) -> Result<String, EngineError> {
        let incident = self.seen_incident(reference).await?;
        self.engine.chain_head(&incident, entries).await
    }

    /// Follows the timeline from behind an entry on.
    pub async fn timeline_follow(&self, reference: &str, after: i64) -> Result<TimelineFollower, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        Ok(TimelineFollower::new(self.engine.clone(), self.caller.clone(), id, after))
    }

    /// Adds a note to the timeline.
    pub async fn timeline_note(&self, reference: &str, text: &str) -> Result<Incident, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.without_hidden(self.engine.note(&self.asking(), id, text).await?).await
    }

    /// Adds a remark to an entry. The entry itself stays as it was.
    pub async fn timeline_remark(&self, reference: &str, seq: i64, remark: &Remark) -> Result<(), EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.remark(&self.asking(), id, seq, remark).await
    }

    /// Assigns a role.
    pub async fn role_assign(
        &self,
        reference: &str,
        role: &str,
        assignment: &Assignment,
    ) -> Result<Incident, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.without_hidden(self.engine.assign_role(&self.asking(), id, role, assignment).await?).await
    }

    /// Gives the caller a role.
    pub async fn role_take(&self, reference: &str, role: &str) -> Result<Incident, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.without_hidden(self.engine.take_role(&self.asking(), id, role, &self.caller.person).await?).await
    }

    /// Adds a task; gives the incident as it is then, and the task's number.
    pub async fn task_create(&self, reference: &str, new: &NewTask) -> Result<(IncidentView, u32), EngineError> {
        let id = self.seen_incident(reference).await?.id;
        let added = self.engine.add_task(&self.asking(), id, new).await?;
        Ok((self.incident_view(reference).await?, added.number))
    }

    /// Edits a task, or changes its status; gives the incident as it is then.
    pub async fn task_edit(&self, reference: &str, number: u32, edit: &TaskEdit) -> Result<IncidentView, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.edit_task(&self.asking(), id, number, edit).await?;
        self.incident_view(reference).await
    }

    /// Notes a suspected cause.
    pub async fn cause_suspect(
        &self,
        reference: &str,
        text: &str,
        evidence: &[Evidence],
    ) -> Result<Cause, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.suspect(&self.asking(), id, text, evidence).await?.part(|parts| &mut parts.causes)
    }

    /// Rules a cause out, confirms it, or adds evidence.
    pub async fn cause_edit(&self, reference: &str, number: u32, edit: &CauseEdit) -> Result<Cause, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.edit_cause(&self.asking(), id, number, edit).await?.part(|parts| &mut parts.causes)
    }

    /// Answers a question of the playbook.
    pub async fn question_answer(&self, reference: &str, question: &str, text: &str) -> Result<Incident, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.without_hidden(self.engine.answer(self.caller, id, question, text).await?).await
    }

    /// Says that a deadline was met.
    pub async fn deadline_meet(&self, reference: &str, deadline: &str, note: &str) -> Result<Incident, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.without_hidden(self.engine.meet_deadline(self.caller, id, deadline, note).await?).await
    }

    /// Attaches an artifact.
    pub async fn artifact_attach(&self, reference: &str, new: &NewArtifact) -> Result<Artifact, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.attach(&self.asking(), id, new).await?.part(|parts| &mut parts.artifacts)
    }

    /// Takes an artifact off.
    pub async fn artifact_detach(&self, reference: &str, number: u32) -> Result<(), EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.detach(&self.asking(), id, number).await.map(drop)
    }

    /// Posts a status update.
    pub async fn update_post(&self, reference: &str, new: &NewUpdate) -> Result<Update, EngineError> {
        let id = self.seen_incident(reference).await?.id;
        self.engine.post_update(&self.asking(), id, new).await?.part(|parts| &mut parts.updates)
    }
}
