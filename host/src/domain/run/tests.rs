//! Properties of the run machine, over random graphs, failures and interleavings: every run ends when its steps end, no
//! step starts before what it needs, none settles twice, and what is terminal stays terminal.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Ending, Lease, Mode, Phase, Retry, Run, RunStatus, SideEffect, Signal, StepError, StepRun, StepStatus,
    happening::{Context, Decision, Effect, Ended, Happening, Refused, Returned, StepFacts},
    machine,
};
use crate::domain::{
    id::{HostId, RunId},
    person::Actor,
    plugin::Risk,
    time::Timestamp,
    workflow::{self, OnError, Section, Workflow},
};

/// What a step does.
#[derive(Debug, Clone, Copy)]
enum Does {
    Act,
    Sleep,
    /// Waits for a signal.
    Listen,
    /// Acts once for each of so many items.
    Spread(u8),
}

/// A section of a graph: for each step those before it that it needs, whether its failure is fatal, and what it does.
type Part = Vec<(Vec<usize>, bool, Does)>;

/// A graph of steps, by section.
#[derive(Debug, Clone)]
struct Graph([Part; 3]);

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

fn graphs() -> impl Strategy<Value = Graph> {
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
                        step["wait_for"] = json!({ "signal": "go", "timeout": "40s" });
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
enum Turn {
    Done,
    Fail,
    FailForGood,
    NoResult,
    Orphan,
    Wait,
    Cancel,
    Signal,
    Decide(u8),
}

fn turns() -> impl Strategy<Value = Vec<(Turn, u8)>> {
    let turn = prop_oneof![
        6 => Just(Turn::Done),
        2 => Just(Turn::Fail),
        1 => Just(Turn::FailForGood),
        2 => Just(Turn::NoResult),
        1 => Just(Turn::Orphan),
        2 => Just(Turn::Wait),
        1 => Just(Turn::Cancel),
        2 => Just(Turn::Signal),
        2 => any::<u8>().prop_map(Turn::Decide),
    ];
    prop::collection::vec((turn, any::<u8>()), 0..60)
}

struct World {
    workflow: Workflow,
    facts: BTreeMap<String, StepFacts>,
    run: Run,
    now: i64,
    lease: Lease,
}

impl World {
    fn new(graph: &Graph, idempotent: bool) -> Self {
        let workflow = graph.workflow();
        let fact = StepFacts {
            risk: Risk::Write,
            idempotent,
            can_check: false,
            notifies: false,
            connection_revision: None,
            held: None,
        };
        let run = Run {
            id: RunId(Uuid::nil()),
            workflow: "graph".to_owned(),
            revision: 1,
            status: RunStatus::Queued,
            mode: Mode::Real,
            incident: None,
            event: None,
            trigger: Value::Null,
            inputs: json!({}),
            depth: 0,
            pins: BTreeMap::new(),
            started_by: Actor::System,
            created_at: Timestamp::from_unix_ms(0),
            finished_at: None,
            deadline: Timestamp::from_unix_ms(0).plus(workflow.timeout),
            ending: None,
            section: Section::Main,
            signals: Vec::new(),
            version: 0,
            lease: None,
            wake_at: Some(Timestamp::from_unix_ms(0)),
            steps: workflow.steps.iter().map(|step| StepRun::pending(&step.id)).collect(),
        };
        let facts = workflow.steps.iter().map(|step| (step.id.clone(), fact.clone())).collect();
        let lease = Lease { host: HostId(Uuid::nil()), epoch: 1 };
        Self { workflow, facts, run, now: 0, lease }
    }

    /// Lets something happen and checks what must always hold.
    fn apply(&mut self, happening: Happening) -> Result<Vec<Effect>, Refused> {
        let before = self.run.clone();
        let context = Context {
            now: Timestamp::from_unix_ms(self.now),
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
        assert_eq!(taken, heard, "a signal ends one wait");
        let all_settled = self.run.steps.iter().all(|step| step.status.is_settled());
        assert_eq!(self.run.status.is_terminal(), all_settled, "a run ends exactly when its steps have");
        assert_eq!(self.run.status.is_terminal(), self.run.finished_at.is_some());
        assert_eq!(self.run.wake_at.is_none(), self.run.status.is_terminal(), "a live run is always looked at again");
        let running = self.run.steps.iter().any(|step| step.status == StepStatus::Running);
        assert_eq!(self.run.lease.is_some(), running, "only a run with calls in flight holds a lease");
    }

    fn pick(&self, status: StepStatus, choice: u8) -> Option<StepRun> {
        let fitting: Vec<&StepRun> = self.run.steps.iter().filter(|step| step.status == status).collect();
        fitting.get(usize::from(choice) % fitting.len().max(1)).map(|step| (*step).clone())
    }

    fn returned(step: &StepRun, ended: Ended) -> Happening {
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

    fn turn(&mut self, turn: Turn, choice: u8) {
        let error = || StepError::new("test", "as drawn");
        let failed = |retry| Ended::Failed { error: error(), retry, effect: SideEffect::None, undo: None };
        let ended = match turn {
            Turn::Done => Ended::Done { output: json!({}), summary: String::new(), undo: None },
            Turn::Fail => failed(Retry::Backoff),
            Turn::FailForGood => failed(Retry::Never),
            Turn::NoResult => Ended::NoResult { error: error(), nothing_sent: choice.is_multiple_of(2) },
            Turn::Orphan => {
                _ = self.apply(Happening::Orphaned);
                return;
            }
            Turn::Wait => {
                self.now += 10_000;
                _ = self.apply(Happening::Due);
                return;
            }
            Turn::Cancel => {
                _ = self.apply(Happening::CancelRequested { by: Actor::System, reason: None });
                return;
            }
            Turn::Signal => {
                let (name, by, at) = ("go".to_owned(), Actor::System, Timestamp::from_unix_ms(self.now));
                let key = Some(format!("{}", choice % 8));
                let signal = Signal { name, payload: Value::Null, by, at, key, taken_by: None };
                _ = self.apply(Happening::Signaled(signal));
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
    fn drain(&mut self) {
        for _ in 0..1_000 {
            if self.run.status.is_terminal() {
                return;
            }
            if self.pick(StepStatus::Running, 0).is_some() {
                self.turn(Turn::Done, 0);
            } else if self.pick(StepStatus::NeedsDecision, 0).is_some() {
                self.turn(Turn::Decide(0), 0);
            } else {
                self.turn(Turn::Wait, 0);
            }
        }
        panic!("it does not end: {:?}", self.run);
    }
}

proptest! {
    #[test]
    fn every_run_ends_whatever_happens(graph in graphs(), turns in turns(), idempotent: bool) {
        let mut world = World::new(&graph, idempotent);
        world.apply(Happening::Due).expect("begins");
        for (turn, choice) in turns {
            world.turn(turn, choice);
        }
        world.drain();
        let run = &world.run;
        prop_assert_eq!(run.status, run.ending.as_ref().map_or(RunStatus::Succeeded, Ending::outcome));
        for step in &world.workflow.steps {
            let state = run.step(&step.id).expect("is there");
            let went_wrong = matches!(state.status, StepStatus::Failed | StepStatus::TimedOut | StepStatus::Canceled);
            if went_wrong && step.on_error == OnError::Fail {
                prop_assert_ne!(run.status, RunStatus::Succeeded, "{} went wrong", &step.id);
            }
            match step.section {
                Section::Finally if step.needs.is_empty() => {
                    prop_assert!(state.started_at.is_some() || run.status != RunStatus::Succeeded, "{} is left out", &step.id);
                }
                Section::OnFailure if matches!(run.status, RunStatus::Succeeded) => {
                    prop_assert_eq!(state.status, StepStatus::Skipped);
                }
                _ => {}
            }
        }
        prop_assert!(matches!(world.apply(Happening::Due), Err(Refused::Ended(_))));
    }

    #[test]
    fn a_write_that_may_have_happened_is_never_repeated_unasked(graph in graphs(), turns in turns()) {
        let mut world = World::new(&graph, false);
        world.apply(Happening::Due).expect("begins");
        for (turn, choice) in turns {
            let running = world.run.steps.iter().filter(|step| step.status == StepStatus::Running);
            let in_flight: Vec<StepRun> = running.cloned().collect();
            world.turn(turn, choice);
            if matches!(turn, Turn::Orphan) {
                for step in in_flight {
                    let now = world.run.step_or_item(&step.step, step.item);
                    prop_assert_eq!(now.map(|now| now.calls), Some(step.calls));
                }
            }
        }
    }

    #[test]
    fn a_late_result_of_an_older_try_is_refused(graph in graphs()) {
        let mut world = World::new(&graph, true);
        world.apply(Happening::Due).expect("begins");
        let Some(step) = world.pick(StepStatus::Running, 0) else { return Ok(()) };
        world.apply(Happening::Orphaned).expect("goes on");
        let late = World::returned(&step, Ended::Done { output: json!({}), summary: String::new(), undo: None });
        let refused = matches!(world.apply(late), Err(Refused::Stale { .. }));
        prop_assert!(refused);
        let again = world.run.step_or_item(&step.step, step.item).map(|step| (step.attempt, step.phase));
        prop_assert_eq!(again, Some((2, Phase::Attempt)));
    }
}
