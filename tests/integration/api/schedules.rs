//! Schedules of people over HTTP and in the terminal.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;
use wardroom_tests::{
    guests::root,
    server::{ADMIN, Answer, Api},
};

use super::on_both;

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
        api.send(Method::DELETE, "/schedules/nightly", &[], Vec::new()).await.ok();
        api.get("/schedules/nightly").await.problem(404);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_schedule_is_refused_with_its_place() {
    on_both(|api| async move {
        api.save("sweep", SWEEP).await;
        for (line, column, wanted) in [
            ("cron: '* * * *'", 8, "4 of 5 fields"),
            ("cron: '61 * * * *'", 8, "minute: `61` is not a minute: 0 to 59"),
            ("cron: '0 0 30 2 *'", 12, "never fires"),
            ("cron: '0 9 * * *'\ntimezone: Europe/Nowhere", 0, "Europe/Nowhere"),
            ("every: 1h\nstarts: 2030-01-02T00:00:00Z\nends: 2030-01-01T00:00:00Z", 0, "ends"),
            ("cron: '* * * * * *'", 0, "--shortest-interval"),
            ("every: 1s", 0, "10s"),
            ("every: 1h\nevrey: 2h", 1, "did you mean `every`?"),
            ("workflow: sweep", 0, "workflow"),
        ] {
            let refused = put(&api, "nightly", &nightly(line), &[]).await.problem(422);
            let text = refused.to_string();
            assert!(text.contains(wanted), "{line}: {refused:#}");
            let first = &refused["errors"][0];
            assert!(first["line"].as_u64() >= Some(1), "{line}: {refused:#}");
            if column > 0 {
                assert!(first["column"].as_u64() >= Some(column), "{line}: {refused:#}");
            }
        }
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
        let tick = api.json(Method::POST, "/schedules/nightly/trigger", &key, &json!({})).await.ok();
        let again = api.json(Method::POST, "/schedules/nightly/trigger", &key, &json!({})).await.ok();
        assert_eq!(tick["run"], again["run"]);
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
        api.post("/schedules/nightly/resume", json!({})).await.problem(409);
        api.post("/schedules/nightly/pause", json!({ "reason": " " })).await.problem(422);
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
        let incident = api.post("/incidents", json!({ "title": "slow", "severity": "sev2" })).await.ok();
        let timers = format!("/incidents/{}/timers", incident["number"].as_str().expect("a number"));
        let timer = |when: Value| {
            let mut timer = json!({ "name": "regulator", "text": "Tell the regulator." });
            timer.as_object_mut().expect("an object").extend(when.as_object().cloned().unwrap_or_default());
            timer
        };
        for wrong in
            [json!({}), json!({ "every": "30m", "in": "72h" }), json!({ "every": "1s" }), json!({ "in": "soon" })]
        {
            api.post(&timers, timer(wrong)).await.problem(422);
        }
        let made = api.post(&timers, timer(json!({ "in": "72h" }))).await.ok();
        assert_eq!(made["timer"], json!("regulator"), "{made:#}");
        api.post(&timers, timer(json!({ "in": "72h" }))).await.problem(409);
        let name = made["name"].as_str().expect("a name");
        api.send(Method::DELETE, &format!("/schedules/{name}"), &[], Vec::new()).await.problem(409);
        api.post(&format!("/schedules/{name}/trigger"), json!({})).await.problem(409);
        assert_eq!(api.get(&timers).await.ok()["items"].as_array().map(Vec::len), Some(1));
        api.send(Method::DELETE, &format!("{timers}/regulator"), &[], Vec::new()).await.ok();
        assert_eq!(api.get(&timers).await.ok()["items"], json!([]));
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
            (vec!["schedule", "preview", "nightly", "--from", "2026-10-24T00:00:00Z", "--count", "2"], "comes twice"),
            (vec!["schedule", "pause", "nightly", "--reason", "freeze"], "paused: freeze"),
            (vec!["schedule", "show", "nightly"], "paused: freeze"),
            (vec!["schedule", "resume", "nightly"], "next "),
            (vec!["schedule", "trigger", "nightly"], "started run "),
            (vec!["schedule", "ticks", "nightly"], "manual"),
            (vec!["schedule", "delete", "nightly"], "nightly is deleted"),
            (vec!["schedule", "schema"], "\"$schema\""),
            (vec!["timer", "add", &number, "update", "--every", "30m", "--text", "Tell them."], "update"),
            (vec!["timer", "list", &number], "Tell them."),
            (vec!["timer", "remove", &number, "update"], "update is removed"),
        ] {
            let (well, text) = said(&arguments).await;
            assert!(well && text.contains(wanted), "{arguments:?}: {text}");
        }
        let (well, text) = said(&["schedule", "show", "nightly"]).await;
        assert!(!well && text.contains("there is no schedule"), "{text}");
    })
    .await;
}
