//! The actions against a stub written after the documented API and what Alertmanager 0.25 answers. The real server is asked
//! in `tests/integration/alertmanager_plugin.rs`.

use wardroom_plugin_sdk::testing::{Ended, Host, Ran};

use super::*;

const SILENCES: &str = "/api/v2/silences";
/// Narrowed to `alertname="CheckoutErrors"` and `severity!~"info|\"debug\""`.
const LISTED: &str =
    "/api/v2/silences?filter=alertname%3D%22CheckoutErrors%22&filter=severity%21~%22info%7C%5C%22debug%5C%22%22";
const ONE: &str = "/api/v2/silence/a-1";
const MARKER: &str = "[wardroom 0123456789abcdef0123456789abcdef]";
/// The scripted host's clock, and half an hour later.
const NOW: &str = "2023-11-14T22:13:20.000Z";
const LATER: &str = "2023-11-14T22:43:20.000Z";

fn input(more: Value) -> Value {
    let mut input = json!({
        "matchers": [
            { "name": "alertname", "value": "CheckoutErrors" },
            { "name": "severity", "value": "info|\"debug\"", "is_regex": true, "is_equal": false },
        ],
        "comment": "rolling back",
    });
    if let (Some(input), Value::Object(more)) = (input.as_object_mut(), more) {
        input.extend(more);
    }
    input
}

/// As the API writes it.
fn matchers() -> Value {
    json!([
        { "name": "alertname", "value": "CheckoutErrors", "isRegex": false, "isEqual": true },
        { "name": "severity", "value": "info|\"debug\"", "isRegex": true, "isEqual": false },
    ])
}

fn silence(id: &str, state: &str, comment: &str) -> Value {
    json!({
        "id": id, "status": { "state": state }, "updatedAt": NOW, "comment": comment, "createdBy": "ada",
        "startsAt": "2023-11-14T22:00:00.000Z", "endsAt": LATER, "matchers": matchers(), "annotations": {},
    })
}

fn undo_of(ran: &Ran) -> Value {
    let Ok(Ended::Done { undo: Some(undo), .. }) = &ran.result else { panic!("done with undo data: {ran:?}") };
    undo.clone()
}

fn asked(ran: &Ran) -> Vec<(&str, &str)> {
    ran.requests.iter().map(|request| (request.method.as_str(), request.url.as_str())).collect()
}

/// A text as the API answers it: JSON.
fn quoted(text: &str) -> Value {
    json!(json!(text).to_string())
}

fn made(host: Host) -> Host {
    host.answer("POST", SILENCES, 200, json!({ "silenceID": "a-1" }))
}

#[test]
fn alerts_are_silenced_under_a_marker() {
    let somebody_elses = json!([silence("b-1", "active", "lunch")]);
    let host = made(Host::new().answer("GET", LISTED, 200, somebody_elses));
    let ran = host.run::<Alertmanager>("silence", &input(json!({ "minutes": 30 })));
    assert_eq!(asked(&ran), [("GET", LISTED), ("POST", SILENCES)]);
    let body = json!({
        "matchers": matchers(), "startsAt": NOW, "endsAt": LATER, "createdBy": "wardroom",
        "comment": format!("rolling back {MARKER}"),
    });
    assert_eq!(ran.requests[1].body, body);
    let output = ran.output();
    assert_eq!((&output["id"], &output["state"]), (&json!("a-1"), &json!("active")));
    assert_eq!((&output["ends_at"], &output["changed"]), (&json!(LATER), &json!(true)));
    assert_eq!(output["matchers"][1]["is_equal"], json!(false));
    let Ok(Ended::Done { summary, .. }) = &ran.result else { panic!("done") };
    let matchers = "alertname=\"CheckoutErrors\", severity!~\"info|\\\"debug\\\"\"";
    assert_eq!(summary, &format!("silenced {matchers} until {LATER}"));
    assert_eq!(undo_of(&ran), json!({ "id": "a-1", "marker": MARKER }));
}

#[test]
fn a_second_try_finds_the_silence_of_the_first_and_makes_none() {
    let ours = format!("rolling back {MARKER}");
    for state in ["active", "expired"] {
        let listed = json!([silence("b-1", "active", "lunch"), silence("a-1", state, &ours)]);
        let host = Host::new().answer("GET", LISTED, 200, listed);
        // The end that was asked for may be over by then.
        let ran = host.run::<Alertmanager>("silence", &input(json!({ "ends_at": "2023-11-14T22:13:00Z" })));
        assert_eq!(asked(&ran), [("GET", LISTED)]);
        assert_eq!((&ran.output()["id"], &ran.output()["state"]), (&json!("a-1"), &json!(state)));
        assert_eq!(undo_of(&ran), json!({ "id": "a-1", "marker": MARKER }));
    }
}

#[test]
fn who_and_until_when_can_be_said() {
    let host = made(Host::new().answer("GET", LISTED, 200, json!([]))).config(json!({ "created_by": "the shop" }));
    let ran = host.run::<Alertmanager>("silence", &input(json!({ "ends_at": "2023-11-15T00:13:20+01:30" })));
    assert_eq!(ran.requests[1].body["endsAt"], json!(LATER));
    assert_eq!(ran.requests[1].body["createdBy"], json!("the shop"));
    let ran = host.run::<Alertmanager>("silence", &input(json!({ "minutes": 1, "created_by": "ada" })));
    assert_eq!(ran.requests[1].body["createdBy"], json!("ada"));
}

#[test]
fn an_end_that_is_none_is_refused_before_anything_is_made() {
    let host = Host::new().answer("GET", LISTED, 200, json!([]));
    let both = json!({ "minutes": 1, "ends_at": LATER });
    for (more, word) in [(json!({}), "has an end"), (both, "either"), (json!({ "ends_at": "tomorrow" }), "RFC 3339")] {
        let ran = host.run::<Alertmanager>("silence", &input(more));
        assert_eq!(ran.failure().code, "invalid_input");
        assert!(ran.failure().message.contains(word), "{}", ran.failure());
        assert_eq!(ran.requests, []);
    }
    let over = host.run::<Alertmanager>("silence", &input(json!({ "ends_at": NOW })));
    assert!(over.failure().message.contains("is over"), "{}", over.failure());
    assert_eq!(asked(&over), [("GET", LISTED)]);
}

#[test]
fn what_alertmanager_refuses_is_told_in_its_words() {
    let words = "silence invalid: at least one matcher must not match the empty string";
    let (own, proxy) = ((400, quoted(words)), (400, json!("no such place")));
    let framework = (422, json!({ "code": 612, "message": "matchers in body should have at least 1 items" }));
    let cases = [(own, words), (framework, "matchers in body should have at least 1 items"), (proxy, "no such place")];
    for ((status, body), words) in cases {
        let host = Host::new().answer("GET", LISTED, 200, json!([])).answer("POST", SILENCES, status, body);
        let ran = host.run::<Alertmanager>("silence", &input(json!({ "minutes": 30 })));
        let failure = ran.failure();
        assert_eq!((failure.code.as_str(), failure.effect, failure.retry), ("refused", Effect::None, Retry::Never));
        assert!(failure.message.contains(words), "{failure}");
    }
    let host = Host::new().answer_with("GET", LISTED, 429, &[("retry-after", "2")], json!({}));
    let ran = host.run::<Alertmanager>("silence", &input(json!({ "minutes": 30 })));
    assert_eq!(ran.failure().retry, Retry::AfterMs(2_000));
    let host = Host::new().answer("GET", LISTED, 200, json!([])).answer("POST", SILENCES, 500, json!("disk"));
    let ran = host.run::<Alertmanager>("silence", &input(json!({ "minutes": 30 })));
    assert_eq!((ran.failure().effect, ran.failure().retry), (Effect::Unknown, Retry::Backoff));
}

#[test]
fn an_undo_ends_what_is_left_of_the_silence() {
    let ours = format!("rolling back {MARKER}");
    let data = json!({ "id": "a-1", "marker": MARKER });
    let listed = json!([
        silence("a-1", "active", "somebody wrote another comment"),
        silence("a-2", "pending", &format!("{ours} [wardroom x]")),
        silence("a-3", "expired", &ours),
        silence("b-1", "active", "lunch"),
    ]);
    let host = Host::new()
        .answer("GET", LISTED, 200, listed)
        .answer("DELETE", ONE, 200, json!(""))
        .answer("DELETE", "/api/v2/silence/a-2", 200, json!(""))
        .undo_data(&data);
    let ran = host.undo::<Alertmanager>("silence", &input(json!({ "minutes": 30 })));
    assert_eq!(ran.output(), json!({}));
    assert_eq!(asked(&ran), [("GET", LISTED), ("DELETE", ONE), ("DELETE", "/api/v2/silence/a-2")]);
    let over = Host::new().answer("GET", LISTED, 200, json!([silence("a-1", "expired", &ours)])).undo_data(&data);
    assert_eq!(asked(&over.undo::<Alertmanager>("silence", &input(json!({})))), [("GET", LISTED)]);
    let nothing = Host::new().undo::<Alertmanager>("silence", &input(json!({})));
    assert_eq!((nothing.output(), nothing.requests), (json!({}), Vec::new()));
}

#[test]
fn looking_tells_whether_it_was_silenced() {
    let input = input(json!({ "minutes": 30 }));
    let ours = json!([silence("a-1", "active", &format!("rolling back {MARKER}"))]);
    let there = Host::new().answer("GET", LISTED, 200, ours).check::<Alertmanager>("silence", &input);
    assert_eq!(there.output()["id"], json!("a-1"));
    assert_eq!(undo_of(&there), json!({ "id": "a-1", "marker": MARKER }));
    let theirs = json!([silence("b-1", "active", "lunch")]);
    let gone = Host::new().answer("GET", LISTED, 200, theirs).check::<Alertmanager>("silence", &input);
    assert_eq!(gone.result, Ok(Ended::Absent));
}

#[test]
fn a_silence_is_kept_by_the_host_before_it_is_ended() {
    let input = json!({ "id": "a-1" });
    let host = Host::new().answer("GET", ONE, 200, silence("a-1", "active", "lunch"));
    let first = host.run::<Alertmanager>("expire", &input);
    assert_eq!(asked(&first), [("GET", ONE)]);
    let Ok(Ended::Pending { after_ms: 100, resume, .. }) = first.result else { panic!("pending: {first:?}") };
    assert_eq!(host.check::<Alertmanager>("expire", &input).result, Ok(Ended::Absent));
    // Doing it again does it once: Alertmanager leaves ended what has ended, and forgets it some day.
    for (status, body) in [(200, json!("")), (404, json!("")), (500, quoted("silence not found"))] {
        let host = Host::new().answer("DELETE", ONE, status, body).resume(&resume);
        let ran = host.run::<Alertmanager>("expire", &input);
        assert_eq!(asked(&ran), [("DELETE", ONE)]);
        let output = ran.output();
        assert_eq!((&output["state"], &output["changed"]), (&json!("expired"), &json!(true)));
        assert_eq!(output["ends_at"], json!(NOW));
        assert_eq!(undo_of(&ran)["endsAt"], json!(LATER), "what is left is known");
    }
    let host = Host::new().answer("DELETE", ONE, 500, json!("disk")).resume(&resume);
    assert_eq!(host.run::<Alertmanager>("expire", &input).failure().effect, Effect::Unknown);
}

#[test]
fn looking_tells_whether_a_silence_was_ended_here() {
    let input = json!({ "id": "a-1" });
    let resume = silence("a-1", "active", "lunch").to_string();
    let look = |status, body| {
        let host = Host::new().answer("GET", ONE, status, body).resume(resume.as_bytes());
        host.check::<Alertmanager>("expire", &input)
    };
    assert_eq!(look(200, silence("a-1", "active", "lunch")).result, Ok(Ended::Absent));
    for ran in [look(200, silence("a-1", "expired", "lunch")), look(404, json!(""))] {
        assert_eq!(ran.output()["state"], json!("expired"));
        assert_eq!(undo_of(&ran)["endsAt"], json!(LATER));
    }
    let never_kept = Host::new().check::<Alertmanager>("expire", &input);
    assert_eq!((never_kept.result, never_kept.requests), (Ok(Ended::Absent), Vec::new()));
}

#[test]
fn a_silence_that_is_over_stays_untouched_and_one_that_is_not_there_is_named() {
    let host = Host::new().answer("GET", ONE, 200, silence("a-1", "expired", "lunch"));
    let ran = host.run::<Alertmanager>("expire", &json!({ "id": "a-1" }));
    assert_eq!(ran.output()["changed"], json!(false));
    let Ok(Ended::Done { undo, .. }) = ran.result else { panic!("done") };
    assert_eq!(undo, None);
    let gone = Host::new().answer("GET", ONE, 404, json!("")).run::<Alertmanager>("expire", &json!({ "id": "a-1" }));
    assert_eq!(gone.failure().code, "not_found");
}

#[test]
fn an_ended_silence_is_made_anew_for_what_is_left() {
    let input = json!({ "id": "a-1" });
    let before = silence("a-1", "active", "lunch");
    let host = made(Host::new().answer("GET", LISTED, 200, json!([]))).undo_data(&before);
    let ran = host.undo::<Alertmanager>("expire", &input);
    assert_eq!(asked(&ran), [("GET", LISTED), ("POST", SILENCES)]);
    let body = json!({
        "matchers": matchers(), "startsAt": NOW, "endsAt": LATER, "createdBy": "ada",
        "comment": format!("lunch {MARKER}"),
    });
    assert_eq!(ran.requests[1].body, body);
    let again = json!([silence("a-2", "active", &format!("lunch {MARKER}"))]);
    let second = Host::new().answer("GET", LISTED, 200, again).undo_data(&before);
    let second = second.undo::<Alertmanager>("expire", &input);
    assert_eq!((second.output(), asked(&second)), (json!({ "id": "a-2" }), vec![("GET", LISTED)]));
    let nothing = Host::new().undo::<Alertmanager>("expire", &input);
    assert_eq!((nothing.output(), nothing.requests), (json!({}), Vec::new()));
}

#[test]
fn a_silence_keeps_its_beginning_and_is_not_made_anew_after_its_end() {
    let input = json!({ "id": "a-1" });
    let host = made(Host::new().answer("GET", LISTED, 200, json!([])));
    let mut before = silence("a-1", "pending", "lunch");
    before["startsAt"] = json!("2023-11-14T22:30:00.000Z");
    let ran = host.clone().undo_data(&before).undo::<Alertmanager>("expire", &input);
    assert_eq!(ran.requests[1].body["startsAt"], before["startsAt"]);
    before["endsAt"] = json!(NOW);
    let ran = host.clone().undo_data(&before).undo::<Alertmanager>("expire", &input);
    assert_eq!((ran.output(), asked(&ran)), (json!({}), vec![("GET", LISTED)]));
    before["endsAt"] = json!("soon");
    let ran = host.undo_data(&before).undo::<Alertmanager>("expire", &input);
    assert_eq!(ran.failure().code, "bad_answer");
}

#[test]
fn silences_are_listed_by_their_matchers() {
    let listed = json!([silence("a-1", "active", "lunch"), silence("a-2", "expired", "lunch")]);
    let host = Host::new().answer("GET", LISTED, 200, listed.clone()).answer("GET", SILENCES, 200, listed);
    let mut input = json!({ "matchers": input(json!({}))["matchers"] });
    let ran = host.run::<Alertmanager>("silences", &input);
    assert_eq!(asked(&ran), [("GET", LISTED)]);
    let expected = json!({
        "silences": [{
            "id": "a-1", "state": "active", "created_by": "ada", "comment": "lunch",
            "starts_at": "2023-11-14T22:00:00.000Z", "ends_at": LATER,
            "matchers": [
                { "name": "alertname", "value": "CheckoutErrors", "is_regex": false, "is_equal": true },
                { "name": "severity", "value": "info|\"debug\"", "is_regex": true, "is_equal": false },
            ],
        }],
        "count": 1,
    });
    assert_eq!(ran.output(), expected);
    input["expired"] = json!(true);
    assert_eq!(host.run::<Alertmanager>("silences", &input).output()["count"], json!(2));
    assert_eq!(asked(&host.run::<Alertmanager>("silences", &json!({}))), [("GET", SILENCES)]);
    let many = (0..51).map(|n| silence(&format!("a-{n}"), "active", "")).collect::<Vec<_>>();
    let ran = Host::new().answer("GET", SILENCES, 200, json!(many)).run::<Alertmanager>("silences", &json!({}));
    assert_eq!(ran.output()["count"], json!(51));
    assert_eq!(ran.output()["silences"].as_array().map(Vec::len), Some(50));
}

#[test]
fn names_of_any_letters_are_quoted_and_too_many_matchers_do_not_fill_the_url() {
    let odd = json!({ "matchers": [{ "name": "service.name", "value": "a\\b\nc" }] });
    let url = "/api/v2/silences?filter=%22service.name%22%3D%22a%5C%5Cb%5Cnc%22";
    let ran = Host::new().answer("GET", url, 200, json!([])).run::<Alertmanager>("silences", &odd);
    assert_eq!(ran.output()["count"], json!(0));
    let matcher = |n: usize| json!({ "name": format!("l{n}"), "value": "ü".repeat(500) });
    let input = json!({ "matchers": [matcher(0), matcher(1)], "minutes": 1, "comment": "c" });
    let ran = Host::new().check::<Alertmanager>("silence", &input);
    assert!((3_000..4_100).contains(&ran.requests[0].url.len()), "{}", ran.requests[0].url.len());
}

#[test]
fn the_schema_describes_a_changed_silence_in_one_object() {
    let manifest = Alertmanager::describe().manifest();
    for action in &manifest["actions"].as_array().expect("actions")[..2] {
        let schema = jsonschema::validator_for(&action["output"]).expect("a schema");
        let sample = &action["sample_output"];
        assert!(schema.is_valid(sample), "{action:#}");
        let mut other = sample.clone();
        other["changed"] = json!("yes");
        assert!(!schema.is_valid(&other));
        other = sample.clone();
        other["id"] = json!(1);
        assert!(!schema.is_valid(&other));
    }
}
