//! RFC 3339 and the host's milliseconds. A component has no calendar, and this is all it needs of one: days are counted as
//! <https://howardhinnant.github.io/date_algorithms.html> describes.

use wardroom_plugin_sdk::clock;

const DAY_MS: i64 = 86_400_000;
/// The length of `2026-11-23T10:00:00`.
const SECONDS_END: usize = 19;

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    i64::try_from(clock::now_ms()).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970 as RFC 3339, in UTC.
pub(crate) fn text(ms: i64) -> String {
    let (year, month, day) = date(ms.div_euclid(DAY_MS));
    let rest = ms.rem_euclid(DAY_MS);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1_000)
}

/// RFC 3339 as milliseconds since 1970; none when it is something else, or a day that there is not.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    let marked =
        marks.iter().all(|(at, mark)| text.get(*at..=*at).is_some_and(|found| found.eq_ignore_ascii_case(mark)));
    let number = |from: usize, to: usize| number(text.get(from..to)?);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, SECONDS_END)?);
    let days = days(year, month, day);
    // A day that there is not comes back as another.
    if !marked || date(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (milliseconds, zone) = fraction(text.get(SECONDS_END..)?)?;
    let minutes = hour * 60 + minute - offset(zone)?;
    Some(days * DAY_MS + minutes * 60_000 + second * 1_000 + milliseconds)
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The milliseconds of a fraction of a second, and what follows it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(after) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = after.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, zone) = after.split_at(end);
    let padded = format!("{digits:0<3}");
    Some((number(padded.get(..3)?).filter(|_| end > 0)?, zone))
}

/// The minutes that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let fits = zone.len() == 6 && zone.get(3..4) == Some(":");
    let (hours, minutes) = (number(zone.get(1..3)?)?, number(zone.get(4..6)?)?);
    (fits && hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// The date of a day counted from 1970-01-01. Years begin in March, so that a leap day is the last of its year.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

/// The day of a date, counted from 1970-01-01.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times and what another calendar says they are, in seconds since 1970.
    const KNOWN: [(&str, i64); 6] = [
        ("1970-01-01T00:00:00", 0),
        ("1969-12-31T23:59:59", -1),
        ("2000-02-29T00:00:00", 951_782_400),
        ("2023-11-14T22:13:20", 1_700_000_000),
        ("2024-12-31T23:59:59", 1_735_689_599),
        ("2100-02-28T23:59:59", 4_107_542_399),
    ];

    #[test]
    fn times_are_written_and_read() {
        for (text, seconds) in KNOWN {
            assert_eq!(super::text(seconds * 1_000 + 7), format!("{text}.007Z"));
            assert_eq!(parse(&format!("{text}Z")), Some(seconds * 1_000), "{text}");
        }
    }

    #[test]
    fn every_day_of_eight_hundred_years_comes_back() {
        let mut before = date(-146_097);
        for day in -146_096..=146_097 {
            let date = date(day);
            assert_eq!(days(date.0, date.1, date.2), day);
            assert!(date > before, "{date:?} comes after {before:?}");
            before = date;
        }
    }

    #[test]
    fn zones_and_fractions_are_understood() {
        let known = Some(1_700_000_000_000);
        for text in ["2023-11-14T23:43:20+01:30", "2023-11-14T17:13:20-05:00", "2023-11-14t22:13:20.000z"] {
            assert_eq!(parse(text), known, "{text}");
        }
        assert_eq!(parse("2023-11-14T22:13:20.1Z"), Some(1_700_000_000_100));
        assert_eq!(parse("2023-11-14T22:13:20.123456789Z"), Some(1_700_000_000_123));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2023-11-14",
            "2023-11-14 22:13:20Z",
            "2023-11-14T22:13:20",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20+0100",
            "2023-11-14T22:13:20+01:00:00",
            "2023-11-14T22:13:20+24:00",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-00-10T00:00:00Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14T22:60:20Z",
            "+023-11-14T22:13:20Z",
            "2023-11-14T22:13:éZ",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
