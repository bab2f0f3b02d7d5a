//! What people say to a run: approvals, decisions about unknown effects, signals, cancels.

use serde_json::Value;

use crate::{Caller, Engine, EngineError, once::Once};
use wardroom_domain::{
    MAX_DEPTH,
    id::{ApprovalId, RunId},
    is_too_deep,
    run::{
        Approval, Hold, Run, Signal,
        happening::{Decision, Happening},
    },
    workflow::is_identifier,
};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;
/// The largest payload of a signal, in bytes of JSON.
const MAX_PAYLOAD: usize = 64 << 10;

impl Engine {
    /// Decides an approval. Whoever holds the role decides, its backup too; a role nobody holds falls to any responder.
    pub(crate) async fn decide_approval(
        &self,
        caller: &Caller,
        id: ApprovalId,
        approve: bool,
        reason: Option<String>,
    ) -> Result<Approval, EngineError> {
        let approval = self.approval(id).await?;
        check_reason(reason.as_deref())?;
        let reason = match self.fallback(caller, &approval).await? {
            Fallback::None => reason,
            // Recorded with the decision: the design wants to see when a role was empty.
            Fallback::RoleIsEmpty(role) => {
                let note = format!("nobody holds the role {role}");
                Some(reason.map_or(note.clone(), |reason| format!("{reason} ({note})")))
            }
        };
        let happening = Happening::ApprovalDecided { step: approval.step.clone(), approve, by: caller.actor(), reason };
        self.tell(approval.run, happening).await?;
        self.approval(id).await
    }

    async fn approval(&self, id: ApprovalId) -> Result<Approval, EngineError> {
        self.store().approval(id).await?.ok_or_else(|| EngineError::not_found("approval", id))
    }

    async fn fallback(&self, caller: &Caller, approval: &Approval) -> Result<Fallback, EngineError> {
        let named = approval.people.contains(&caller.person.handle);
        if named || (approval.role.is_none() && approval.people.is_empty()) {
            return Ok(Fallback::None);
        }
        let (Some(role), Some(incident)) = (&approval.role, approval.incident) else {
            let message = match &approval.role {
                // Without an incident nobody holds a role.
                Some(role) if approval.people.is_empty() => return Ok(Fallback::RoleIsEmpty(role.clone())),
                _ => format!("only {} may decide this", approval.people.join(", ")),
            };
            return Err(EngineError::Forbidden(message));
        };
        let incident = self.incident(incident).await?;
        let holders = incident.roles.get(role).cloned().unwrap_or_default();
        let held_by: Vec<_> = [holders.primary, holders.backup].into_iter().flatten().collect();
        if held_by.is_empty() && approval.people.is_empty() {
            return Ok(Fallback::RoleIsEmpty(role.clone()));
        }
        if held_by.contains(&caller.person.id) {
            return Ok(Fallback::None);
        }
        let mut who = vec![format!("the {role} of {}", incident.reference()), "the backup".to_owned()];
        who.extend(approval.people.iter().cloned());
        let message = format!("only {} decides this", who.join(" or "));
        Err(EngineError::Forbidden(message))
    }

    /// Tells a run something a step waits for, or will.
    pub(crate) async fn signal_run(
        &self,
        caller: &Caller,
        run: RunId,
        name: &str,
        payload: Value,
        once: Option<&Once>,
    ) -> Result<Run, EngineError> {
        check_signal(name, &payload)?;
        let key = once.map(Once::full_key);
        // Sent again after the run has ended, it was still taken the first time.
        let known = self.store().run(run).await?.ok_or_else(|| EngineError::not_found("run", run))?;
        if let Some(sent) = known.signal_of_key(key.as_deref()).filter(|_| known.status.is_terminal()) {
            let same = sent.name == name && sent.payload == payload;
            return if same { Ok(known) } else { Err(EngineError::KeyReused) };
        }
        let signal = Signal { name: name.to_owned(), payload, by: caller.actor(), at: self.now(), key, taken_by: None };
        self.tell(run, Happening::Signaled(signal)).await
    }

    /// Settles an unknown effect.
    pub(crate) async fn decide_effect(
        &self,
        caller: &Caller,
        run: RunId,
        step: &str,
        item: Option<u32>,
        decision: Decision,
    ) -> Result<Run, EngineError> {
        self.tell(run, Happening::EffectDecided { step: step.to_owned(), item, decision, by: caller.actor() }).await
    }

    /// Holds a run: what is in flight finishes, nothing new is called, and its time goes on.
    pub(crate) async fn pause_run(
        &self,
        caller: &Caller,
        run: RunId,
        reason: Option<String>,
    ) -> Result<Run, EngineError> {
        check_reason(reason.as_deref())?;
        let hold = Hold { by: caller.actor(), reason, at: self.now() };
        self.tell(run, Happening::PauseRequested(hold)).await
    }

    /// Lets a held run go on.
    pub(crate) async fn resume_run(&self, caller: &Caller, run: RunId) -> Result<Run, EngineError> {
        self.tell(run, Happening::ResumeRequested { by: caller.actor() }).await
    }

    /// Stops a run: nothing new starts, what is in flight settles. With `undo` another run then takes back what it did.
    pub(crate) async fn cancel_run(
        &self,
        caller: &Caller,
        run: RunId,
        reason: Option<String>,
        undo: bool,
    ) -> Result<Run, EngineError> {
        check_reason(reason.as_deref())?;
        self.tell(run, Happening::CancelRequested { by: caller.actor(), reason, undo }).await
    }
}

/// Whether a signal has a name and a size that a run takes.
pub(crate) fn check_signal(name: &str, payload: &Value) -> Result<(), EngineError> {
    if !is_identifier(name) {
        return Err(EngineError::invalid("name", "a word in snake_case is wanted"));
    }
    if payload.to_string().len() > MAX_PAYLOAD {
        return Err(EngineError::invalid("payload", format!("at most {MAX_PAYLOAD} bytes of JSON are wanted")));
    }
    if is_too_deep(payload) {
        return Err(EngineError::invalid("payload", format!("at most {MAX_DEPTH} levels of nesting are wanted")));
    }
    Ok(())
}

enum Fallback {
    None,
    RoleIsEmpty(String),
}

fn check_reason(reason: Option<&str>) -> Result<(), EngineError> {
    match reason {
        Some(reason) if reason.chars().count() > MAX_REASON => {
            Err(EngineError::invalid("reason", format!("at most {MAX_REASON} characters are wanted")))
        }
        _ => Ok(()),
    }
}
