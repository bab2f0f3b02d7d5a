//! Properties of the run machine, over random graphs, failures and interleavings: every run ends when its steps end, no
//! step starts before what it needs, none settles twice, and what is terminal stays terminal.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Ending, Lease, Mode, Phase, Retry, Run, RunStatus, SideEffect, StepError, StepRun, StepStatus,
    happening::{Context, Decision, Effect, Ended, Happening, Refused, Returned, StepFacts},
    machine,
};
use crate::domain::{
    id::{HostId, RunId},
    person::Actor,
    plugin::Risk,
    time::Timestamp,
    workflow::{self, OnError, Workflow},
};

/// A graph of steps: for each the steps before it that it needs, and whether its failure is fatal.
#[derive(Debug, Clone)]
struct Graph(Vec<(Vec<usize>, bool)>);

fn graphs() -> impl Strategy<Value = Graph> {
    prop::collection::vec((prop::collection::vec(any::<prop::sample::Index>(), 0..3), any::<bool>()), 1..8).prop_map(
        |steps| {
            let needs = |(index, (needs, fatal)): (usize, (Vec<prop::sample::Index>, bool))| {
                let before: BTreeSet<usize> =
                    needs.iter().filter(|_| index > 0).map(|need| need.index(index)).collect();
                (before.into_iter().collect(), fatal)
            };
            Graph(steps.into_iter().enumerate().map(needs).collect())
        },
    )
}

impl Graph {
    fn workflow(&self) -> Workflow {
        let steps: Vec<Value> = self
            .0
            .iter()
            .enumerate()
            .map(|(index, (needs, fatal))| {
                let needs: Vec<String> = needs.iter().map(|need| format!("s{need}")).collect();
                json!({
                    "id": format!("s{index}"),
                    "uses": "test/act",
                    "needs": needs,
                    "retry": { "attempts": 2, "initial": "1s" },
                    "on_error": if *fatal { "fail" } else { "continue" },
                })
            })
            .collect();
        let document = json!({ "name": "graph", "on": [{ "manual": {} }], "steps": steps });
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
            deadline: Timestamp::from_unix_ms(i64::MAX),
            ending: None,
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
            let Effect::Call { step } = effect else { continue };
            let begun = before.step(step).is_some_and(|step| step.calls > 0);
            match &self.run.ending {
                None => {}
                Some(Ending::Failed | Ending::Rejected) => assert!(begun, "{step} begins in a run that is ending"),
                Some(Ending::Canceled { .. } | Ending::TimedOut) => panic!("{step} is called in a run that stops"),
            }
            let needs = &self.workflow.step(step).expect("is there").needs;
            for need in needs {
                let state = self.run.step(need).expect("is there");
                let lenient = self.workflow.step(need).expect("is there").on_error == OnError::Continue;
                let satisfied =
                    state.status == StepStatus::Succeeded || (state.status == StepStatus::Failed && lenient);
                assert!(satisfied, "{step} started before {need}, which is {:?}", state.status);
            }
        }
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
            Turn::Decide(which) => {
                let decision = [Decision::Applied, Decision::Retry, Decision::Fail][usize::from(which % 3)];
                if let Some(step) = self.pick(StepStatus::NeedsDecision, choice) {
                    _ = self.apply(Happening::EffectDecided { step: step.step, decision, by: Actor::System });
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
        let expected = match &run.ending {
            None => RunStatus::Succeeded,
            Some(Ending::Failed) => RunStatus::Failed,
            Some(Ending::Rejected) => RunStatus::Rejected,
            Some(Ending::Canceled { .. }) => RunStatus::Canceled,
            Some(Ending::TimedOut) => RunStatus::TimedOut,
        };
        prop_assert_eq!(run.status, expected);
        prop_assert!(matches!(world.apply(Happening::Due), Err(Refused::Ended(_))));
    }

    #[test]
    fn a_write_that_may_have_happened_is_never_repeated_unasked(graph in graphs(), turns in turns()) {
        let mut world = World::new(&graph, false);
        world.apply(Happening::Due).expect("begins");
        for (turn, choice) in turns {
            let in_flight: Vec<(String, u32)> = world
                .run
                .steps
                .iter()
                .filter(|step| step.status == StepStatus::Running)
                .map(|step| (step.step.clone(), step.calls))
                .collect();
            world.turn(turn, choice);
            if matches!(turn, Turn::Orphan) {
                for (step, calls) in in_flight {
                    prop_assert_eq!(world.run.step(&step).map(|step| step.calls), Some(calls));
                }
            }
        }
    }

    #[test]
    fn a_late_result_of_an_older_try_is_refused(graph in graphs()) {
        let mut world = World::new(&graph, true);
        world.apply(Happening::Due).expect("begins");
        let step = world.pick(StepStatus::Running, 0).expect("something begins");
        world.apply(Happening::Orphaned).expect("goes on");
        let late = World::returned(&step, Ended::Done { output: json!({}), summary: String::new(), undo: None });
        let refused = matches!(world.apply(late), Err(Refused::Stale { .. }));
        prop_assert!(refused);
        prop_assert_eq!(world.run.step(&step.step).map(|step| (step.attempt, step.phase)), Some((2, Phase::Attempt)));
    }
}
