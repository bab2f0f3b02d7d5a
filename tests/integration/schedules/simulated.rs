//! Two years on a clock that the test sets, through the whole server: days pass at once, the clock is set back, the host
//! sleeps for days and is started anew. Each time of the cadence is in one tick, and each start is one run.

use std::time::Duration;

use serde_json::json;
use wardroom_domain::{schedule::Cadence, time::Timestamp};
use wardroom_tests::{
    clock::{SetClock, start},
    database::{BOTH, Database, Kind},
    process::{GUARD, now},
    server::Api,
};

const DAY_MS: i64 = 86_400_000;
/// 2025-03-01T03:00:00Z: both changes of the clocks of two years lie ahead, and each day's time has just passed.
const BEGINNING_MS: i64 = 1_740_798_000_000;
const ZONE: &str = "Europe/Berlin";

/// Lets the scheduler look at the clock at once.
async fn look(api: &Api) {
    api.post("/schedules/poke.1/pause", json!({ "reason": "the clock was set" })).await.ok();
    api.post("/schedules/poke.1/resume", json!({})).await.ok();
}

#[tokio::test]
async fn two_years_pass_and_no_day_is_lost_or_doubled() {
    for kind in BOTH {
        kind.announce();
        let days = if kind == Kind::Sqlite { 730 } else { 400 };
        pass(kind, days).await;
    }
}

async fn pass(kind: Kind, days: i64) {
    let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
    let clock = SetClock::at(BEGINNING_MS);
    let (mut app, mut api) = start(folder.path(), &database, &clock).await;
    let none = "steps: [{ id: nap, sleep: 1h, if: 'false' }]";
    api.save("poke", &format!("name: poke\non: [{{ at: 2099-01-01T00:00:00Z }}]\n{none}\n")).await;
    let trigger = format!("{{ cron: '30 2 * * *', timezone: {ZONE}, catch_up: {{ mode: latest, window: 12h }} }}");
    api.save("daily", &format!("name: daily\non: [{trigger}]\n{none}\n")).await;
    let cadence = Cadence::cron("30 2 * * *", ZONE).expect("an expression");
    let mut latest = BEGINNING_MS;
    for day in 1..=days {
        latest += DAY_MS;
        match day % 100 {
            // The host sleeps for three days.
            30 => latest += 3 * DAY_MS,
            // The clock is set back for two days, and right again.
            60 => {
                clock.set(latest - 2 * DAY_MS);
                look(&api).await;
            }
            90 => {
                app.stop().await;
                (app, api) = start(folder.path(), &database, &clock).await;
            }
            _ => {}
        }
        clock.set(latest);
        look(&api).await;
        let newest =
            cadence.fires(Timestamp::from_unix_ms(latest - 2 * DAY_MS)).take_while(|fire| fire.at.unix_ms() <= latest);
        let newest = newest.last().expect("each day has one").at.unix_ms();
        let deadline = now() + GUARD;
        while database.number("SELECT COALESCE(MAX(last_nominal), 0) FROM ticks").await < newest {
            assert!(now() < deadline, "day {day} was not decided");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let expected = cadence.fires(Timestamp::from_unix_ms(BEGINNING_MS)).take_while(|fire| fire.at.unix_ms() <= latest);
    let expected = i64::try_from(expected.count()).expect("a few");
    assert_eq!(database.number("SELECT CAST(SUM(count) AS BIGINT) FROM ticks").await, expected);
    let twice = "SELECT COUNT(*) FROM ticks one JOIN ticks other ON one.schedule_id = other.schedule_id \
                 AND one.nominal < other.nominal AND one.last_nominal >= other.nominal";
    assert_eq!(database.number(twice).await, 0, "a time is in two ticks");
    let silent = "SELECT COUNT(*) FROM ticks WHERE run_id IS NULL AND why IS NULL";
    assert_eq!(database.number(silent).await, 0, "a time was skipped without a reason");
    let started = database.number("SELECT COUNT(*) FROM ticks WHERE run_id IS NOT NULL").await;
    assert_eq!(database.number("SELECT COUNT(*) FROM runs").await, started);
    assert!(started >= days, "{started} of {days} days");
    app.stop().await;
}
