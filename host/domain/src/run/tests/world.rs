//! Random graphs of steps, and a world that drives a run over one and checks what must always hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{
    Ending, Hold, Lease, Phase, Retry, Run, SideEffect, Signal, StepError, StepRun, StepStatus,
    happening::{Context, Decision, Effect, Ended, Happening, InDrills, Refused, Returned, StepFacts},
    machine,
};
use crate::{
    id::{HostId, RunId},
    person::Actor,
    plugin::Risk,
    time::Timestamp,
    workflow::{self, OnError, Section, Workflow},
};

/// What a step does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Does {
    Act,
    Sleep,
    /// Waits for a signal.
    Listen,
    /// Acts once for each of so many items.
    Spread(u8),
}

/// A section of a graph: for each step those before it that it needs, whether its failure is fatal, and what it does.
pub(super) type Part = Vec<(Vec<usize>, bool, Does)>;

/// A graph of steps, by section.
#[derive(Debug, Clone)]
pub(super) struct Graph(pub(super) [Part; 3]);

const SECTIONS: [(Section, &str); 3] = [(Section::Main, "s"), (Section::OnFailure, "f"), (Section::Finally, "z")];

fn part(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Part> {
    let does = prop_oneof![6 => Just(Does::Act), 1 => Just(Does::Sleep), 1 => Just(Does::Listen), 2 => (0_u8..5).prop_map(Does::Spread)];
    let step = (prop::collection::vec(any::<prop::sample::Index>(), 0..3), any::<bool>(), does);
    prop::collection::vec(step, sizes).prop_map(|steps| {
        let step = |(index, (needs, fatal, does)): (usize, (Vec<prop::sample::Index>, bool, Does))| {
            let before: BTreeSet<usize> = needs.iter().filter(|_| index > 0).map(|need| need.index(index)).collect();
            (before.into_iter().collect(), fatal, does)
        };
        steps.into_iter().enumerate().map(step).collect()
    })
}

pub(super) fn graphs() -> impl Strategy<Value = Graph> {
    (part(1..8), part(0..3), part(0..3)).prop_map(|(main, on_failure, finally)| Graph([main, on_failure, finally]))
}

impl Graph {
    fn workflow(&self) -> Workflow {
        let mut document = json!({ "name": "graph", "on": [{ "manual": {} }], "timeout": "10m" });
        for ((section, letter), part) in SECTIONS.iter().zip(&self.0).filter(|(_, part)| !part.is_empty()) {
            let steps = part.iter().enumerate().map(|(index, (needs, fatal, does))| {
                let needs: Vec<String> = needs.iter().map(|need| format!("{letter}{need}")).collect();
                let on_error = if *fatal { "fail" } else { "continue" };
                let mut step = json!({ "id": format!("{letter}{index}"), "needs": needs, "on_error": on_error });
                match does {
                    Does::Listen if *section != Section::Finally => {
                        step["wait_for"] = json!("go");
                        return step;
                    }
                    Does::Listen | Does::Sleep => {
                        step["sleep"] = json!("25s");
                        return step;
                    }
                    Does::Act | Does::Spread(_) => {}
                }
                step["uses"] = json!("test/act");
                step["retry"] = json!({ "attempts": 2, "initial": "1s" });
                if let Does::Spread(items) = does {
                    step["foreach"] = json!(format!("{:?}", (0..*items).collect::<Vec<u8>>()));
                    step["max_parallel"] = json!(2);
                    step["with"] = json!({ "item": "${{ item }}" });
                }
                step
            });
            document[section.as_str()] = steps.collect();
        }
        workflow::parse(&document.to_string()).expect("a workflow")
    }
}

/// What happens next, drawn by the test.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    Done,
    Fail,
    FailForGood,
    NoResult,
    PutOff,
    Orphan,
    Wait,
    Cancel,
    Signal,
    Pause,
    Decide(u8),
}

pub(super) fn turns() -> impl Strategy<Value = Vec<(Turn, u8)>> {
    let turn = prop_oneof![
        6 => Just(Turn::Done),
        2 => Just(Turn::Fail),
        1 => Just(Turn::FailForGood),
        2 => Just(Turn::NoResult),
        1 => Just(Turn::Orphan),
        2 => Just(Turn::Wait),
        1 => Just(Turn::Cancel),
        2 => Just(Turn::Signal),
        1 => Just(Turn::Pause),
        2 => any::<u8>().prop_map(Turn::Decide),
        1 => Just(Turn::PutOff),
    ];
    prop::collection::vec((turn, any::<u8>()), 0..60)
}

pub(super) struct World {
    pub(super) workflow: Workflow,
    facts: BTreeMap<String, StepFacts>,
    pub(super) run: Run,
    now: i64,
    lease: Lease,
}

impl World {
    pub(super) fn new(graph: &Graph, idempotent: bool) -> Self {
        let workflow = graph.workflow();
        let fact = StepFacts {
            risk: Risk::Write,
            idempotent,
            can_check: false,
            notifies: false,
            in_drills: InDrills::Recorded,
            connection_revision: None,
            held: None,
        };
        let run = Run::new(RunId(Uuid::nil()), &workflow, 1, Timestamp::from_unix_ms(0));
        let facts = workflow.steps.iter().map(|step| (step.id.clone(), fact.clone())).collect();
        let lease = Lease { host: HostId(Uuid::nil()), epoch: 1 };
        Self { workflow, facts, run, now: 0, lease }
    }

    /// Lets something happen and checks what must always hold.
    pub(super) fn apply(&mut self, happening: Happening) -> Result<Vec<Effect>, Refused> {
        let before = self.run.clone();
        let context = Context {
            now: Timestamp::from_unix_ms(self.now),
            stopping: false,
            workflow: &self.workflow,
            facts: &self.facts,
            incident: &Value::Null,
            lease: self.lease,
            seed: [7; 16],
        };
        let result = machine::apply(&mut self.run, happening, &context);
        if result.is_err() {
            assert_eq!(self.run, before, "a refused happening changes nothing");
            return result;
        }
        assert_eq!(self.run.version, before.version + 1);
        self.check(&before, result.as_deref().unwrap_or_default());
        result
    }

    fn check(&self, before: &Run, effects: &[Effect]) {
        assert!(!before.status.is_terminal(), "what has ended does not go on");
        for (old, new) in before.steps.iter().zip(&self.run.steps) {
            assert!(!old.status.is_settled() || old == new, "{} settled twice", new.step);
        }
        for effect in effects {
            let Effect::Call { step, item } = effect else { continue };
            let begun = before.step_or_item(step, *item).is_some_and(|step| step.calls > 0);
            assert!(self.run.slot.as_ref().is_none_or(|slot| slot.held), "{step} is called before its run's turn");
            assert!(!self.run.is_held() || begun, "{step} begins in a run that is held");
            let section = self.workflow.step(step).expect("is there").section;
            assert_eq!(section, self.run.section, "{step} is called out of turn");
            match (section, &self.run.ending) {
                (Section::Main, None)
                | (Section::OnFailure, Some(Ending::Failed | Ending::TimedOut))
                | (Section::Finally, _) => {}
                (Section::Main, Some(Ending::Failed | Ending::Rejected)) => {
                    assert!(begun, "{step} begins in a run that is ending");
                }
                (_, ending) => panic!("{step} is called in a run that stops: {ending:?}"),
            }
            for earlier in self.workflow.steps.iter().filter(|other| other.section < section) {
                let state = self.run.step(&earlier.id).expect("is there");
                assert!(state.status.is_settled(), "{step} is called before {} has settled", earlier.id);
            }
            let needs = &self.workflow.step(step).expect("is there").needs;
            for need in needs {
                let state = self.run.step(need).expect("is there");
                let lenient = self.workflow.step(need).expect("is there").on_error == OnError::Continue;
                let satisfied = matches!(state.status, StepStatus::Succeeded)
                    || (matches!(state.status, StepStatus::Failed | StepStatus::TimedOut) && lenient);
                assert!(satisfied, "{step} started before {need}, which is {:?}", state.status);
            }
        }
        for step in self.workflow.steps.iter().filter(|step| step.foreach.is_some()) {
            let state = self.run.step(&step.id).expect("is there");
            let items: Vec<&StepRun> = self.run.items(&step.id).collect();
            let open = items.iter().filter(|item| !item.status.is_settled()).count();
            let under_way = items.iter().filter(|item| item.calls > 0 && !item.status.is_settled());
            assert!(under_way.count() <= 2, "{} has more items under way than it may", step.id);
            assert!(open == 0 || state.phase == Phase::Items, "{} settled before its items", step.id);
            if state.status == StepStatus::Succeeded {
                assert_eq!(state.output.as_array().map(Vec::len), Some(items.len()));
                assert!(items.iter().all(|item| item.status == StepStatus::Succeeded));
            }
        }
        for signal in self.run.signals.iter().filter_map(|signal| signal.taken_by.as_deref()) {
            assert!(self.run.step(signal).is_some_and(|step| step.status == StepStatus::Succeeded));
        }
        let taken = self.run.signals.iter().filter(|signal| signal.taken_by.is_some()).count();
        let heard = self.run.steps.iter().filter(|step| step.output.get("payload").is_some()).count();
        assert!(taken <= heard, "a signal ends one wait");
        let all_settled = self.run.steps.iter().all(|step| step.status.is_settled());
        assert_eq!(self.run.status.is_terminal(), all_settled, "a run ends exactly when its steps have");
        assert_eq!(self.run.status.is_terminal(), self.run.finished_at.is_some());
        assert_eq!(self.run.wake_at.is_none(), self.run.status.is_terminal(), "a live run is always looked at again");
        let running = self.run.steps.iter().any(|step| step.status == StepStatus::Running);
        assert_eq!(self.run.lease.is_some(), running, "only a run with calls in flight holds a lease");
    }

    pub(super) fn pick(&self, status: StepStatus, choice: u8) -> Option<StepRun> {
        let fitting: Vec<&StepRun> = self.run.steps.iter().filter(|step| step.status == status).collect();
        fitting.get(usize::from(choice) % fitting.len().max(1)).map(|step| (*step).clone())
    }

    pub(super) fn returned(step: &StepRun, ended: Ended) -> Happening {
        Happening::Returned(Returned {
            step: step.step.clone(),
            item: step.item,
            attempt: step.attempt,
            phase: step.phase,
            started_at: Timestamp::from_unix_ms(0),
            ended,
            trace: json!({}),
            told: Vec::new(),
        })
    }

    pub(super) fn turn(&mut self, turn: Turn, choice: u8) {
        let error = || StepError::new("test", "as drawn");
        let failed = |retry| Ended::Failed { error: error(), retry, effect: SideEffect::None, undo: None };
        let ended = match turn {
            Turn::Done => Ended::Done { output: json!({}), summary: String::new(), undo: None },
            Turn::Fail => failed(Retry::Backoff),
            Turn::FailForGood => failed(Retry::Never),
            Turn::NoResult => Ended::NoResult { error: error(), nothing_sent: choice.is_multiple_of(2) },
            Turn::PutOff => Ended::PutOff { after: Duration::from_secs(5), why: "as drawn".to_owned() },
            Turn::Orphan => {
                _ = self.apply(Happening::Orphaned { in_flight: Vec::new() });
                return;
            }
            Turn::Wait => {
                self.now += 10_000;
                _ = self.apply(Happening::Due);
                return;
            }
            Turn::Cancel => {
                _ = self.apply(Happening::CancelRequested { by: Actor::System, reason: None, undo: false });
                return;
            }
            Turn::Signal => {
                let (name, by, at) = ("go".to_owned(), Actor::System, Timestamp::from_unix_ms(self.now));
                let key = (choice != u8::MAX).then(|| format!("{}", choice % 8));
                let signal = Signal { name, payload: Value::Null, by, at, key, taken_by: None };
                _ = self.apply(Happening::Signaled(signal));
                return;
            }
            Turn::Pause => {
                let by = Actor::System;
                let hold = Hold { by: by.clone(), reason: None, at: Timestamp::from_unix_ms(self.now) };
                if self.apply(Happening::PauseRequested(hold)).is_err() {
                    _ = self.apply(Happening::ResumeRequested { by });
                }
                return;
            }
            Turn::Decide(which) => {
                let decision = [Decision::Applied, Decision::Retry, Decision::Fail][usize::from(which % 3)];
                if let Some(step) = self.pick(StepStatus::NeedsDecision, choice) {
                    let StepRun { step, item, .. } = step;
                    _ = self.apply(Happening::EffectDecided { step, item, decision, by: Actor::System });
                }
                return;
            }
        };
        if let Some(step) = self.pick(StepStatus::Running, choice) {
            self.apply(Self::returned(&step, ended)).expect("a call in flight may return");
        }
    }

    /// Lets everything that is open end well.
    pub(super) fn drain(&mut self) {
        for _ in 0..1_000 {
            if self.run.status.is_terminal() {
                return;
            }
            if self.run.is_held() {
                self.turn(Turn::Pause, 0);
            } else if self.run.slot.as_ref().is_some_and(|slot| !slot.held) {
                self.apply(Happening::SlotGranted).expect("waits for it");
            } else if self.pick(StepStatus::Running, 0).is_some() {
                self.turn(Turn::Done, 0);
            } else if self.pick(StepStatus::NeedsDecision, 0).is_some() {
                self.turn(Turn::Decide(0), 0);
            } else if self.run.ending.is_none() && self.run.steps.iter().any(|step| step.phase == Phase::Signal) {
                self.turn(Turn::Signal, u8::MAX);
            } else {
                self.turn(Turn::Wait, 0);
            }
        }
        panic!("it does not end: {:?}", self.run);
    }
}
