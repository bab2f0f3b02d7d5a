//! Each bad habit costs its own step, ends within its limit and has a word of its own, while others go on.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use wardroom_domain::run::Mode;
use wardroom_runtime::{Finding, Function, Invocation, Outcome, limits};
use wardroom_tests::process::GUARD;

use crate::plugins::{Sandbox, code, connection, done};

/// The habits that need no network, each with the word for how it ends.
const HABITS: &[(&str, &str)] = &[
    ("loop", "cpu_limit"),
    ("memory-bomb", "memory_limit"),
    ("deep-recursion", "stack_overflow"),
    ("log-flood", "log_limit"),
    ("log-fields", "log_limit"),
    ("oversized-output", "output_too_large"),
    ("oversized-reply", "output_too_large"),
    ("bad-output", "invalid_output"),
    ("bad-json", "invalid_output"),
    ("panic", "trap"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_habit_ends_in_its_own_word_while_a_hundred_others_succeed() {
    let sandbox = Arc::new(Sandbox::new().await);
    let mut calls = tokio::task::JoinSet::new();
    for round in 0..100 {
        let sandbox = Arc::clone(&sandbox);
        calls.spawn(async move {
            let called = sandbox.call(sandbox.invocation("ok", json!({ "round": round }))).await;
            assert_eq!(done(&called).output["status"], json!(200));
        });
    }
    for (habit, word) in HABITS {
        let sandbox = Arc::clone(&sandbox);
        calls.spawn(async move {
            let called = sandbox.call(sandbox.invocation(habit, json!({}))).await;
            assert_eq!(code(&called), *word, "{habit}: {called:?}");
            let error = called.result.expect_err("a failure");
            assert!(!error.sent_unsafe, "{habit} sent nothing");
            assert!(called.trace.peak_memory_bytes <= 64 << 20, "{habit}: {}", called.trace.peak_memory_bytes);
        });
    }
    while let Some(call) = calls.join_next().await {
        call.expect("as expected");
    }
}

#[tokio::test]
async fn sleeping_for_ever_ends_at_the_deadline() {
    let sandbox = Sandbox::new().await;
    let invocation =
        Invocation { deadline: Duration::from_millis(300), ..sandbox.invocation("sleep-forever", json!({})) };
    // It would sleep for ever: that the call comes back at all is the point.
    let called = tokio::time::timeout(GUARD, sandbox.call(invocation)).await.expect("it ends");
    assert_eq!(code(&called), "timeout");
}

#[tokio::test]
async fn a_log_is_kept_up_to_its_limit() {
    let sandbox = Sandbox::new().await;
    let called = sandbox.call(sandbox.invocation("log-flood", json!({}))).await;
    let kept: usize = called.trace.log.iter().map(|line| line.message.len()).sum();
    assert!((limits::LOG_BYTES / 2..=limits::LOG_BYTES).contains(&kept), "{kept}");
    assert!(called.trace.log_dropped > 0);
}

#[tokio::test]
async fn a_pending_job_is_called_again_with_what_it_left() {
    let sandbox = Sandbox::new().await;
    let called = sandbox.call(sandbox.invocation("pending", json!({}))).await;
    let Ok(Outcome::Pending(later)) = called.result else { panic!("pending") };
    assert_eq!(later.after, Duration::from_millis(250));
    let again = Invocation { resume: Some(later.resume), ..sandbox.invocation("pending", json!({})) };
    assert_eq!(done(&sandbox.call(again).await).output["resumed"], json!("half way"));
}

#[tokio::test]
async fn the_plugins_own_failure_keeps_its_word() {
    let sandbox = Sandbox::new().await;
    let called = sandbox.call(sandbox.invocation("fail", json!({}))).await;
    assert_eq!(code(&called), "not_found");
    let unknown = sandbox.call(sandbox.invocation("dance", json!({}))).await;
    assert_eq!(code(&unknown), "unknown_action");
}

#[tokio::test]
async fn undo_and_check_are_called_where_the_manifest_offers_them() {
    let sandbox = Sandbox::new().await;
    let undo = Invocation {
        function: Function::Undo,
        undo_data: Some(json!({ "was": "on" })),
        ..sandbox.invocation("ok", json!({}))
    };
    assert_eq!(done(&sandbox.call(undo).await).output["undone"], json!("{\"was\":\"on\"}"));
    let check = Invocation { function: Function::Check, ..sandbox.invocation("ok", json!({})) };
    let found = sandbox.call(check.clone()).await;
    assert!(matches!(found.result, Ok(Outcome::Finding(Finding::Applied(_)))), "{found:?}");
    let absent = sandbox.call(Invocation { attempt: 2, ..check }).await;
    assert_eq!(absent.result, Ok(Outcome::Finding(Finding::Absent)));
    let none = Invocation { function: Function::Undo, ..sandbox.invocation("fail", json!({})) };
    assert_eq!(code(&sandbox.call(none).await), "unknown_action");
}

#[tokio::test]
async fn a_simulation_keeps_state_for_its_run_alone() {
    let sandbox = Sandbox::new().await;
    let simulated = Invocation {
        mode: Mode::Simulated,
        ..sandbox.through(connection("http://127.0.0.1:1"), "remember", json!({}))
    };
    let called = sandbox.call(simulated).await;
    let expected = json!({ "version": 1, "conflict": true, "value": "yes", "keys": ["seen"] });
    assert_eq!(done(&called).output, expected);
    assert!(sandbox.state.0.lock().expect("no panic").is_empty(), "nothing was stored");
    let real = sandbox.call(sandbox.through(connection("http://127.0.0.1:1"), "remember", json!({}))).await;
    assert_eq!(done(&real).output, expected);
    assert_eq!(sandbox.state.0.lock().expect("no panic").len(), 1);
}

#[tokio::test]
async fn notes_for_the_timeline_come_with_the_result() {
    let sandbox = Sandbox::new().await;
    let invocation = Invocation {
        incident: Some("0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e11".to_owned()),
        snapshot: Some(Arc::new(json!({ "number": "INC-7" }))),
        ..sandbox.invocation("note", json!({}))
    };
    let called = sandbox.call(invocation).await;
    let done = done(&called);
    assert_eq!(done.timeline[0].text, "A note.");
    assert_eq!(done.timeline[0].data, Some(json!({ "from": "guest" })));
    assert_eq!(done.output["snapshot"], json!("{\"number\":\"INC-7\"}"));
}
