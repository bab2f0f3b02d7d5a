//! The actions against a hand-written stub that answers as Mattermost's API reference says. It is no Mattermost.

use std::marker::PhantomData;

use wardroom_plugin_sdk::testing::{Ended, Host, Ran};

use super::*;

const MARKER: &str = "wardroom:0123456789abcdef";
const CHANNEL: &str = "/api/v4/channels/c1";
const NAMED: &str = "/api/v4/teams/name/ops/channels/name/inc-42-checkout?include_deleted=true";

/// An action whose first result is lost, and that is tried again under the same key.
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
        action().run(call).expect("the first try");
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

fn host() -> Host {
    Host::new()
        .config(json!({ "team": "ops", "default_channel": "c1", "site_url": "https://chat.example.com/" }))
        .answer("GET", "/api/v4/teams/name/ops", 200, json!({ "id": "t1", "name": "ops" }))
}

fn channel(header: &str, purpose: &str, delete_at: i64) -> Value {
    json!({ "id": "c1", "name": "inc-42-checkout", "header": header, "purpose": purpose, "delete_at": delete_at })
}

fn refusal(status: u16, id: &str) -> Value {
    json!({ "id": id, "message": "It cannot be.", "request_id": "r", "status_code": status })
}

fn sent(ran: &Ran) -> Vec<String> {
    ran.requests.iter().map(|request| format!("{} {}", request.method, request.url)).collect()
}

fn undo_of(ran: &Ran) -> Option<Value> {
    let Ok(Ended::Done { undo, .. }) = &ran.result else { panic!("done: {:?}", ran.result) };
    undo.clone()
}

fn taken() -> Value {
    refusal(400, "store.sql_channel.save_channel.exists.app_error")
}

#[test]
fn people_can_be_told_and_inputs_are_bounded() {
    let manifest = Mattermost::describe().manifest();
    let notify = json!({ "action": "post", "text": "text", "from_output": { "channel": "channel_id" } });
    assert_eq!(manifest["notify"], notify);
    let members = &manifest["actions"][1]["input"]["properties"]["members"];
    assert_eq!((&members["maxItems"], &members["items"]["anyOf"][0]["maxLength"]), (&json!(30), &json!(200)));
    assert_eq!(members["items"]["anyOf"][1]["properties"]["handle"]["maxLength"], json!(200));
}

#[test]
fn a_channel_is_opened_with_its_marker() {
    let host = host().answer("POST", "/api/v4/channels", 201, channel("", "", 0));
    let input = json!({ "name": "INC-42 Checkout", "purpose": "Checkout is down.", "private": true });
    let ran = host.run::<Mattermost>("create-channel", &input);
    assert_eq!(sent(&ran), ["GET /api/v4/teams/name/ops", "POST /api/v4/channels"]);
    let body = json!({
        "team_id": "t1", "name": "inc-42-checkout", "display_name": "INC-42 Checkout", "type": "P",
        "purpose": format!("Checkout is down. [{MARKER}]"),
    });
    assert_eq!(ran.requests[1].body, body);
    let url = "https://chat.example.com/ops/channels/inc-42-checkout";
    assert_eq!(ran.output(), json!({ "channel_id": "c1", "name": "inc-42-checkout", "url": url }));
    assert_eq!(undo_of(&ran), Some(json!({ "channel_id": "c1" })));
    let Ok(Ended::Done { artifacts, .. }) = ran.result else { panic!("done") };
    assert_eq!(artifacts, [("channel".to_owned(), "inc-42-checkout".to_owned(), Some(url.to_owned()))]);
}

#[test]
fn a_second_try_finds_the_channel_of_the_first() {
    let host = host()
        .answer("POST", "/api/v4/channels", 201, channel("", "", 0))
        .answer("POST", "/api/v4/channels", 400, taken())
        .answer("GET", NAMED, 200, channel("", &format!("[{MARKER}]"), 0));
    let ran = host.run::<Again>("create-channel", &json!({ "name": "INC-42 Checkout" }));
    assert_eq!(ran.output()["channel_id"], json!("c1"));
    assert_eq!(undo_of(&ran), Some(json!({ "channel_id": "c1" })));
    assert_eq!(ran.requests.last().expect("a request").url, NAMED);
}

#[test]
fn somebody_elses_channel_is_not_taken_over() {
    let host = host().answer("POST", "/api/v4/channels", 400, taken());
    let input = json!({ "name": "INC-42 Checkout" });
    let theirs = host.clone().answer("GET", NAMED, 200, channel("", "[wardroom:ffffffffffffffff]", 0));
    assert_eq!(theirs.run::<Mattermost>("create-channel", &input).failure().code, "name_taken");
    assert_eq!(theirs.check::<Mattermost>("create-channel", &input).result, Ok(Ended::Absent));
    let hidden = host.answer("GET", NAMED, 404, refusal(404, "app.channel.get_by_name.missing.app_error"));
    assert_eq!(hidden.run::<Mattermost>("create-channel", &input).failure().code, "name_taken");
    assert_eq!(hidden.check::<Mattermost>("create-channel", &input).result, Ok(Ended::Absent));
}

#[test]
fn looking_finds_the_channel() {
    let host = host().answer("GET", NAMED, 200, channel("", &format!("x [{MARKER}]"), 0));
    let ran = host.check::<Mattermost>("create-channel", &json!({ "name": "INC-42 Checkout" }));
    assert_eq!(ran.output()["channel_id"], json!("c1"));
}

#[test]
fn names_fit_the_url_and_stay_apart() {
    let name = |name: &str| {
        let host = host().answer("POST", "/api/v4/channels", 201, channel("", "", 0));
        let ran = host.run::<Mattermost>("create-channel", &json!({ "name": name }));
        ran.requests[1].body["name"].as_str().expect("a name").to_owned()
    };
    assert_eq!(name("INC_42-a b"), "inc_42-a-b");
    assert_ne!(name("INC-42: é"), name("INC-42: ü"));
    for odd in ["-x-", "é", "__", "İ".repeat(64).as_str()] {
        let name = name(odd);
        assert!((2..=64).contains(&name.len()), "{name}");
        assert!(name.starts_with(|c: char| c.is_ascii_alphanumeric()), "{name}");
        assert!(name.ends_with(|c: char| c.is_ascii_alphanumeric()), "{name}");
    }
}

#[test]
fn an_undo_archives_what_was_opened() {
    let host = host().answer("GET", CHANNEL, 200, channel("", "", 0)).answer("DELETE", CHANNEL, 200, json!({}));
    let input = json!({ "name": "INC-42 Checkout" });
    let undo = host.undo_data(&json!({ "channel_id": "c1" })).undo::<Mattermost>("create-channel", &input);
    assert_eq!(undo.output(), json!({}));
    assert_eq!(sent(&undo), [format!("GET {CHANNEL}"), format!("DELETE {CHANNEL}")]);
    let archived = Host::new().answer("GET", CHANNEL, 200, channel("", "", 7));
    let undo = archived.undo_data(&json!({ "channel_id": "c1" })).undo::<Mattermost>("create-channel", &input);
    assert_eq!(sent(&undo), [format!("GET {CHANNEL}")]);
}

#[test]
fn a_team_is_needed() {
    let ran = Host::new().run::<Mattermost>("create-channel", &json!({ "name": "x" }));
    assert_eq!(ran.failure().code, "no_team");
}

/// Ada is in the channel, Bo is not before he is added.
fn people() -> Host {
    let member = |id: &str| format!("{CHANNEL}/members/{id}");
    Host::new()
        .answer("GET", "/api/v4/users/username/ada", 200, json!({ "id": "u1" }))
        .answer("GET", "/api/v4/users/email/bo%40example.com", 200, json!({ "id": "u2" }))
        .answer("GET", &member("u1"), 200, json!({ "user_id": "u1" }))
        .answer("GET", &member("u2"), 404, refusal(404, "app.channel.get_member.missing.app_error"))
        .answer("GET", &member("u2"), 200, json!({ "user_id": "u2" }))
        .answer("POST", &format!("{CHANNEL}/members"), 201, json!({ "user_id": "u2" }))
        .answer("DELETE", &member("u2"), 200, json!({ "status": "OK" }))
}

#[test]
fn people_are_added_and_removed_again() {
    let input = json!({ "channel": "c1", "members": [{ "handle": "ada" }, "bo@example.com", "@ada"] });
    let ran = people().run::<Mattermost>("add-members", &input);
    assert_eq!(ran.output(), json!({ "channel_id": "c1", "added": ["u2"], "present": ["u1"] }));
    let last = ran.requests.last().expect("a request");
    assert_eq!((last.method.as_str(), last.url.as_str()), ("POST", "/api/v4/channels/c1/members"));
    assert_eq!(last.body, json!({ "user_id": "u2" }));
    let undo = people().undo_data(&undo_of(&ran).expect("undo")).undo::<Mattermost>("add-members", &input);
    assert_eq!(sent(&undo), [format!("DELETE {CHANNEL}/members/u2")]);
}

#[test]
fn a_second_try_still_knows_whom_the_first_added() {
    let input = json!({ "channel": "c1", "members": ["ada", "bo@example.com"] });
    let ran = people().run::<Again>("add-members", &input);
    assert_eq!(ran.output(), json!({ "channel_id": "c1", "added": ["u2"], "present": ["u1"] }));
    assert_eq!(undo_of(&ran), Some(json!(["u2"])));
    assert_eq!(ran.requests.iter().filter(|request| request.method == "POST").count(), 1);
}

#[test]
fn who_is_present_is_a_success_and_stays_at_an_undo() {
    let ran = people().run::<Mattermost>("add-members", &json!({ "channel": "c1", "members": ["ada"] }));
    assert_eq!(ran.output()["present"], json!(["u1"]));
    assert_eq!(undo_of(&ran), None);
    let undo = people().undo::<Mattermost>("add-members", &json!({ "channel": "c1", "members": ["ada"] }));
    assert_eq!((undo.output(), undo.requests.len()), (json!({}), 0));
}

#[test]
fn who_is_not_known_is_named_before_anybody_is_added() {
    let gone = refusal(404, "app.user.missing_account.const");
    let host = people().answer("GET", "/api/v4/users/username/cy", 404, gone);
    let ran = host.run::<Mattermost>("add-members", &json!({ "channel": "c1", "members": ["bo@example.com", "cy"] }));
    assert_eq!(ran.failure().code, "not_found");
    assert!(ran.failure().message.contains("cy"), "{}", ran.failure());
    assert!(ran.requests.iter().all(|request| request.method == "GET"));
}

const NEWEST: &str = "/api/v4/channels/c1/posts?page=0&per_page=60";

fn page(marker: &str) -> Value {
    let post = json!({ "id": "p1", "channel_id": "c1", "props": { "wardroom": marker } });
    let other = json!({ "id": "p0", "channel_id": "c1", "props": {} });
    json!({ "order": ["p1", "p0"], "posts": { "p1": post, "p0": other } })
}

fn full_page() -> Value {
    let ids: Vec<String> = (0..60).map(|number| format!("p{number}")).collect();
    let posts: Value = ids.iter().map(|id| (id.clone(), json!({ "id": id, "channel_id": "c1" }))).collect();
    json!({ "order": ids, "posts": posts })
}

#[test]
fn a_message_goes_to_the_named_channel_or_the_default_one() {
    let host = host().answer("POST", "/api/v4/posts", 201, json!({ "id": "p1", "channel_id": "c9" }));
    let ran = host.run::<Mattermost>("post", &json!({ "channel": "c9", "text": "hi" }));
    assert_eq!(ran.output(), json!({ "message_id": "p1", "channel_id": "c9" }));
    assert_eq!(sent(&ran), ["POST /api/v4/posts"]);
    assert_eq!(ran.requests[0].body, json!({ "channel_id": "c9", "message": "hi", "props": { "wardroom": MARKER } }));
    let ran = host.run::<Mattermost>("post", &json!({ "text": "hi", "channel": null }));
    assert_eq!(ran.requests[0].body["channel_id"], json!("c1"));
    let nowhere = Host::new().run::<Mattermost>("post", &json!({ "text": "hi" }));
    assert_eq!(nowhere.failure().code, "no_channel");
}

#[test]
fn a_second_try_of_a_message_looks_first() {
    let posted = json!({ "id": "p1", "channel_id": "c1" });
    let host = host().answer("POST", "/api/v4/posts", 201, posted).answer("GET", NEWEST, 200, page(MARKER));
    let ran = host.run::<Again>("post", &json!({ "text": "hi" }));
    assert_eq!(ran.output()["message_id"], json!("p1"));
    assert_eq!(sent(&ran), ["POST /api/v4/posts".to_owned(), format!("GET {NEWEST}")]);
}

#[test]
fn looking_tells_whether_a_message_went_out() {
    let look = |host: Host| host.check::<Mattermost>("post", &json!({ "text": "hi" }));
    assert_eq!(look(host().answer("GET", NEWEST, 200, page(MARKER))).output()["message_id"], json!("p1"));
    let other = page("wardroom:ffffffffffffffff");
    assert_eq!(look(host().answer("GET", NEWEST, 200, other)).result, Ok(Ended::Absent));
    let busy = (0..5).fold(host(), |host, number| {
        host.answer("GET", &format!("/api/v4/channels/c1/posts?page={number}&per_page=60"), 200, full_page())
    });
    let ran = look(busy);
    assert_eq!(ran.result, Ok(Ended::Unknown));
    assert_eq!(ran.requests.len(), 5);
}

fn pinning(first: bool) -> Host {
    let message = |pinned: bool| json!({ "id": "p1", "channel_id": "c1", "is_pinned": pinned });
    Host::new()
        .answer("GET", "/api/v4/posts/p1", 200, message(first))
        .answer("GET", "/api/v4/posts/p1", 200, message(true))
        .answer("POST", "/api/v4/posts/p1/pin", 200, json!({ "status": "OK" }))
        .answer("POST", "/api/v4/posts/p1/unpin", 200, json!({ "status": "OK" }))
}

#[test]
fn a_message_is_pinned_and_unpinned() {
    let input = json!({ "message": "p1" });
    let ran = pinning(false).run::<Mattermost>("pin", &input);
    assert_eq!(ran.output(), json!({ "message_id": "p1", "channel_id": "c1", "changed": true }));
    assert_eq!(sent(&ran), ["GET /api/v4/posts/p1", "POST /api/v4/posts/p1/pin"]);
    let back = pinning(true).undo_data(&undo_of(&ran).expect("undo")).undo::<Mattermost>("pin", &input);
    assert_eq!(sent(&back), ["POST /api/v4/posts/p1/unpin"]);
    let again = pinning(false).run::<Again>("pin", &input);
    assert_eq!(sent(&again), ["GET /api/v4/posts/p1", "POST /api/v4/posts/p1/pin", "GET /api/v4/posts/p1"]);
    assert_eq!(undo_of(&again), undo_of(&ran));
    let before = pinning(true).run::<Mattermost>("pin", &input);
    assert_eq!((before.output()["changed"].clone(), undo_of(&before)), (json!(false), None));
    let kept = pinning(true).undo::<Mattermost>("pin", &input);
    assert_eq!((kept.output(), kept.requests.len()), (json!({}), 0));
}

fn headers(first: &str, then: &str) -> Host {
    Host::new()
        .answer("GET", CHANNEL, 200, channel(first, "", 0))
        .answer("GET", CHANNEL, 200, channel(then, "", 0))
        .answer("PUT", &format!("{CHANNEL}/patch"), 200, channel(then, "", 0))
}

#[test]
fn a_header_is_set_and_put_back() {
    let input = json!({ "channel": "c1", "topic": "new" });
    let ran = headers("old", "new").run::<Mattermost>("set-topic", &input);
    assert_eq!(ran.output(), json!({ "channel_id": "c1", "changed": true }));
    assert_eq!(sent(&ran), [format!("GET {CHANNEL}"), format!("PUT {CHANNEL}/patch")]);
    assert_eq!(ran.requests[1].body, json!({ "header": "new" }));
    let undo = undo_of(&ran).expect("undo");
    let back = headers("new", "old").undo_data(&undo).undo::<Mattermost>("set-topic", &input);
    assert_eq!(back.requests[1].body, json!({ "header": "old" }));
    let theirs = headers("theirs", "theirs").undo_data(&undo).undo::<Mattermost>("set-topic", &input);
    assert_eq!(theirs.failure().code, "changed_meanwhile");
    assert_eq!(theirs.requests.len(), 1, "it only looked");
}

#[test]
fn a_second_try_still_knows_the_header_before_the_first() {
    let input = json!({ "channel": "c1", "topic": "new" });
    let again = headers("old", "new").run::<Again>("set-topic", &input);
    assert_eq!(undo_of(&again), Some(json!({ "header": "old" })));
    assert_eq!(again.requests.iter().filter(|request| request.method == "PUT").count(), 1);
    let so = headers("new", "new").run::<Mattermost>("set-topic", &input);
    assert_eq!((so.output()["changed"].clone(), undo_of(&so), so.requests.len()), (json!(false), None, 1));
    let untouched = Host::new().undo::<Mattermost>("set-topic", &input);
    assert_eq!((untouched.output(), untouched.requests.len()), (json!({}), 0));
}

fn archiving(first: i64, then: i64) -> Host {
    Host::new()
        .answer("GET", CHANNEL, 200, channel("", "", first))
        .answer("GET", CHANNEL, 200, channel("", "", then))
        .answer("DELETE", CHANNEL, 200, json!({ "status": "OK" }))
        .answer("POST", &format!("{CHANNEL}/restore"), 200, channel("", "", 0))
}

#[test]
fn a_channel_is_archived_and_opened_again() {
    let input = json!({ "channel": "c1" });
    let ran = archiving(0, 7).run::<Mattermost>("archive", &input);
    assert_eq!(ran.output(), json!({ "channel_id": "c1", "changed": true }));
    assert_eq!(sent(&ran), [format!("GET {CHANNEL}"), format!("DELETE {CHANNEL}")]);
    let back = archiving(7, 0).undo_data(&undo_of(&ran).expect("undo")).undo::<Mattermost>("archive", &input);
    assert_eq!(sent(&back), [format!("GET {CHANNEL}"), format!("POST {CHANNEL}/restore")]);
    let again = archiving(0, 7).run::<Again>("archive", &input);
    assert_eq!(again.requests.iter().filter(|request| request.method == "DELETE").count(), 1);
    assert_eq!(undo_of(&again), undo_of(&ran));
    let before = archiving(7, 7).run::<Mattermost>("archive", &input);
    assert_eq!((before.output()["changed"].clone(), undo_of(&before)), (json!(false), None));
    let kept = archiving(7, 7).undo::<Mattermost>("archive", &input);
    assert_eq!((kept.output(), kept.requests.len()), (json!({}), 0));
}

#[test]
fn refusals_say_what_would_help() {
    let refused = |status: u16, id: &str, headers: &[(&str, &str)]| {
        let host = Host::new().answer_with("GET", CHANNEL, status, headers, refusal(status, id));
        host.run::<Mattermost>("archive", &json!({ "channel": "c1" })).failure().clone()
    };
    let expired = refused(401, "api.context.session_expired.app_error", &[]);
    assert_eq!(expired.code, "unauthorized");
    let text = "Mattermost refuses (api.context.session_expired.app_error): It cannot be. \
                Give the connection a token that is still valid.";
    assert_eq!(expired.message, text);
    assert_eq!(refused(403, "api.context.permissions.app_error", &[]).code, "forbidden");
    assert_eq!(refused(404, "app.channel.get.existing.app_error", &[]).code, "not_found");
    let limited = refused(429, "api.limit", &[("x-ratelimit-reset", "3")]);
    assert_eq!((limited.code.as_str(), limited.retry), ("rate_limited", Retry::AfterMs(3_000)));
    assert_eq!(refused(429, "api.limit", &[("retry-after", "5")]).retry, Retry::AfterMs(5_000));
}
