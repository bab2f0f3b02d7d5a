//! Ticks while an earlier run goes on, while automation is held, and while a schedule is paused.

use serde_json::json;

use super::{count, every_second, nap, on_both, ticks};

#[tokio::test]
async fn a_schedule_starts_its_workflow_each_time_it_comes() {
    on_both(|api| async move {
        let source = r#"{ "name": "count", "on": [{ "every": "1s", "with": { "at": "${{ trigger.tick }}" } }],
            "inputs": { "at": { "type": "string" } }, "steps": [{ "id": "nap", "sleep": "1ms" }] }"#;
        api.save("count", source).await;
        let ticks = ticks(&api, "count.1", |ticks| count(ticks, "started") >= 3).await;
        // On a busy machine a run may still go on when the next time comes: that tick starts none.
        for tick in ticks.iter().filter(|tick| tick["outcome"] == "started") {
            let run = api.ended(&json!({ "id": tick["run"] })).await;
            assert_eq!(run["status"], json!("succeeded"), "{run:#}");
            assert_eq!(run["inputs"]["at"], tick["nominal"], "{run:#}");
            assert_eq!(run["trigger"]["schedule"], json!("count.1"));
            assert_eq!(run["started_by"]["type"], json!("system"), "{run:#}");
        }
        let view = api.get("/schedules/count.1").await.ok();
        assert_eq!((&view["failures"], &view["owner"]["name"]), (&json!(0), &json!("count")), "{view:#}");
    })
    .await;
}

#[tokio::test]
async fn a_time_is_skipped_while_an_earlier_run_goes_on_and_says_which() {
    on_both(|api| async move {
        api.save("slow", &every_second("slow", &json!({}), &nap("1h"))).await;
        let ticks = ticks(&api, "slow.1", |ticks| count(ticks, "overlapped") >= 2).await;
        assert_eq!(count(&ticks, "started"), 1, "{ticks:#?}");
        let run = ticks.last().expect("a tick")["run"].as_str().expect("it started").to_owned();
        let why = ticks[0]["why"].as_str().expect("a reason");
        assert_eq!(why, format!("run {run} goes on"));
    })
    .await;
}

#[tokio::test]
async fn a_queued_time_starts_when_the_earlier_run_has_ended() {
    on_both(|api| async move {
        api.save("queue", &every_second("queue", &json!({ "overlap": "queue" }), &nap("1h"))).await;
        let waiting = ticks(&api, "queue.1", |ticks| count(ticks, "queued") >= 2).await;
        let first = waiting.last().expect("a tick")["run"].clone();
        api.post(&format!("/runs/{}/cancel", first.as_str().expect("a run")), json!({})).await.ok();
        let after = ticks(&api, "queue.1", |ticks| count(ticks, "started") == 2).await;
        let second = &after[after.len() - 2];
        assert_eq!((&second["outcome"], second["run"] == first), (&json!("started"), false), "{after:#?}");
    })
    .await;
}

#[tokio::test]
async fn the_earlier_run_is_canceled_and_waited_for() {
    on_both(|api| async move {
        api.save("newest", &every_second("newest", &json!({ "overlap": "cancel-running" }), &nap("1h"))).await;
        let seen = ticks(&api, "newest.1", |ticks| count(ticks, "started") >= 3).await;
        let oldest = seen.last().expect("a tick");
        let run = api.ended(&json!({ "id": oldest["run"] })).await;
        assert_eq!(run["status"], json!("canceled"), "{run:#}");
        let live = api.get("/runs?limit=100").await.ok();
        let live = live["items"].as_array().expect("runs").iter().filter(|run| run["finished_at"].is_null()).count();
        assert!(live <= 2, "the newest and the one that gives way: {live}");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_start_is_refused_with_its_reason() {
    on_both(|api| async move {
        api.save("held", &every_second("held", &json!({}), &nap("1ms"))).await;
        ticks(&api, "held.1", |ticks| count(ticks, "started") >= 1).await;
        api.post("/automation/pause", json!({ "scope": "workflow", "name": "held", "reason": "freeze" })).await.ok();
        let held = ticks(&api, "held.1", |ticks| count(ticks, "refused") >= 1).await;
        let refused = held.iter().find(|tick| tick["outcome"] == "refused").expect("one");
        assert_eq!(refused["why"], json!("workflow held is paused: freeze"));
        assert!(refused["run"].is_null());
    })
    .await;
}

#[tokio::test]
async fn times_of_a_pause_are_told_when_it_ends() {
    on_both(|api| async move {
        api.save("paused", &every_second("paused", &json!({}), &nap("1ms"))).await;
        ticks(&api, "paused.1", |ticks| count(ticks, "started") >= 1).await;
        api.post("/schedules/paused.1/pause", json!({ "reason": "Friday" })).await.ok();
        let paused = api.post("/schedules/paused.1/pause", json!({ "reason": "again" })).await.problem(409);
        assert_eq!(paused["detail"], json!("it is paused already: Friday"));
        let before = api.get("/schedules/paused.1").await.ok();
        let next: String = before["next"]["utc"].as_str().expect("a time").to_owned();
        // By hand it starts all the same.
        let by_hand = api.post("/schedules/paused.1/trigger", json!({})).await.ok();
        api.ended(&json!({ "id": by_hand["run"] })).await;
        api.until("/schedules/paused.1/preview?count=1", |page| page["items"][0]["utc"].as_str() > Some(&next)).await;
        api.post("/schedules/paused.1/resume", json!({})).await.ok();
        let after = ticks(&api, "paused.1", |ticks| count(ticks, "paused") == 1).await;
        let told = after.iter().find(|tick| tick["outcome"] == "paused").expect("one");
        assert_eq!(told["why"], json!("paused: Friday"));
        assert_eq!(told["nominal"], json!(next), "{after:#?}");
        assert!(told["count"].as_u64() >= Some(1), "{told:#}");
    })
    .await;
}
