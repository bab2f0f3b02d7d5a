//! The actions against a scripted master; the integration tests have a real one.

use wardroom_plugin_sdk::testing::{Ended, Host};

use super::*;

const FORCE: &str = "/api/v2/forceschedulers/roll%20back";

fn input() -> Value {
    json!({ "scheduler": "roll back", "properties": { "version": "v1" }, "undo": { "version": "v2" } })
}

/// The query by which the build set of the tests' step is found.
fn look() -> String {
    let ran = Host::new().run::<Buildbot>("start-build", &input());
    ran.requests.first().expect("it looks first").url.clone()
}

fn sets(sets: &Value) -> Value {
    json!({ "buildsets": sets })
}

fn resumed() -> Host {
    Host::new().resume(br#"{"build_set":4,"looks":1}"#)
}

fn ended(results: u64) -> Host {
    let build = json!({ "number": 9, "builderid": 2, "results": results, "properties": { "version": ["v1", "form"] } });
    resumed()
        .config(json!({ "web_url": "https://ci.example.com/" }))
        .answer("GET", "/api/v2/buildsets/4", 200, sets(&json!([{ "bsid": 4, "complete": true, "results": results }])))
        .answer("GET", "/api/v2/buildrequests?buildsetid=4", 200, json!({ "buildrequests": [{ "buildrequestid": 5 }] }))
        .answer("GET", "/api/v2/buildrequests/5/builds?property=*", 200, json!({ "builds": [build] }))
}

#[test]
fn a_build_is_started_once_and_waited_for() {
    assert!(look().starts_with("/api/v2/buildsets?reason__contains=%5Bwardroom%20"), "{}", look());
    let running = sets(&json!([{ "bsid": 4, "complete": false, "results": null }]));
    let host = Host::new()
        .answer("GET", &look(), 200, sets(&json!([])))
        .answer("GET", FORCE, 200, json!({}))
        .answer("POST", FORCE, 200, json!({ "id": "wardroom", "jsonrpc": "2.0", "result": [4, { "2": 5 }] }))
        .answer("GET", "/api/v2/buildsets/4", 200, running.clone());
    let ran = host.run::<Buildbot>("start-build", &input());
    assert_eq!(ran.requests[2].body["params"]["version"], json!("v1"));
    let Ok(Ended::Pending { resume, .. }) = &ran.result else { panic!("{:?}", ran.result) };
    assert_eq!(resume.as_slice(), br#"{"build_set":4,"looks":1}"#);
    // A second try whose first one was lost finds what that one started.
    let host = Host::new()
        .answer("GET", &look(), 200, sets(&json!([{ "bsid": 4, "complete": false, "results": null }])))
        .answer("GET", "/api/v2/buildsets/4", 200, running);
    let ran = host.run::<Buildbot>("start-build", &input());
    assert!(ran.requests.iter().all(|request| request.method == "GET"), "nothing is started twice");
}

#[test]
fn a_build_that_ends_well_is_linked_and_leaves_its_undo() {
    let ran = ended(0).run::<Buildbot>("start-build", &input());
    assert_eq!(ran.output()["builds"][0]["properties"], json!({ "version": "v1" }));
    let Ok(Ended::Done { undo, artifacts, .. }) = ran.result else { panic!("done") };
    assert_eq!(undo, Some(json!({ "build_set": 4 })));
    assert_eq!(artifacts[0].2.as_deref(), Some("https://ci.example.com/#/builders/2/builds/9"));
}

#[test]
fn a_build_that_fails_fails_the_step_as_having_happened() {
    let ran = ended(2).run::<Buildbot>("start-build", &input());
    assert_eq!((ran.failure().code.as_str(), ran.failure().effect), ("build_failure", Effect::Applied));
    assert!(ran.failure().message.contains("builds/9"), "{}", ran.failure());
}

#[test]
fn an_undo_asks_the_scheduler_for_what_was_there_before() {
    let host = Host::new()
        .undo_data(&json!({ "build_set": 4 }))
        .answer("GET", &look(), 200, sets(&json!([])))
        .answer("GET", FORCE, 200, json!({}))
        .answer("POST", FORCE, 200, json!({ "result": [6, {}] }))
        .answer("GET", "/api/v2/buildsets/6", 200, sets(&json!([{ "bsid": 6, "complete": false, "results": null }])));
    let ran = host.undo::<Buildbot>("start-build", &input());
    assert_eq!(ran.requests[2].body["params"]["version"], json!("v2"));
    let ran = Host::new().undo::<Buildbot>("start-build", &json!({ "scheduler": "roll back" }));
    assert_eq!(ran.failure().code, "no_undo");
}

#[test]
fn what_cannot_be_started_is_said() {
    let host = Host::new().answer("GET", &look(), 200, sets(&json!([])));
    let ran = host.answer("GET", FORCE, 404, json!({})).run::<Buildbot>("start-build", &input());
    assert_eq!(ran.failure().code, "not_found");
    let refused = json!({ "error": { "code": -32602, "message": { "version": "version: is not optional" } } });
    let host = Host::new().answer("GET", &look(), 200, sets(&json!([]))).answer("GET", FORCE, 200, json!({}));
    let ran = host.answer("POST", FORCE, 400, refused).run::<Buildbot>("start-build", &input());
    assert_eq!(ran.failure().message, "Buildbot refuses: version: is not optional.");
    let taken = json!({ "scheduler": "roll back", "properties": { "owner": "me" } });
    let host = Host::new().answer("GET", &look(), 200, sets(&json!([])));
    assert_eq!(host.run::<Buildbot>("start-build", &taken).failure().code, "invalid_input");
}
