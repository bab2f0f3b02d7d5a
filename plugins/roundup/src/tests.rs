//! The actions against a scripted tracker; the integration tests have a real one.

use wardroom_plugin_sdk::testing::{Ended, Host};

use super::*;

const MESSAGES: &str = "/rest/data/msg";

fn host() -> Host {
    Host::new().config(json!({ "tracker_url": "https://bugs.example.com/shop/", "author": "wardroom" }))
}

fn found(ids: &[&str]) -> Value {
    let members: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
    json!({ "data": { "collection": members } })
}

fn issue(status: &str) -> Value {
    json!({ "data": { "@etag": "\"e1\"", "attributes": { "title": "t", "status": { "name": status } } } })
}

/// The query by which the message of the tests' step is found.
fn by_mark(host: &Host) -> String {
    let ran = host.run::<Roundup>("create-ticket", &json!({ "title": "t", "text": "x" }));
    ran.requests.first().expect("it looks first").url.clone()
}

#[test]
fn a_ticket_is_opened_once_and_an_origin_is_named() {
    let look = by_mark(&host());
    assert!(look.starts_with("/rest/data/msg?messageid=%3C") && look.ends_with("%40wardroom%3E"), "{look}");
    let host = host()
        .answer("GET", &look, 200, found(&[]))
        .answer("POST", MESSAGES, 201, json!({ "data": { "id": "7" } }))
        .answer("GET", "/rest/data/issue?messages=7", 200, found(&[]))
        .answer("POST", "/rest/data/issue", 201, json!({ "data": { "id": "3" } }))
        .answer("GET", "/rest/data/issue/3?%40verbose=2", 200, issue("unread"));
    let ran = host.run::<Roundup>("create-ticket", &json!({ "title": "t", "text": "x", "priority": "bug" }));
    assert_eq!(ran.output()["url"], json!("https://bugs.example.com/shop/issue3"));
    assert_eq!(ran.requests[3].body, json!({ "title": "t", "messages": ["7"], "priority": "bug" }));
    assert_eq!(ran.requests[1].body["author"], json!("wardroom"));
    assert_eq!(ran.requests[3].header("origin"), Some("https://bugs.example.com"));
    let Ok(Ended::Done { artifacts, undo, .. }) = ran.result else { panic!("done") };
    assert_eq!((artifacts[0].0.as_str(), undo), ("ticket", Some(json!({ "ticket": "3" }))));
}

#[test]
fn a_second_try_finds_the_ticket_of_the_first() {
    let look = by_mark(&host());
    let host = host()
        .answer("GET", &look, 200, found(&["7"]))
        .answer("GET", "/rest/data/issue?messages=7", 200, found(&["3"]))
        .answer("GET", "/rest/data/issue/3?%40verbose=2", 200, issue("unread"));
    let ran = host.run::<Roundup>("create-ticket", &json!({ "title": "t", "text": "x" }));
    assert_eq!(ran.output()["ticket"], json!("3"));
    assert!(ran.requests.iter().all(|request| request.method == "GET"), "nothing is written twice");
    let found = host.check::<Roundup>("create-ticket", &json!({ "title": "t", "text": "x" }));
    assert_eq!(found.output()["ticket"], json!("3"));
}

#[test]
fn what_roundup_refuses_is_said() {
    let refusal = json!({ "error": { "status": 400, "msg": "property status: 'shut' is not a status." } });
    let host = host().answer("GET", "/rest/data/issue/3?%40verbose=2", 200, issue("unread")).answer(
        "PATCH",
        "/rest/data/issue/3",
        400,
        refusal,
    );
    let ran = host.run::<Roundup>("close-ticket", &json!({ "ticket": "3", "status": "shut" }));
    assert_eq!(ran.failure().code, "refused");
    assert!(ran.failure().message.contains("'shut' is not a status"), "{}", ran.failure());
}

#[test]
fn a_ticket_that_changed_meanwhile_is_read_again() {
    let host = host().answer("GET", "/rest/data/issue/3?%40verbose=2", 200, issue("unread")).answer(
        "PATCH",
        "/rest/data/issue/3",
        412,
        json!({ "error": { "status": 412, "msg": "If-Match" } }),
    );
    let ran = host.run::<Roundup>("close-ticket", &json!({ "ticket": "3" }));
    assert_eq!((ran.failure().code.as_str(), ran.failure().retry), ("changed_meanwhile", Retry::Backoff));
    assert_eq!(ran.requests[1].header("if-match"), Some("\"e1\""));
}

#[test]
fn a_status_that_somebody_gave_since_is_not_taken_back() {
    let host = host().undo_data(&json!({ "status": "unread" }));
    let host = host.answer("GET", "/rest/data/issue/3?%40verbose=2", 200, issue("chatting"));
    let ran = host.undo::<Roundup>("close-ticket", &json!({ "ticket": "3" }));
    assert_eq!(ran.failure().code, "changed_meanwhile");
}

#[test]
fn a_tracker_without_a_path_is_refused() {
    let host = Host::new().config(json!({ "tracker_url": "bugs", "author": "wardroom" }));
    let ran = host.run::<Roundup>("create-ticket", &json!({ "title": "t", "text": "x" }));
    assert_eq!(ran.failure().code, "invalid_config");
}
