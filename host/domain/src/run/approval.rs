//! Approvals inside a run: asking, deciding, and what silence means. Part of the run machine.

use serde_json::{Map, Value, json};

use super::{
    Approval, ApprovalStatus, Ending, Mode, Phase, StepRun, StepStatus, Vote,
    happening::{Context, Effect, Ended, Refused},
    items,
    machine::Machine,
};
use crate::{
    expression::Scope,
    id::{ApprovalId, uuid_v7},
    person::Actor,
    plugin::Risk,
    time::Timestamp,
    timeline::EntryKind,
    workflow::{ApproveStep, OnTimeout, Step, StepKind, Workflow},
};

/// Asks for an approval: freezes the `with` of the steps it gates, as far as they can be resolved by now, and tells
/// people.
pub(super) fn ask(machine: &mut Machine<'_>, index: usize, step: &Step, approve: &ApproveStep, scope: &Scope) {
    if !machine.may_start() {
        return;
    }
    let (shows, frozen) = freeze(machine, step, scope);
    let context = machine.context;
    let state = &mut machine.run.steps[index];
    let random: [u8; 10] = super::progress::draw(context.seed, &step.id, 0)[..10].try_into().unwrap_or_default();
    state.approval = Some(ApprovalId(uuid_v7(context.now.unix_ms(), random)));
    state.input = Some(Value::Object(shows));
    state.started_at = Some(context.now);
    for (gated, input) in frozen {
        machine.run.steps[gated].input = Some(input);
    }
    let request = request(machine, index, ApprovalStatus::Pending);
    machine.effects.push(Effect::Approval(request));
    machine.tell_step(index, EntryKind::Approval, &format!("waits for {} to approve", deciders(approve)), json!({}));
    if machine.facts(index).is_some_and(|facts| facts.notifies) && machine.run.mode == Mode::Real {
        machine.call(index, Phase::Notify, 1);
    } else {
        wait(machine, index);
    }
}

/// Who decides, for people.
pub fn deciders(approve: &ApproveStep) -> String {
    let role = approve.role.as_ref().map(|role| format!("the {role}"));
    let mut who: Vec<String> = role.into_iter().chain(approve.people.iter().cloned()).collect();
    if who.is_empty() {
        who.push("a responder".to_owned());
    }
    let who = who.join(" or ");
    if approve.quorum > 1 { format!("{} people ({who})", approve.quorum) } else { who }
}

fn wait(machine: &mut Machine<'_>, index: usize) {
    let expires_at = expiry(machine.context.workflow, &machine.run.steps[index]);
    let state = &mut machine.run.steps[index];
    state.status = StepStatus::Waiting;
    state.phase = Phase::Approval;
    state.wake_at = expires_at;
}

/// What the gated steps would do, by step id, and the inputs that could be resolved, by step index.
fn freeze(machine: &Machine<'_>, step: &Step, scope: &Scope) -> (Map<String, Value>, Vec<(usize, Value)>) {
    let mut shows = Map::new();
    let mut frozen = Vec::new();
    for gated in gated(machine.context.workflow, &step.id) {
        let (uses, connection, with) = match &gated.kind {
            StepKind::Action { plugin, action, connection, with } => (format!("{plugin}/{action}"), connection, with),
            StepKind::Run { workflow, with } => (format!("workflow {workflow}"), &None, with),
            StepKind::Undo(_) | StepKind::Approve(_) | StepKind::Sleep(_) | StepKind::WaitFor(_) => continue,
        };
        // A step that also waits for others is shown as written: their outputs are not there yet.
        let resolved = match &gated.foreach {
            None => with.resolve(scope).ok(),
            Some(foreach) => items::inputs(&foreach.list, with, scope).map(Value::Array).ok(),
        };
        if let (Some(input), Some(index)) = (&resolved, machine.run.steps.iter().position(|run| run.step == gated.id)) {
            frozen.push((index, input.clone()));
        }
        shows.insert(
            gated.id.clone(),
            json!({ "uses": uses, "connection": connection, "frozen": resolved.is_some(),
                "with": resolved.as_ref().unwrap_or_else(|| with.source()) }),
        );
    }
    (shows, frozen)
}

/// The steps that come right after an approval.
fn gated<'a>(workflow: &'a Workflow, approval: &'a str) -> impl Iterator<Item = &'a Step> {
    workflow.steps.iter().filter(move |step| step.needs.iter().any(|need| need == approval))
}

fn gates_destructive(context: &Context<'_>, approval: &str) -> bool {
    gated(context.workflow, approval)
        .filter_map(|step| context.facts.get(&step.id))
        .any(|facts| facts.risk == Risk::Destructive)
}

fn spec<'a>(workflow: &'a Workflow, state: &StepRun) -> Option<&'a ApproveStep> {
    match &workflow.step(&state.step)?.kind {
        StepKind::Approve(approve) => Some(approve),
        _ => None,
    }
}

fn expiry(workflow: &Workflow, state: &StepRun) -> Option<Timestamp> {
    let timeout = spec(workflow, state)?.timeout?;
    state.started_at.map(|at| at.plus(timeout))
}

/// The approval row as it stands.
pub(super) fn request(machine: &Machine<'_>, index: usize, status: ApprovalStatus) -> Approval {
    let state = &machine.run.steps[index];
    let workflow = machine.context.workflow;
    let spec = spec(workflow, state);
    Approval {
        id: state.approval.unwrap_or(ApprovalId(uuid::Uuid::nil())),
        run: machine.run.id,
        step: state.step.clone(),
        incident: machine.run.incident,
        role: spec.and_then(|approve| approve.role.clone()),
        people: spec.map(|approve| approve.people.clone()).unwrap_or_default(),
        quorum: spec.map_or(1, |approve| approve.quorum),
        votes: state.votes.clone(),
        status,
        shows: state.input.clone().unwrap_or_default(),
        destructive: gates_destructive(machine.context, &state.step),
        requested_at: state.started_at.unwrap_or(machine.context.now),
        expires_at: expiry(workflow, state),
        decided_by: None,
        decided_at: None,
        reason: None,
    }
}

/// People were told, or could not be: either way the approval waits, visible in the API and on the timeline.
pub(super) fn notified(machine: &mut Machine<'_>, index: usize, ended: &Ended) {
    if let Ended::Failed { error, .. } | Ended::NoResult { error, .. } = ended {
        let text = format!("could not tell anybody: {}", error.message);
        machine.tell_step(index, EntryKind::Approval, &text, json!({ "code": error.code }));
    }
    wait(machine, index);
}

/// A person decides.
pub(super) fn decide(
    machine: &mut Machine<'_>,
    step: &str,
    approve: bool,
    by: &Actor,
    reason: Option<&str>,
) -> Result<(), Refused> {
    let index = machine.index(step, None)?;
    let state = &machine.run.steps[index];
    if state.approval.is_none() || state.status.is_settled() {
        return Err(Refused::NoApproval { step: step.to_owned(), status: state.status.as_str() });
    }
    if approve {
        let quorum = spec(machine.context.workflow, state).map_or(1, |approve| approve.quorum);
        if state.votes.iter().any(|vote| same_person(&vote.by, by)) {
            return Err(Refused::VotedAlready);
        }
        // With more to ask, somebody else has to agree in any case.
        let alone = quorum == 1 && same_person(by, &machine.run.started_by);
        if alone && gates_destructive(machine.context, step) {
            return Err(Refused::OwnDestructive);
        }
        let vote = Vote { by: by.clone(), reason: reason.map(str::to_owned), at: machine.context.now };
        machine.run.steps[index].votes.push(vote);
        let votes = machine.run.steps[index].votes.len();
        if votes < quorum as usize {
            counted(machine, index, by, &format!("was approved by {votes} of {quorum}"));
            return Ok(());
        }
    }
    settle(machine, index, approve, by, reason);
    Ok(())
}

/// A yes that is not the last one.
fn counted(machine: &mut Machine<'_>, index: usize, by: &Actor, text: &str) {
    let pending = request(machine, index, ApprovalStatus::Pending);
    machine.effects.push(Effect::Approval(pending));
    let step = machine.run.steps[index].step.clone();
    let (kind, by, text) = (EntryKind::Approval, Some(by.clone()), format!("{step} {text}"));
    machine.effects.push(Effect::Entry { kind, text, step: Some(step), by, data: json!({}) });
}

/// Nobody decided in time.
pub(super) fn silent(machine: &mut Machine<'_>, index: usize) {
    let approve = spec(machine.context.workflow, &machine.run.steps[index])
        .is_some_and(|approve| approve.on_timeout == OnTimeout::Approve);
    settle(machine, index, approve, &Actor::System, Some("nobody decided in time"));
}

fn settle(machine: &mut Machine<'_>, index: usize, approve: bool, by: &Actor, reason: Option<&str>) {
    let status = if approve { ApprovalStatus::Approved } else { ApprovalStatus::Rejected };
    let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    let text = if approve { format!("was approved{why}") } else { format!("was rejected{why}") };
    let mut decided = request(machine, index, status);
    decided.decided_by = Some(by.clone());
    decided.decided_at = Some(machine.context.now);
    decided.reason = reason.map(str::to_owned);
    machine.effects.push(Effect::Approval(decided));
    let step = machine.run.steps[index].step.clone();
    machine.effects.push(Effect::Entry {
        kind: EntryKind::Approval,
        text: format!("{step} {text}"),
        step: Some(step),
        by: Some(by.clone()),
        data: json!({}),
    });
    machine.run.steps[index].summary = Some(text);
    if approve {
        let votes = &machine.run.steps[index].votes;
        machine.run.steps[index].output = json!({ "by": by, "reason": reason, "votes": votes });
        machine.settle(index, StepStatus::Succeeded);
    } else {
        machine.settle(index, StepStatus::Rejected);
        machine.run.ending.get_or_insert(Ending::Rejected);
    }
}

/// Nobody needs to decide any more, if somebody was asked.
pub(super) fn withdraw(machine: &mut Machine<'_>, index: usize) {
    if machine.run.steps[index].phase != Phase::Approval {
        return;
    }
    let mut withdrawn = request(machine, index, ApprovalStatus::Canceled);
    withdrawn.decided_at = Some(machine.context.now);
    withdrawn.decided_by = Some(Actor::System);
    machine.effects.push(Effect::Approval(withdrawn));
}

fn same_person(one: &Actor, other: &Actor) -> bool {
    matches!((one, other), (Actor::Person { id: one, .. }, Actor::Person { id: other, .. }) if one == other)
}
