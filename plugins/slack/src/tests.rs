//! The actions against a hand-written stub that answers as Slack's method pages say. It is no Slack.

use std::marker::PhantomData;

use wardroom_plugin_sdk::testing::{Ended, Host, Ran};

use super::*;

mod changes;

const MARKER: &str = "wardroom:0123456789abcdef";
const OWN: &str = "/users.conversations?types=public_channel&exclude_archived=true&limit=200";
const INFO: &str = "/conversations.info?channel=C1";

/// An action whose first result is lost (or that fails so that it is tried again), and that is tried again under the same
/// key.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct Twice<A> {
    input: Value,
    #[serde(skip)]
    action: PhantomData<A>,
}

impl<A: Action> Action for Twice<A> {
    const NAME: &'static str = A::NAME;
    const DESCRIPTION: &'static str = A::DESCRIPTION;
    const RISK: Risk = A::RISK;
    const IDEMPOTENT: Idempotency = A::IDEMPOTENT;
    type Output = A::Output;

    fn run(self, call: &Call) -> Result<Reply<A::Output>, Failure> {
        let action = || serde_json::from_value::<A>(self.input.clone()).expect("an input");
        if let Err(failure) = action().run(call) {
            assert_ne!((failure.retry, failure.effect), (Retry::Never, Effect::None), "the first try: {failure}");
        }
        let mut again = call.clone();
        again.attempt = 2;
        action().run(&again)
    }
}

struct Again;

impl Plugin for Again {
    fn describe() -> Description {
        Description::new("again", "1.0.0", "Every action twice.")
            .action::<Twice<CreateChannel>>()
            .action::<Twice<AddMembers>>()
            .action::<Twice<Post>>()
            .action::<Twice<Pin>>()
            .action::<Twice<SetTopic>>()
            .action::<Twice<Archive>>()
    }
}

fn no(word: &str) -> Value {
    json!({ "ok": false, "error": word })
}

fn yes() -> Value {
    json!({ "ok": true })
}

fn channel(purpose: &str, topic: &str, archived: bool) -> Value {
    json!({
        "id": "C1", "name": "inc-42-checkout", "creator": "U0", "is_archived": archived,
        "purpose": { "value": purpose }, "topic": { "value": topic },
    })
}

fn with(channel: &Value) -> Value {
    json!({ "ok": true, "channel": channel })
}

fn own(channels: &[Value]) -> Value {
    json!({ "ok": true, "channels": channels, "response_metadata": { "next_cursor": "" } })
}

fn sent(ran: &Ran) -> Vec<String> {
    ran.requests.iter().map(|request| format!("{} {}", request.method, request.url)).collect()
}

fn count(ran: &Ran, url: &str) -> usize {
    ran.requests.iter().filter(|request| request.url == url).count()
}

fn undo_of(ran: &Ran) -> Option<Value> {
    let Ok(Ended::Done { undo, .. }) = &ran.result else { panic!("done: {:?}", ran.result) };
    undo.clone()
}

#[test]
fn people_can_be_told_and_inputs_are_bounded() {
    let manifest = Slack::describe().manifest();
    let notify = json!({ "action": "post", "text": "text", "from_output": { "channel": "channel_id" } });
    assert_eq!(manifest["notify"], notify);
    let members = &manifest["actions"][1]["input"]["properties"]["members"];
    assert_eq!((&members["maxItems"], &members["items"]["maxLength"]), (&json!(30), &json!(200)));
}

#[test]
fn a_channel_is_opened_and_marked() {
    let host = Host::new().answer("POST", "/conversations.create", 200, with(&channel("", "", false))).answer(
        "POST",
        "/conversations.setPurpose",
        200,
        yes(),
    );
    let input = json!({ "name": "INC-42 Checkout", "purpose": "Checkout is down.", "private": true });
    let ran = host.run::<Slack>("create-channel", &input);
    assert_eq!(sent(&ran), ["POST /conversations.create", "POST /conversations.setPurpose"]);
    assert_eq!(ran.requests[0].body, json!({ "name": "inc-42-checkout", "is_private": true }));
    let purpose = format!("Checkout is down. [{MARKER}]");
    assert_eq!(ran.requests[1].body, json!({ "channel": "C1", "purpose": purpose }));
    let url = "https://slack.com/app_redirect?channel=C1";
    assert_eq!(ran.output(), json!({ "channel_id": "C1", "name": "inc-42-checkout", "url": url }));
    assert_eq!(undo_of(&ran), Some(json!({ "channel_id": "C1" })));
    let Ok(Ended::Done { artifacts, .. }) = ran.result else { panic!("done") };
    assert_eq!(artifacts, [("channel".to_owned(), "#inc-42-checkout".to_owned(), Some(url.to_owned()))]);
}

/// The first try makes the channel, the second is told that the name is taken.
fn taken_at_the_second(channels: &[Value]) -> Host {
    Host::new()
        .answer("POST", "/conversations.create", 200, with(&channel("", "", false)))
        .answer("POST", "/conversations.create", 200, no("name_taken"))
        .answer("GET", OWN, 200, own(channels))
        .answer("GET", "/auth.test", 200, json!({ "ok": true, "user_id": "U0" }))
}

#[test]
fn a_second_try_finds_the_channel_of_the_first() {
    let host = taken_at_the_second(&[channel(&format!("[{MARKER}]"), "", false)]).answer(
        "POST",
        "/conversations.setPurpose",
        200,
        yes(),
    );
    let ran = host.run::<Again>("create-channel", &json!({ "name": "INC-42 Checkout" }));
    assert_eq!(ran.output()["channel_id"], json!("C1"));
    assert_eq!(undo_of(&ran), Some(json!({ "channel_id": "C1" })));
    assert_eq!(count(&ran, "/conversations.setPurpose"), 1, "it is marked already");
}

#[test]
fn a_second_try_marks_the_channel_that_the_first_could_not() {
    let host = taken_at_the_second(&[channel("", "", false)])
        .answer("POST", "/conversations.setPurpose", 200, no("internal_error"))
        .answer("POST", "/conversations.setPurpose", 200, yes());
    let ran = host.run::<Again>("create-channel", &json!({ "name": "INC-42 Checkout" }));
    assert_eq!(ran.output()["channel_id"], json!("C1"));
    let tail = ["POST /conversations.create".to_owned(), format!("GET {OWN}"), "GET /auth.test".to_owned()];
    assert_eq!(sent(&ran)[2..5], tail);
    assert_eq!(ran.requests[5].body["purpose"], json!(format!("[{MARKER}]")));
}

#[test]
fn somebody_elses_channel_is_not_taken_over() {
    let input = json!({ "name": "INC-42 Checkout" });
    let first = |channels: &[Value]| {
        let host = Host::new().answer("POST", "/conversations.create", 200, no("name_taken"));
        host.answer("GET", OWN, 200, own(channels))
    };
    let unmarked = first(&[channel("", "", false)]);
    let ran = unmarked.run::<Slack>("create-channel", &input);
    assert_eq!(ran.failure().code, "name_taken");
    assert_eq!(sent(&ran), ["POST /conversations.create".to_owned(), format!("GET {OWN}")]);
    assert_eq!(first(&[]).run::<Slack>("create-channel", &input).failure().code, "name_taken");
    // A second try does not take what is marked by another step, or made by somebody else, either.
    let lost = |host: Host| host.answer("POST", "/conversations.setPurpose", 200, no("internal_error"));
    let marked = lost(taken_at_the_second(&[channel("[wardroom:ffffffffffffffff]", "", false)]));
    assert_eq!(marked.run::<Again>("create-channel", &input).failure().code, "name_taken");
    let mut theirs = channel("", "", false);
    theirs["creator"] = json!("U9");
    assert_eq!(
        lost(taken_at_the_second(&[theirs])).run::<Again>("create-channel", &input).failure().code,
        "name_taken"
    );
}

#[test]
fn looking_finds_the_channel_on_whatever_page() {
    let input = json!({ "name": "INC-42 Checkout" });
    let other = json!({ "id": "C0", "name": "general" });
    let first = json!({ "ok": true, "channels": [other], "response_metadata": { "next_cursor": "a=" } });
    let second = format!("{OWN}&cursor=a%3D");
    let host = Host::new().answer("GET", OWN, 200, first);
    let there = host.clone().answer("GET", &second, 200, own(&[channel(&format!("x [{MARKER}]"), "", false)]));
    assert_eq!(there.check::<Slack>("create-channel", &input).output()["channel_id"], json!("C1"));
    let unmarked = host.clone().answer("GET", &second, 200, own(&[channel("", "", false)]));
    assert_eq!(unmarked.check::<Slack>("create-channel", &input).result, Ok(Ended::Absent));
    let gone = host.clone().answer("GET", &second, 200, own(&[]));
    assert_eq!(gone.check::<Slack>("create-channel", &input).result, Ok(Ended::Absent));
    let endless = json!({ "ok": true, "channels": [], "response_metadata": { "next_cursor": "a=" } });
    let ran = host.answer("GET", &second, 200, endless).check::<Slack>("create-channel", &input);
    assert_eq!((&ran.result, ran.requests.len()), (&Ok(Ended::Unknown), 20));
}

#[test]
fn names_are_what_slack_allows_and_stay_apart() {
    let name = |name: &str| {
        let host = Host::new().answer("POST", "/conversations.create", 200, with(&channel("", "", false))).answer(
            "POST",
            "/conversations.setPurpose",
            200,
            yes(),
        );
        let ran = host.run::<Slack>("create-channel", &json!({ "name": name }));
        ran.requests[0].body["name"].as_str().expect("a name").to_owned()
    };
    assert_eq!(name("INC_42-a b"), "inc_42-a-b");
    assert_ne!(name("INC-42: é"), name("INC-42: ü"));
    for odd in ["-x-", "é", "__", "İ".repeat(80).as_str()] {
        let name = name(odd);
        assert!((1..=80).contains(&name.len()), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c)), "{name}");
        assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric()), "{name}");
    }
}

#[test]
fn an_undo_archives_what_was_opened() {
    let undo = |archived: bool| {
        Host::new()
            .answer("GET", INFO, 200, with(&channel("", "", archived)))
            .answer("POST", "/conversations.archive", 200, yes())
            .undo_data(&json!({ "channel_id": "C1" }))
            .undo::<Slack>("create-channel", &json!({ "name": "INC-42 Checkout" }))
    };
    let ran = undo(false);
    assert_eq!(
        (ran.output(), sent(&ran)),
        (json!({}), vec![format!("GET {INFO}"), "POST /conversations.archive".into()])
    );
    assert_eq!(ran.requests[1].body, json!({ "channel": "C1" }));
    assert_eq!(sent(&undo(true)), [format!("GET {INFO}")]);
}

const MEMBERS: &str = "/conversations.members?channel=C1&limit=200";
const BO: &str = "/users.lookupByEmail?email=bo%40example.com";

/// Ada (U1) is in the channel, Bo (U2) is not before he is added.
fn people() -> Host {
    let members = |ids: &[&str]| json!({ "ok": true, "members": ids, "response_metadata": { "next_cursor": "" } });
    Host::new()
        .answer("GET", BO, 200, json!({ "ok": true, "user": { "id": "U2" } }))
        .answer("GET", MEMBERS, 200, members(&["U1"]))
        .answer("GET", MEMBERS, 200, members(&["U1", "U2"]))
        .answer("POST", "/conversations.kick", 200, yes())
}

#[test]
fn people_are_added_and_removed_again() {
    let host = people().answer("POST", "/conversations.invite", 200, with(&channel("", "", false)));
    let input = json!({ "channel": "C1", "members": ["U1", "bo@example.com", "U3", "U2"] });
    let ran = host.run::<Slack>("add-members", &input);
    assert_eq!(ran.output(), json!({ "channel_id": "C1", "added": ["U2", "U3"], "present": ["U1"] }));
    assert_eq!(sent(&ran), [format!("GET {BO}"), format!("GET {MEMBERS}"), "POST /conversations.invite".into()]);
    assert_eq!(ran.requests[2].body, json!({ "channel": "C1", "users": "U2,U3" }));
    let undo = people().undo_data(&undo_of(&ran).expect("undo")).undo::<Slack>("add-members", &input);
    let bodies: Vec<Value> = undo.requests.iter().map(|request| request.body.clone()).collect();
    assert_eq!(bodies, [json!({ "channel": "C1", "user": "U2" }), json!({ "channel": "C1", "user": "U3" })]);
    let left = Host::new().answer("POST", "/conversations.kick", 200, no("not_in_channel"));
    assert_eq!(left.undo_data(&json!(["U2"])).undo::<Slack>("add-members", &input).output(), json!({}));
    let held = Host::new().answer("POST", "/conversations.kick", 200, no("restricted_action"));
    let ran = held.undo_data(&json!(["U2"])).undo::<Slack>("add-members", &input);
    assert_eq!(ran.failure().code, "forbidden");
}

#[test]
fn a_second_try_still_knows_whom_the_first_added() {
    let host = people().answer("POST", "/conversations.invite", 200, with(&channel("", "", false)));
    let ran = host.run::<Again>("add-members", &json!({ "channel": "C1", "members": ["U1", "U2"] }));
    assert_eq!(ran.output(), json!({ "channel_id": "C1", "added": ["U2"], "present": ["U1"] }));
    assert_eq!(undo_of(&ran), Some(json!(["U2"])));
    assert_eq!(count(&ran, "/conversations.invite"), 1);
}

#[test]
fn who_is_present_is_a_success_and_stays_at_an_undo() {
    let ran = people().run::<Slack>("add-members", &json!({ "channel": "C1", "members": ["U1"] }));
    assert_eq!((ran.output()["present"].clone(), undo_of(&ran), ran.requests.len()), (json!(["U1"]), None, 1));
    let undo = people().undo::<Slack>("add-members", &json!({ "channel": "C1", "members": ["U1"] }));
    assert_eq!((undo.output(), undo.requests.len()), (json!({}), 0));
    // Who comes in between the look and the invitation is found at the next try.
    let host = people().answer("POST", "/conversations.invite", 200, no("already_in_channel"));
    let input = json!({ "channel": "C1", "members": ["U2"] });
    let ran = host.run::<Slack>("add-members", &input);
    assert_eq!((ran.failure().code.as_str(), ran.failure().retry), ("changed_meanwhile", Retry::Backoff));
    assert_eq!(host.run::<Again>("add-members", &input).output()["channel_id"], json!("C1"));
}

#[test]
fn who_is_not_known_is_named() {
    let host = Host::new().answer("GET", BO, 200, no("users_not_found"));
    let ran = host.run::<Slack>("add-members", &json!({ "channel": "C1", "members": ["bo@example.com"] }));
    assert_eq!(ran.failure().code, "not_found");
    assert!(ran.failure().message.contains("bo@example.com"), "{}", ran.failure());
}

const HISTORY: &str = "/conversations.history?channel=C1&include_all_metadata=true&limit=100";

fn history(marker: &str, cursor: &str) -> Value {
    let metadata = json!({ "event_type": "wardroom_post", "event_payload": { "marker": marker } });
    let messages = json!([{ "ts": "2.0", "text": "x" }, { "ts": "1.0", "metadata": metadata }]);
    json!({ "ok": true, "messages": messages, "response_metadata": { "next_cursor": cursor } })
}

fn post_host() -> Host {
    let sent = json!({ "ok": true, "ts": "1.0", "channel": "C1" });
    Host::new().config(json!({ "default_channel": "C1" })).answer("POST", "/chat.postMessage", 200, sent)
}

#[test]
fn a_message_goes_out_as_it_is() {
    let ran = post_host().run::<Slack>("post", &json!({ "channel": "C9", "text": "a < b & <!here>" }));
    assert_eq!(ran.output(), json!({ "message_id": "1.0", "channel_id": "C1" }));
    let body = json!({
        "channel": "C9", "text": "a &lt; b &amp; &lt;!here&gt;", "mrkdwn": false,
        "metadata": { "event_type": "wardroom_post", "event_payload": { "marker": MARKER } },
    });
    assert_eq!((sent(&ran), &ran.requests[0].body), (vec!["POST /chat.postMessage".to_owned()], &body));
    let ran = post_host().run::<Slack>("post", &json!({ "text": "<!here> *hi*", "markup": true, "channel": null }));
    assert_eq!(ran.requests[0].body["text"], json!("<!here> *hi*"));
    assert_eq!(ran.requests[0].body["channel"], json!("C1"));
    assert_eq!(ran.requests[0].body["mrkdwn"], json!(true));
    assert_eq!(Host::new().run::<Slack>("post", &json!({ "text": "hi" })).failure().code, "no_channel");
}

#[test]
fn a_second_try_of_a_message_looks_first() {
    let ran =
        post_host().answer("GET", HISTORY, 200, history(MARKER, "")).run::<Again>("post", &json!({ "text": "hi" }));
    assert_eq!(ran.output(), json!({ "message_id": "1.0", "channel_id": "C1" }));
    assert_eq!(sent(&ran), ["POST /chat.postMessage".to_owned(), format!("GET {HISTORY}")]);
}

#[test]
fn looking_tells_whether_a_message_went_out() {
    let look = |host: Host| host.check::<Slack>("post", &json!({ "text": "hi" }));
    let there = look(post_host().answer("GET", HISTORY, 200, history(MARKER, "")));
    assert_eq!(there.output(), json!({ "message_id": "1.0", "channel_id": "C1" }));
    let other = history("wardroom:ffffffffffffffff", "");
    assert_eq!(look(post_host().answer("GET", HISTORY, 200, other)).result, Ok(Ended::Absent));
    let page = history("", "b");
    let next = format!("{HISTORY}&cursor=b");
    let ran = look(post_host().answer("GET", HISTORY, 200, page.clone()).answer("GET", &next, 200, page));
    assert_eq!((&ran.result, ran.requests.len()), (&Ok(Ended::Unknown), 5));
    let blind = look(post_host().answer("GET", HISTORY, 200, no("not_in_channel")));
    assert_eq!(blind.failure().code, "not_in_channel");
}
