//! The escape suite: what a hostile plugin, or whoever stands behind one, may try. Each case has to be contained, to end in a
//! word of its own and to be told. The cases are tables, a file a theme; this file plays them, counts them and weighs the
//! process afterwards.

mod addresses;
mod bombs;
mod cached;
mod calls;
mod components;
mod fixture;
mod handwritten_wasm;
mod injection;
mod leaks;
mod malformed;
mod manifests;
mod names;
mod rebinding;
mod redirects;

use std::{panic::AssertUnwindSafe, process::Command, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::json;
use tokio::task::JoinSet;
use wardroom_tests::soak;

use crate::plugins::done;
use fixture::Fixture;

/// The least number of cases: fewer would mean that a table was lost.
pub(crate) const LEAST: usize = 60;
/// Rounds before the process is weighed, in which pools, caches and the allocator fill. The weight levels off at the
/// sixteenth or so: `make soak` warms up beyond that, and would find a leak that is smaller than what still fills here.
const WARM_UP: usize = 4;
/// Rounds until it is weighed again.
const ROUNDS: usize = 3;

/// How a case ended: in which word, or what got out.
pub(crate) type Verdict = Result<String, String>;

/// One attempt.
pub(crate) struct Case {
    pub(crate) theme: &'static str,
    pub(crate) name: String,
    pub(crate) play: Box<dyn Fn(Arc<Fixture>) -> BoxFuture<'static, Verdict> + Send + Sync>,
}

impl Case {
    pub(crate) fn new<Play, Ends>(theme: &'static str, name: impl Into<String>, play: Play) -> Self
    where
        Play: Fn(Arc<Fixture>) -> Ends + Send + Sync + 'static,
        Ends: Future<Output = Verdict> + Send + 'static,
    {
        Self { theme, name: name.into(), play: Box::new(move |fixture| Box::pin(play(fixture))) }
    }
}

pub(crate) fn cases() -> Vec<Case> {
    [
        addresses::cases(),
        redirects::cases(),
        rebinding::cases(),
        injection::cases(),
        leaks::cases(),
        bombs::cases(),
        calls::cases(),
        malformed::cases(),
        components::cases(),
        manifests::cases(),
        cached::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Plays every case, side by side, and gives what was not contained.
pub(crate) async fn round(fixture: &Arc<Fixture>, cases: &Arc<Vec<Case>>) -> Vec<String> {
    let mut plays = JoinSet::new();
    for at in 0..cases.len() {
        let (fixture, cases) = (Arc::clone(fixture), Arc::clone(cases));
        plays.spawn(async move {
            let case = &cases[at];
            let play = AssertUnwindSafe(async { (case.play)(fixture).await }).catch_unwind().await;
            let escaped = match play {
                Ok(Ok(_)) => return None,
                Ok(Err(escaped)) => escaped,
                Err(_) => "the host panicked".to_owned(),
            };
            Some(format!("{}: {}: {escaped}", case.theme, case.name))
        });
    }
    let mut escaped: Vec<String> = plays.join_all().await.into_iter().flatten().collect();
    if fixture.inside.connected() > 0 {
        escaped.push(format!("what nobody granted was reached: {:?}", fixture.inside.asked()));
    }
    // What the test itself remembers is no weight of the host's.
    fixture.forget();
    // Whatever was tried, a plugin that means no harm is served as before.
    let sandbox = &fixture.sandbox;
    assert_eq!(done(&sandbox.call(sandbox.invocation("ok", json!({}))).await).output["status"], json!(200));
    escaped
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "how many cases there are is what people want to see")]
pub(crate) async fn every_hostile_case_is_contained_in_a_word_of_its_own() {
    let (fixture, cases) = (Arc::new(Fixture::new().await), Arc::new(cases()));
    let escaped = round(&fixture, &cases).await;
    assert_eq!(escaped, Vec::<String>::new(), "{} of {} cases", escaped.len(), cases.len());
    let names: std::collections::BTreeSet<_> = cases.iter().map(|case| (case.theme, case.name.as_str())).collect();
    assert_eq!(names.len(), cases.len(), "no case is counted twice");
    assert!(cases.len() >= LEAST, "{} cases", cases.len());
    println!("{} hostile cases, all contained", cases.len());
}

/// Set in the process that plays the rounds.
pub(crate) const PLAYS: &str = "WARDROOM_TEST_PLAYS_ROUNDS";

/// In a process of its own, because the other tests of this one would weigh as well: this very test, played by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_plugins_leave_no_memory_behind() {
    if wardroom_tests::environment::variable(PLAYS).is_some() {
        return weigh_rounds().await;
    }
    let mut itself = Command::new(std::env::current_exe().expect("this binary"));
    itself.args(["plugins::escape::hostile_plugins_leave_no_memory_behind", "--exact", "--nocapture"]);
    // Large blocks go back to the system when they are freed: how they lie in the heap differs from round to round, and would
    // weigh more than what a round leaves behind.
    itself.env("MALLOC_MMAP_THRESHOLD_", "131072").env("MALLOC_TRIM_THRESHOLD_", "131072");
    itself.env(PLAYS, "1").env("MALLOC_ARENA_MAX", "2");
    let played = tokio::task::spawn_blocking(move || itself.output()).await.expect("no panic").expect("runs");
    let told = String::from_utf8_lossy(&played.stdout);
    assert!(
        played.status.success() && told.contains("rounds weigh"),
        "{told}{}",
        String::from_utf8_lossy(&played.stderr)
    );
}

#[expect(clippy::print_stdout, reason = "the test that runs this process reads it")]
pub(crate) async fn weigh_rounds() {
    let (fixture, cases) = (Arc::new(Fixture::new().await), Arc::new(cases()));
    let (warm_up, rounds) = (soak::scaled(WARM_UP), soak::scaled(ROUNDS));
    let mut weights = Vec::new();
    for _ in 0..warm_up + rounds {
        assert_eq!(round(&fixture, &cases).await, Vec::<String>::new());
        weights.push(resident_kib());
    }
    let (warm, after) = (weights[warm_up - 1], weights[warm_up + rounds - 1]);
    assert!(after <= warm + warm / 10, "{warm} KiB after {warm_up} rounds, then {after} KiB: {weights:?}");
    println!("rounds weigh {weights:?} KiB");
}

/// The memory this process holds.
pub(crate) fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
