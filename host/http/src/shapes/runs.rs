//! Runs, their steps, calls and approvals, and what events meant for workflows.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{value, word};
use wardroom_domain::{
    event::{Event, TriggerOutcome},
    run,
};

/// A run, as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunSummaryResponse {
    /// A UUID.
    pub id: String,
    /// The workflow.
    pub workflow: String,
    /// Its revision, pinned.
    pub revision: i64,
    /// `queued`, `running`, `waiting`, `paused`, `canceling`, `needs_decision`, `succeeded`, `failed`, `rejected`,
    /// `canceled` or `timed_out`.
    pub status: String,
    /// `real`, `practice` (a drill) or `simulated` (a dry run).
    pub mode: String,
    /// The incident it belongs to.
    pub incident: Option<String>,
    /// The run it does again.
    pub rerun_of: Option<String>,
    /// The run it takes back.
    pub undo_of: Option<String>,
    /// The step of another run that this one is done for: `{run, step, item}`.
    #[schema(value_type = Object)]
    pub parent: Option<Value>,
    /// Its place among the runs of its concurrency key: `{key, policy, held}`; until it holds the slot it waits for its turn.
    #[schema(value_type = Object)]
    pub slot: Option<Value>,
    /// Who or what started it.
    #[schema(value_type = Object)]
    pub started_by: Value,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339; null while it goes on.
    pub finished_at: Option<String>,
    /// When its time runs out, RFC 3339.
    pub deadline: String,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunResponse {
    /// What lists show of it.
    #[serde(flatten)]
    pub summary: RunSummaryResponse,
    /// The frozen event that started it.
    #[schema(value_type = Object)]
    pub trigger: Value,
    /// The checked inputs.
    #[schema(value_type = Object)]
    pub inputs: Value,
    /// The plugins it is pinned to: version and digest, by name.
    #[schema(value_type = Object)]
    pub plugins: Value,
    /// Who holds it: `{by, reason, at}`.
    #[schema(value_type = Object)]
    pub hold: Option<Value>,
    /// What it was told from outside: `{name, payload, by, at, taken_by}`.
    #[schema(value_type = Vec<Object>)]
    pub signals: Vec<Value>,
    /// The steps in the document's order.
    pub order: Vec<String>,
    /// The steps by id.
    pub steps: BTreeMap<String, StepResponse>,
}

/// A step of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepResponse {
    /// `pending`, `running`, `waiting`, `succeeded`, `simulated`, `failed`, `skipped`, `rejected`, `canceled`,
    /// `timed_out` or `needs_decision`.
    pub status: String,
    /// The newest try; 0 for a step that kept what an earlier run gave.
    pub attempts: u32,
    /// The resolved `with`; for an approval what it shows.
    #[schema(value_type = Object)]
    pub input: Option<Value>,
    /// The output; null until it succeeds.
    #[schema(value_type = Object)]
    pub output: Value,
    /// One line.
    pub summary: Option<String>,
    /// Why it failed, was skipped or waits for a decision: `{code, message, details?}`.
    #[schema(value_type = Object)]
    pub error: Option<Value>,
    /// The approval it waits or waited for.
    pub approval: Option<String>,
    /// Whether it left something to take it back with.
    pub can_undo: bool,
    /// RFC 3339.
    pub started_at: Option<String>,
    /// RFC 3339.
    pub finished_at: Option<String>,
    /// The items of a `foreach` that has begun, in the list's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub items: Vec<StepResponse>,
}

impl From<&run::Run> for RunSummaryResponse {
    fn from(run: &run::Run) -> Self {
        Self {
            id: run.id.to_string(),
            workflow: run.workflow.clone(),
            revision: run.revision,
            status: run.status.as_str().to_owned(),
            mode: word(&run.mode),
            incident: run.incident.map(|id| id.to_string()),
            rerun_of: run.rerun_of.map(|id| id.to_string()),
            undo_of: run.undo_of.map(|id| id.to_string()),
            parent: run.parent.as_ref().map(value),
            slot: run.slot.as_ref().map(value),
            started_by: value(&run.started_by),
            created_at: run.created_at.to_string(),
            finished_at: run.finished_at.map(|at| at.to_string()),
            deadline: run.deadline.to_string(),
        }
    }
}

impl From<run::Run> for RunResponse {
    fn from(run: run::Run) -> Self {
        Self {
            summary: RunSummaryResponse::from(&run),
            trigger: run.trigger,
            inputs: run.inputs,
            plugins: value(&run.pins),
            hold: run.hold.as_ref().map(value),
            signals: run.signals.iter().map(signal).collect(),
            order: run.steps.iter().filter(|step| step.item.is_none()).map(|step| step.step.clone()).collect(),
            steps: steps(run.steps),
        }
    }
}

/// A signal without its key.
fn signal(signal: &run::Signal) -> Value {
    json!({
        "name": signal.name, "payload": signal.payload, "by": signal.by, "at": signal.at, "taken_by": signal.taken_by,
    })
}

/// The steps by id, each with its items.
fn steps(all: Vec<run::StepRun>) -> BTreeMap<String, StepResponse> {
    let mut steps: BTreeMap<String, StepResponse> = BTreeMap::new();
    let (items, own): (Vec<_>, Vec<_>) = all.into_iter().partition(|step| step.item.is_some());
    steps.extend(own.into_iter().map(|step| (step.step.clone(), step.into())));
    for item in items {
        if let Some(step) = steps.get_mut(&item.step) {
            step.items.push(item.into());
        }
    }
    steps
}

impl From<run::StepRun> for StepResponse {
    fn from(step: run::StepRun) -> Self {
        Self {
            status: step.status.as_str().to_owned(),
            attempts: step.attempt,
            input: step.input,
            output: step.output,
            summary: step.summary,
            error: step.error.map(|error| value(&error)),
            approval: step.approval.map(|id| id.to_string()),
            can_undo: step.undo.is_some(),
            started_at: step.started_at.map(|at| at.to_string()),
            finished_at: step.finished_at.map(|at| at.to_string()),
            items: Vec::new(),
        }
    }
}

/// How one call of a step ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptResponse {
    /// The run; an earlier one for a step that kept its output.
    pub run: String,
    /// The step.
    pub step: String,
    /// The item of a `foreach`, from 0.
    pub item: Option<u32>,
    /// The try, from 1.
    pub attempt: u32,
    /// `attempt`, `check` or `notify`.
    pub phase: String,
    /// `done`, `simulated`, `pending`, `failed`, `no_result`, `absent` or `cannot_tell`.
    pub outcome: String,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: String,
    /// Why it failed.
    #[schema(value_type = Object)]
    pub error: Option<Value>,
    /// Log lines, HTTP calls, CPU time, memory, the plugin's digest; in a simulation what it would have sent.
    #[schema(value_type = Object)]
    pub trace: Value,
}

impl From<run::AttemptRecord> for AttemptResponse {
    fn from(record: run::AttemptRecord) -> Self {
        Self {
            run: record.run.to_string(),
            item: record.item,
            attempt: record.attempt,
            phase: word(&record.phase),
            outcome: record.outcome,
            started_at: record.started_at.to_string(),
            finished_at: record.finished_at.to_string(),
            error: record.error.map(|error| value(&error)),
            trace: record.trace,
            step: record.step,
        }
    }
}

/// A decision a run waits for, or waited for.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalResponse {
    /// A UUID.
    pub id: String,
    /// The run.
    pub run: String,
    /// The step that waits.
    pub step: String,
    /// The incident.
    pub incident: Option<String>,
    /// The incident role that decides; null, and nobody in `people`: any responder.
    pub role: Option<String>,
    /// The handles of those who may decide beside the role.
    pub people: Vec<String>,
    /// How many different people have to approve.
    pub quorum: u32,
    /// Who has approved so far: `{by, reason, at}`.
    #[schema(value_type = Vec<Object>)]
    pub votes: Vec<Value>,
    /// `pending`, `approved`, `rejected` or `canceled`.
    pub status: String,
    /// What is approved: `uses`, `connection` and `with` of the gated steps, by step id.
    #[schema(value_type = Object)]
    pub shows: Value,
    /// Whether a gated step is destructive: then whoever started the run may not approve it alone.
    pub destructive: bool,
    /// RFC 3339.
    pub requested_at: String,
    /// When silence decides, RFC 3339.
    pub expires_at: Option<String>,
    /// Who decided.
    #[schema(value_type = Object)]
    pub decided_by: Option<Value>,
    /// RFC 3339.
    pub decided_at: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl From<run::Approval> for ApprovalResponse {
    fn from(approval: run::Approval) -> Self {
        Self {
            id: approval.id.to_string(),
            run: approval.run.to_string(),
            step: approval.step,
            incident: approval.incident.map(|id| id.to_string()),
            role: approval.role,
            people: approval.people,
            quorum: approval.quorum,
            votes: approval.votes.iter().map(value).collect(),
            status: word(&approval.status),
            shows: approval.shows,
            destructive: approval.destructive,
            requested_at: approval.requested_at.to_string(),
            expires_at: approval.expires_at.map(|at| at.to_string()),
            decided_by: approval.decided_by.map(|by| value(&by)),
            decided_at: approval.decided_at.map(|at| at.to_string()),
            reason: approval.reason,
        }
    }
}

/// What an event meant for the workflows that listen.
#[derive(Debug, Serialize, ToSchema)]
pub struct AutomationResponse {
    /// The event, a UUID.
    pub event: String,
    /// `stage.entered`, `alert.changed` or `alert.refired`.
    pub r#type: String,
    /// RFC 3339.
    pub at: String,
    /// What happened.
    #[schema(value_type = Object)]
    pub fact: Value,
    /// For each workflow that listens: the run it started, or why not.
    pub outcomes: Vec<TriggerOutcomeResponse>,
}

/// What an event meant for one workflow.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriggerOutcomeResponse {
    /// The workflow.
    pub workflow: String,
    /// The run it started.
    pub run: Option<String>,
    /// Why it started none.
    pub why_not: Option<String>,
}

impl AutomationResponse {
    pub(crate) fn new(event: &Event, outcomes: &[TriggerOutcome]) -> Self {
        let ours = outcomes.iter().filter(|outcome| outcome.event == event.id);
        let outcomes = ours.map(|outcome| TriggerOutcomeResponse {
            workflow: outcome.workflow.clone(),
            run: outcome.run.map(|id| id.to_string()),
            why_not: outcome.why_not.clone(),
        });
        Self {
            event: event.id.to_string(),
            r#type: event.fact.word().to_owned(),
            at: event.at.to_string(),
            outcomes: outcomes.collect(),
            fact: value(&event.fact),
        }
    }
}
