//! The history of a schedule, page by page.

use serde_json::{Value, json};

use super::{count, every_second, nap, on_both, ticks};

/// What tells one tick of a schedule from the others.
fn key(tick: &Value) -> (String, String) {
    let word = |key: &str| tick[key].as_str().expect("a word").to_owned();
    (word("nominal"), word("kind"))
}

#[tokio::test]
async fn a_page_may_end_between_two_ticks_of_one_time() {
    on_both(|api| async move {
        api.save("slow", &every_second("slow", &json!({}), &nap("1h"))).await;
        ticks(&api, "slow.1", |ticks| count(ticks, "overlapped") >= 2).await;
        // Nothing is decided any more; what was skipped is asked for again and waits.
        api.post("/schedules/slow.1/pause", json!({ "reason": "to be read" })).await.ok();
        let before = ticks(&api, "slow.1", |_| true).await;
        let (oldest, newest) = (before.last().expect("a tick"), before.first().expect("a tick"));
        let range = json!({ "from": oldest["nominal"], "until": newest["last"], "dry_run": false });
        let asked = api.post("/schedules/slow.1/backfill", range).await.ok();
        let asked = asked["times"].as_array().map(Vec::len).expect("times");
        assert!(asked >= 2, "{before:#?}");
        let whole = ticks(&api, "slow.1", |ticks| count(ticks, "queued") == asked).await;
        assert_eq!(whole.len(), before.len() + asked);
        let whole: Vec<_> = whole.iter().map(key).collect();
        let (mut paged, mut after) = (Vec::new(), None::<String>);
        loop {
            let cursor = after.map_or_else(String::new, |after| format!("&after={after}"));
            let page = api.get(&format!("/schedules/slow.1/ticks?limit=1{cursor}")).await.ok();
            paged.extend(page["items"].as_array().expect("items").iter().map(key));
            assert!(paged.len() <= whole.len(), "{paged:#?}");
            match page["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(paged, whole);
    })
    .await;
}
