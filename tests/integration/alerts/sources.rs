//! Alert sources: every format from its public documentation, two hundred mutations of each, signatures, silences, storms.

use std::{collections::BTreeSet, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use wardroom_base::clock::{Clock as _, SystemClock};
use wardroom_tests::{guests::root, server::Api};

use crate::fixture::on_both;

const FORMATS: [(&str, &str); 5] = [
    ("alertmanager", "alertmanager-grouped-firing.json"),
    ("grafana", "grafana.json"),
    ("pagerduty", "pagerduty.json"),
    ("opsgenie", "opsgenie.json"),
    ("cloudevents", "cloudevent.json"),
];
const MUTATIONS: usize = 200;

fn capture(file: &str) -> Value {
    let path = root().join("tests/captures").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

async fn generic(api: &Api) -> Value {
    let mapping = json!({
        "items": "body.problems", "status": "item.open ? 'firing' : 'resolved'", "fingerprint": "item.id",
        "group_key": "item.service", "title": "item.what", "severity": "item.bad ? 'critical' : 'info'",
        "labels": "{'service': item.service}", "starts_at": "item.since",
    });
    api.put("/sources/homegrown", json!({ "kind": "generic", "mapping": mapping })).await.ok();
    json!({ "problems": [
        { "id": 7, "open": true, "service": "orders", "what": "Orders wait", "bad": true, "since": "2026-11-23T04:09:06Z" },
        { "id": 8, "open": true, "service": "search", "what": "Search is slow", "bad": false, "since": "2026-11-23T04:09:06Z" },
    ] })
}

#[tokio::test]
async fn every_format_opens_an_incident_and_ends_its_alert() {
    on_both(|api| async move {
        let severity = ["sev3", "sev1", "sev1", "sev1", "sev2"];
        for ((source, file), severity) in FORMATS.into_iter().zip(severity).skip(1) {
            let answer = api.post(&format!("/hooks/{source}"), capture(file)).await;
            assert_eq!(answer.status.as_u16(), if source == "pagerduty" { 202 } else { 200 }, "{:#}", answer.body);
            let newest = api.get("/incidents?limit=1").await.ok()["items"][0].clone();
            assert_eq!(newest["severity"], json!(severity), "{source}: {newest:#}");
        }
        let titles = api.get("/incidents").await.ok();
        let titles: Vec<&str> = titles["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["title"].as_str().expect("a text"))
            .collect();
        assert_eq!(
            titles,
            [
                "com.example.disk.full: sda1",
                "An example alert message",
                "Example alert on host1.example.com",
                "This alert was triggered for zone us-1"
            ]
        );
        let answer = api.post("/hooks/pagerduty", capture("pagerduty.json")).await.ok();
        let wanted = json!({ "status": "success", "message": "Event processed", "dedup_key": "samplekeyhere" });
        assert_eq!(answer, wanted);
        let acknowledged = json!({ "event_action": "acknowledge", "dedup_key": "samplekeyhere" });
        api.post("/hooks/pagerduty", acknowledged).await.ok();
        let over = json!({ "event_action": "resolve", "dedup_key": "samplekeyhere" });
        api.post("/hooks/pagerduty", over).await.ok();
        assert_eq!(api.get("/incidents/INC-2/alerts").await.ok()["items"][0]["status"], json!("resolved"));
        let closed = json!({ "action": "Close", "alert": capture("opsgenie.json") });
        assert_eq!(api.post("/hooks/opsgenie", closed).await.ok()["changed"], json!(1));
        let mut back = capture("cloudevent.json");
        (back["id"], back["type"]) = (json!("B-1"), json!("com.example.disk.full.resolved"));
        assert_eq!(api.post("/hooks/cloudevents", back).await.ok()["changed"], json!(1));
        let body = generic(&api).await;
        let taken = api.post("/hooks/homegrown", body).await.ok();
        assert_eq!((&taken["incidents"], &taken["changed"]), (&json!(["INC-5", "INC-6"]), &json!(2)));
    })
    .await;
}

#[tokio::test]
async fn a_cloud_event_comes_in_three_ways_and_is_one_alert() {
    on_both(|api| async move {
        let event = capture("cloudevent.json");
        let structured = [("content-type", "application/cloudevents+json")];
        let send = |headers: &'static [(&'static str, &'static str)], body: Value| {
            let api = api.clone();
            async move { api.send(Method::POST, "/hooks/cloudevents", headers, body.to_string().into_bytes()).await }
        };
        let first =
            api.send(Method::POST, "/hooks/cloudevents", &structured, event.to_string().into_bytes()).await.ok();
        assert_eq!(first["opened"], json!(true));
        let batch =
            send(&[("content-type", "application/cloudevents-batch+json")], json!([event, { "id": "x" }])).await.ok();
        assert_eq!((&batch["changed"], &batch["wrong"][0]["field"]), (&json!(0), &json!("[1].specversion")));
        let binary: &[(&str, &str)] = &[
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-type", "com.example.disk.full.resolved"),
            ("ce-source", "/mycontext/host7"),
            ("ce-subject", "sda1"),
            ("ce-id", "other"),
        ];
        let resolved = api.send(Method::POST, "/hooks/cloudevents", binary, b"not even JSON".to_vec()).await.ok();
        assert_eq!((&resolved["incident"], &resolved["changed"]), (&first["incident"], &json!(1)));
        send(&[("content-type", "application/cloudevents-batch+json")], event).await.problem(422);
    })
    .await;
}

/// Every place of a body, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| {
                places(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            });
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

/// Two hundred bodies that differ from the right one: missing, of a wrong type, huge, cut off, in another encoding.
fn mutations(body: &Value) -> Vec<Vec<u8>> {
    let mut pointers = Vec::new();
    places(body, "", &mut pointers);
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("\u{0}"),
        json!("é".repeat(20_000)),
        json!([]),
        json!({}),
        json!([[[[]]]]),
        json!({ "a": { "b": [1] } }),
        json!("0001-01-01T00:00:00Z"),
    ];
    let mut made = Vec::new();
    'all: for round in 0.. {
        for (index, pointer) in pointers.iter().enumerate() {
            if made.len() == MUTATIONS - 20 {
                break 'all;
            }
            let mut changed = body.clone();
            let other = &others[(index + round * 5) % others.len()];
            let taken_away = round % 2 == 1;
            let (parent, name) = pointer.rsplit_once('/').unwrap_or(("", ""));
            let place = if taken_away { parent } else { pointer };
            match changed.pointer_mut(place) {
                Some(Value::Object(fields)) if taken_away => {
                    fields.remove(&name.replace("~1", "/").replace("~0", "~"));
                }
                Some(Value::Array(items)) if taken_away => items.clear(),
                Some(place) => *place = other.clone(),
                None => {}
            }
            made.push(changed.to_string().into_bytes());
        }
    }
    let whole = body.to_string().into_bytes();
    for cut in 0..20 {
        made.push(match cut % 4 {
            0 => whole[..whole.len() * cut / 20].to_vec(),
            1 => whole.iter().map(|byte| byte ^ 0x80).collect(),
            2 => String::from_utf8_lossy(&whole).encode_utf16().flat_map(u16::to_le_bytes).collect(),
            _ => [b"[".repeat(2_000 + cut), whole.clone()].concat(),
        });
    }
    made
}

#[tokio::test]
async fn no_mutation_of_a_body_breaks_the_server() {
    on_both(|api| async move {
        let homegrown = generic(&api).await;
        let mut bodies: Vec<(&str, Value)> =
            FORMATS.into_iter().map(|(source, file)| (source, capture(file))).collect();
        bodies.push(("homegrown", homegrown));
        for (source, body) in bodies {
            let all = mutations(&body);
            assert_eq!(all.len(), MUTATIONS);
            let mut refused = 0;
            for mutation in all {
                let headers = [("content-type", "application/json")];
                let answer = api.send(Method::POST, &format!("/hooks/{source}"), &headers, mutation.clone()).await;
                let shown = String::from_utf8_lossy(&mutation[..mutation.len().min(600)]).into_owned();
                match answer.status.as_u16() {
                    200 | 202 => {}
                    400 | 413 | 422 => {
                        refused += 1;
                        let detail = answer.body["detail"].as_str().unwrap_or_default();
                        assert!(!detail.is_empty() && detail.len() < 2_000, "{source}: {shown}: {:#}", answer.body);
                    }
                    other => panic!("{source}: {other}: {shown}: {:#}", answer.body),
                }
            }
            assert!(refused >= 20, "{source}: {refused} were refused");
        }
        api.get("//readyz").await.ok();
    })
    .await;
}

#[tokio::test]
async fn of_a_mixed_batch_no_good_alert_is_lost() {
    on_both(|api| async move {
        let mut body = capture("alertmanager-grouped-firing.json");
        let alerts = body["alerts"].as_array_mut().expect("alerts");
        let good = alerts.len();
        let mut broken = alerts[0].clone();
        broken["startsAt"] = json!("yesterday");
        alerts.insert(0, broken);
        alerts.push(json!("no alert"));
        let taken = api.post("/hooks/alertmanager", body).await.ok();
        assert_eq!(taken["changed"], json!(good));
        let fields: Vec<&str> = taken["wrong"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["field"].as_str().expect("a text"))
            .collect();
        assert_eq!(fields, ["alerts[0].startsAt".to_owned(), format!("alerts[{}]", good + 1)]);
    })
    .await;
}

#[tokio::test]
async fn a_source_proves_itself_by_its_signature() {
    on_both(|api| async move {
        api.put("/secrets/hook", json!({ "value": "hush" })).await.ok();
        let auth = json!({ "hmac": { "secret": "hook", "header": "X-Signature", "prefix": "sha256=",
            "timestamp_header": "X-Time" } });
        api.put("/sources/grafana", json!({ "kind": "grafana", "auth": { "token": "nothing" } })).await.problem(422);
        api.put("/sources/grafana", json!({ "kind": "opsgenie" })).await.problem(422);
        api.put("/sources/grafana", json!({ "kind": "grafana", "auth": auth })).await.ok();
        let body = capture("grafana.json").to_string();
        let sign = |key: &str, time: i64, body: &str| {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("a key");
            mac.update(format!("{time}.{body}").as_bytes());
            mac.finalize().into_bytes().iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
        };
        let now = SystemClock.now().unix_ms() / 1_000;
        let nobody = api.with_token("");
        for (key, time, body_sent, status) in [
            ("hush", now, body.clone(), 200),
            ("other", now, body.clone(), 401),
            ("hush", now - 600, body.clone(), 401),
            ("hush", now, body.replace("blue", "red"), 401),
        ] {
            let (signature, time) = (sign(key, time, &body), time.to_string());
            let headers = [("x-signature", signature.as_str()), ("x-time", time.as_str())];
            let answer = nobody.send(Method::POST, "/hooks/grafana", &headers, body_sent.into_bytes()).await;
            assert_eq!(answer.status.as_u16(), status, "{:#}", answer.body);
        }
        nobody.post("/hooks/grafana", capture("grafana.json")).await.problem(401);
        api.put("/secrets/source-pagerduty", json!({ "value": "samplekeyhere" })).await.ok();
        assert_eq!(nobody.post("/hooks/pagerduty", capture("pagerduty.json")).await.status, 202);
        let mut wrong = capture("pagerduty.json");
        wrong["routing_key"] = json!("another");
        nobody.post("/hooks/pagerduty", wrong).await.problem(401);
    })
    .await;
}

#[tokio::test]
async fn a_silence_keeps_alerts_quiet_and_counts_them() {
    on_both(|api| async move {
        let until = |seconds: u64| SystemClock.now().plus(Duration::from_secs(seconds)).to_string();
        let body =
            json!({ "labels": { "team": "blue", "zone": "*" }, "ends_at": until(3_600), "reason": "Works on it" });
        let silence = api.post("/silences", body).await.ok();
        let wrong = json!({ "labels": {}, "ends_at": until(60), "reason": "x" });
        api.post("/silences", wrong).await.problem(422);
        let taken = api.post("/hooks/grafana", capture("grafana.json")).await.ok();
        assert_eq!((&taken["silenced"], &taken["incident"]), (&json!(2), &json!(null)));
        let shown = api.get("/silences").await.ok();
        assert_eq!(shown["items"][0]["alerts"], json!(2), "{shown:#}");
        let id = silence["id"].as_str().expect("an id");
        assert_eq!(api.send(Method::DELETE, &format!("/silences/{id}"), &[], Vec::new()).await.status, 204);
        let taken = api.post("/hooks/grafana", capture("grafana.json")).await.ok();
        assert_eq!((&taken["opened"], &taken["changed"]), (&json!(true), &json!(2)), "what still fires opens then");
    })
    .await;
}

fn storm(group: &str, alerts: std::ops::Range<usize>, status: &str) -> Value {
    let alerts: Vec<Value> = alerts
        .map(|index| {
            json!({ "status": status, "labels": { "alertname": "Down", "instance": format!("{group}-{index}") },
            "annotations": {}, "startsAt": "2026-11-23T04:09:06Z", "fingerprint": format!("{group}-{index}") })
        })
        .collect();
    json!({ "version": "4", "groupKey": group, "alerts": alerts })
}

#[tokio::test]
async fn a_storm_of_one_group_is_one_incident_with_all_counted() {
    on_both(|api| async move {
        for part in 0..20 {
            let body = storm("one", part * 500..(part + 1) * 500, "firing");
            api.post("/hooks/alertmanager", body).await.ok();
        }
        let incidents = api.get("/incidents").await.ok();
        assert_eq!(incidents["items"].as_array().expect("a list").len(), 1);
        assert_eq!(incidents["items"][0]["alerts_beyond"], json!(9_000));
        assert_eq!(api.get("/incidents/INC-1/alerts").await.ok()["items"].as_array().expect("a list").len(), 1_000);
    })
    .await;
}

#[tokio::test]
async fn a_storm_of_many_groups_opens_a_bounded_number_and_one_umbrella() {
    on_both(|api| async move {
        let calm = json!({ "kind": "alertmanager", "storm": { "incidents": 5, "window_seconds": 3_600 } });
        api.put("/sources/alertmanager", calm).await.ok();
        let mut deliveries = tokio::task::JoinSet::new();
        for group in 0..60 {
            let api = api.clone();
            deliveries.spawn(async move {
                api.post("/hooks/alertmanager", storm(&format!("group{group}"), 0..1, "firing")).await.ok()
            });
        }
        deliveries.join_all().await;
        let incidents = api.get("/incidents?limit=200").await.ok();
        let all = incidents["items"].as_array().expect("a list");
        assert_eq!(all.len(), 6, "five and their umbrella");
        let umbrella =
            all.iter().find(|one| one["labels"]["wardroom_umbrella"] == "alertmanager").expect("an umbrella");
        let path = format!("/incidents/{}/alerts", umbrella["number"].as_str().expect("a number"));
        let alerts = api.get(&path).await.ok();
        let alerts = alerts["items"].as_array().expect("a list");
        assert_eq!(alerts.len(), 55, "none is lost");
        let names: BTreeSet<&str> =
            alerts.iter().map(|one| one["labels"]["instance"].as_str().expect("a text")).collect();
        let group = names.iter().next().expect("one").trim_end_matches("-0").to_owned();
        let taken = api.post("/hooks/alertmanager", storm(&group, 0..1, "resolved")).await.ok();
        assert_eq!((&taken["incident"], &taken["changed"]), (&umbrella["number"], &json!(1)));
    })
    .await;
}
