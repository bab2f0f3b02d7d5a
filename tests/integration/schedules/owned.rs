//! Schedules that a workflow's document brings: they come, change and go with it.

use serde_json::json;

use super::{count, every_second, on_both, ticks};

#[tokio::test]
async fn a_workflow_s_schedules_come_change_and_go_with_its_document() {
    on_both(|api| async move {
        let source = |second: &str| {
            format!(
                "name: sweep\non:\n  - every: 1h\n  - cron: \"{second}\"\n    timezone: Europe/Berlin\n\
                 steps:\n  - {{ id: nap, sleep: 1ms }}\n"
            )
        };
        api.save("sweep", &source("0 9 * * 1-5")).await;
        let first = api.get("/schedules/sweep.1").await.ok();
        let second = api.get("/schedules/sweep.2").await.ok();
        assert_eq!(second["document"]["cron"], json!("0 9 * * 1-5"), "{second:#}");
        api.post("/schedules/sweep.1/pause", json!({ "reason": "later" })).await.ok();
        // Another time for the second: the first keeps what it did, and that it is paused.
        api.save("sweep", &source("30 9 * * 1-5")).await;
        let same = api.get("/schedules/sweep.1").await.ok();
        assert_eq!((&same["revision"], &same["paused"]["reason"]), (&first["revision"], &json!("later")), "{same:#}");
        let changed = api
            .until("/schedules/sweep.2", |view| {
                view["next"]["local"].as_str().is_some_and(|local| local.contains("09:30"))
            })
            .await;
        assert_eq!(changed["revision"], json!(2), "{changed:#}");
        api.save("sweep", "name: sweep\non: [{ every: 1h }]\nsteps: [{ id: nap, sleep: 1ms }]\n").await;
        api.get("/schedules/sweep.2").await.problem(404);
        api.send(reqwest::Method::DELETE, "/workflows/sweep", &[], Vec::new()).await.ok();
        api.get("/schedules/sweep.1").await.problem(404);
    })
    .await;
}

#[tokio::test]
async fn a_schedule_whose_runs_fail_warns_once_and_starts_who_listens() {
    on_both(|api| async move {
        let listener = r"{ name: tell, on: [{ schedule_failing: {} }], steps: [{ id: nap, sleep: 1ms }] }";
        api.save("tell", listener).await;
        let steps = json!([{ "id": "never", "wait_for": { "signal": "nothing", "timeout": "1s" } }]);
        api.save("broken", &every_second("broken", &json!({ "warn_after": 2 }), &steps)).await;
        let view = api.until("/schedules/broken.1", |view| view["failures"].as_u64() >= Some(3)).await;
        assert!(view["warning"].as_str().is_some_and(|warning| !warning.is_empty()), "{view:#}");
        let told = api
            .until("/runs?limit=100", |page| {
                page["items"].as_array().is_some_and(|runs| runs.iter().any(|run| run["workflow"] == "tell"))
            })
            .await;
        let told: Vec<_> =
            told["items"].as_array().expect("runs").iter().filter(|run| run["workflow"] == "tell").collect();
        assert_eq!(told.len(), 1, "{told:#?}");
        let run = api.get(&format!("/runs/{}", told[0]["id"].as_str().expect("an id"))).await.ok();
        assert_eq!((&run["trigger"]["schedule"], &run["trigger"]["failures"]), (&json!("broken.1"), &json!(2)));
    })
    .await;
}

#[tokio::test]
async fn a_timer_tells_its_incident_and_ends_with_it() {
    on_both(|api| async move {
        let listener = "{ name: remind, on: [{ timer: update }], steps: [{ id: nap, sleep: 1ms }] }";
        api.save("remind", listener).await;
        let incident = api.post("/incidents", json!({ "title": "slow", "severity": "sev2" })).await.ok();
        let id = incident["id"].as_str().expect("an id");
        let timer = json!({ "name": "update", "every": "1s", "text": "Time for an update.", "until": ["resolution"] });
        api.post(&format!("/incidents/{id}/timers"), timer).await.ok();
        let timers = api.get(&format!("/incidents/{id}/timers")).await.ok();
        let name = timers["items"][0]["name"].as_str().expect("a name").to_owned();
        let said = |page: &serde_json::Value| {
            let entries = page["items"].as_array().cloned().unwrap_or_default();
            entries.iter().filter(|entry| entry["text"] == "Time for an update.").count()
        };
        let timeline = format!("/incidents/{id}/timeline?limit=200");
        api.until(&timeline, |page| said(page) >= 2).await;
        api.until(&format!("/incidents/{id}/automations"), |page| page.to_string().contains("remind")).await;
        api.post(&format!("/incidents/{id}/stage"), json!({ "to": "resolution" })).await.ok();
        let over = ticks(&api, &name, |ticks| count(ticks, "ended") == 1).await;
        let reason = format!("{} is in resolution", incident["number"].as_str().expect("a number"));
        assert_eq!(over[0]["why"], json!(reason), "{over:#?}");
        let after = said(&api.get(&timeline).await.ok());
        let view = api.get(&format!("/schedules/{name}")).await.ok();
        assert!(view["next"].is_null(), "{view:#}");
        assert_eq!(after, count(&over, "started") + count(&over, "caught_up"));
    })
    .await;
}
