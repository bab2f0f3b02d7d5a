//! The actions against a scripted homeserver.

use wardroom_plugin_sdk::testing::{Ended, Host};

use super::*;

const ROOM: &str = "/_matrix/client/v3/rooms/%21r%3Aexample.com";

fn host() -> Host {
    Host::new()
        .answer("GET", "/_matrix/client/v3/account/whoami", 200, json!({ "user_id": "@bot:example.com" }))
        .answer("GET", "/_matrix/client/v3/joined_rooms", 200, json!({ "joined_rooms": ["!r:example.com"] }))
}

fn known(host: Host, room: &str) -> Host {
    let path = "/_matrix/client/v3/directory/room/%23inc-42-checkout%3Aexample.com";
    host.answer("GET", path, 200, json!({ "room_id": room }))
}

#[test]
fn a_room_is_opened_with_its_people() {
    let host = host().answer("POST", "/_matrix/client/v3/createRoom", 200, json!({ "room_id": "!r:example.com" }));
    let input = json!({ "name": "INC-42 Checkout", "topic": "t", "invite": ["@x:other.org", { "handle": "ada" }] });
    let ran = host.run::<Matrix>("create-room", &input);
    assert_eq!(ran.output()["alias"], json!("#inc-42-checkout:example.com"));
    let body = &ran.requests[1].body;
    assert_eq!(body["invite"], json!(["@x:other.org", "@ada:example.com"]));
    assert_eq!(body["room_alias_name"], json!("inc-42-checkout"));
    let Ok(Ended::Done { artifacts, .. }) = ran.result else { panic!("done") };
    assert_eq!(artifacts[0].0, "channel");
}

#[test]
fn a_second_try_finds_the_room_of_the_first() {
    let in_use = json!({ "errcode": "M_ROOM_IN_USE", "error": "Room alias already taken" });
    let host = known(host(), "!r:example.com").answer("POST", "/_matrix/client/v3/createRoom", 400, in_use);
    let ran = host.run::<Matrix>("create-room", &json!({ "name": "INC-42 Checkout" }));
    assert_eq!(ran.output()["room_id"], json!("!r:example.com"));
}

#[test]
fn names_that_lose_letters_in_an_alias_do_not_come_to_share_a_room() {
    let alias = |name: &str| {
        let host = host().answer("POST", "/_matrix/client/v3/createRoom", 200, json!({ "room_id": "!r:example.com" }));
        let ran = host.run::<Matrix>("create-room", &json!({ "name": name }));
        ran.requests[1].body["room_alias_name"].as_str().expect("an alias").to_owned()
    };
    assert_eq!(alias("INC-42 Checkout"), "inc-42-checkout");
    assert_ne!(alias("INC-42: é"), alias("INC-42: ü"));
    let long = "x".repeat(100);
    assert_eq!(alias(&long), long);
    assert_ne!(alias(&format!("{long}a")), alias(&format!("{long}b")));
    assert_eq!(alias(&format!("{long}a")).len(), 100);
}

#[test]
fn somebody_elses_alias_is_refused() {
    let in_use = json!({ "errcode": "M_ROOM_IN_USE", "error": "Room alias already taken" });
    let host = known(host(), "!theirs:example.com").answer("POST", "/_matrix/client/v3/createRoom", 400, in_use);
    let ran = host.run::<Matrix>("create-room", &json!({ "name": "INC-42 Checkout" }));
    assert_eq!(ran.failure().code, "alias_taken");
}

#[test]
fn looking_finds_the_room_or_not() {
    let input = json!({ "name": "INC-42 Checkout" });
    let there = known(host(), "!r:example.com").check::<Matrix>("create-room", &input);
    assert_eq!(there.output()["room_id"], json!("!r:example.com"));
    let path = "/_matrix/client/v3/directory/room/%23inc-42-checkout%3Aexample.com";
    let gone = host().answer("GET", path, 404, json!({})).check::<Matrix>("create-room", &input);
    assert_eq!(gone.result, Ok(Ended::Absent));
}

#[test]
fn a_message_goes_out_under_the_steps_key() {
    let path = format!("{ROOM}/send/m.room.message/{}", "0123456789abcdef".repeat(4));
    let host = Host::new().answer("PUT", &path, 200, json!({ "event_id": "$e" }));
    let input = json!({ "room": "!r:example.com", "text": "hi", "html": "<b>hi</b>" });
    let ran = host.run::<Matrix>("post", &input);
    assert_eq!(ran.output()["event_id"], json!("$e"));
    assert_eq!(ran.requests[0].body["formatted_body"], json!("<b>hi</b>"));
    let nowhere = Host::new().run::<Matrix>("post", &json!({ "text": "hi" }));
    assert_eq!(nowhere.failure().code, "no_room");
}

#[test]
fn an_archived_room_can_be_opened_again() {
    let path = format!("{ROOM}/state/m.room.power_levels");
    let host = Host::new()
        .answer("GET", &path, 200, json!({ "events_default": 10, "users": { "@bot:example.com": 100 } }))
        .answer("PUT", &path, 200, json!({ "event_id": "$e" }));
    let input = json!({ "room": "!r:example.com" });
    let ran = host.run::<Matrix>("archive", &input);
    assert_eq!(ran.requests[1].body, json!({ "events_default": 100, "users": { "@bot:example.com": 100 } }));
    let Ok(Ended::Done { undo: Some(undo), .. }) = ran.result else { panic!("done with undo data") };
    let back = host.undo_data(&undo).undo::<Matrix>("archive", &input);
    assert_eq!(back.requests[1].body["events_default"], json!(10));
}

#[test]
fn a_rate_limit_names_its_delay() {
    let path = format!("{ROOM}/state/m.room.topic");
    let limited = Host::new().answer_with("PUT", &path, 429, &[("retry-after", "3")], json!({}));
    let ran = limited.run::<Matrix>("set-topic", &json!({ "room": "!r:example.com", "topic": "t" }));
    assert_eq!(ran.failure().retry, Retry::AfterMs(3_000));
}
