//! Pins, topics, archiving, and how Slack refuses, against the same stub.

use super::*;

fn pinning(answers: &[Value]) -> Host {
    answers.iter().fold(Host::new(), |host, answer| host.answer("POST", "/pins.add", 200, answer.clone()))
}

#[test]
fn a_message_is_pinned_and_unpinned() {
    let input = json!({ "channel": "C1", "message": "1.0" });
    let body = json!({ "channel": "C1", "timestamp": "1.0" });
    let ran = pinning(&[yes()]).run::<Slack>("pin", &input);
    assert_eq!(ran.output(), json!({ "message_id": "1.0", "channel_id": "C1", "changed": true }));
    assert_eq!((sent(&ran), &ran.requests[0].body), (vec!["POST /pins.add".to_owned()], &body));
    let undo = undo_of(&ran).expect("undo");
    for answer in [yes(), no("no_pin"), no("not_pinned")] {
        let host = Host::new().answer("POST", "/pins.remove", 200, answer).undo_data(&undo);
        let back = host.undo::<Slack>("pin", &input);
        assert_eq!((back.output(), &back.requests[0].body), (json!({}), &body));
    }
    let refused = Host::new().answer("POST", "/pins.remove", 200, no("channel_not_found")).undo_data(&undo);
    assert_eq!(refused.undo::<Slack>("pin", &input).failure().code, "not_found");
}

#[test]
fn a_pin_is_this_steps_only_if_it_made_it() {
    let input = json!({ "channel": "C1", "message": "1.0" });
    let again = pinning(&[yes(), no("already_pinned")]).run::<Again>("pin", &input);
    assert_eq!(again.output()["changed"], json!(true));
    assert_eq!(undo_of(&again), Some(json!({ "pinned": false })));
    let before = pinning(&[no("already_pinned")]).run::<Slack>("pin", &input);
    assert_eq!((before.output()["changed"].clone(), undo_of(&before)), (json!(false), None));
    let before = pinning(&[no("already_pinned")]).run::<Again>("pin", &input);
    assert_eq!((before.output()["changed"].clone(), undo_of(&before)), (json!(false), None));
    let kept = Host::new().undo::<Slack>("pin", &input);
    assert_eq!((kept.output(), kept.requests.len()), (json!({}), 0));
}

fn topics(first: &str, then: &str) -> Host {
    Host::new()
        .answer("GET", INFO, 200, with(&channel("", first, false)))
        .answer("GET", INFO, 200, with(&channel("", then, false)))
        .answer("POST", "/conversations.setTopic", 200, yes())
}

#[test]
fn a_topic_is_set_and_put_back() {
    let input = json!({ "channel": "C1", "topic": "a < b" });
    let ran = topics("old &amp; sad", "a &lt; b").run::<Slack>("set-topic", &input);
    assert_eq!(ran.output(), json!({ "channel_id": "C1", "changed": true }));
    assert_eq!(sent(&ran), [format!("GET {INFO}"), "POST /conversations.setTopic".into()]);
    assert_eq!(ran.requests[1].body, json!({ "channel": "C1", "topic": "a < b" }));
    let undo = undo_of(&ran).expect("undo");
    let back = topics("a &lt; b", "").undo_data(&undo).undo::<Slack>("set-topic", &input);
    assert_eq!(back.requests[1].body, json!({ "channel": "C1", "topic": "old &amp; sad" }));
    let theirs = topics("theirs", "").undo_data(&undo).undo::<Slack>("set-topic", &input);
    assert_eq!((theirs.failure().code.as_str(), theirs.requests.len()), ("changed_meanwhile", 1));
    let so = topics("old &amp; sad", "").undo_data(&undo).undo::<Slack>("set-topic", &input);
    assert_eq!((so.output(), so.requests.len()), (json!({}), 1));
}

#[test]
fn a_second_try_still_knows_the_topic_before_the_first() {
    let input = json!({ "channel": "C1", "topic": "new" });
    let again = topics("old", "new").run::<Again>("set-topic", &input);
    assert_eq!(undo_of(&again), Some(json!({ "topic": "old" })));
    assert_eq!(count(&again, "/conversations.setTopic"), 1);
    let so = topics("new", "new").run::<Slack>("set-topic", &input);
    assert_eq!((so.output()["changed"].clone(), undo_of(&so), so.requests.len()), (json!(false), None, 1));
    let untouched = Host::new().undo::<Slack>("set-topic", &input);
    assert_eq!((untouched.output(), untouched.requests.len()), (json!({}), 0));
}

fn archiving(first: bool, then: bool) -> Host {
    Host::new()
        .answer("GET", INFO, 200, with(&channel("", "", first)))
        .answer("GET", INFO, 200, with(&channel("", "", then)))
        .answer("POST", "/conversations.archive", 200, yes())
}

#[test]
fn a_channel_is_archived_once() {
    let input = json!({ "channel": "C1" });
    let ran = archiving(false, true).run::<Slack>("archive", &input);
    assert_eq!(ran.output(), json!({ "channel_id": "C1", "changed": true }));
    assert_eq!(sent(&ran), [format!("GET {INFO}"), "POST /conversations.archive".into()]);
    assert_eq!(ran.requests[1].body, input);
    let again = archiving(false, true).run::<Again>("archive", &input);
    assert_eq!((count(&again, "/conversations.archive"), undo_of(&again)), (1, undo_of(&ran)));
    let before = archiving(true, true).run::<Slack>("archive", &input);
    assert_eq!((before.output()["changed"].clone(), undo_of(&before)), (json!(false), None));
    let kept = Host::new().undo::<Slack>("archive", &input);
    assert_eq!((kept.output(), kept.requests.len()), (json!({}), 0));
}

#[test]
fn an_archived_channel_can_be_opened_again() {
    let undo = |archived: bool, answer: Value| {
        let host = Host::new().answer("GET", INFO, 200, with(&channel("", "", archived)));
        let host = host.answer("POST", "/conversations.unarchive", 200, answer);
        host.undo_data(&json!({ "archived": false })).undo::<Slack>("archive", &json!({ "channel": "C1" }))
    };
    let ran = undo(true, yes());
    assert_eq!(sent(&ran), [format!("GET {INFO}"), "POST /conversations.unarchive".into()]);
    assert_eq!((ran.output(), &ran.requests[1].body), (json!({}), &json!({ "channel": "C1" })));
    assert_eq!(undo(false, no("not_archived")).requests.len(), 1, "it only looked");
    let bot = undo(true, no("not_in_channel"));
    assert!(bot.failure().message.contains("a user token (xoxp) can"), "{}", bot.failure());
    let trouble = undo(true, no("fatal_error"));
    assert!(!trouble.failure().message.contains("xoxp"), "{}", trouble.failure());
}

#[test]
fn refusals_say_what_would_help() {
    let refused = |status: u16, headers: &[(&str, &str)], body: Value| {
        let host = Host::new().answer_with("POST", "/chat.postMessage", status, headers, body);
        host.run::<Slack>("post", &json!({ "channel": "C1", "text": "hi" })).failure().clone()
    };
    let scope = refused(200, &[], json!({ "ok": false, "error": "missing_scope", "needed": "chat:write" }));
    assert_eq!(scope.code, "missing_scope");
    let text = "Slack refuses (missing_scope). Add the scope chat:write to the app, and install it again.";
    assert_eq!(scope.message, text);
    let words = [
        ("invalid_auth", "unauthorized"),
        ("channel_not_found", "not_found"),
        ("not_in_channel", "not_in_channel"),
        ("is_archived", "archived"),
        ("msg_too_long", "too_long"),
        ("restricted_action", "forbidden"),
        ("invalid_blocks", "refused"),
    ];
    for (word, code) in words {
        let failure = refused(200, &[], no(word));
        assert_eq!((failure.code.as_str(), failure.retry, failure.effect), (code, Retry::Never, Effect::None));
        assert!(failure.message.contains(word), "{failure}");
    }
    let trouble = refused(200, &[], no("internal_error"));
    assert_eq!((trouble.retry, trouble.effect), (Retry::Backoff, Effect::Unknown));
    let limited = refused(429, &[("retry-after", "30")], no("ratelimited"));
    assert_eq!((limited.code.as_str(), limited.retry), ("rate_limited", Retry::AfterMs(30_000)));
    assert_eq!(refused(200, &[("retry-after", "7")], no("ratelimited")).retry, Retry::AfterMs(7_000));
    let broken = refused(502, &[], json!("bad gateway"));
    assert_eq!((broken.code.as_str(), broken.effect), ("http_502", Effect::Unknown));
}
