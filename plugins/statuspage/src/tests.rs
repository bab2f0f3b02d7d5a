//! The actions against a stub that is written by hand after the documented API: <https://developer.statuspage.io/>.

use wardroom_plugin_sdk::testing::{Ended, Host, Ran};

use super::*;

const INCIDENTS: &str = "/v1/pages/p%2F1/incidents";
const UNRESOLVED: &str = "/v1/pages/p%2F1/incidents/unresolved";
const LATEST: &str = "/v1/pages/p%2F1/incidents?limit=100";
const ONE: &str = "/v1/pages/p%2F1/incidents/i1";
const LINK: &str = "https://stspg.io/i1";
const NAME: &str = "Checkout is slow";

/// The step's key.
fn key() -> String {
    "0123456789abcdef".repeat(4)
}

fn host() -> Host {
    Host::new().config(json!({ "page_id": "p/1" }))
}

/// An incident as the API gives it.
fn incident(status: &str, metadata: &Value) -> Value {
    json!({
        "id": "i1", "name": NAME, "status": status, "impact": "major", "impact_override": null, "shortlink": LINK,
        "page_id": "p/1", "metadata": metadata, "components": [], "incident_updates": [], "resolved_at": null,
    })
}

/// What the metadata of an incident keeps of a change that this step made.
fn noted(before: &str) -> Value {
    json!({ "wardroom": { "key": "another", "changes": { key(): before } } })
}

fn ours() -> Value {
    json!({ "wardroom": { "key": key() } })
}

/// Finds no incident of this step's.
fn empty() -> Host {
    let theirs = json!([incident("identified", &Value::Null), incident("identified", &noted("monitoring"))]);
    host().answer("GET", UNRESOLVED, 200, theirs.clone()).answer("GET", LATEST, 200, theirs)
}

fn asked(ran: &Ran) -> Vec<(&str, &str)> {
    ran.requests.iter().map(|request| (request.method.as_str(), request.url.as_str())).collect()
}

fn undo_of(ran: &Ran) -> Option<Value> {
    let Ok(Ended::Done { undo, .. }) = &ran.result else { panic!("done: {ran:?}") };
    undo.clone()
}

fn input() -> Value {
    json!({ "name": NAME, "body": "We are looking into it." })
}

fn update(status: &str) -> Value {
    json!({ "incident": "i1", "body": "We know why.", "status": status })
}

#[test]
fn an_incident_is_published_under_the_steps_key() {
    let host = empty().answer("POST", INCIDENTS, 201, incident("investigating", &ours()));
    let ran = host.run::<Statuspage>("create", &input());
    assert_eq!(asked(&ran), [("GET", UNRESOLVED), ("GET", LATEST), ("POST", INCIDENTS)]);
    let body = json!({ "incident": {
        "name": NAME, "status": "investigating", "body": "We are looking into it.", "deliver_notifications": true,
        "metadata": { "wardroom": { "key": key() } },
    } });
    assert_eq!(ran.requests[2].body, body);
    let output = json!({
        "id": "i1", "name": NAME, "status": "investigating", "impact": "major", "shortlink": LINK, "changed": true,
    });
    assert_eq!(ran.output(), output);
    assert_eq!(undo_of(&ran), Some(json!({ "id": "i1" })));
    let Ok(Ended::Done { artifacts, .. }) = ran.result else { panic!("done") };
    assert_eq!(artifacts, [("link".to_owned(), NAME.to_owned(), Some(LINK.to_owned()))]);
}

#[test]
fn all_that_can_be_said_of_an_incident_is_sent() {
    let host = empty().answer("POST", INCIDENTS, 201, incident("monitoring", &ours()));
    let mut input = input();
    input["status"] = json!("monitoring");
    input["impact"] = json!("critical");
    input["components"] = json!(["c1", "c2"]);
    input["notify"] = json!(false);
    let ran = host.run::<Statuspage>("create", &input);
    let sent = &ran.requests[2].body["incident"];
    assert_eq!((&sent["status"], &sent["impact_override"]), (&json!("monitoring"), &json!("critical")));
    assert_eq!((&sent["component_ids"], &sent["deliver_notifications"]), (&json!(["c1", "c2"]), &json!(false)));
}

#[test]
fn a_second_try_finds_the_incident_of_the_first_and_publishes_none() {
    let open = json!([incident("identified", &json!({})), incident("investigating", &ours())]);
    let ran = host().answer("GET", UNRESOLVED, 200, open).run::<Statuspage>("create", &input());
    assert_eq!(asked(&ran), [("GET", UNRESOLVED)]);
    assert_eq!(undo_of(&ran), Some(json!({ "id": "i1" })));
    // Somebody may have resolved it between the two.
    let resolved = json!([incident("resolved", &ours())]);
    let host = host().answer("GET", UNRESOLVED, 200, json!([])).answer("GET", LATEST, 200, resolved);
    let ran = host.run::<Statuspage>("create", &input());
    assert_eq!(asked(&ran), [("GET", UNRESOLVED), ("GET", LATEST)]);
    assert_eq!(ran.output()["status"], json!("resolved"));
}

#[test]
fn looking_tells_whether_it_was_published() {
    assert_eq!(empty().check::<Statuspage>("create", &input()).result, Ok(Ended::Absent));
    let there = host().answer("GET", UNRESOLVED, 200, json!([incident("investigating", &ours())]));
    let ran = there.check::<Statuspage>("create", &input());
    assert_eq!((ran.output()["id"].clone(), undo_of(&ran)), (json!("i1"), Some(json!({ "id": "i1" }))));
}

#[test]
fn what_was_published_is_resolved_when_it_is_taken_back() {
    let host = host()
        .answer("GET", ONE, 200, incident("identified", &ours()))
        .answer("PATCH", ONE, 200, incident("resolved", &ours()))
        .undo_data(&json!({ "id": "i1" }));
    let ran = host.undo::<Statuspage>("create", &input());
    assert_eq!(asked(&ran), [("GET", ONE), ("PATCH", ONE)]);
    let body = json!({ "incident": {
        "status": "resolved", "body": "This report has been withdrawn.", "deliver_notifications": true,
        "metadata": { "wardroom": { "key": key(), "changes": { key(): "identified" } } },
    } });
    assert_eq!(ran.requests[1].body, body);
    let over = self::host().answer("GET", ONE, 200, incident("resolved", &ours())).undo_data(&json!({ "id": "i1" }));
    assert_eq!(asked(&over.undo::<Statuspage>("create", &input())), [("GET", ONE)]);
    let nothing = self::host().undo::<Statuspage>("create", &input());
    assert_eq!((nothing.output(), nothing.requests), (json!({}), Vec::new()));
}

#[test]
fn an_update_is_posted_once_and_keeps_what_others_noted() {
    let metadata = json!({ "jira": { "issue_id": "7" } });
    let host = host().answer("GET", ONE, 200, incident("investigating", &metadata)).answer(
        "PATCH",
        ONE,
        200,
        incident("identified", &noted("investigating")),
    );
    let ran = host.run::<Statuspage>("update", &update("identified"));
    assert_eq!(asked(&ran), [("GET", ONE), ("PATCH", ONE)]);
    let body = json!({ "incident": {
        "status": "identified", "body": "We know why.", "deliver_notifications": true,
        "metadata": { "jira": { "issue_id": "7" }, "wardroom": { "changes": { key(): "investigating" } } },
    } });
    assert_eq!(ran.requests[1].body, body);
    assert_eq!(ran.output()["status"], json!("identified"));
    assert_eq!(undo_of(&ran), Some(json!({ "before": "investigating", "after": "identified" })));
    let again = self::host().answer("GET", ONE, 200, incident("identified", &noted("investigating")));
    let second = again.run::<Statuspage>("update", &update("identified"));
    assert_eq!((asked(&second), undo_of(&second)), (vec![("GET", ONE)], undo_of(&ran)));
    let found = again.check::<Statuspage>("update", &update("identified"));
    assert_eq!((found.output(), undo_of(&found)), (ran.output(), undo_of(&ran)));
    let other = self::host().answer("GET", ONE, 200, incident("identified", &ours()));
    assert_eq!(other.check::<Statuspage>("update", &update("identified")).result, Ok(Ended::Absent));
}

#[test]
fn an_update_without_a_status_leaves_it() {
    let host = host().answer("GET", ONE, 200, incident("monitoring", &json!({ "wardroom": 1 }))).answer(
        "PATCH",
        ONE,
        200,
        incident("monitoring", &noted("monitoring")),
    );
    let ran = host.run::<Statuspage>("update", &json!({ "incident": "i1", "body": "Still.", "notify": false }));
    let sent = &ran.requests[1].body["incident"];
    assert_eq!((&sent["status"], &sent["deliver_notifications"]), (&json!("monitoring"), &json!(false)));
    let undo = undo_of(&ran).expect("undo data");
    let back = self::host().undo_data(&undo).undo::<Statuspage>("update", &update("monitoring"));
    assert_eq!((back.output(), back.requests), (json!({}), Vec::new()));
}

#[test]
fn a_resolved_incident_is_not_opened_by_an_update() {
    let host = host().answer("GET", ONE, 200, incident("resolved", &json!({})));
    let ran = host.run::<Statuspage>("update", &update("identified"));
    assert_eq!((ran.failure().code.as_str(), asked(&ran)), ("resolved", vec![("GET", ONE)]));
}

#[test]
fn an_undo_gives_the_earlier_status_back() {
    let undo = json!({ "before": "investigating", "after": "identified" });
    let host = |status| {
        let answered = incident("investigating", &json!({}));
        host()
            .answer("GET", ONE, 200, incident(status, &json!({})))
            .answer("PATCH", ONE, 200, answered)
            .undo_data(&undo)
    };
    let ran = host("identified").undo::<Statuspage>("update", &update("identified"));
    let body = json!({ "incident": {
        "status": "investigating", "deliver_notifications": true,
        "body": "The update before this one is withdrawn. The status is investigating again.",
        "metadata": { "wardroom": { "changes": { key(): "identified" } } },
    } });
    assert_eq!((asked(&ran), &ran.requests[1].body), (vec![("GET", ONE), ("PATCH", ONE)], &body));
    assert_eq!(asked(&host("investigating").undo::<Statuspage>("update", &update("identified"))), [("GET", ONE)]);
    let theirs = host("resolved").undo::<Statuspage>("update", &update("identified"));
    assert_eq!((theirs.failure().code.as_str(), asked(&theirs)), ("changed_meanwhile", vec![("GET", ONE)]));
    // It was given back before, and somebody went on from there.
    let done = self::host().answer("GET", ONE, 200, incident("monitoring", &noted("identified"))).undo_data(&undo);
    assert_eq!(asked(&done.undo::<Statuspage>("update", &update("identified"))), [("GET", ONE)]);
    let nothing = self::host().undo::<Statuspage>("update", &update("identified"));
    assert_eq!((nothing.output(), nothing.requests), (json!({}), Vec::new()));
    let odd = self::host().undo_data(&json!(1)).undo::<Statuspage>("update", &update("identified"));
    assert_eq!(odd.failure().code, "undo_data");
}

#[test]
fn an_incident_is_resolved_once_and_opened_again_by_an_undo() {
    let input = json!({ "incident": "i1" });
    let host = host().answer("GET", ONE, 200, incident("monitoring", &ours())).answer(
        "PATCH",
        ONE,
        200,
        incident("resolved", &noted("monitoring")),
    );
    let ran = host.run::<Statuspage>("resolve", &input);
    let body = json!({ "incident": {
        "status": "resolved", "body": "This incident has been resolved.", "deliver_notifications": true,
        "metadata": { "wardroom": { "key": key(), "changes": { key(): "monitoring" } } },
    } });
    assert_eq!((asked(&ran), &ran.requests[1].body), (vec![("GET", ONE), ("PATCH", ONE)], &body));
    let undo = json!({ "before": "monitoring", "after": "resolved" });
    assert_eq!((ran.output()["changed"].clone(), undo_of(&ran)), (json!(true), Some(undo.clone())));
    assert_eq!(host.check::<Statuspage>("resolve", &input).result, Ok(Ended::Absent));
    let again = self::host().answer("GET", ONE, 200, incident("resolved", &noted("monitoring")));
    let second = again.run::<Statuspage>("resolve", &input);
    assert_eq!((asked(&second), undo_of(&second)), (vec![("GET", ONE)], Some(undo.clone())));
    assert_eq!(undo_of(&again.check::<Statuspage>("resolve", &input)), Some(undo.clone()));
    let back = self::host()
        .answer("GET", ONE, 200, incident("resolved", &json!({})))
        .answer("PATCH", ONE, 200, incident("monitoring", &json!({})))
        .undo_data(&undo)
        .undo::<Statuspage>("resolve", &input);
    assert_eq!(back.requests[1].body["incident"]["status"], json!("monitoring"));
}

#[test]
fn what_somebody_else_resolved_stays_untouched() {
    let host = host().answer("GET", ONE, 200, incident("resolved", &ours()));
    let ran = host.run::<Statuspage>("resolve", &json!({ "incident": "i1", "body": "Over." }));
    assert_eq!((ran.output()["changed"].clone(), undo_of(&ran)), (json!(false), None));
    assert_eq!(asked(&ran), [("GET", ONE)]);
}

#[test]
fn what_statuspage_does_not_do_is_told_with_what_helps() {
    let run = |status, headers: &[(&str, &str)], body| {
        host().answer_with("GET", ONE, status, headers, body).run::<Statuspage>("resolve", &json!({ "incident": "i1" }))
    };
    let cases = [
        (401, json!({ "error": "Could not authenticate" }), "unauthorized", "the word OAuth"),
        (404, json!({ "error": "Record not found" }), "not_found", "page_id"),
        (422, json!({ "error": ["Name is too long", "Body is blank"] }), "refused", "Name is too long, Body is blank."),
        (400, json!({ "message": "incident is missing" }), "refused", "Statuspage refuses: incident is missing."),
        (422, json!("<html>"), "refused", "<html>"),
    ];
    for (status, body, code, words) in cases {
        let ran = run(status, &[], body);
        let failure = ran.failure();
        assert_eq!((failure.code.as_str(), failure.retry, failure.effect), (code, Retry::Never, Effect::None));
        assert!(failure.message.contains(words), "{failure}");
    }
    for status in [420, 429] {
        let ran = run(status, &[], json!({ "error": "limit" }));
        assert_eq!((ran.failure().code.as_str(), ran.failure().retry), ("rate_limited", Retry::AfterMs(60_000)));
    }
    assert_eq!(run(429, &[("retry-after", "3")], json!({})).failure().retry, Retry::AfterMs(3_000));
    let lost = empty().answer("POST", INCIDENTS, 502, json!("")).run::<Statuspage>("create", &input());
    assert_eq!((lost.failure().effect, lost.failure().retry), (Effect::Unknown, Retry::Backoff));
}
