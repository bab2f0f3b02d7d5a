//! Where a guest may go, and where not.

use std::time::Duration;

use serde_json::{Value, json};
use wardroom_domain::{connection::Grant, run::Mode};
use wardroom_runtime::{Called, Invocation, Outcome, limits};
use wardroom_tests::{process::GUARD, third_party::ThirdParty};

use crate::plugins::{Sandbox, code, connection, done};

fn message(called: &Called) -> String {
    called.result.as_ref().expect_err("a failure").message.clone()
}

#[tokio::test]
async fn a_path_goes_to_the_base_url_with_the_hosts_auth() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let input = json!({ "method": "POST", "url": "/deploy?x=1", "body": { "a": 1 } });
    let called = sandbox.call(sandbox.through(connection(&third.url()), "fetch", input)).await;
    assert_eq!(done(&called).output["status"], json!(200));
    let asked = &third.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str(), asked.body.as_str()), ("POST", "/deploy?x=1", "{\"a\":1}"));
    assert_eq!(asked.headers["authorization"], format!("Bearer {}", crate::plugins::SECRET));
    let http = &called.trace.http[0];
    assert_eq!((http.method.as_str(), http.path.as_str(), http.status), ("POST", "/deploy", Some(200)));
}

#[tokio::test]
async fn addresses_nobody_granted_are_refused_before_anything_is_sent() {
    let third = ThirdParty::start().await;
    let port = third.address.port();
    let names = [("inside.example", "127.0.0.1"), ("meta.example", "169.254.169.254"), ("ten.example", "10.0.0.1")];
    let sandbox = Sandbox::with(limits::Limits { calls: 4, ..limits::Limits::default() }, &names).await;
    for host in [
        "127.0.0.1",
        "[::1]",
        "2130706433",
        "0x7f.1",
        "169.254.169.254",
        "inside.example",
        "meta.example",
        "ten.example",
    ] {
        let mut ungranted = connection(&format!("http://{host}:{port}"));
        ungranted.grant.networks = Vec::new();
        let called = sandbox.call(sandbox.through(ungranted, "fetch", json!({ "url": "/" }))).await;
        assert_eq!(code(&called), "http_denied", "{host}: {called:?}");
        assert!(message(&called).contains("grant.networks"), "{host}: {}", message(&called));
        assert!(!called.result.expect_err("a failure").sent_unsafe);
    }
    // The metadata service is not part of the network that the others are in.
    let granted = connection(&format!("http://meta.example:{port}"));
    assert_eq!(code(&sandbox.call(sandbox.through(granted, "fetch", json!({ "url": "/" }))).await), "http_denied");
    assert_eq!(third.asked(), []);
}

#[tokio::test]
async fn hosts_beyond_the_connection_need_manifest_and_grant() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let fetch = |url: &str| sandbox.through(connection(&third.url()), "fetch", json!({ "url": url }));
    let unasked = sandbox.call(fetch("http://evil.example/x")).await;
    assert!(message(&unasked).contains("manifest does not ask"), "{}", message(&unasked));
    let ungranted = sandbox.call(fetch("http://127.0.0.2:9/x")).await;
    assert!(message(&ungranted).contains("grant.hosts"), "{}", message(&ungranted));
    let alone = sandbox.call(sandbox.invocation("fetch", json!({ "url": "/x" }))).await;
    assert!(message(&alone).contains("connection"), "{}", message(&alone));
}

#[tokio::test]
async fn a_redirect_is_returned_and_not_followed() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let input = json!({ "url": "/redirect?http://169.254.169.254/latest/meta-data" });
    let called = sandbox.call(sandbox.through(connection(&third.url()), "fetch", input)).await;
    assert_eq!(done(&called).output["status"], json!(302));
    let input = json!({ "url": "http://169.254.169.254/latest/meta-data" });
    let followed = sandbox.call(sandbox.through(connection(&third.url()), "fetch", input)).await;
    assert_eq!(code(&followed), "http_denied");
    assert_eq!(third.asked().len(), 1);
}

#[tokio::test]
async fn redirects_are_followed_where_asked_and_each_hop_is_judged() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let fetch = |url: &str| {
        let input = json!({ "url": url, "redirects": 200, "secret_header": true });
        sandbox.through(connection(&third.url()), "fetch", input)
    };
    let followed = sandbox.call(fetch("/redirect?/echo")).await;
    assert_eq!(done(&followed).output["status"], json!(200));
    let hops = third.asked();
    assert_eq!((hops.len(), hops[1].path.as_str()), (2, "/echo"));
    assert_eq!(hops[1].headers["authorization"], format!("Bearer {}", crate::plugins::SECRET));
    assert_eq!(followed.trace.http.len(), 2, "each hop is told");
    for elsewhere in ["http://169.254.169.254/latest/meta-data", "http://evil.example/", "http://127.0.0.1:9/"] {
        let refused = sandbox.call(fetch(&format!("/redirect?{elsewhere}"))).await;
        assert_eq!(code(&refused), "http_denied", "{elsewhere}: {refused:?}");
    }
    let before = third.count();
    let round = format!("/redirect?{}", "/redirect?".repeat(20));
    assert_eq!(done(&sandbox.call(fetch(&round)).await).output["status"], json!(302));
    assert_eq!(third.count() - before, 1 + usize::from(limits::REDIRECTS));
}

#[tokio::test]
async fn bodies_and_calls_are_bounded() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let large = sandbox.call(sandbox.through(connection(&third.url()), "fetch", json!({ "url": "/large" }))).await;
    assert_eq!(done(&large).output["truncated"], json!(true));
    assert_eq!(done(&large).output["length"], json!(limits::RESPONSE_BODY_BYTES));
    let many = sandbox
        .call(sandbox.through(connection(&third.url()), "fetch-many", json!({ "url": "/", "times": 150 })))
        .await;
    assert_eq!(done(&many).output, json!({ "sent": limits::HTTP_CALLS, "refused": 50 }));
    let flood = json!({ "url": "/", "times": 2_000 });
    assert_eq!(code(&sandbox.call(sandbox.through(connection(&third.url()), "fetch-many", flood)).await), "http_limit");
}

#[tokio::test]
async fn an_unsafe_request_without_an_answer_may_have_been_heard() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    // A deadline ends the wait for an answer: a longer one is tried where the request did not get out before it.
    let unanswered = async |method: &str| {
        let before = third.count();
        let mut deadline = Duration::from_millis(400);
        while deadline < GUARD {
            let input = json!({ "method": method, "url": "/slow", "timeout_ms": 600_000 });
            let call = Invocation { deadline, ..sandbox.through(connection(&third.url()), "fetch", input) };
            let error = sandbox.call(call).await.result.expect_err("a failure");
            if third.count() > before {
                return error;
            }
            deadline *= 2;
        }
        panic!("it is never asked");
    };
    let error = unanswered("POST").await;
    assert!(error.sent_unsafe, "{error:?}");
    let error = unanswered("GET").await;
    assert!(!error.sent_unsafe, "{error:?}");
    // Nobody listens there: a connection that was refused carried nothing.
    let nobody = connection("http://127.0.0.1:1");
    let called = sandbox.call(sandbox.through(nobody, "fetch", json!({ "method": "POST", "url": "/" }))).await;
    assert_eq!(code(&called), "http_connect");
    assert!(!called.result.expect_err("a failure").sent_unsafe);
}

#[tokio::test]
async fn a_simulation_reads_and_records_what_it_would_have_changed() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let simulated = |input: Value| Invocation {
        mode: Mode::Simulated,
        ..sandbox.through(connection(&third.url()), "fetch", input)
    };
    let read = sandbox.call(simulated(json!({ "url": "/read" }))).await;
    assert_eq!(done(&read).output["status"], json!(200));
    let input = json!({ "method": "POST", "url": "/change", "body": "secret", "secret_header": true });
    let called = sandbox.call(simulated(input.clone())).await;
    let Ok(Outcome::Simulated { request }) = called.result else { panic!("{called:?}") };
    let url = format!("{}/change", third.url());
    assert_eq!(request["http"]["method"], json!("POST"));
    assert_eq!(request["http"]["url"], json!(url));
    assert_eq!(request["http"]["body"], json!({ "key": "{{secret:canary}}" }));
    assert!(request.to_string().contains("Bearer {{secret:stored}}"), "{request}");
    // What the manifest calls reading needs the grant to believe it.
    let search = json!({ "method": "POST", "url": "/search" });
    let called = sandbox.call(simulated(search.clone())).await;
    assert!(matches!(called.result, Ok(Outcome::Simulated { .. })), "{called:?}");
    let mut believed = connection(&third.url());
    believed.grant = Grant { accept_reads: true, ..believed.grant };
    let called = sandbox.call(Invocation { mode: Mode::Simulated, ..sandbox.through(believed, "fetch", search) }).await;
    assert_eq!(done(&called).output["status"], json!(200));
    let mut exempt = connection(&third.url());
    exempt.real_in_drills = true;
    for (mode, connection, sent) in [
        (Mode::Simulated, exempt.clone(), false),
        (Mode::Practice, connection(&third.url()), false),
        (Mode::Practice, exempt, true),
    ] {
        let called = sandbox.call(Invocation { mode, ..sandbox.through(connection, "fetch", input.clone()) }).await;
        assert_eq!(matches!(called.result, Ok(Outcome::Done(_))), sent, "{mode:?}: {called:?}");
        assert_eq!(matches!(called.result, Ok(Outcome::Simulated { .. })), !sent, "{mode:?}: {called:?}");
    }
    let paths: Vec<String> = third.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/read", "/search", "/change"]);
}

#[tokio::test]
async fn headers_that_frame_the_message_are_the_hosts() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    for header in ["host", "content-length", "transfer-encoding", "authorization", "accept-encoding", "range"] {
        let input = json!({ "url": "/", "headers": { header: "x" } });
        let called = sandbox.call(sandbox.through(connection(&third.url()), "fetch", input)).await;
        assert_eq!(code(&called), "http_invalid", "{header}");
    }
    let split = json!({ "url": "/", "headers": { "x-a": "b\r\nx-injected: 1" } });
    let called = sandbox.call(sandbox.through(connection(&third.url()), "fetch", split)).await;
    assert_eq!(code(&called), "http_invalid");
    assert_eq!(third.asked(), []);
}

#[tokio::test]
async fn an_answer_in_another_encoding_is_refused_as_nothing_could_be_masked_in_it() {
    let (sandbox, third) = (Sandbox::new().await, ThirdParty::start().await);
    let input = json!({ "method": "POST", "url": "/encoded" });
    let called = sandbox.call(sandbox.through(connection(&third.url()), "fetch", input)).await;
    assert_eq!(code(&called), "http_other", "{called:?}");
    assert!(called.result.expect_err("a failure").sent_unsafe, "the request was heard");
    assert_eq!(third.asked()[0].headers["accept-encoding"], "identity");
}
