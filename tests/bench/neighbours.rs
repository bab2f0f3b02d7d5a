//! A well-behaved plugin at a steady rate, alone and beside 10,000 calls of a hostile one, as many at once as the host lets in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use wardroom_runtime::{PluginHost, limits::Limits};
use wardroom_tests::{guests, process::now};

use super::{
    facts,
    figures::{Progress, Spread, ms, number, ratio},
    sandbox::{self, Subject},
};

const HOSTILE_CALLS: usize = 10_000;
/// The time between two calls of the well-behaved plugin.
const PACE: Duration = Duration::from_millis(5);
/// How long it is watched alone.
const QUIET: Duration = Duration::from_secs(20);
/// What a hostile call may compute: less than by default, so that ten thousand end within minutes.
const CPU: Duration = Duration::from_millis(100);
const MIB: f64 = 1024.0 * 1024.0;

/// The hostile calls of every twenty: the action, its input, and how often.
const MIX: &[(&str, &str, usize)] = &[
    ("loop", "{}", 1),
    ("memory-bomb", "{}", 1),
    ("log-flood", "{}", 4),
    ("fetch-many", r#"{"times": 2000}"#, 4),
    ("panic", "{}", 6),
    ("oversized-output", "{}", 4),
];

/// Aim: the p99 of the well-behaved plugin beside the hostile one within 2 times of its p99 alone, and the memory of the
/// process below what the pool may hold.
///
/// # Panics
/// When a call of the well-behaved plugin fails.
pub(crate) async fn measure(progress: &Progress) -> Value {
    let limits = Limits { cpu: CPU, ..Limits::default() };
    let bound = number(limits.memory_bytes) * f64::from(limits.calls) / MIB;
    let host = sandbox::host(limits, None);
    let hostile = Arc::new(Subject::of(host.inspect(&guests::hostile()).await.expect("fits")));
    // The same code under another digest: a section that nobody reads makes it another plugin.
    let calm = [guests::hostile().as_slice(), &[0, 5, 4], b"calm"].concat();
    let calm = Arc::new(Subject::of(host.inspect(&calm).await.expect("fits")));
    let watch = |ended| tokio::spawn(watched(host.clone(), Arc::clone(&calm), ended));

    let ended = Arc::new(AtomicBool::new(false));
    let alone = watch(Arc::clone(&ended));
    tokio::time::sleep(QUIET).await;
    ended.store(true, Ordering::Relaxed);
    let (quiet, _) = alone.await.expect("is fine");

    progress.say("neighbours: the hostile one begins");
    let ended = Arc::new(AtomicBool::new(false));
    let beside = watch(Arc::clone(&ended));
    let began = now();
    let contained = flood(&host, &hostile).await;
    let flooded = began.elapsed();
    ended.store(true, Ordering::Relaxed);
    let (besides, peak) = beside.await.expect("is fine");
    let (calls, calls_beside) = (quiet.len(), besides.len());
    let (quiet, besides) = (Spread::of(quiet), Spread::of(besides));
    json!({
        "hostile_calls": HOSTILE_CALLS,
        "contained": contained,
        "hostile_seconds": ms(flooded) / 1_000.0,
        "calls_alone": calls,
        "calls_beside": calls_beside,
        "alone_ms": quiet.json(),
        "beside_ms": besides.json(),
        "peak_resident_mib": (peak / MIB).round(),
        "bound_mib": bound,
        "ratios": {
            "p99_beside_to_alone_aim_2": ratio(besides.p99.as_secs_f64(), quiet.p99.as_secs_f64()),
            "p50_beside_to_alone": ratio(besides.p50.as_secs_f64(), quiet.p50.as_secs_f64()),
            "peak_to_bound_aim_1": ratio(peak / MIB, bound),
        },
    })
}

/// Calls the well-behaved plugin by the clock until it is told to end; how long each call took, and the most memory that the
/// process held meanwhile.
async fn watched(host: PluginHost, subject: Arc<Subject>, ended: Arc<AtomicBool>) -> (Vec<Duration>, f64) {
    let (mut measured, mut peak) = (Vec::new(), 0_f64);
    let mut clock = tokio::time::interval(PACE);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !ended.load(Ordering::Relaxed) {
        clock.tick().await;
        let invocation = sandbox::invocation(&subject, "ok", json!({}));
        let began = now();
        host.invoke(invocation).await.result.expect("is fine");
        measured.push(began.elapsed());
        if measured.len() % 16 == 0 {
            peak = peak.max(facts::resident_bytes(std::process::id()));
        }
    }
    (measured, peak)
}

/// Makes the hostile calls, twice as many at a time as there is room for, and counts those that ended in a failure of theirs.
async fn flood(host: &PluginHost, subject: &Arc<Subject>) -> usize {
    let habits: Vec<(&str, &str)> =
        MIX.iter().flat_map(|(action, input, times)| std::iter::repeat_n((*action, *input), *times)).collect();
    let (next, contained) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..host.calls() * 2 {
        let (host, subject, habits) = (host.clone(), Arc::clone(subject), habits.clone());
        let (next, contained) = (Arc::clone(&next), Arc::clone(&contained));
        callers.spawn(async move {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= HOSTILE_CALLS {
                    return;
                }
                let (action, input) = habits[at % habits.len()];
                let input = serde_json::from_str(input).expect("JSON");
                let called = host.invoke(sandbox::invocation(&subject, action, input)).await;
                contained.fetch_add(usize::from(called.result.is_err()), Ordering::Relaxed);
            }
        });
    }
    callers.join_all().await;
    contained.load(Ordering::Relaxed)
}
