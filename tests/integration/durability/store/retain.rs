//! Retention: what goes, what stays, how much at once, and that neither it nor a claim walks a history.

use serde_json::json;
use wardroom_domain::{
    event::{Event, TriggerOutcome},
    id::IncidentId,
    run::{AttemptRecord, Phase, Run, RunStatus, StepRun},
    time::Timestamp,
};
use wardroom_store::{Backend, Committed, Dependant, Guard, Page, Store, Write};
use wardroom_tests::database::{BOTH, Database};

use crate::durability::store::{
    nouns::{at, entry, event, id, incident, run},
    on_both,
};

/// What ended before this is old.
const OLD: i64 = 5_000;

fn ended(finished_at: i64) -> Run {
    Run { status: RunStatus::Succeeded, finished_at: Some(at(finished_at)), wake_at: None, ..run(None) }
}

async fn added(store: &Store, run: &Run, then: Vec<Dependant>) {
    let write = Write { guard: Guard::NewRun(Box::new(run.clone())), then };
    assert_eq!(store.commit(write).await.expect("commits"), Committed::Applied);
}

fn attempt(run: &Run) -> Dependant {
    Dependant::Attempt(AttemptRecord {
        run: run.id,
        step: "first".to_owned(),
        item: None,
        generation: 0,
        attempt: 1,
        phase: Phase::Attempt,
        call: 1,
        started_at: at(1_000),
        finished_at: at(1_000),
        outcome: "done".to_owned(),
        error: None,
        trace: json!({}),
    })
}

/// Forgets until nothing more can go; gives the sizes of the batches.
async fn forget_runs(store: &Store, before: Timestamp) -> Vec<u64> {
    let mut batches = Vec::new();
    loop {
        match store.forget_runs(before).await.expect("forgets") {
            0 => return batches,
            runs => batches.push(runs),
        }
    }
}

#[tokio::test]
async fn only_runs_that_ended_before_go_and_all_of_them_goes() {
    on_both(|store, url| async move {
        let (old, young, live) = (ended(OLD - 1), ended(OLD), run(None));
        for run in [&old, &young, &live] {
            added(&store, run, vec![attempt(run)]).await;
        }
        assert_eq!(forget_runs(&store, at(OLD)).await, [1]);
        for (run, stays) in [(&old, false), (&young, true), (&live, true)] {
            assert_eq!(store.run(run.id).await.expect("reads").is_some(), stays);
            assert_eq!(store.attempts(run.id).await.expect("reads").len(), usize::from(stays));
        }
        let database = Database::of_url(url);
        assert_eq!(database.number("SELECT COUNT(*) FROM step_runs").await, 4, "two runs of two steps are left");
        assert_eq!(store.live_runs().await.expect("counts"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_run_stays_as_long_as_a_rerun_of_it_is_there() {
    on_both(|store, _| async move {
        let first = ended(1_000);
        let second = Run { rerun_of: Some(first.id), ..ended(2_000) };
        let third = Run { rerun_of: Some(second.id), ..ended(OLD + 1) };
        for run in [&first, &second, &third] {
            added(&store, run, Vec::new()).await;
        }
        assert_eq!(forget_runs(&store, at(OLD)).await, [0; 0], "the rerun that is kept shows both of them");
        assert_eq!(forget_runs(&store, at(OLD + 2)).await, [1, 1, 1], "the rerun goes before its original");
    })
    .await;
}

#[tokio::test]
async fn an_event_stays_until_it_is_dispatched_and_as_long_as_a_run_of_it_is_there() {
    on_both(|store, url| async move {
        let open = incident(&store, None).await;
        let facts: Vec<Event> = (0..4).map(|_| event(open.id)).collect();
        let [undispatched, spent, used, young] = &facts[..] else { panic!("four events") };
        let young = Event { at: at(OLD + 1), ..young.clone() };
        let written = [undispatched, spent, used, &young].map(|event| Dependant::Event(event.clone()));
        let then = [entry(open.id, "opened")].into_iter().chain(written).collect();
        let write = Write { guard: Guard::NewIncident(Box::new(open.clone())), then };
        assert_eq!(store.commit(write).await.expect("commits"), Committed::Applied);
        let started = Run { event: Some(used.id), ..run(None) };
        for (event, run) in [(spent, None), (used, Some(&started)), (&young, None)] {
            let outcome = TriggerOutcome {
                event: event.id,
                workflow: started.workflow.clone(),
                run: run.map(|run| run.id),
                why_not: run.is_none().then(|| "paused".to_owned()),
                at: at(1_000),
            };
            let then = run.map(|run| Dependant::NewRun(Box::new(run.clone()))).into_iter();
            let then = then.chain([Dependant::Outcome(outcome)]).collect();
            let write = Write { guard: Guard::Dispatched(event.id), then };
            assert_eq!(store.commit(write).await.expect("commits"), Committed::Applied);
        }
        assert_eq!(store.forget_events(at(OLD)).await.expect("forgets"), 1);
        assert_eq!(store.forget_events(at(OLD)).await.expect("forgets"), 0);
        assert_eq!(ids(&store, open.id).await, sorted([undispatched, used, &young]));
        let outcomes = store.outcomes(open.id).await.expect("reads");
        assert_eq!(outcomes.len(), 2);
        assert_eq!(Database::of_url(url).number("SELECT COUNT(*) FROM trigger_outcomes").await, 2);
        let over = Run {
            status: RunStatus::Failed,
            finished_at: Some(at(2_000)),
            wake_at: None,
            version: started.version + 1,
            ..started
        };
        let write = Write { guard: Guard::Run(Box::new(over), Vec::new()), then: Vec::new() };
        assert_eq!(store.commit(write).await.expect("commits"), Committed::Applied);
        assert_eq!(forget_runs(&store, at(OLD)).await, [1]);
        assert_eq!(store.forget_events(at(OLD)).await.expect("forgets"), 1);
        assert_eq!(ids(&store, open.id).await, sorted([undispatched, &young]));
        let timeline = store.timeline(open.id, &Page { after: None, limit: 10 }).await.expect("reads");
        assert_eq!(timeline.len(), 1, "what people read is not touched");
    })
    .await;
}

async fn ids(store: &Store, incident: IncidentId) -> Vec<uuid::Uuid> {
    let events = store.events(incident).await.expect("reads");
    let mut ids: Vec<uuid::Uuid> = events.into_iter().map(|event| event.id.0).collect();
    ids.sort_unstable();
    ids
}

fn sorted<const N: usize>(events: [&Event; N]) -> Vec<uuid::Uuid> {
    let mut ids: Vec<uuid::Uuid> = events.iter().map(|event| event.id.0).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_batch_is_bounded_by_runs_and_by_the_rows_that_go_with_them() {
    on_both(|store, _| async move {
        for _ in 0..250 {
            added(&store, &ended(2_000), Vec::new()).await;
        }
        assert_eq!(forget_runs(&store, at(OLD)).await, [200, 50]);
        for finished_at in [1_000, 2_000, 3_000] {
            let mut wide = ended(finished_at);
            wide.steps = (0..1_500).map(|number| StepRun::pending(format!("s{number}"))).collect();
            added(&store, &wide, Vec::new()).await;
        }
        assert_eq!(forget_runs(&store, at(OLD)).await, [1, 1, 1], "two of them are too many rows at once");
    })
    .await;
}

#[tokio::test]
async fn hosts_that_forget_at_once_forget_each_run_once() {
    on_both(|store, url| async move {
        for _ in 0..450 {
            added(&store, &ended(2_000), Vec::new()).await;
        }
        let stays = ended(OLD);
        added(&store, &stays, Vec::new()).await;
        let other = Store::open(&url).await.expect("opens");
        let (one, other) = tokio::join!(forget_runs(&store, at(OLD)), forget_runs(&other, at(OLD)));
        let rest = forget_runs(&store, at(OLD)).await;
        assert_eq!([one, other, rest].concat().iter().sum::<u64>(), 450);
        assert!(store.run(stays.id).await.expect("reads").is_some());
    })
    .await;
}

/// 20,000 ended runs and dispatched events: what grows in an installation's years.
const HISTORY: [&str; 3] = [
    "INSERT INTO runs (id, workflow, revision, status, mode, trigger_data, inputs, depth, pins, started_by, created_at, \
     finished_at, deadline, section, signals, version) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
     SELECT 'run-' || i, 'w', 1, 'succeeded', 'real', '{}', '{}', 0, '{}', '{}', i, i, i, 'main', '[]', 1 FROM n",
    "INSERT INTO events (id, at, depth, fact, snapshot, dispatched) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
     SELECT 'event-' || i, i, 0, '{}', '{}', 1 FROM n",
    "INSERT INTO schedules (name, id, owner, owner_name, position, share, document, revision, updated_at, updated_by, state, \
     due_at, version) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
     SELECT 'schedule-' || i, 'id-' || i, 'people', '', 0, i % 5040, '{}', 1, 0, 'ada', '{}', 9000000000000 + i, 1 FROM n",
];

/// How the databases say that they read a whole table, or one of its whole indexes.
const WALKS: [&str; 6] =
    ["Seq Scan on runs", "Seq Scan on events", "Seq Scan on schedules", "SCAN runs", "SCAN events", "SCAN schedules"];

#[tokio::test]
async fn neither_a_claim_nor_retention_walks_a_history() {
    for kind in BOTH {
        kind.announce();
        let database = Database::new(kind).await;
        let store = Store::open(&database.url).await.expect("opens");
        for statement in HISTORY {
            database.execute(statement).await;
        }
        if store.backend() == Backend::Postgres {
            // Its planner goes by statistics, which it gathers by itself only after a while.
            database.execute("ANALYZE").await;
        }
        let indexes = [
            ("due of incidents", "runs_due_of_incidents"),
            ("due of none", "runs_due_of_none"),
            ("orphans", "runs_owned"),
            ("abandoned", "runs_children"),
            ("ended", "runs_ended"),
            ("dispatched", "events_dispatched"),
            ("due schedules", "schedules_due"),
        ];
        let plans = store.plans(at(OLD)).await.expect("explains");
        assert_eq!(plans.len(), indexes.len());
        for ((name, plan), (wanted, index)) in plans.iter().zip(indexes) {
            assert_eq!(*name, wanted);
            assert!(plan.contains(index), "{name} does not use {index}:\n{plan}");
            let walks = |line: &&str| WALKS.iter().any(|walk| line.contains(walk)) && !line.contains(index);
            assert_eq!(plan.lines().find(walks), None, "{name} walks the history:\n{plan}");
        }
    }
}

#[tokio::test]
async fn what_is_due_now_is_never_forgotten() {
    on_both(|store, _| async move {
        // Ended, but taken up again: it has a time to wake.
        let again = Run { wake_at: Some(at(9_000)), ..ended(1_000) };
        added(&store, &again, Vec::new()).await;
        assert_eq!(forget_runs(&store, at(OLD)).await, [0; 0]);
        let alone = Run { rerun_of: Some(wardroom_domain::id::RunId(id())), ..ended(1_000) };
        added(&store, &alone, Vec::new()).await;
        assert_eq!(forget_runs(&store, at(OLD)).await, [1], "an original that is gone keeps nothing");
    })
    .await;
}
