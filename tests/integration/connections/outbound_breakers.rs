//! A third party that keeps failing is left alone for a while.

use serde_json::{Value, json};
use wardroom_domain::{
    breaker::{FAILURES, PAUSE, Standing},
    connection::Connection,
};
use wardroom_runtime::Called;
use wardroom_tests::third_party::ThirdParty;

use crate::plugins::{Sandbox, code, connection, done};

async fn fetch(sandbox: &Sandbox, through: &Connection, input: Value) -> Called {
    sandbox.call(sandbox.through(through.clone(), "fetch", input)).await
}

/// The first call that is held back, and how many were trials before it: where a machine is so slow that a pause is over when the
/// next call comes, that one finds out whether the third party is back. It is not, so the next pause is twice as long.
async fn held_back(sandbox: &Sandbox, main: &Connection, input: Value) -> (Called, u32) {
    for trials in 0..3 {
        let before = sandbox.host.breakers(main)[0].failures;
        let called = fetch(sandbox, main, input.clone()).await;
        if sandbox.host.breakers(main)[0].failures == before {
            return (called, trials);
        }
    }
    panic!("every call was tried")
}

#[tokio::test]
async fn after_failures_in_a_row_nothing_is_sent_and_the_guest_is_told_when_to_come_back() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let main = connection(&third.url());
    for times in 1..=FAILURES {
        let called = fetch(&sandbox, &main, json!({ "url": "/broken" })).await;
        assert_eq!(done(&called).output["status"], json!(500), "an answer is an answer");
        let known = sandbox.host.breakers(&main);
        assert_eq!((known[0].origin.as_str(), known[0].failures), (third.url().as_str(), times));
    }
    let post = json!({ "method": "POST", "url": "/broken" });
    let (held, trials) = held_back(&sandbox, &main, post).await;
    assert_eq!(code(&held), "http_held");
    let error = held.result.as_ref().expect_err("a failure");
    assert!(error.message.contains("failed several times in a row"), "{error}");
    assert!(!error.sent_unsafe, "nothing was sent");
    assert_eq!((held.trace.http[0].error.as_deref(), held.trace.http[0].status), (Some("held"), None));
    assert_eq!(third.count(), (FAILURES + trials) as usize);
    let known = &sandbox.host.breakers(&main)[0];
    assert_eq!(known.standing, Standing::Open);
    assert!(known.held_for <= PAUSE * 2_u32.pow(trials), "{known:?}");
    // Whoever goes another way, or by the connection as it was repaired, is not held back.
    let other = Connection { name: "other".to_owned(), ..main.clone() };
    assert_eq!(done(&fetch(&sandbox, &other, json!({ "url": "/" })).await).output["status"], json!(200));
    let repaired = Connection { revision: 2, ..main };
    assert_eq!(done(&fetch(&sandbox, &repaired, json!({ "url": "/" })).await).output["status"], json!(200));
}

#[tokio::test]
async fn an_answer_in_between_begins_the_count_anew() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let main = connection(&third.url());
    for _ in 0..3 {
        for _ in 1..FAILURES {
            fetch(&sandbox, &main, json!({ "url": "/broken" })).await;
        }
        assert_eq!(done(&fetch(&sandbox, &main, json!({ "url": "/missing" })).await).output["status"], json!(200));
    }
    assert_eq!(sandbox.host.breakers(&main), []);
}

#[tokio::test]
async fn who_cannot_be_reached_or_does_not_answer_fails_too_and_who_is_refused_by_the_host_does_not() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let cases = [
        ("http://127.0.0.1:1".to_owned(), "http_connect"),
        ("http://nowhere.example".to_owned(), "http_dns"),
        (third.url(), "http_timeout"),
    ];
    for (base_url, wanted) in cases {
        let main = Connection { name: wanted.replace('_', "-"), ..connection(&base_url) };
        let input = json!({ "url": "/slow", "timeout_ms": 50 });
        for _ in 0..FAILURES {
            assert_eq!(code(&fetch(&sandbox, &main, input.clone()).await), wanted, "{base_url}");
        }
        assert_eq!(code(&held_back(&sandbox, &main, input).await.0), "http_held", "{base_url}");
    }
    let mut denied = connection(&third.url());
    denied.grant.networks = Vec::new();
    for _ in 0..2 * FAILURES {
        assert_eq!(code(&fetch(&sandbox, &denied, json!({ "url": "/" })).await), "http_denied");
    }
}
