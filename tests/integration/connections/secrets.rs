//! A secret goes where it is meant to and nowhere else.

use serde_json::json;
use wardroom_tests::third_party::ThirdParty;

use crate::plugins::{SECRET, Sandbox, connection, done};

#[tokio::test]
async fn a_secret_is_joined_by_the_host_and_masked_everywhere_else() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    for fail in [false, true] {
        let input = json!({
            "method": "POST", "url": "/echo", "secret_header": true, "body": "secret", "known": SECRET, "fail": fail,
        });
        let called = sandbox.call(sandbox.through(connection(&third.url()), "leak", input)).await;
        assert_eq!(called.result.is_err(), fail);
        let seen = format!("{called:?}");
        assert!(!seen.contains("canary-7f3a9b2c"), "{seen}");
        // Two log lines that are halves of the secret are masked too.
        let (head, tail) = SECRET.split_at(SECRET.len() / 2);
        let log: Vec<&str> = called.trace.log.iter().map(|line| line.message.as_str()).collect();
        assert!(!log.contains(&head) && !log.contains(&tail), "{log:?}");
    }
    let asked = &third.asked()[0];
    assert_eq!(asked.headers["x-canary"], format!("token {SECRET}"));
    assert_eq!(asked.body, format!("{{\"key\":{SECRET:?}}}"));
}

#[tokio::test]
async fn a_secret_nobody_granted_is_not_there() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let mut ungranted = connection(&third.url());
    ungranted.grant.secrets.clear();
    let input = json!({ "url": "/", "secret_header": true });
    let called = sandbox.call(sandbox.through(ungranted, "fetch", input)).await;
    let error = called.result.expect_err("is refused");
    assert_eq!(error.kind.code(), "http_denied");
    assert!(error.message.contains("grant.secrets"), "{}", error.message);
    assert_eq!(third.asked(), []);
}

#[tokio::test]
async fn auth_that_names_a_missing_secret_fails_before_the_guest_runs() {
    let sandbox = Sandbox::new().await;
    let mut missing = connection("http://127.0.0.1:1");
    missing.auth = Some(wardroom_domain::connection::Auth::Bearer("forgotten".to_owned()));
    let called = sandbox.call(sandbox.through(missing, "ok", json!({}))).await;
    let error = called.result.expect_err("is refused");
    assert_eq!(error.kind.code(), "secret_missing");
    assert!(error.message.contains("forgotten"), "{}", error.message);
    let unused = sandbox.call(sandbox.invocation("ok", json!({}))).await;
    assert_eq!(done(&unused).output["status"], json!(200));
}
