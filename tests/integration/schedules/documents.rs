//! Schedules of people over HTTP and in the terminal.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;
use wardroom_tests::{
    guests::root,
    server::{ADMIN, Answer, Api},
};

use crate::fixture::on_both;

const SWEEP: &str = "{ name: sweep, on: [{ manual: {} }], inputs: { site: { type: string, default: north } }, \
                     steps: [{ id: nap, sleep: 1ms }] }";

async fn put(api: &Api, name: &str, source: &str, headers: &[(&str, &str)]) -> Answer {
    let headers: Vec<(&str, &str)> = [("content-type", "application/yaml")].iter().chain(headers).copied().collect();
    api.send(Method::PUT, &format!("/schedules/{name}"), &headers, source.as_bytes().to_vec()).await
}

fn nightly(line: &str) -> String {
    format!("name: nightly\nworkflow: sweep\n{line}\n")
}

#[tokio::test]
async fn a_schedule_is_kept_under_its_name_and_its_revision() {
    on_both(|api| async move {
        api.save("sweep", SWEEP).await;
        let source = nightly("cron: '30 2 * * *'\ntimezone: Europe/Berlin");
        let made = put(&api, "nightly", &source, &[]).await;
        assert_eq!((made.status.as_u16(), made.etag.as_deref()), (201, Some("\"1\"")), "{:#}", made.body);
        assert_eq!(made.body["description"], json!("At 02:30, every day, Europe/Berlin"));
        assert!(made.body["next"]["local"].as_str().is_some_and(|local| local.contains("T0")), "{:#}", made.body);
        let same = put(&api, "nightly", &source, &[("if-match", "\"1\"")]).await;
        assert_eq!((same.status.as_u16(), &same.body["revision"]), (200, &json!(1)));
        let other = nightly("every: 1h");
        let stale = put(&api, "nightly", &other, &[("if-match", "\"7\"")]).await.problem(412);
        assert!(stale["detail"].as_str().is_some_and(|detail| detail.contains("revision 1")), "{stale:#}");
        let changed = put(&api, "nightly", &other, &[("if-match", "\"1\"")]).await;
        assert_eq!((changed.status.as_u16(), &changed.body["revision"]), (200, &json!(2)));
        put(&api, "weekly", &other, &[]).await.problem(422);
        put(&api, "nightly", &other, &[("if-match", "nightly")]).await.problem(400);
        put(&api, "nightly", &other, &[("if-match", "*")]).await.ok();
        // The answer to a change tells the times of the new document.
        put(&api, "nightly", &nightly("at: 2099-01-01T00:00:00Z"), &[]).await.ok();
        let sooner = json!({ "name": "nightly", "workflow": "sweep", "at": "2090-01-01T00:00:00Z" });
        let sooner = api.put("/schedules/nightly", sooner).await.ok();
        assert_eq!((&sooner["revision"], &sooner["next"]["utc"]), (&json!(4), &json!("2090-01-01T00:00:00.000Z")));
        for name in ["a", "b", "c"] {
            put(&api, name, &other.replace("nightly", name), &[]).await.ok();
        }
        let page = api.get("/schedules?limit=2&owner=people").await.ok();
        let names = |page: &Value| -> Vec<String> {
            let items = page["items"].as_array().expect("items").iter();
            items.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
        };
        assert_eq!(names(&page), ["a", "b"]);
        let next = page["next"].as_str().expect("there are more");
        assert_eq!(names(&api.get(&format!("/schedules?after={next}")).await.ok()), ["c", "nightly"]);
        let viewer = api.person("vera", "viewer").await;
        viewer.get("/schedules/nightly").await.ok();
        viewer.post("/schedules/nightly/trigger", json!({})).await.problem(403);
        let responder = api.person("rita", "responder").await;
        put(&responder, "nightly", &other, &[]).await.problem(403);
        responder.post("/schedules/nightly/pause", json!({ "reason": "no" })).await.problem(403);
        responder.send(Method::DELETE, "/schedules/nightly", &[], Vec::new()).await.problem(403);
        responder.post("/schedules/nightly/resume", json!({})).await.problem(403);
        let past = json!({ "from": "2026-11-01T00:00:00Z", "until": "2026-11-01T03:00:00Z" });
        responder.post("/schedules/nightly/backfill", past).await.problem(403);
        responder.post("/schedules/nightly/trigger", json!({})).await.ok();
        api.send(Method::DELETE, "/schedules/nightly", &[], Vec::new()).await.ok();
        api.send(Method::DELETE, "/schedules/nightly", &[], Vec::new()).await.problem(404);
        for gone in ["", "/preview", "/ticks"] {
            api.get(&format!("/schedules/nightly{gone}")).await.problem(404);
        }
        for wrong in ["?owner=nobody", "?limit=0", "?limit=201", "/a/preview?count=0", "/a/preview?count=1001"] {
            api.get(&format!("/schedules{wrong}")).await.problem(422);
        }
        for wrong in ["preview?from=tomorrow", "ticks?after=yesterday", "ticks?after=2026-11-01T00:00:00Z_yearly"] {
            api.get(&format!("/schedules/a/{wrong}")).await.problem(422);
        }
    })
    .await;
}

#[tokio::test]
async fn a_wrong_schedule_is_refused_with_its_place() {
    on_both(|api| async move {
        api.save("sweep", SWEEP).await;
        let often = "this server wants at least 10s (--shortest-interval)";
        for (line, place, wanted) in [
            ("cron: '* * * *'", (3, 15), "4 of 5 fields"),
            ("cron: '61 * * * *'", (3, 8), "minute: `61` is not a minute: 0 to 59"),
            ("cron: '0 0 30 2 *'", (3, 12), "never fires"),
            ("cron: '0 9 * * *'\ntimezone: Europe/Nowhere", (4, 11), "Europe/Nowhere"),
            ("every: 1h\nstarts: 2030-01-02T00:00:00Z\nends: 2030-01-01T00:00:00Z", (5, 7), "is not after `starts`"),
            ("cron: '* * * * * *'", (3, 7), often),
            ("jitter: 0s\nevery: 1s", (4, 8), often),
            ("every: 1h\nevrey: 2h", (4, 1), "did you mean `every`?"),
            ("every: 1h\ninputs: { sight: north }", (4, 18), "has no input"),
        ] {
            let refused = put(&api, "nightly", &nightly(line), &[]).await.problem(422);
            let first = &refused["errors"][0];
            assert!(first["message"].as_str().is_some_and(|message| message.contains(wanted)), "{line}: {refused:#}");
            assert_eq!((&first["line"], &first["column"]), (&json!(place.0), &json!(place.1)), "{line}: {refused:#}");
            let checked = api.send(Method::POST, "/schedules/validate", &[], nightly(line).into_bytes()).await.ok();
            assert_eq!((&checked["valid"], &checked["errors"]), (&json!(false), &refused["errors"]), "{line}");
        }
        put(&api, "nightly", "name: nightly\nworkflow: sweep\nworkflow: sweep\n", &[]).await.problem(422);
        let several = put(&api, "nightly", &nightly("cron: '61 * * * *'\noverlap: never\njitter: 2h"), &[]).await;
        assert_eq!(several.problem(422)["errors"].as_array().map(Vec::len), Some(3));
        let trigger = "{ name: tick, on: [{ every: 9s }], steps: [{ id: nap, sleep: 1ms }] }";
        let refused = api.send(Method::PUT, "/workflows/tick", &[], trigger.as_bytes().to_vec()).await.problem(422);
        let first = &refused["errors"][0];
        assert_eq!((&first["line"], &first["column"]), (&json!(1), &json!(29)), "{refused:#}");
        assert_eq!(first["field"], json!("on[0].every"));
        put(&api, "nightly", "name: nightly\nworkflow: swep\nevery: 1h\n", &[]).await.problem(422);
        assert_eq!(api.get("/schedules").await.ok()["items"], json!([]), "nothing of them was kept");
    })
    .await;
}

#[tokio::test]
async fn people_preview_trigger_and_make_up_for_times() {
    on_both(|api| async move {
        api.save("sweep", SWEEP).await;
        let blackout = "blackouts: [{ from: 2030-01-02T00:00:00Z, until: 2030-01-03T00:00:00Z, then: hold, reason: freeze }]";
        put(&api, "nightly", &nightly(&format!("cron: '0 9 * * *'\n{blackout}\ninputs: {{ site: south }}")), &[]).await.ok();
        let coming = api.get("/schedules/nightly/preview?from=2030-01-01T00:00:00Z&count=3").await.ok();
        let coming = coming["items"].as_array().expect("times");
        assert_eq!(coming.len(), 3);
        assert_eq!(coming[1]["utc"], json!("2030-01-02T09:00:00.000Z"));
        let held = coming[1]["blackout"].as_str().expect("it is held");
        assert_eq!(held, "held until 2030-01-03T00:00:00.000Z (freeze)");
        assert!(coming[0]["blackout"].is_null());
        let key = [("idempotency-key", "once")];
        let tick = api.json(Method::POST, "/schedules/nightly/trigger", &key, &json!({})).await;
        assert_eq!(tick.status.as_u16(), 202, "{:#}", tick.body);
        let tick = tick.ok();
        let again = api.json(Method::POST, "/schedules/nightly/trigger", &key, &json!({})).await.ok();
        assert_eq!((&tick["run"], &tick["nominal"]), (&again["run"], &again["nominal"]));
        put(&api, "other", &nightly("every: 1h").replace("nightly", "other"), &[]).await.ok();
        api.json(Method::POST, "/schedules/other/trigger", &key, &json!({})).await.problem(422);
        let run = api.ended(&json!({ "id": tick["run"] })).await;
        assert_eq!((&run["status"], &run["inputs"]["site"]), (&json!("succeeded"), &json!("south")), "{run:#}");
        assert_eq!(run["trigger"]["kind"], json!("manual"));
        // Four hours of the past, of which none was there.
        put(&api, "nightly", &nightly("every: 1h"), &[]).await.ok();
        let body = |dry_run: bool| json!({ "from": "2026-11-01T00:00:00Z", "until": "2026-11-01T03:00:00Z", "dry_run": dry_run });
        let list = api.post("/schedules/nightly/backfill", body(true)).await.ok();
        assert_eq!(list["times"].as_array().map(Vec::len), Some(4), "{list:#}");
        api.post("/schedules/nightly/backfill", body(false)).await.ok();
        let done = api
            .until("/schedules/nightly/ticks?limit=200", |page| {
                let ticks = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
                ticks.iter().filter(|tick| tick["kind"] == "backfill" && tick["run"].is_string()).count() == 4
            })
            .await;
        let first = done["items"].as_array().expect("ticks").iter().find(|tick| tick["kind"] == "backfill").expect("one");
        let run = api.ended(&json!({ "id": first["run"] })).await;
        assert_eq!(run["trigger"]["tick"], first["nominal"], "{run:#}");
        let left = api.post("/schedules/nightly/backfill", body(true)).await.ok();
        assert_eq!(left["times"], json!([]), "they are made up for once");
        let much = json!({ "from": "2026-01-01T00:00:00Z", "until": "2026-11-01T00:00:00Z" });
        api.post("/schedules/nightly/backfill", much).await.problem(422);
        let tomorrow = json!({ "from": "2026-11-01T00:00:00Z", "until": "2099-11-01T00:00:00Z" });
        api.post("/schedules/nightly/backfill", tomorrow).await.problem(422);
        let backwards = json!({ "from": "2026-11-02T00:00:00Z", "until": "2026-11-01T00:00:00Z" });
        api.post("/schedules/nightly/backfill", backwards).await.problem(422);
        let unsaid = json!({ "from": "2026-10-01T00:00:00Z", "until": "2026-10-01T01:00:00Z" });
        let unsaid = api.post("/schedules/nightly/backfill", unsaid).await.ok();
        assert_eq!((&unsaid["started"], unsaid["times"].as_array().map(Vec::len)), (&json!(false), Some(2)));
    })
    .await;
}

#[tokio::test]
async fn people_hold_a_schedule_and_let_it_go_on() {
    on_both(|api| async move {
        api.save("sweep", SWEEP).await;
        put(&api, "nightly", &nightly("every: 1h"), &[]).await.ok();
        api.post("/schedules/nightly/resume", json!({})).await.problem(409);
        for wrong in [
            json!({}),
            json!({ "reason": " " }),
            json!({ "reason": "x".repeat(501) }),
            json!({ "reason": "freeze", "until": "2020-01-01T00:00:00Z" }),
            json!({ "reason": "freeze", "until": "soon" }),
            json!({ "reason": "freeze", "for": "1h" }),
        ] {
            api.post("/schedules/nightly/pause", wrong).await.problem(422);
        }
        assert!(api.get("/schedules/nightly").await.ok()["paused"].is_null());
        let until = json!({ "reason": " freeze ", "until": "2099-01-01T00:00:00Z" });
        let paused = api.post("/schedules/nightly/pause", until).await.ok();
        assert_eq!(paused["paused"]["reason"], json!("freeze"), "{paused:#}");
        assert_eq!(paused["paused"]["until"], json!("2099-01-01T00:00:00.000Z"), "{paused:#}");
        assert!(paused["paused"]["by"].is_object(), "{paused:#}");
        assert_eq!(paused["revision"], json!(1), "the document is the same");
        let again = api.post("/schedules/nightly/pause", json!({ "reason": "again" })).await.problem(409);
        assert_eq!(again["detail"], json!("it is paused already: freeze"));
        // Another document does not let it go on.
        put(&api, "nightly", &nightly("every: 2h"), &[]).await.ok();
        assert_eq!(api.get("/schedules/nightly").await.ok()["paused"]["reason"], json!("freeze"));
        let by_hand = api.post("/schedules/nightly/trigger", json!({})).await.ok();
        let run = api.ended(&json!({ "id": by_hand["run"] })).await;
        assert_eq!(run["status"], json!("succeeded"), "{run:#}");
        let resumed = api.post("/schedules/nightly/resume", json!({})).await.ok();
        assert!(resumed["paused"].is_null() && resumed["next"].is_object(), "{resumed:#}");
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_a_workflow_or_an_incident_is_changed_there() {
    on_both(|api| async move {
        api.save("sweep", "{ name: sweep, on: [{ every: 1h }], steps: [{ id: nap, sleep: 1ms }] }").await;
        let refused = api.send(Method::DELETE, "/schedules/sweep.1", &[], Vec::new()).await.problem(409);
        let wanted = "schedule sweep.1 belongs to workflow sweep: change the trigger in its document";
        assert_eq!(refused["detail"], json!(wanted));
        // A document of people cannot take its name.
        put(&api, "sweep.1", "{ name: sweep.1, workflow: sweep, every: 1h }", &[]).await.problem(422);
        put(&api, "sweep.1", &nightly("every: 1h"), &[]).await.problem(422);
        // What people do to a schedule without changing it, they do to this one too.
        let tick = api.post("/schedules/sweep.1/trigger", json!({})).await.ok();
        api.ended(&json!({ "id": tick["run"] })).await;
        let past = json!({ "from": "2026-11-01T00:00:00Z", "until": "2026-11-01T01:00:00Z" });
        let past = api.post("/schedules/sweep.1/backfill", past).await.ok();
        assert_eq!(past["times"].as_array().map(Vec::len), Some(2), "{past:#}");
        api.post("/schedules/sweep.1/pause", json!({ "reason": "freeze" })).await.ok();
        api.post("/schedules/sweep.1/resume", json!({})).await.ok();
        let incident = api.post("/incidents", json!({ "title": "slow", "severity": "sev2" })).await.ok();
        let timers = format!("/incidents/{}/timers", incident["number"].as_str().expect("a number"));
        let timer = json!({ "name": "regulator", "in": "72h", "text": "Tell the regulator." });
        let made = api.post(&timers, timer).await.ok();
        let name = made["name"].as_str().expect("a name");
        let refused = api.send(Method::DELETE, &format!("/schedules/{name}"), &[], Vec::new()).await.problem(409);
        let wanted = format!("schedule {name} belongs to an incident: change its timers");
        assert_eq!(refused["detail"], json!(wanted));
        api.post(&format!("/schedules/{name}/trigger"), json!({})).await.problem(409);
        for (owner, wanted) in [("people", vec![]), ("workflow", vec!["sweep.1"]), ("incident", vec![name])] {
            let page = api.get(&format!("/schedules?owner={owner}")).await.ok();
            let names: Vec<_> = page["items"].as_array().expect("items").iter().map(|one| &one["name"]).collect();
            assert_eq!(names, wanted, "{page:#}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_terminal_keeps_schedules_and_timers() {
    on_both(|api| async move {
        api.save("sweep", SWEEP).await;
        let incident = api.post("/incidents", json!({ "title": "slow", "severity": "sev2" })).await.ok();
        let number = incident["number"].as_str().expect("a number").to_owned();
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("nightly.yaml");
        std::fs::write(&file, nightly("cron: '30 2 * * *'\ntimezone: Europe/Berlin")).expect("is written");
        let file = file.display().to_string();
        let past = ("2026-11-01T00:00:00+01:00", "2026-11-02T00:00:00+01:00");
        let said = async |arguments: &[&str]| {
            let mut command = Command::new(root().join("target/debug/wardroom"));
            command.args(arguments).env("WARDROOM_URL", &api.url).env("WARDROOM_TOKEN", ADMIN);
            let output = command.output().await.expect("the command runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            (output.status.success(), text)
        };
        for (arguments, wanted) in [
            (vec!["schedule", "validate", &file], "can be saved"),
            (vec!["schedule", "put", &file], "nightly: At 02:30, every day, Europe/Berlin (revision 1); next "),
            (vec!["schedule", "list"], "nightly"),
            (
                vec!["schedule", "preview", "nightly", "--from", "2026-10-24T02:00:00+02:00", "--count", "2"],
                "comes twice",
            ),
            (vec!["schedule", "pause", "nightly", "--reason", "freeze"], "paused: freeze"),
            (vec!["schedule", "show", "nightly"], "paused: freeze"),
            (vec!["schedule", "resume", "nightly"], "next "),
            (vec!["schedule", "trigger", "nightly"], "started run "),
            (vec!["schedule", "ticks", "nightly"], "manual"),
            (vec!["schedule", "backfill", "nightly", "--from", past.0, "--until", past.1], "1 started nothing"),
            (vec!["schedule", "backfill", "nightly", "--from", past.0, "--until", past.1, "--start"], "1 wait"),
            (vec!["schedule", "show", "nightly", "--json"], "\"workflow\": \"sweep\""),
            (vec!["schedule", "list", "--owner", "people"], "At 02:30, every day, Europe/Berlin"),
            (vec!["schedule", "delete", "nightly"], "nightly is deleted"),
            (vec!["schedule", "schema"], "\"$schema\""),
            (vec!["timer", "add", &number, "update", "--every", "30m", "--text", "Tell them."], "update"),
            (vec!["timer", "list", &number], "Tell them."),
            (vec!["timer", "remove", &number, "update"], "update is removed"),
        ] {
            let (well, text) = said(&arguments).await;
            assert!(well && text.contains(wanted), "{arguments:?}: {text}");
        }
        let wrong = folder.path().join("wrong.yaml");
        std::fs::write(&wrong, nightly("cron: '61 * * * *'")).expect("is written");
        let wrong = wrong.display().to_string();
        let placed = format!("{wrong}:3:8: cron: minute: `61` is not a minute: 0 to 59");
        for (arguments, wanted) in [
            (vec!["schedule", "show", "nightly"], "there is no schedule"),
            (vec!["schedule", "put", &wrong], placed.as_str()),
            (vec!["schedule", "validate", &wrong], placed.as_str()),
            (vec!["timer", "add", &number, "update", "--every", "1s", "--text", "Tell them."], "10s to 366d"),
        ] {
            let (well, text) = said(&arguments).await;
            assert!(!well && text.contains(wanted), "{arguments:?}: {text}");
        }
    })
    .await;
}
