//! Properties of the run machine, over random graphs, failures and interleavings: every run ends when its steps end, no
//! step starts before what it needs, none settles twice, and what is terminal stays terminal.

mod world;

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use self::world::{Turn, World, graphs, turns};
use super::{
    Ending, Phase, RunStatus, Slot, SlotPolicy, StepRun, StepStatus,
    happening::{Effect, Ended, Happening, Refused},
    rerun::{self, From},
};
use crate::{
    time::Timestamp,
    workflow::{OnError, Section},
};

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
    fn a_rerun_calls_only_what_is_done_anew(graph in graphs(), turns in turns(), from: prop::sample::Index) {
        let mut world = World::new(&graph, true);
        world.apply(Happening::Due).expect("begins");
        for (turn, choice) in turns {
            world.turn(turn, choice);
        }
        world.drain();
        let from = format!("s{}", from.index(graph.0[0].len()));
        let steps = rerun::steps(&world.run, &world.workflow, &From::Step(from.clone()), Timestamp::from_unix_ms(0));
        let steps = steps.expect("has ended");
        let kept: Vec<StepRun> = steps.iter().filter(|step| step.is_kept()).cloned().collect();
        prop_assert!(kept.iter().all(|step| step.step != from));
        let mut again = World::new(&graph, true);
        again.run.steps = steps;
        again.apply(Happening::Due).expect("begins");
        again.drain();
        for step in &kept {
            prop_assert_eq!(again.run.step_or_item(&step.step, step.item), Some(step));
        }
        let whole = rerun::steps(&world.run, &world.workflow, &From::Beginning, Timestamp::from_unix_ms(0));
        let whole = whole.expect("has ended");
        prop_assert!(whole.iter().all(|step| step.status == StepStatus::Pending));
    }

    #[test]
    fn one_item_is_done_anew_and_the_others_stay(graph in graphs(), turns in turns(), choice: prop::sample::Index) {
        let mut world = World::new(&graph, true);
        world.apply(Happening::Due).expect("begins");
        for (turn, choice) in turns {
            world.turn(turn, choice);
        }
        world.drain();
        let good = |step: &&StepRun| step.item.is_some() && step.step.starts_with('s');
        let items: Vec<StepRun> = world.run.steps.iter().filter(good).cloned().collect();
        prop_assume!(!items.is_empty());
        let chosen = &items[choice.index(items.len())];
        let from = From::Item(chosen.step.clone(), chosen.item.expect("an item"));
        let mut again = World::new(&graph, true);
        again.run.steps =
            rerun::steps(&world.run, &world.workflow, &from, Timestamp::from_unix_ms(0)).expect("has ended");
        again.apply(Happening::Due).expect("begins");
        again.drain();
        let anew = again.run.step_or_item(&chosen.step, chosen.item).expect("is there");
        prop_assert!(anew.calls > 0);
        prop_assert_eq!(&anew.input, &chosen.input);
        for step in items.iter().filter(|step| step.step == chosen.step && step.item != chosen.item) {
            let kept = again.run.step_or_item(&step.step, step.item).expect("is there");
            prop_assert_eq!((kept.status, &kept.output, kept.calls), (step.status, &step.output, 0));
        }
    }

    #[test]
    fn a_run_calls_nothing_before_its_turn(graph in graphs(), turns in turns(), granted in 0_usize..60) {
        let mut world = World::new(&graph, true);
        world.run.slot = Some(Slot { key: "checkout".to_owned(), policy: SlotPolicy::Queue, held: false });
        world.apply(Happening::Due).expect("waits");
        for (index, (turn, choice)) in turns.into_iter().enumerate() {
            if index == granted {
                _ = world.apply(Happening::SlotGranted);
            }
            let waited = !world.run.slot.as_ref().expect("has one").held;
            world.turn(turn, choice);
            if waited && world.run.status.is_terminal() {
                let begun = world.run.steps.iter().filter(|step| step.status != StepStatus::Skipped).count();
                prop_assert_eq!((world.run.status, begun), (RunStatus::Canceled, 0));
            }
        }
        world.drain();
        prop_assert!(world.run.status.is_terminal());
    }

    #[test]
    fn a_call_that_was_put_off_is_made_later_as_the_same_try(graph in graphs()) {
        let mut world = World::new(&graph, true);
        world.apply(Happening::Due).expect("begins");
        let Some(step) = world.pick(StepStatus::Running, 0) else { return Ok(()) };
        let put_off = Ended::PutOff { after: Duration::from_secs(5), why: "not its turn".to_owned() };
        let effects = world.apply(World::returned(&step, put_off)).expect("waits");
        let is_kept = effects.iter().any(|effect| matches!(effect, Effect::Attempted(_)));
        prop_assert!(!is_kept, "nothing was called: there is nothing to keep");
        let state = |world: &World| {
            let state = world.run.step_or_item(&step.step, step.item).cloned().expect("the step");
            (state.status, state.phase, state.attempt, state.resume)
        };
        prop_assert_eq!(state(&world).0, StepStatus::Waiting);
        world.turn(Turn::Wait, 0);
        prop_assert_eq!(state(&world), (StepStatus::Running, step.phase, step.attempt, None));
    }

    #[test]
    fn a_late_result_of_an_older_try_is_refused(graph in graphs()) {
        let mut world = World::new(&graph, true);
        world.apply(Happening::Due).expect("begins");
        let Some(step) = world.pick(StepStatus::Running, 0) else { return Ok(()) };
        world.apply(Happening::Orphaned { in_flight: Vec::new() }).expect("goes on");
        let late = World::returned(&step, Ended::Done { output: json!({}), summary: String::new(), undo: None });
        let refused = matches!(world.apply(late), Err(Refused::Stale { .. }));
        prop_assert!(refused);
        let again = world.run.step_or_item(&step.step, step.item).map(|step| (step.attempt, step.phase));
        prop_assert_eq!(again, Some((2, Phase::Attempt)));
    }
}
