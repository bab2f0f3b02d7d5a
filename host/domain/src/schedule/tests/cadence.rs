//! Cadences: bounds, bad input, words.

use std::time::Duration;

use proptest::prelude::*;

use super::super::{Cadence, cadence::Written};
use crate::time::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn next(expression: &str, zone: &str, after: &str) -> String {
    let cadence = Cadence::cron(expression, zone).unwrap_or_else(|fault| panic!("{expression}: {fault}"));
    cadence.next_after(at(after)).map_or_else(|| "never".to_owned(), |at| at.to_string().replace(".000Z", "Z"))
}

#[test]
fn words() {
    for (expression, expected) in [
        ("0 9 * * 1-5", "At 09:00, Monday through Friday"),
        ("30 2 * * *", "At 02:30, every day"),
        ("0 9,17 * * *", "At 09:00 and 17:00, every day"),
        ("15,45 8 * * 6,0", "At 08:15 and 08:45, on Saturday and Sunday"),
        ("30 0 9 * * *", "At 09:00:30, every day"),
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("0,15,30,45 * * * *", "Every 15 minutes"),
        ("*/7 * * * *", "Every 7 minutes from the start of each hour"),
        ("@hourly", "Every hour"),
        ("5 * * * *", "At minute 5 of every hour"),
        ("5,20 * * * *", "At minutes 5 and 20 of every hour"),
        ("0 */2 * * *", "Every 2 hours"),
        ("15 */6 * * *", "Every 6 hours, at minute 15"),
        ("0,30 */2 * * *", "At minutes 0 and 30 of the hour, every 2 hours"),
        ("0 9-17 * * 1-5", "Every hour from 09:00 to 17:00, Monday through Friday"),
        ("*/10 9-17 * * *", "Every 10 minutes from 09:00 to 17:59"),
        ("*/30 8,20 * * *", "At 08:00, 08:30, 20:00 and 20:30, every day"),
        ("* 2 * * *", "Every minute from 02:00 to 02:59"),
        ("*/5 */3 * * *", "Every 5 minutes, in one hour of every 3"),
        ("* * * * * *", "Every second"),
        ("*/10 * * * * *", "Every 10 seconds"),
        ("15 * * * * *", "At second 15 of every minute"),
        ("*/20 */5 * * * *", "Every 20 seconds: every 5 minutes"),
        ("0 0 1 * *", "At 00:00, on the 1st of the month"),
        ("0 0 1,15 * *", "At 00:00, on the 1st and the 15th of the month"),
        ("0 0 L * *", "At 00:00, on the last day of the month"),
        ("0 0 LW * *", "At 00:00, on the last day from Monday to Friday of the month"),
        ("0 0 15W * *", "At 00:00, on the day from Monday to Friday nearest to the 15th of the month"),
        ("0 0 */2 * *", "At 00:00, every 2 days from the 1st of the month"),
        ("0 0 1-7 * 1", "At 00:00, on the 1st to the 7th of the month or on Monday"),
        ("0 0 */2 * 1", "At 00:00, every 2 days from the 1st of the month, if it is Monday"),
        ("0 0 * * 5L", "At 00:00, on the last Friday of the month"),
        ("0 0 * * mon#1,wed#3", "At 00:00, on the 1st Monday of the month and the 3rd Wednesday of the month"),
        ("0 0 * * fri-sun", "At 00:00, Friday through Sunday"),
        ("@weekly", "At 00:00, on Sunday"),
        ("@yearly", "At 00:00, on the 1st of the month, in January"),
        ("0 0 29 2 *", "At 00:00, on the 29th of the month, in February"),
        ("0 6 * 6-8 *", "At 06:00, every day of the month, in June through August"),
        ("*/5 * * 1,7 *", "Every 5 minutes, in January and July"),
    ] {
        let cadence =
            Cadence::cron(expression, "Europe/Berlin").unwrap_or_else(|fault| panic!("{expression}: {fault}"));
        assert_eq!(cadence.describe(), format!("{expected}, Europe/Berlin"), "{expression}");
    }
    let every = Cadence::every(Duration::from_mins(90), at("2026-01-01T08:00:00Z"));
    assert_eq!(every.describe(), "Every 90 minutes, counted from 2026-01-01T08:00:00+00:00");
    let once = Cadence::at(at("2026-01-01T08:00:00Z")).told_in("Asia/Kolkata").expect("a zone");
    assert_eq!(once.describe(), "Once, at 2026-01-01T13:30:00+05:30, Asia/Kolkata");
}

#[test]
fn the_days_that_are_rare() {
    for (expression, after, expected) in [
        ("0 0 29 2 *", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
        // 2100 has no 29 February: eight years.
        ("0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"),
        // On a Sunday it is forty years.
        ("0 0 29 2 */7", "2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z"),
        ("0 0 * 2 5#5", "2026-01-01T00:00:00Z", "2036-02-29T00:00:00Z"),
        ("0 0 L 2 *", "2027-12-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 31W * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"),
        ("0 0 1W * *", "2025-10-31T00:00:00Z", "2025-11-03T00:00:00Z"),
    ] {
        assert_eq!(next(expression, "UTC", after), expected, "{expression}");
    }
}

#[test]
fn the_calendar_has_two_ends() {
    let daily = Cadence::cron("@daily", "Asia/Kolkata").expect("good");
    assert_eq!(daily.next_after(Timestamp::from_unix_ms(i64::MAX)), None);
    assert!(daily.next_after(Timestamp::from_unix_ms(i64::MIN)).is_some());
    let every = Cadence::every(Duration::MAX, at("2026-01-01T00:00:00Z"));
    assert_eq!(every.next_after(at("2026-01-01T00:00:00Z")), None);
    let every = Cadence::every(Duration::ZERO, Timestamp::from_unix_ms(i64::MIN));
    assert_eq!(every.next_after(Timestamp::from_unix_ms(i64::MAX)), None);
    assert_eq!(Cadence::at(at("2026-01-01T00:00:00Z")).next_after(at("2026-01-01T00:00:00Z")), None);
}

#[test]
fn a_period_is_counted_from_its_anchor_in_both_directions() {
    let every = Cadence::every(Duration::from_mins(10), at("2026-01-01T00:03:00Z"));
    assert_eq!(every.next_after(at("2025-12-31T23:50:00Z")), Some(at("2025-12-31T23:53:00Z")));
    assert_eq!(every.next_after(at("2026-01-01T00:03:00Z")), Some(at("2026-01-01T00:13:00Z")));
}

#[test]
fn skipping_counts_what_walking_finds() {
    let (after, until) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T02:00:00Z"));
    for cadence in [
        Cadence::every(Duration::from_mins(10), Timestamp::default()),
        Cadence::cron("*/10 * * * *", "UTC").expect("good"),
    ] {
        let all = cadence.skip_to(after, until, 100);
        assert_eq!((all.count, all.first, all.last), (12, Some(at("2026-01-01T00:10:00Z")), Some(until)));
        let some = cadence.skip_to(after, until, 5);
        assert_eq!((some.count, some.last), (5, Some(at("2026-01-01T00:50:00Z"))));
        assert_eq!(cadence.skip_to(until, after, 5).count, 0);
        assert_eq!(cadence.skip_to(after, until, 0).first, None);
    }
    let often = Cadence::every(Duration::from_millis(1), Timestamp::default());
    assert_eq!(often.skip_to(after, until, u64::MAX).count, 7_200_000);
}

#[test]
fn the_shortest_gap() {
    for (expression, seconds) in [
        ("* * * * *", 60),
        ("*/7 * * * *", 240),
        ("* * * * * *", 1),
        ("*/40 * * * * *", 20),
        ("0 9 * * *", 86_400),
        ("0 9 * * 1-5", 86_400),
        ("0 9 * * 1", 7 * 86_400),
        ("0 9 1 * *", 28 * 86_400),
        ("0 0,23 * * *", 3_600),
        ("0 0,23 * * 1", 23 * 3_600),
        ("0 0 29 2 *", 1_461 * 86_400),
    ] {
        let cadence = Cadence::cron(expression, "UTC").expect("good");
        assert_eq!(cadence.shortest_gap(), Duration::from_secs(seconds), "{expression}");
    }
    assert_eq!(Cadence::at(Timestamp::default()).shortest_gap(), Duration::MAX);
}

#[test]
fn a_cadence_knows_how_it_was_written() {
    let cadence = Cadence::cron(" 0 9 * * MON ", "europe/berlin").expect("good");
    assert_eq!((cadence.written(), cadence.zone()), (Written::Cron("0 9 * * MON"), "Europe/Berlin"));
    assert_eq!(cadence, Cadence::cron("0 9 * * MON", "Europe/Berlin").expect("good"));
    assert_ne!(cadence, Cadence::cron("0 9 * * MON", "Europe/Vienna").expect("good"));
}

/// A field of what may stand in one, and of what may not.
fn field() -> impl Strategy<Value = String> {
    let number = prop_oneof![0..70u32, 0..8u32].prop_map(|number| number.to_string());
    let word =
        prop::sample::select(vec!["*", "?", "L", "LW", "W", "MON", "SUN", "FEB", "#", "/", "-", ",", "ü", "5L", "15W"]);
    let word = word.prop_map(str::to_owned);
    let range = (0..60u32, 0..60u32, 1..20u32).prop_map(|(first, last, step)| format!("{first}-{last}/{step}"));
    let step = (1..60u32).prop_map(|step| format!("*/{step}"));
    let nth = (0..8u32, 0..7u32).prop_map(|(day, nth)| format!("{day}#{nth}"));
    let item = prop_oneof![4 => number, 2 => word, 2 => range, 2 => step, 1 => nth];
    prop::collection::vec(item, 1..4).prop_map(|items| items.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Nothing that anybody can write panics, or points outside of what was written.
    #[test]
    fn any_text_is_read_or_refused_in_its_place(text in "\\PC{0,220}", zone in "\\PC{0,80}") {
        for result in [Cadence::cron(&text, "UTC"), Cadence::cron("@daily", &zone)] {
            if let Err(fault) = result {
                prop_assert!(fault.offset <= text.chars().count().max(zone.chars().count()));
                prop_assert!(!fault.message.is_empty());
            }
        }
    }

    /// What is nearly an expression is read and goes forward only, or is refused in its place; croner refuses nothing that
    /// is let through to it.
    #[test]
    fn nearly_an_expression(
        fields in prop::collection::vec(field(), 4..8),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]),
        from in -2_000_000_000_000_i64..5_000_000_000_000,
    ) {
        let text = fields.join(" ");
        match Cadence::cron(&text, zone) {
            Err(fault) => {
                prop_assert!(fault.offset <= text.chars().count());
                let ours = fault.field.is_some() || fault.message.contains("field") || fault.message.contains("200");
                prop_assert!(ours, "{text}: {fault}");
            }
            Ok(cadence) => {
                prop_assert!(!cadence.describe().is_empty());
                let mut at = Timestamp::from_unix_ms(from);
                for fire in cadence.fires(at).take(20) {
                    prop_assert!(fire.at > at, "{text} in {zone} after {at}");
                    prop_assert_eq!(cadence.next_after(at), Some(fire.at));
                    prop_assert_eq!(fire.at.unix_ms() % 1_000, 0);
                    at = fire.at;
                }
            }
        }
    }

    /// From wherever one asks, the answer is the same time: none is lost or added between two questions.
    #[test]
    fn every_question_finds_the_same_times(
        minutes in field(), hours in field(),
        zone in prop::sample::select(vec!["Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"]),
        change in prop::sample::select(vec![1_774_746_000_i64, 1_792_890_000, 1_775_314_800, 1_791_041_400, 1_541_300_400, 1_550_368_800]),
        ask in prop::collection::vec(-20_000_i64..20_000, 1..20),
    ) {
        let Ok(cadence) = Cadence::cron(&format!("{minutes} {hours} * * *"), zone) else { return Ok(()) };
        let from = Timestamp::from_unix_ms((change - 30_000) * 1_000);
        let times: Vec<Timestamp> = cadence.fires(from).map(|fire| fire.at).take(2_000)
            .take_while(|at| at.unix_ms() < (change + 400_000) * 1_000).collect();
        for ask in ask {
            let ask = Timestamp::from_unix_ms((change + ask) * 1_000 + 1);
            prop_assert_eq!(cadence.next_after(ask), times.iter().copied().find(|at| *at > ask), "{}", ask);
        }
    }
}
