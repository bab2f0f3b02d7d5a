//! What a guard lets in and what it keeps out, alone and among many.

use std::collections::BTreeSet;

use wardroom_domain::{id::IncidentId, incident::Incident, run::StepStatus};
use wardroom_store::{Committed, Dependant, Guard, Page, Store, Write};

use crate::durability::store::{
    nouns::{at, entry, event, id, incident, run},
    on_both,
};

async fn opened(store: &Store, group: Option<&str>) -> Incident {
    let incident = incident(store, group).await;
    let guard = Guard::NewIncident(Box::new(incident.clone()));
    let then = vec![entry(incident.id, "opened"), Dependant::Event(event(incident.id))];
    assert_eq!(store.commit(Write { guard, then }).await.expect("commits"), Committed::Applied);
    incident
}

#[tokio::test]
async fn what_was_committed_is_read_back_and_outlives_the_process() {
    on_both(|store, url| async move {
        let incident = opened(&store, Some("group")).await;
        drop(store);
        let store = Store::open(&url).await.expect("opens again");
        assert_eq!(store.incident(incident.id).await.expect("reads"), Some(incident.clone()));
        assert_eq!(store.incident_by_number(incident.number).await.expect("reads"), Some(incident.clone()));
        assert_eq!(store.open_incident("test", "group").await.expect("reads"), Some(incident.clone()));
        let timeline = store.timeline(incident.id, &Page { after: None, limit: 10 }).await.expect("reads");
        assert_eq!(
            timeline.iter().map(|entry| (entry.seq, entry.entry.text.as_str())).collect::<Vec<_>>(),
            [(1, "opened")]
        );
        let events = store.undispatched_events(10).await.expect("reads");
        assert_eq!(events.len(), 1);
        assert_eq!(store.events(incident.id).await.expect("reads"), events);
    })
    .await;
}

#[tokio::test]
async fn a_writer_with_an_old_picture_loses_and_leaves_nothing() {
    on_both(|store, _| async move {
        let incident = opened(&store, None).await;
        let mut changed = incident.clone();
        changed.title = "Checkout is slow".to_owned();
        changed.version = 2;
        let write = |text: &str| Write {
            guard: Guard::Incident(Box::new(changed.clone())),
            then: vec![entry(incident.id, text), Dependant::Event(event(incident.id))],
        };
        assert_eq!(store.commit(write("first")).await.expect("commits"), Committed::Applied);
        assert_eq!(store.commit(write("late")).await.expect("commits"), Committed::Lost);
        let timeline = store.timeline(incident.id, &Page { after: None, limit: 10 }).await.expect("reads");
        assert_eq!(timeline.iter().map(|entry| entry.entry.text.as_str()).collect::<Vec<_>>(), ["opened", "first"]);
        assert_eq!(store.undispatched_events(10).await.expect("reads").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_group_of_alerts_has_one_open_incident() {
    on_both(|store, _| async move {
        let winner = opened(&store, Some("group")).await;
        let late = incident(&store, Some("group")).await;
        let write = Write { guard: Guard::NewIncident(Box::new(late.clone())), then: vec![entry(late.id, "late")] };
        assert_eq!(store.commit(write).await.expect("commits"), Committed::Lost);
        assert_eq!(store.incident(late.id).await.expect("reads"), None);
        assert_eq!(store.open_incident("test", "group").await.expect("reads").map(|found| found.id), Some(winner.id));
    })
    .await;
}

#[tokio::test]
async fn many_writers_of_one_incident_lose_nothing_and_number_without_gaps() {
    const WRITERS: usize = 40;
    on_both(|store, _| async move {
        let incident = opened(&store, None).await;
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let store = store.clone();
            writers.spawn(async move { note(&store, incident.id, &format!("note {writer}")).await });
        }
        while let Some(done) = writers.join_next().await {
            done.expect("no panic");
        }
        let timeline = store.timeline(incident.id, &Page { after: None, limit: 1_000 }).await.expect("reads");
        let numbers: Vec<i64> = timeline.iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, (1..=i64::try_from(WRITERS).expect("small") + 1).collect::<Vec<_>>());
        let texts: BTreeSet<&str> = timeline.iter().map(|entry| entry.entry.text.as_str()).collect();
        assert_eq!(texts.len(), WRITERS + 1);
        let now = store.incident(incident.id).await.expect("reads").expect("is there");
        assert_eq!(now.version, i64::try_from(WRITERS).expect("small") + 1);
    })
    .await;
}

async fn note(store: &Store, id: IncidentId, text: &str) {
    loop {
        let mut incident = store.incident(id).await.expect("reads").expect("is there");
        incident.version += 1;
        let write = Write { guard: Guard::Incident(Box::new(incident)), then: vec![entry(id, text)] };
        if store.commit(write).await.expect("commits") == Committed::Applied {
            return;
        }
    }
}

#[tokio::test]
async fn a_bad_write_does_not_undo_its_neighbours() {
    on_both(|store, _| async move {
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..30 {
            let store = store.clone();
            writers.spawn(async move {
                let incident = incident(&store, None).await;
                // Every tenth names an incident that is not there: its whole write has to fail, and no other.
                let bad = number % 10 == 9;
                let told = if bad { IncidentId(id()) } else { incident.id };
                let guard = Guard::NewIncident(Box::new(incident.clone()));
                let result = store.commit(Write { guard, then: vec![entry(told, "hello")] }).await;
                assert_eq!(result.is_err(), bad, "{result:?}");
                assert_eq!(store.incident(incident.id).await.expect("reads").is_none(), bad);
            });
        }
        while let Some(done) = writers.join_next().await {
            done.expect("as expected");
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_starts_a_workflow_once() {
    on_both(|store, _| async move {
        let incident = opened(&store, None).await;
        let event = store.undispatched_events(1).await.expect("reads").remove(0);
        assert_eq!(event.incident, Some(incident.id));
        let first = run(Some(event.id));
        let dispatch = |run| Write { guard: Guard::Dispatched(event.id), then: vec![Dependant::NewRun(Box::new(run))] };
        assert_eq!(store.commit(dispatch(first.clone())).await.expect("commits"), Committed::Applied);
        assert_eq!(store.commit(dispatch(run(Some(event.id)))).await.expect("commits"), Committed::Lost);
        let again = Write { guard: Guard::NewRun(Box::new(run(Some(event.id)))), then: Vec::new() };
        assert_eq!(store.commit(again).await.expect("commits"), Committed::Lost);
        assert_eq!(store.undispatched_events(10).await.expect("reads"), []);
        assert_eq!(store.run(first.id).await.expect("reads"), Some(first));
    })
    .await;
}

#[tokio::test]
async fn a_run_changes_by_compare_and_set_with_the_steps_that_changed() {
    on_both(|store, _| async move {
        let first = run(None);
        store.commit(Write { guard: Guard::NewRun(Box::new(first.clone())), then: Vec::new() }).await.expect("commits");
        let mut next = first.clone();
        next.version = 2;
        next.steps[1].status = StepStatus::Waiting;
        next.steps[1].resume = Some(vec![0, 159, 146, 150]);
        next.steps[1].wake_at = Some(at(5_000));
        let write = || Write { guard: Guard::Run(Box::new(next.clone()), vec![1]), then: Vec::new() };
        assert_eq!(store.commit(write()).await.expect("commits"), Committed::Applied);
        assert_eq!(store.run(first.id).await.expect("reads"), Some(next.clone()));
        assert_eq!(store.commit(write()).await.expect("commits"), Committed::Lost);
    })
    .await;
}
