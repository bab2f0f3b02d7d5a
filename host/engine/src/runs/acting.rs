//! What a caller may do to runs and approvals: those of no incident, and those of incidents they may see.

use serde_json::Value;

use crate::{
    Acting, EngineError,
    runs::{start::StartRequest, watch::RunFollower},
};
use wardroom_domain::{
    id::{ApprovalId, EventId, RunId},
    page::Page,
    run::{Approval, ApprovalStatus, AttemptRecord, Run, RunStatus, happening::Decision, rerun::From},
};
use wardroom_store::RunFilter;

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunQuery {
    /// Only of this workflow.
    pub workflow: Option<String>,
    /// Only of this incident, by identifier or number.
    pub incident: Option<String>,
    /// Only in this status.
    pub status: Option<RunStatus>,
}

impl Acting<'_> {
    /// A page of runs without their steps, the newest first.
    pub async fn run_list(&self, query: RunQuery, page: &Page) -> Result<Vec<Run>, EngineError> {
        let RunQuery { workflow, incident, status } = query;
        let incident = match &incident {
            Some(reference) => Some(self.seen_incident(reference).await?.id),
            None => None,
        };
        let visible_to = Some(self.caller.person.handle.clone());
        Ok(self.engine.store().runs(&RunFilter { workflow, incident, status, visible_to }, page).await?)
    }

    /// A run with its steps.
    pub async fn run(&self, id: &str) -> Result<Run, EngineError> {
        let missing = || EngineError::not_found("run", id);
        let parsed: RunId = id.parse().map_err(|_| missing())?;
        let run = self.engine.store().run(parsed).await?.ok_or_else(missing)?;
        if self.sees_part_of(run.incident).await? { Ok(run) } else { Err(missing()) }
    }

    /// Every call of a run, with those of the steps that kept what an earlier run gave.
    pub async fn run_attempts(&self, id: &str) -> Result<Vec<AttemptRecord>, EngineError> {
        self.engine.calls_of(&self.run(id).await?).await
    }

    /// Follows a run until it ends or the caller may no longer see it.
    pub async fn run_follow(&self, id: &str) -> Result<RunFollower, EngineError> {
        let watch = self.engine.watch_run(self.run(id).await?.id).await?;
        Ok(RunFollower::new(self.engine.clone(), self.caller.clone(), watch))
    }

    /// Starts a run of a workflow; gives it once it is durable.
    pub async fn run_start(&self, request: &StartRequest) -> Result<Run, EngineError> {
        self.engine.start_run(self.caller, request, self.once.clone()).await
    }

    /// Stops a run; another one then undoes what it did, if that is asked for.
    pub async fn run_cancel(&self, id: &str, reason: Option<String>, undo: bool) -> Result<Run, EngineError> {
        self.engine.cancel_run(self.caller, self.run(id).await?.id, reason, undo).await
    }

    /// Pauses a run: what is in flight finishes, nothing new is called, and its time goes on.
    pub async fn run_pause(&self, id: &str, reason: Option<String>) -> Result<Run, EngineError> {
        self.engine.pause_run(self.caller, self.run(id).await?.id, reason).await
    }

    /// Resumes a paused run.
    pub async fn run_resume(&self, id: &str) -> Result<Run, EngineError> {
        self.engine.resume_run(self.caller, self.run(id).await?.id).await
    }

    /// Settles an unknown effect.
    pub async fn run_decide(
        &self,
        id: &str,
        step: &str,
        item: Option<u32>,
        decision: Decision,
    ) -> Result<Run, EngineError> {
        self.engine.decide_effect(self.caller, self.run(id).await?.id, step, item, decision).await
    }

    /// Sends a run a signal that a step waits for, or will.
    pub async fn run_signal(&self, id: &str, name: &str, payload: Value) -> Result<Run, EngineError> {
        self.engine.signal_run(self.caller, self.run(id).await?.id, name, payload, self.once.as_ref()).await
    }

    /// Runs a run that has ended again; gives the new run.
    pub async fn run_rerun(&self, id: &str, from: &From) -> Result<Run, EngineError> {
        self.engine.rerun(self.caller, self.run(id).await?.id, from, self.once.as_ref()).await
    }

    /// Undoes a run that has ended; gives the new run.
    pub async fn run_undo(&self, id: &str) -> Result<Run, EngineError> {
        self.engine.undo_run(self.caller, self.run(id).await?.id, self.once.as_ref()).await
    }

    /// Sends a signal that is meant for no run: an event that workflows may listen to.
    pub async fn signal_send(
        &self,
        name: &str,
        payload: Value,
        incident: Option<&str>,
    ) -> Result<EventId, EngineError> {
        let incident = match incident {
            Some(reference) => Some(self.seen_incident(reference).await?),
            None => None,
        };
        self.engine.signal(self.caller, name, payload, incident.as_ref(), self.once.as_ref()).await
    }

    /// A page of approvals, the oldest first.
    pub async fn approval_list(
        &self,
        status: Option<ApprovalStatus>,
        page: &Page,
    ) -> Result<Vec<Approval>, EngineError> {
        Ok(self.engine.store().approvals(status, &self.caller.person.handle, page).await?)
    }

    /// An approval.
    pub async fn approval(&self, id: &str) -> Result<Approval, EngineError> {
        let missing = || EngineError::not_found("approval", id);
        let parsed: ApprovalId = id.parse().map_err(|_| missing())?;
        let found = self.engine.store().approval(parsed).await?.ok_or_else(missing)?;
        if self.sees_part_of(found.incident).await? { Ok(found) } else { Err(missing()) }
    }

    /// Approves or rejects.
    pub async fn approval_decide(
        &self,
        id: &str,
        approve: bool,
        reason: Option<String>,
    ) -> Result<Approval, EngineError> {
        self.engine.decide_approval(self.caller, self.approval(id).await?.id, approve, reason).await
    }
}
