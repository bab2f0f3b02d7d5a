//! 10,000 schedules that are due at one moment, and 10,000 that are due over a minute: none missed, none doubled, and how
//! late. On PostgreSQL two hosts share them.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Row;
use wardroom_domain::time::Timestamp;
use wardroom_tests::{database::Kind, server::Api};

use super::{
    clients::{self, Until, side_by_side},
    figures::{Progress, Spread, number},
    site::Site,
};

const SCHEDULES: usize = 10_000;
const CLIENTS: usize = 32;
/// Over how long they are spread, in milliseconds.
const MINUTE_MS: i64 = 60_000;
/// How long making them may take, before the first is due.
const AHEAD: Duration = Duration::from_secs(45);
const LOOK: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_mins(2);

/// # Panics
/// When a time is missed or doubled.
pub(crate) async fn measure(kind: Kind, progress: &Progress) -> Value {
    let mut site = Site::start(kind).await;
    clients::prepare(&site.api).await;
    let hosts = if kind == Kind::Postgres { 2 } else { 1 };
    if hosts == 2 {
        site.join().await;
    }
    progress.say("    all at once");
    let at_once = come(&site, "once", 0).await;
    progress.say("    over a minute");
    let spread = come(&site, "spread", MINUTE_MS).await;
    site.remove().await;
    json!({ "schedules": SCHEDULES, "hosts": hosts, "at_once": at_once, "over_a_minute": spread })
}

/// Makes schedules that come once each, spread over so many milliseconds, and waits until all of their runs have ended.
async fn come(site: &Site, name: &str, spread_ms: i64) -> Value {
    let first = system_now().plus(AHEAD);
    let place = std::sync::atomic::AtomicUsize::new(0);
    let made = side_by_side(CLIENTS, Until::Done(SCHEDULES), || {
        let index = place.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let offset_ms = spread_ms * i64::try_from(index).unwrap_or(0) / i64::try_from(SCHEDULES).unwrap_or(1);
        let at = Timestamp::from_unix_ms(first.unix_ms() + offset_ms);
        make(site.api.clone(), format!("{name}-{index}"), at)
    })
    .await;
    assert!(system_now() < first, "making the schedules took longer than {AHEAD:?}");
    let deadline = wardroom_tests::process::now() + AHEAD + PATIENCE;
    let names = format!("{name}-%");
    loop {
        tokio::time::sleep(LOOK).await;
        let sql = "SELECT COUNT(*) FROM ticks JOIN schedules ON schedules.id = ticks.schedule_id JOIN runs ON runs.id = \
                   ticks.run_id WHERE schedules.name LIKE $1 AND runs.finished_at IS NOT NULL";
        let ended: i64 =
            sqlx::query_scalar(sql).bind(&names).fetch_one(&mut site.connect().await).await.expect("a count");
        if usize::try_from(ended).is_ok_and(|ended| ended >= SCHEDULES) {
            break;
        }
        assert!(wardroom_tests::process::now() < deadline, "{ended} of {SCHEDULES} have ended");
    }
    let sql = "SELECT ticks.nominal AS nominal, attempts.started_at AS began FROM ticks JOIN schedules ON schedules.id = \
               ticks.schedule_id JOIN attempts ON attempts.run_id = ticks.run_id WHERE schedules.name LIKE $1";
    let rows = sqlx::query(sql).bind(&names).fetch_all(&mut site.connect().await).await.expect("the ticks can be read");
    assert_eq!(rows.len(), SCHEDULES, "times that were missed or doubled");
    let late = rows.iter().map(|row| {
        let (nominal, began): (i64, i64) = (row.get("nominal"), row.get("began"));
        Duration::from_millis(u64::try_from(began - nominal).expect("nothing starts before its time"))
    });
    let late: Vec<Duration> = late.collect();
    let last = late.iter().max().copied().unwrap_or_default();
    let spread = Spread::of(late);
    json!({
        "made_per_second": made.per_second.round(),
        "started": rows.len(),
        "late_ms": spread.json(),
        "latest_ms": super::figures::ms(last),
        "started_per_second": (number(SCHEDULES) / last.as_secs_f64().max(spread_seconds(spread_ms))).round(),
    })
}

fn spread_seconds(spread_ms: i64) -> f64 {
    Duration::from_millis(u64::try_from(spread_ms).unwrap_or(0)).as_secs_f64()
}

async fn make(api: Api, name: String, at: Timestamp) -> usize {
    let document = json!({ "name": name, "workflow": "one", "at": at });
    let mut refused = 0;
    loop {
        let answer = api.put(&format!("/schedules/{name}"), document.clone()).await;
        if answer.status != reqwest::StatusCode::TOO_MANY_REQUESTS {
            answer.ok();
            return refused;
        }
        refused += 1;
        tokio::time::sleep(LOOK).await;
    }
}

fn system_now() -> Timestamp {
    wardroom_base::clock::Clock::now(&wardroom_base::clock::SystemClock)
}
