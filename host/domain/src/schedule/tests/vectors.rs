//! Second opinions: Python's croniter (recorded in tests/vectors) and the crate `cron`.

use std::{collections::BTreeMap, str::FromStr as _};

use sha2::{Digest as _, Sha256};

use super::super::Cadence;
use crate::time::Timestamp;

fn file(name: &str) -> String {
    let path = format!("{}/../../tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| line.split('\t').collect())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Unix seconds of all times in the three years that begin with a year.
fn ours(expression: &str, zone: &str, year: &str) -> Vec<i64> {
    let cadence = Cadence::cron(expression, zone).unwrap_or_else(|fault| panic!("{expression}: {fault}"));
    let begin = time(&format!("{year}-01-01T00:00:00Z"));
    let end = time(&format!("{}-01-01T00:00:00Z", year.parse::<u32>().expect("a year") + 3));
    let mut times = Vec::new();
    let mut at = begin;
    while let Some(next) = cadence.next_after(at).filter(|next| *next < end) {
        times.push(next.unix_ms() / 1_000);
        at = next;
    }
    times
}

/// Each time that only one of the two has is listed with its reason. With them taken into account, ours are croniter's to
/// the second: one that is not listed, or that is no longer one, gives another sum.
#[test]
fn the_times_are_croniter_s_but_for_the_listed_differences() {
    let (vectors, listed, readme) = (file("croniter.tsv"), file("differences.tsv"), file("README.md"));
    let mut differences: BTreeMap<(&str, &str), Vec<(&str, i64)>> = BTreeMap::new();
    for row in lines(&listed) {
        let [expression, zone, whose, at, why] = row.as_slice() else { panic!("five columns: {row:?}") };
        assert!(readme.contains(&format!("| `{why}` | {whose} |")), "the reason `{why}` ({whose}) is explained");
        differences.entry((expression, zone)).or_default().push((whose, time(at).unix_ms() / 1_000));
    }
    let (mut expressions, mut zones) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for row in lines(&vectors) {
        let [expression, zone, year, count, first, last, sum] = row.as_slice() else { panic!("seven: {row:?}") };
        let mut times = ours(expression, zone, year);
        for (whose, at) in differences.remove(&(*expression, *zone)).unwrap_or_default() {
            match (whose, times.binary_search(&at)) {
                ("ours", Ok(place)) => _ = times.remove(place),
                ("theirs", Err(place)) => times.insert(place, at),
                _ => panic!("{expression} in {zone}: {at} is listed as a difference and is none"),
            }
        }
        let ends = [times.first(), times.last()].map(|at| {
            at.map_or("-".to_owned(), |at| Timestamp::from_unix_ms(at * 1_000).to_string().replace(".000Z", "Z"))
        });
        assert_eq!(
            (times.len().to_string(), ends),
            ((*count).to_owned(), [*first, *last].map(str::to_owned)),
            "{row:?}"
        );
        let text = times.iter().fold(String::new(), |text, at| text + &at.to_string() + "\n");
        assert_eq!(crate::hex(&Sha256::digest(text)), *sum, "{expression} in {zone}");
        expressions.insert((*expression).to_owned());
        zones.insert((*zone).to_owned());
    }
    assert!(differences.is_empty(), "differences of no vector: {differences:?}");
    let written = file("expressions.txt");
    let all: std::collections::BTreeSet<String> = lines(&written).map(|row| row[0].to_owned()).collect();
    assert_eq!(expressions, all, "every expression has its vectors");
    assert!(expressions.len() >= 200 && zones.len() >= 5, "{} x {}", expressions.len(), zones.len());
}

/// The crate `cron` wants seven fields, counts Sunday as 1, knows no `L W #`, and asks for both days always.
fn for_crate(expression: &str) -> Option<String> {
    let mut fields: Vec<String> = expression.split(' ').map(str::to_ascii_uppercase).collect();
    if fields.len() == 5 {
        fields.insert(0, "0".to_owned());
    }
    let [.., dates, _, weekdays] = fields.as_slice() else { return None };
    let special = |field: &str| field.contains('#') || field.replace("WED", "").contains(['L', 'W']);
    let either = !dates.starts_with('*') && !weekdays.starts_with('*');
    if fields.len() != 6 || special(dates) || special(weekdays) || either {
        return None;
    }
    let weekdays = if weekdays == "*" { weekdays.clone() } else { from_sunday(weekdays) };
    fields[5] = weekdays;
    Some(format!("{} *", fields.join(" ")))
}

/// The weekdays of a field one by one, Sunday as 1.
fn from_sunday(field: &str) -> String {
    let day = |text: &str| {
        let named = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"].iter().position(|name| *name == text);
        named.unwrap_or_else(|| text.parse().expect("a weekday"))
    };
    let days = field.split(',').flat_map(|item| {
        let (base, step) = item.split_once('/').unwrap_or((item, "1"));
        let (first, last) = match base.split_once('-') {
            _ if base == "*" => (0, 7),
            Some((first, last)) => (day(first), day(last)),
            None => (day(base), day(base)),
        };
        (first..=last).step_by(step.parse().expect("a step")).map(|day| (day % 7 + 1).to_string())
    });
    days.collect::<Vec<_>>().join(",")
}

#[test]
fn the_times_in_utc_are_those_of_the_crate_cron_where_both_mean_the_same() {
    let written = file("expressions.txt");
    let mut compared = 0;
    for row in lines(&written) {
        let Some(theirs) = for_crate(row[0]) else { continue };
        let schedule = cron::Schedule::from_str(&theirs).unwrap_or_else(|error| panic!("{theirs}: {error}"));
        let begin = chrono::DateTime::from_timestamp(1_704_067_200, 0).expect("2024");
        let end = chrono::DateTime::from_timestamp(1_798_761_600, 0).expect("2027");
        let theirs: Vec<i64> = schedule.after(&begin).take_while(|at| *at < end).map(|at| at.timestamp()).collect();
        assert_eq!(ours(row[0], "UTC", "2024"), theirs, "{}", row[0]);
        compared += 1;
    }
    assert!(compared >= 180, "{compared} expressions");
}
