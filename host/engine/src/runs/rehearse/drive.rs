//! Playing a case: the engine's part, with a clock that jumps to whatever comes next.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::runs::rehearse::case::{Case, Outcome, Sent, at};
use crate::runs::trigger::{Verdict, admit, frozen, judge};
use wardroom_domain::{
    event::Event,
    expression::Scope,
    id::{EventId, HostId, IncidentId, RunId},
    person::Actor,
    plugin::Risk,
    run::{
        Lease, Mode, Retry, Run, SideEffect, Signal, StepError, StepStatus,
        happening::{Context, Effect, Ended, Happening, InDrills, Returned, StepFacts},
        machine,
    },
    time::Timestamp,
    workflow::Workflow,
};

/// The most that happens in a case.
const MAX_HAPPENINGS: usize = 10_000;
/// How long a call and a decision take unless the case says otherwise.
const USUAL: Duration = Duration::from_secs(1);
/// Where the clock begins unless the case says otherwise: 2026-01-01T00:00:00Z.
const BEGINNING_MS: i64 = 1_767_225_600_000;

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Since the beginning.
    pub after: Duration,
    /// One line.
    pub text: String,
}

/// What came of a case.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// The run; none when it did not start.
    pub(crate) run: Option<Run>,
    /// Why it did not.
    pub(crate) why_not: Option<String>,
    /// What the rehearsal itself lacks.
    pub(crate) lacks: Vec<String>,
    /// The steps that began, in order.
    pub(crate) began: Vec<String>,
    pub(crate) route: Vec<Stage>,
}

pub(crate) fn play(workflow: &Workflow, case: &Case) -> Played {
    let incident = case.incident.as_ref().map_or(Value::Null, incident);
    let began = case.at.unwrap_or(Timestamp::from_unix_ms(BEGINNING_MS));
    let (trigger, inputs) = match admitted(workflow, case, &incident, began) {
        Ok(admitted) => admitted,
        Err(why_not) => return Played { why_not: Some(why_not), ..Played::default() },
    };
    let fact = StepFacts {
        risk: Risk::Write,
        idempotent: false,
        can_check: false,
        notifies: false,
        in_drills: InDrills::Recorded,
        connection_revision: None,
        held: None,
    };
    let facts = workflow.steps.iter().map(|step| (step.id.clone(), fact.clone())).collect();
    let mut player = Player {
        workflow,
        case,
        incident,
        facts,
        began,
        now: began,
        run: Run {
            mode: if case.dry_run { Mode::Simulated } else { Mode::Real },
            incident: case.incident.as_ref().map(|_| IncidentId(Uuid::nil())),
            trigger,
            inputs,
            ..Run::new(RunId(Uuid::nil()), workflow, 1, began)
        },
        coming: Vec::new(),
        played: Played::default(),
    };
    player.play();
    Played { run: Some(player.run), ..player.played }
}

/// The trigger as expressions see it and the checked inputs, or why nothing starts.
fn admitted(workflow: &Workflow, case: &Case, incident: &Value, at: Timestamp) -> Result<(Value, Value), String> {
    if let Some(fact) = &case.event {
        let event = Event {
            id: EventId(Uuid::nil()),
            incident: case.incident.as_ref().map(|_| IncidentId(Uuid::nil())),
            at,
            depth: 0,
            fact: fact.clone(),
            snapshot: incident.clone(),
        };
        return match judge(workflow, &event, None, false) {
            Verdict::Start { inputs, .. } => Ok((frozen(&event), inputs)),
            Verdict::No { why } => Err(why),
            Verdict::NotAsked => Err("none of its triggers listens to the event".to_owned()),
        };
    }
    let trigger = json!({ "type": "manual", "at": at, "by": "rehearsal" });
    let names = BTreeMap::from([("incident", incident.clone()), ("trigger", trigger.clone())]);
    let inputs = admit(workflow, case.inputs.clone(), Scope { names }).map_err(|refusal| refusal.to_string())?;
    Ok((trigger, inputs))
}

/// What the case says of the incident over what every incident has.
fn incident(given: &Map<String, Value>) -> Value {
    let mut incident = json!({
        "id": "00000000-0000-0000-0000-000000000000", "number": "INC-1", "title": "Rehearsal", "kind": "incident",
        "severity": "sev3", "stage": "alerting", "labels": {}, "alerts": [], "roles": {}, "responders": [],
        "stakeholders": [],
    });
    if let Some(incident) = incident.as_object_mut() {
        incident.extend(given.clone());
    }
    incident
}

struct Player<'a> {
    workflow: &'a Workflow,
    case: &'a Case,
    incident: Value,
    facts: BTreeMap<String, StepFacts>,
    began: Timestamp,
    now: Timestamp,
    run: Run,
    /// What will happen, and when; of two at one time the earlier said comes first.
    coming: Vec<(Timestamp, Happening)>,
    played: Played,
}

impl Player<'_> {
    fn play(&mut self) {
        for Sent { name, payload, after } in &self.case.signals {
            let at = self.now.plus(after.unwrap_or_default());
            let signal = Signal {
                name: name.clone(),
                payload: payload.clone(),
                by: Actor::System,
                at,
                key: None,
                taken_by: None,
            };
            self.coming.push((at, Happening::Signaled(signal)));
        }
        if let Some(cancel) = self.case.cancel {
            let happening = Happening::CancelRequested { by: Actor::System, reason: None, undo: false };
            self.coming.push((self.now.plus(cancel.after.unwrap_or_default()), happening));
        }
        self.happens(Happening::Due);
        for _ in 0..MAX_HAPPENINGS {
            if self.run.status.is_terminal() {
                return;
            }
            let Some((at, happening)) = self.next() else { break };
            self.now = self.now.max(at);
            self.happens(happening);
        }
        if !self.run.status.is_terminal() {
            self.played.lacks.push(format!("the run did not end: it is {}", self.run.status.as_str()));
        }
    }

    /// What happens next: what was said for the earliest time, else the run's own time.
    fn next(&mut self) -> Option<(Timestamp, Happening)> {
        let earliest = (0..self.coming.len()).min_by_key(|index| self.coming[*index].0);
        let due = self.run.wake_at;
        match earliest {
            Some(index) if due.is_none_or(|due| self.coming[index].0 <= due) => Some(self.coming.remove(index)),
            _ => due.map(|due| (due, Happening::Due)),
        }
    }

    fn happens(&mut self, happening: Happening) {
        let before: Vec<StepStatus> = self.run.steps.iter().map(|step| step.status).collect();
        let context = Context {
            now: self.now,
            stopping: false,
            workflow: self.workflow,
            facts: &self.facts,
            incident: &self.incident,
            lease: Lease { host: HostId(Uuid::nil()), epoch: 1 },
            seed: [7; 16],
        };
        // What the run does not take any more, such as a signal after its end, is no fault of the case.
        let Ok(effects) = machine::apply(&mut self.run, happening, &context) else { return };
        let mut began: Vec<(Option<Timestamp>, String)> = Vec::new();
        for (index, step) in self.run.steps.iter().enumerate().filter(|(_, step)| step.item.is_none()) {
            let pending = before.get(index).is_none_or(|status| *status == StepStatus::Pending);
            if pending && step.started_at.is_some() {
                began.push((step.started_at, step.step.clone()));
            }
        }
        self.played.began.extend(began.into_iter().map(|(_, step)| step));
        for effect in effects {
            match effect {
                Effect::Call { step, item } => self.called(&step, item),
                Effect::Approval(approval) if approval.decided_at.is_none() => self.asked(&approval.step),
                Effect::Entry { text, .. } => {
                    self.played.route.push(Stage { after: self.now.since(self.began), text });
                }
                _ => {}
            }
        }
    }

    /// A call of a step: its outcome comes later.
    fn called(&mut self, step: &str, item: Option<u32>) {
        let Some(state) = self.run.step_or_item(step, item) else { return };
        let (attempt, phase) = (state.attempt, state.phase);
        let outcome =
            self.case.outcomes.get(step).and_then(|outcomes| outcomes.of(if item.is_some() { 1 } else { attempt }));
        let outcome = match (outcome, item) {
            (Some(outcome), Some(item)) if !outcome.items.is_empty() => at(&outcome.items, item),
            (outcome, _) => outcome,
        };
        let outcome = outcome.cloned().unwrap_or_else(|| {
            let lacks = format!("step {step} was called and has no outcome: say it under `outcomes`");
            if !self.played.lacks.contains(&lacks) {
                self.played.lacks.push(lacks);
            }
            Outcome::default()
        });
        let returned = Returned {
            step: step.to_owned(),
            item,
            attempt,
            phase,
            started_at: self.now,
            ended: ended(&outcome, self.run.mode),
            trace: json!({}),
            told: Vec::new(),
        };
        self.coming.push((self.now.plus(outcome.takes.unwrap_or(USUAL)), Happening::Returned(returned)));
    }

    /// An approval was asked for: somebody decides it, if the case says so.
    fn asked(&mut self, step: &str) {
        let outcome = self.case.outcomes.get(step).and_then(|outcomes| outcomes.of(1)).cloned().unwrap_or_default();
        let Some(approve) = outcome.approve else { return };
        let at = self.now.plus(outcome.after.unwrap_or(USUAL));
        let quorum = self.run.step(step).map_or(1, |state| state.votes.len() as u128);
        // Each vote is another person's.
        let id = wardroom_domain::id::PersonId(Uuid::from_u128(quorum + 1));
        let by = Actor::Person { id, handle: format!("person-{}", quorum + 1) };
        let happening = Happening::ApprovalDecided { step: step.to_owned(), approve, by, reason: None };
        self.coming.push((at, happening));
    }
}

fn ended(outcome: &Outcome, mode: Mode) -> Ended {
    match &outcome.fail {
        _ if outcome.lost => Ended::NoResult {
            error: StepError::new("lost", "the rehearsal says that it gave no answer"),
            nothing_sent: false,
        },
        Some(fail) => Ended::Failed {
            error: StepError::new(&fail.code, &fail.message),
            retry: if fail.for_good { Retry::Never } else { Retry::Backoff },
            effect: SideEffect::None,
            undo: None,
        },
        None if mode == Mode::Simulated => Ended::Simulated { output: outcome.output.clone(), request: Value::Null },
        None => Ended::Done { output: outcome.output.clone(), summary: "done".to_owned(), undo: None },
    }
}
