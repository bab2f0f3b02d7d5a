//! Points in time as the whole program keeps them: Unix milliseconds, written as RFC 3339 in UTC. Reads no clock.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z; serialised as `2026-11-23T04:09:06.632Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From Unix milliseconds, brought into the years -9999 to 9999 that RFC 3339 can write.
    pub fn from_unix_ms(unix_ms: i64) -> Self {
        // Whole seconds: milliseconds at the very edge are not all in jiff's range.
        let (first, last) = (jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
        Self(unix_ms.clamp(first * 1_000, last * 1_000))
    }

    /// Unix milliseconds.
    pub fn unix_ms(self) -> i64 {
        self.0
    }

    /// This time plus a duration, at most the end of the year 9999.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_unix_ms(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This time less a duration, at least the beginning of the year -9999.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_unix_ms(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The ISO week it lies in, in UTC, such as `2026-W47`.
    pub fn iso_week(self) -> String {
        let time = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        let week = time.to_zoned(jiff::tz::TimeZone::UTC).date().iso_week_date();
        format!("{}-W{:02}", week.year(), week.week())
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A duration as documents and options write it: a whole number and `ms`, `s`, `m`, `h` or `d`, such as `90d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit_ms = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

/// A duration in the same form, in the largest unit that says it whole; parts of a millisecond are left out.
pub fn write_duration(duration: Duration) -> String {
    let whole_ms = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let fitting = units.into_iter().find(|(unit_ms, _)| whole_ms > 0 && whole_ms.is_multiple_of(*unit_ms));
    match fitting {
        Some((unit_ms, unit)) => format!("{}{unit}", whole_ms / unit_ms),
        None if whole_ms == 0 => "0s".to_owned(),
        None => format!("{whole_ms}ms"),
    }
}

/// A duration as people say it, in its two largest units: `40s`, `12m 5s`, `23h 44m`, `3d 2h`.
pub fn tell_duration(duration: Duration) -> String {
    let mut left = duration.as_secs();
    let mut parts = Vec::new();
    for (unit_s, unit) in [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")] {
        if left >= unit_s && parts.len() < 2 {
            parts.push(format!("{}{unit}", left / unit_s));
            left %= unit_s;
        } else if !parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        write!(f, "{at:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(|at| Self(at.as_millisecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_rfc_3339_with_milliseconds() {
        let at = Timestamp::from_unix_ms(1_795_406_946_632);
        assert_eq!(at.to_string().parse::<Timestamp>().expect("its own text"), at);
        assert_eq!(&at.to_string()[20..], "632Z");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::from_unix_ms(5).since(Timestamp::from_unix_ms(9)), Duration::ZERO);
        let end = Timestamp::from_unix_ms(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::from_unix_ms(9_000).minus(Duration::from_secs(2)), Timestamp::from_unix_ms(7_000));
        assert_eq!(end.minus(Duration::MAX).minus(Duration::MAX), Timestamp::from_unix_ms(i64::MIN));
        assert!(end.to_string().starts_with("9999-"), "{end}");
    }

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        for (text, seconds) in [("90d", 7_776_000), ("1h", 3_600), ("5m", 300), ("10s", 10), ("2000ms", 2)] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["90d", "25h", "90m", "61s", "1500ms", "0s"] {
            assert_eq!(parse_duration(text).map(write_duration).as_deref(), Some(text));
        }
        assert_eq!(write_duration(Duration::from_hours(48)), "2d");
        for (seconds, told) in
            [(0, "0s"), (40, "40s"), (725, "12m 5s"), (3_601, "1h"), (85_440, "23h 44m"), (266_400, "3d 2h")]
        {
            assert_eq!(tell_duration(Duration::from_secs(seconds)), told);
        }
        for text in ["", "90", "d", "1.5h", "-1h", "1 h", "1w", "1h30m", "213503982335d", "99999999999999999999s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
