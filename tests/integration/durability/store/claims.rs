//! Leases: who may drive a run, and what becomes of a host that is gone.

use std::time::Duration;

use wardroom_domain::{
    id::{HostId, IncidentId},
    run::{Lease, Run},
};
use wardroom_store::{Committed, Guard, Store, Write};

use crate::durability::store::{
    nouns::{at, id, run},
    on_both,
};

/// Longer than a test goes on.
const LEASE: Duration = Duration::from_mins(5);

async fn added(store: &Store, run: Run) -> Run {
    let write = Write { guard: Guard::NewRun(Box::new(run.clone())), then: Vec::new() };
    assert_eq!(store.commit(write).await.expect("commits"), Committed::Applied);
    run
}

async fn host(store: &Store) -> Lease {
    store.register_host(HostId(id()), LEASE).await.expect("registers")
}

#[tokio::test]
async fn a_due_run_is_claimed_by_one_host_and_one_that_is_not_due_by_none() {
    on_both(|store, _| async move {
        let due = added(&store, run(None)).await;
        added(&store, Run { wake_at: Some(at(9_000)), ..run(None) }).await;
        let (one, other) = (host(&store).await, host(&store).await);
        let (first, second) =
            tokio::join!(store.claim_runs(one, at(2_000), 10), store.claim_runs(other, at(2_000), 10));
        let claimed: Vec<Run> = [first.expect("claims"), second.expect("claims")].concat();
        assert_eq!(claimed.len(), 1);
        assert_eq!(claimed[0].id, due.id);
        assert_eq!(claimed[0].version, due.version + 1);
        assert!(claimed[0].lease.is_some_and(|lease| lease == one || lease == other));
    })
    .await;
}

#[tokio::test]
async fn runs_of_incidents_are_claimed_before_others_which_have_their_share() {
    on_both(|store, _| async move {
        for due in 0..20 {
            added(&store, Run { wake_at: Some(at(1_000 + due)), ..run(None) }).await;
        }
        for due in 0..20 {
            let incident = Some(IncidentId(id()));
            added(&store, Run { incident, wake_at: Some(at(1_500 + due)), ..run(None) }).await;
        }
        let host = host(&store).await;
        let mut claimed = Vec::new();
        for _ in 0..5 {
            let runs = store.claim_runs(host, at(2_000), 8).await.expect("claims");
            claimed.push(runs.iter().filter(|run| run.incident.is_some()).count());
            assert_eq!(runs.len(), 8);
        }
        assert_eq!(claimed, [7, 7, 6, 0, 0], "of eight, one is left to the others while incidents' runs are due");
        assert_eq!(store.claim_runs(host, at(2_000), 8).await.expect("claims"), []);
    })
    .await;
}

#[tokio::test]
async fn a_new_life_reclaims_at_once_and_fences_the_old_one() {
    on_both(|store, _| async move {
        let old = host(&store).await;
        let driven = added(&store, Run { lease: Some(old), ..run(None) }).await;
        assert_eq!(
            store.claim_runs(old, at(2_000), 10).await.expect("claims"),
            [],
            "its own runs are not claimed twice"
        );
        let new = store.register_host(old.host, LEASE).await.expect("registers");
        assert_eq!(new.epoch, old.epoch + 1);
        assert!(!store.renew_host(old, LEASE).await.expect("asks"), "the old life has no lease any more");
        let claimed = store.claim_runs(new, at(2_000), 10).await.expect("claims");
        assert_eq!(claimed.iter().map(|run| (run.id, run.lease)).collect::<Vec<_>>(), [(driven.id, Some(new))]);
        // What the old life still sends compares with a version that is gone.
        let late = Run { version: driven.version + 1, ..driven.clone() };
        let write = Write { guard: Guard::Run(Box::new(late), vec![0]), then: Vec::new() };
        assert_eq!(store.commit(write).await.expect("commits"), Committed::Lost);
    })
    .await;
}

#[tokio::test]
async fn another_host_takes_over_when_a_lease_is_released_or_runs_out() {
    on_both(|store, _| async move {
        let (gone, heir) = (host(&store).await, host(&store).await);
        let driven = added(&store, Run { lease: Some(gone), ..run(None) }).await;
        assert_eq!(store.claim_runs(heir, at(2_000), 10).await.expect("claims"), [], "a live host keeps its runs");
        store.release_host(gone).await.expect("releases");
        let claimed = store.claim_runs(heir, at(2_000), 10).await.expect("claims");
        assert_eq!(claimed.iter().map(|run| run.id).collect::<Vec<_>>(), [driven.id]);
    })
    .await;
}

#[tokio::test]
async fn incident_numbers_are_drawn_once() {
    on_both(|store, _| async move {
        let mut draws = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let store = store.clone();
            draws.spawn(async move { store.next_incident_number().await.expect("draws") });
        }
        let mut numbers: Vec<u32> = draws.join_all().await;
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
    })
    .await;
}
