//! The actions against a stub that is written by hand after the documented API:
//! <https://developer.pagerduty.com/api-reference/>.

use wardroom_plugin_sdk::testing::{Ended, Host, Ran};

use super::*;

const INCIDENTS: &str = "/incidents";
const ONE: &str = "/incidents/P1";
const URL: &str = "https://shop.pagerduty.com/incidents/P1";

/// The step's key.
fn key() -> String {
    "0123456789abcdef".repeat(4)
}

/// Where incidents of service `S1` with a key are listed.
fn listed(key: &str) -> String {
    let rest = "service_ids%5B%5D=S1&date_range=all&sort_by=created_at%3Adesc&limit=25";
    format!("/incidents?incident_key={key}&{rest}")
}

fn host() -> Host {
    Host::new().config(json!({ "from": "ada@example.com", "service": "S1" }))
}

/// An incident as the API gives it.
fn incident(number: u64, status: &str) -> Value {
    json!({
        "id": "P1", "type": "incident", "incident_number": number, "title": "Checkout", "status": status,
        "incident_key": "checkout", "html_url": URL, "service": { "id": "S1", "type": "service_reference" },
        "assignments": [], "resolved_at": null, "urgency": "high",
    })
}

fn one(status: &str) -> Value {
    json!({ "incident": incident(7, status) })
}

fn list(incidents: &[Value]) -> Value {
    json!({ "incidents": incidents, "limit": 25, "offset": 0, "total": null, "more": false })
}

fn asked(ran: &Ran) -> Vec<(&str, &str)> {
    ran.requests.iter().map(|request| (request.method.as_str(), request.url.as_str())).collect()
}

fn undo_of(ran: &Ran) -> Option<Value> {
    let Ok(Ended::Done { undo, .. }) = &ran.result else { panic!("done: {ran:?}") };
    undo.clone()
}

fn resume_of(ran: &Ran) -> Vec<u8> {
    let Ok(Ended::Pending { after_ms: 100, resume, .. }) = &ran.result else { panic!("pending: {ran:?}") };
    resume.clone()
}

/// Asks for a page under a key of its own, or the step's.
fn page(dedup_key: Option<&str>) -> Value {
    let mut input = json!({ "title": "Checkout" });
    if let Some(key) = dedup_key {
        input["dedup_key"] = json!(key);
    }
    input
}

fn which() -> Value {
    json!({ "dedup_key": "checkout" })
}

fn refused() -> Value {
    let text = "Open incident with matching dedup key already exists on this service";
    json!({ "error": { "message": "Arguments Caused Error", "code": 2002, "errors": [text] } })
}

#[test]
fn people_are_paged_under_the_steps_key() {
    let url = listed(&key());
    let host = host().answer("GET", &url, 200, list(&[])).answer("POST", INCIDENTS, 201, one("triggered"));
    let ran = host.run::<PagerDuty>("page", &page(None));
    assert_eq!(asked(&ran), [("GET", url.as_str()), ("POST", INCIDENTS)]);
    let body = json!({ "incident": {
        "type": "incident", "title": "Checkout", "service": { "id": "S1", "type": "service_reference" },
        "incident_key": key(),
    } });
    assert_eq!(ran.requests[1].body, body);
    for request in &ran.requests {
        assert_eq!(request.header("accept"), Some("application/vnd.pagerduty+json;version=2"));
        assert_eq!(request.header("from"), Some("ada@example.com"));
    }
    let output = json!({
        "id": "P1", "number": 7, "title": "Checkout", "status": "triggered", "dedup_key": key(), "url": URL,
        "changed": true,
    });
    assert_eq!(ran.output(), output);
    assert_eq!(undo_of(&ran), Some(json!({ "id": "P1" })));
    let Ok(Ended::Done { artifacts, .. }) = ran.result else { panic!("done") };
    assert_eq!(artifacts, [("link".to_owned(), "PagerDuty #7: Checkout".to_owned(), Some(URL.to_owned()))]);
}

#[test]
fn all_that_can_be_said_of_a_page_is_sent() {
    let url = listed(&key()).replace("=S1&", "=S2&");
    let host = host().answer("GET", &url, 200, list(&[])).answer("POST", INCIDENTS, 201, one("triggered"));
    let mut input = page(None);
    for (name, value) in [("details", "d"), ("service", "S2"), ("urgency", "low"), ("escalation_policy", "E1")] {
        input[name] = json!(value);
    }
    let ran = host.run::<PagerDuty>("page", &input);
    let body = json!({ "incident": {
        "type": "incident", "title": "Checkout", "service": { "id": "S2", "type": "service_reference" },
        "incident_key": key(), "body": { "type": "incident_body", "details": "d" }, "urgency": "low",
        "escalation_policy": { "id": "E1", "type": "escalation_policy_reference" },
    } });
    assert_eq!(ran.requests[1].body, body);
    let nowhere = Host::new().config(json!({ "from": "ada@example.com" })).run::<PagerDuty>("page", &page(None));
    assert_eq!((nowhere.failure().code.as_str(), nowhere.requests.len()), ("no_service", 0));
}

#[test]
fn a_second_try_finds_the_page_of_the_first_and_pages_nobody() {
    let url = listed(&key());
    for status in ["triggered", "acknowledged", "resolved"] {
        let host = host().answer("GET", &url, 200, list(&[incident(7, status)]));
        let ran = host.run::<PagerDuty>("page", &page(None));
        assert_eq!(asked(&ran), [("GET", url.as_str())]);
        assert_eq!((&ran.output()["status"], undo_of(&ran)), (&json!(status), Some(json!({ "id": "P1" }))));
        assert_eq!(host.check::<PagerDuty>("page", &page(None)).output(), ran.output());
    }
    let none = host().answer("GET", &url, 200, list(&[]));
    assert_eq!(none.check::<PagerDuty>("page", &page(None)).result, Ok(Ended::Absent));
    // It may not be listed yet when PagerDuty refuses another one.
    let late = none.clone().answer("GET", &url, 200, list(&[incident(7, "triggered")]));
    let late = late.answer("POST", INCIDENTS, 400, refused()).run::<PagerDuty>("page", &page(None));
    assert_eq!((&late.output()["changed"], late.requests.len()), (&json!(true), 3));
    let never = none.answer("POST", INCIDENTS, 400, refused()).run::<PagerDuty>("page", &page(None));
    assert_eq!((never.failure().code.as_str(), never.failure().retry), ("not_shown", Retry::Backoff));
}

#[test]
fn nobody_is_paged_while_an_incident_with_the_key_is_open() {
    let url = listed("checkout");
    let host = host().answer("GET", &url, 200, list(&[incident(8, "resolved"), incident(7, "acknowledged")]));
    let ran = host.run::<PagerDuty>("page", &page(Some("checkout")));
    assert_eq!(asked(&ran), [("GET", url.as_str())]);
    let output = ran.output();
    assert_eq!((&output["number"], &output["changed"], undo_of(&ran)), (&json!(7), &json!(false), None));
}

#[test]
fn a_key_that_was_used_before_pages_once_more_and_only_once() {
    let (url, input) = (listed("checkout"), page(Some("checkout")));
    let before = host().answer("GET", &url, 200, list(&[incident(5, "resolved"), incident(6, "resolved")]));
    let first = before.run::<PagerDuty>("page", &input);
    assert_eq!(asked(&first), [("GET", url.as_str())]);
    let resume = resume_of(&first);
    assert_eq!(resume, b"6");
    assert_eq!(before.check::<PagerDuty>("page", &input).result, Ok(Ended::Absent));
    let before = before.resume(&resume);
    assert_eq!(before.check::<PagerDuty>("page", &input).result, Ok(Ended::Absent));
    let ran = before.clone().answer("POST", INCIDENTS, 201, one("triggered")).run::<PagerDuty>("page", &input);
    assert_eq!(asked(&ran), [("GET", url.as_str()), ("POST", INCIDENTS)]);
    assert_eq!(ran.requests[1].body["incident"]["incident_key"], json!("checkout"));
    assert_eq!(undo_of(&ran), Some(json!({ "id": "P1" })));
    // The answer was lost, and somebody has resolved it by now.
    let after = list(&[incident(6, "resolved"), incident(7, "resolved")]);
    let after = host().answer("GET", &url, 200, after).resume(&resume);
    let second = after.run::<PagerDuty>("page", &input);
    assert_eq!((asked(&second), &second.output()["number"]), (vec![("GET", url.as_str())], &json!(7)));
    assert_eq!(undo_of(&after.check::<PagerDuty>("page", &input)), Some(json!({ "id": "P1" })));
    // Somebody else was faster.
    let raced = before.answer("GET", &url, 200, list(&[incident(7, "triggered")]));
    let raced = raced.answer("POST", INCIDENTS, 400, refused()).run::<PagerDuty>("page", &input);
    assert_eq!((&raced.output()["changed"], undo_of(&raced)), (&json!(false), None));
}

#[test]
fn a_page_is_resolved_when_it_is_taken_back() {
    let undo = json!({ "id": "P1" });
    let host = host().answer("GET", ONE, 200, one("acknowledged")).answer("PUT", ONE, 200, one("resolved"));
    let ran = host.undo_data(&undo).undo::<PagerDuty>("page", &page(None));
    assert_eq!(asked(&ran), [("GET", ONE), ("PUT", ONE)]);
    let body = json!({ "incident": { "type": "incident_reference", "status": "resolved" } });
    assert_eq!(ran.requests[1].body, body);
    let over = self::host().answer("GET", ONE, 200, one("resolved")).undo_data(&undo);
    assert_eq!(asked(&over.undo::<PagerDuty>("page", &page(None))), [("GET", ONE)]);
    let nothing = self::host().undo::<PagerDuty>("page", &page(None));
    assert_eq!((nothing.output(), nothing.requests), (json!({}), Vec::new()));
}

#[test]
fn an_incident_is_known_to_the_host_before_it_is_changed() {
    let url = listed("checkout");
    for (action, status) in [("acknowledge", "acknowledged"), ("resolve", "resolved")] {
        let found = host().answer("GET", &url, 200, list(&[incident(7, "triggered")]));
        let first = found.run::<PagerDuty>(action, &which());
        assert_eq!(asked(&first), [("GET", url.as_str())]);
        let resume = resume_of(&first);
        assert_eq!(found.check::<PagerDuty>(action, &which()).result, Ok(Ended::Absent));
        let host = host().resume(&resume).answer("GET", ONE, 200, one("triggered"));
        assert_eq!(host.check::<PagerDuty>(action, &which()).result, Ok(Ended::Absent));
        let ran = host.answer("PUT", ONE, 200, one(status)).run::<PagerDuty>(action, &which());
        assert_eq!(asked(&ran), [("GET", ONE), ("PUT", ONE)]);
        assert_eq!(ran.requests[1].body, json!({ "incident": { "type": "incident_reference", "status": status } }));
        assert_eq!(ran.requests[1].header("from"), Some("ada@example.com"));
        let output = ran.output();
        assert_eq!((&output["status"], &output["dedup_key"]), (&json!(status), &json!("checkout")));
        let undo = json!({ "id": "P1", "before": "triggered", "after": status });
        assert_eq!((&output["changed"], undo_of(&ran)), (&json!(true), Some(undo.clone())));
        // A second try finds it changed, and what it was.
        let again = self::host().resume(&resume).answer("GET", ONE, 200, one(status));
        let second = again.run::<PagerDuty>(action, &which());
        assert_eq!((asked(&second), undo_of(&second)), (vec![("GET", ONE)], Some(undo.clone())));
        assert_eq!(undo_of(&again.check::<PagerDuty>(action, &which())), Some(undo));
    }
}

#[test]
fn what_is_so_already_stays_untouched_and_what_is_over_is_not_opened_again() {
    let url = listed("checkout");
    let run = |action, incidents: &[Value]| {
        host().answer("GET", &url, 200, list(incidents)).run::<PagerDuty>(action, &which())
    };
    for (action, status) in [("acknowledge", "acknowledged"), ("resolve", "resolved")] {
        let ran = run(action, &[incident(7, status)]);
        assert_eq!((&ran.output()["changed"], undo_of(&ran)), (&json!(false), None));
        assert_eq!(run(action, &[]).failure().code, "not_found");
    }
    assert_eq!(run("acknowledge", &[incident(7, "resolved")]).failure().code, "resolved");
    let resume = resume_of(&run("acknowledge", &[incident(7, "triggered")]));
    let host = host().resume(&resume).answer("GET", ONE, 200, one("resolved"));
    let late = host.run::<PagerDuty>("acknowledge", &which());
    assert_eq!((late.failure().code.as_str(), asked(&late)), ("resolved", vec![("GET", ONE)]));
    assert_eq!(host.check::<PagerDuty>("acknowledge", &which()).result, Ok(Ended::Unknown));
}

#[test]
fn an_undo_gives_the_earlier_status_back() {
    let undo = json!({ "id": "P1", "before": "acknowledged", "after": "resolved" });
    let take_back = |status| {
        let host = host().answer("GET", ONE, 200, one(status)).answer("PUT", ONE, 200, one("acknowledged"));
        host.undo_data(&undo).undo::<PagerDuty>("resolve", &which())
    };
    let ran = take_back("resolved");
    assert_eq!(asked(&ran), [("GET", ONE), ("PUT", ONE)]);
    let body = json!({ "incident": { "type": "incident_reference", "status": "acknowledged" } });
    assert_eq!(ran.requests[1].body, body);
    assert_eq!(asked(&take_back("acknowledged")), [("GET", ONE)]);
    let theirs = take_back("triggered");
    assert_eq!((theirs.failure().code.as_str(), asked(&theirs)), ("changed_meanwhile", vec![("GET", ONE)]));
    let undo = json!({ "id": "P1", "before": "triggered", "after": "acknowledged" });
    let host = host().answer("GET", ONE, 200, one("acknowledged")).answer("PUT", ONE, 200, one("triggered"));
    let ran = host.undo_data(&undo).undo::<PagerDuty>("acknowledge", &which());
    assert_eq!(ran.requests[1].body["incident"]["status"], json!("triggered"));
    for action in ["acknowledge", "resolve"] {
        let nothing = self::host().undo::<PagerDuty>(action, &which());
        assert_eq!((nothing.output(), nothing.requests), (json!({}), Vec::new()));
    }
    assert_eq!(self::host().undo_data(&json!(1)).undo::<PagerDuty>("resolve", &which()).failure().code, "undo_data");
}

#[test]
fn a_higher_level_is_paged() {
    let input = json!({ "incident": "P1", "level": 3 });
    let host = host().answer("GET", ONE, 200, one("acknowledged")).answer("PUT", ONE, 200, one("triggered"));
    let ran = host.run::<PagerDuty>("escalate", &input);
    assert_eq!(asked(&ran), [("GET", ONE), ("PUT", ONE)]);
    assert_eq!(ran.requests[1].body, json!({ "incident": { "type": "incident_reference", "escalation_level": 3 } }));
    assert_eq!(ran.requests[1].header("from"), Some("ada@example.com"));
    assert_eq!((&ran.output()["status"], &ran.output()["dedup_key"]), (&json!("triggered"), &json!("checkout")));
    let over = self::host().answer("GET", ONE, 200, one("resolved")).run::<PagerDuty>("escalate", &input);
    assert_eq!((over.failure().code.as_str(), asked(&over)), ("resolved", vec![("GET", ONE)]));
    let manifest = PagerDuty::describe().manifest();
    let escalate = manifest["actions"].as_array().expect("actions").iter().find(|one| one["name"] == "escalate");
    assert_eq!(escalate.expect("is there")["idempotent"], json!(false), "people would be paged twice");
}

#[test]
fn what_pagerduty_does_not_do_is_told_with_what_helps() {
    let input = json!({ "incident": "P1", "level": 2 });
    let run = |status, headers: &[(&str, &str)], body| {
        let host = host().answer("GET", ONE, 200, one("triggered"));
        host.answer_with("PUT", ONE, status, headers, body).run::<PagerDuty>("escalate", &input)
    };
    let error = |message: &str, errors: &[&str]| json!({ "error": { "message": message, "errors": errors } });
    let words = "PagerDuty refuses: Invalid Input Provided: Escalation level is unknown.";
    let cases = [
        (400, error("Invalid Input Provided", &["Escalation level is unknown."]), "refused", words),
        (402, error("No such ability", &[]), "refused", "No such ability."),
        (400, json!("<html>"), "refused", "<html>"),
        (401, error("Unauthorized", &[]), "unauthorized", "Token token="),
        (404, error("Not Found", &[]), "not_found", "compare the id"),
    ];
    for (status, body, code, words) in cases {
        let ran = run(status, &[], body);
        let failure = ran.failure();
        assert_eq!((failure.code.as_str(), failure.retry, failure.effect), (code, Retry::Never, Effect::None));
        assert!(failure.message.contains(words), "{failure}");
    }
    for (headers, delay) in
        [(&[("ratelimit-reset", "9")] as &[_], 9_000), (&[("retry-after", "3")], 3_000), (&[], 60_000)]
    {
        let ran = run(429, headers, error("Rate Limit Exceeded", &[]));
        assert_eq!((ran.failure().code.as_str(), ran.failure().retry), ("rate_limited", Retry::AfterMs(delay)));
    }
    assert_eq!(run(500, &[], json!("")).failure().effect, Effect::Unknown, "people may have been paged");
    let dry = host().answer("GET", &listed(&key()), 429, json!({})).run::<PagerDuty>("page", &page(None));
    assert_eq!(dry.failure().retry, Retry::AfterMs(60_000));
}
