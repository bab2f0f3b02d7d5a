//! Cadences in words, for people who do not read cron: `At 09:00, Monday through Friday`.

use std::time::Duration;

use jiff::civil::Time;

use super::{
    cron::Cron,
    fire::clock,
    syntax::{Field, Item},
};

/// How many times of day are written out.
const TIMES: usize = 6;
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How the values of a field lie.
enum Shape {
    /// All of them.
    All,
    /// From the first possible one in equal steps to the end, at least three.
    Steps(u32),
    /// At least three neighbours.
    Run(u32, u32),
    /// What it is else.
    List(Vec<u32>),
}

/// An expression, without its zone.
pub(super) fn cron(cron: &Cron) -> String {
    let (time, is_clock) = time(cron);
    let days = days(cron);
    let mut parts = vec![time];
    match days {
        Some(days) => parts.push(days),
        // `At 09:00` alone would leave open on which days.
        None if is_clock && shape(cron.months, 1, 12).is_all() => parts.push("every day".to_owned()),
        None if is_clock => parts.push("every day of the month".to_owned()),
        None => {}
    }
    parts.extend(months(cron));
    parts.join(", ")
}

/// A period.
pub(super) fn every(period: Duration, anchor: &str) -> String {
    let ms = period.as_millis();
    let units = [("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000), ("millisecond", 1)];
    let (unit, size) = units.into_iter().find(|(_, size)| ms.is_multiple_of(*size)).unwrap_or(("millisecond", 1));
    let period = match ms / size {
        1 => format!("Every {unit}"),
        count => format!("Every {count} {unit}s"),
    };
    format!("{period}, counted from {anchor}")
}

/// The time of day, and whether it names times rather than a rhythm.
fn time(cron: &Cron) -> (String, bool) {
    if let Some(times) = times(cron) {
        let times: Vec<String> = times.into_iter().map(clock).collect();
        return (format!("At {}", and(&times)), true);
    }
    let hours = shape(cron.hours, 0, 23);
    let minutes = shape(cron.minutes, 0, 59);
    let seconds = shape(cron.seconds, 0, 59);
    let only_second = matches!(&seconds, Shape::List(values) if values == &[0]);
    if only_second {
        return (rhythm(&minutes, &hours), false);
    }
    let seconds = match seconds {
        Shape::All => "Every second".to_owned(),
        Shape::Steps(step) => every_step(step, 60, "second", "minute"),
        Shape::Run(first, last) => format!("At seconds {first} to {last}"),
        Shape::List(values) => format!("At {}", counted("second", &values)),
    };
    let text = match minutes {
        Shape::All if hours.is_all() && seconds.starts_with("Every") => seconds,
        Shape::All => format!("{seconds} of every minute{}", in_hours(&hours)),
        _ => format!("{seconds}: {}", lower(&rhythm(&minutes, &hours))),
    };
    (text, false)
}

/// The times of a day, if they are few.
fn times(cron: &Cron) -> Option<Vec<Time>> {
    let regular = matches!(shape(cron.hours, 0, 23), Shape::All | Shape::Steps(_) | Shape::Run(..));
    let mut times = vec![cron.first_time()?];
    while let Some(next) = times.last().and_then(|last| cron.next_time(*last)) {
        times.push(next);
        if times.len() > TIMES || regular {
            return None;
        }
    }
    Some(times)
}

/// Minutes in hours.
fn rhythm(minutes: &Shape, hours: &Shape) -> String {
    match (minutes, hours) {
        (Shape::All, _) => format!("Every minute{}", in_hours(hours)),
        (Shape::Steps(step), _) => format!("{}{}", every_step(*step, 60, "minute", "hour"), in_hours(hours)),
        (Shape::Run(first, last), _) => format!("Every minute from {first} to {last} of every hour{}", in_hours(hours)),
        (Shape::List(values), hours) => match (values.as_slice(), hours) {
            ([0], Shape::All) => "Every hour".to_owned(),
            ([0], Shape::Steps(step)) => every_step(*step, 24, "hour", "day"),
            ([minute], Shape::Steps(step)) => {
                format!("{}, at minute {minute}", every_step(*step, 24, "hour", "day"))
            }
            ([minute], Shape::Run(first, last)) => {
                format!("Every hour from {first:02}:{minute:02} to {last:02}:{minute:02}")
            }
            (values, Shape::Steps(step)) => {
                let hour = lower(&every_step(*step, 24, "hour", "day"));
                format!("At {} of the hour, {hour}", counted("minute", values))
            }
            (values, hours) => format!("At {} of every hour{}", counted("minute", values), in_hours(hours)),
        },
    }
}

/// `Every 15 minutes`; where the steps do not fit, from where they begin again.
fn every_step(step: u32, of: u32, unit: &str, whole: &str) -> String {
    if of.is_multiple_of(step) {
        format!("Every {step} {unit}s")
    } else {
        format!("Every {step} {unit}s from the start of each {whole}")
    }
}

fn in_hours(hours: &Shape) -> String {
    match hours {
        Shape::All => String::new(),
        Shape::Steps(step) => format!(", in one hour of every {step}"),
        Shape::Run(first, last) => format!(" from {first:02}:00 to {last:02}:59"),
        Shape::List(values) => {
            let spans: Vec<String> = values.iter().map(|hour| format!("from {hour:02}:00 to {hour:02}:59")).collect();
            format!(" {}", and(&spans))
        }
    }
}

/// Which days; none for all of them.
fn days(cron: &Cron) -> Option<String> {
    let (by_date, by_weekday) = (&cron.expression.day_of_month, &cron.expression.day_of_week);
    match (day_of_month(by_date), day_of_week(by_weekday)) {
        (None, None) => None,
        (Some(date), None) => (by_date.starred || by_weekday.starred).then_some(date),
        (None, Some(weekday)) => (by_date.starred || by_weekday.starred).then_some(weekday),
        (Some(date), Some(weekday)) if by_date.starred || by_weekday.starred => {
            Some(format!("{date}, if it is {}", weekday.trim_start_matches("on ")))
        }
        (Some(date), Some(weekday)) => Some(format!("{date} or {weekday}")),
    }
}

fn day_of_month(field: &Field) -> Option<String> {
    let values = match shape(values(field), 1, 31) {
        Shape::All => return None,
        Shape::Steps(step) => vec![format!("every {step} days from the 1st")],
        Shape::Run(first, last) => vec![format!("the {} to the {}", ordinal(first), ordinal(last))],
        Shape::List(values) => values.iter().map(|day| format!("the {}", ordinal(*day))).collect(),
    };
    let special = field.items.iter().filter_map(|item| match item {
        Item::LastDay => Some("the last day".to_owned()),
        Item::LastWorkday => Some("the last day from Monday to Friday".to_owned()),
        Item::NearestWorkday(day) => Some(format!("the day from Monday to Friday nearest to the {}", ordinal(*day))),
        _ => None,
    });
    let named: Vec<String> = values.into_iter().chain(special).collect();
    let named = and(&named);
    let on = if named.starts_with("every") { "" } else { "on " };
    Some(format!("{on}{named} of the month"))
}

fn day_of_week(field: &Field) -> Option<String> {
    let mut days = values(field);
    days = (days | days >> 7) & 0x7f;
    let name = |day: &u32| DAYS[*day as usize % 7].to_owned();
    // Weeks are read from Monday: Sunday is moved to the end.
    let from_monday = days >> 1 | (days & 1) << 6;
    let plain: Vec<String> = match shape(from_monday, 0, 6) {
        Shape::All => return None,
        Shape::Run(first, last) => vec![format!("{} through {}", name(&(first + 1)), name(&(last + 1)))],
        Shape::Steps(_) | Shape::List(_) => {
            (1..=7).filter(|day| from_monday & 1 << (day - 1) != 0).map(|day| name(&day)).collect()
        }
    };
    let special = field.items.iter().filter_map(|item| match item {
        Item::Last(day) => Some(format!("the last {} of the month", name(day))),
        Item::Nth(day, nth) => Some(format!("the {} {} of the month", ordinal(*nth), name(day))),
        _ => None,
    });
    let named: Vec<String> = plain.into_iter().chain(special).collect();
    match named.as_slice() {
        [run] if run.contains("through") => Some(run.clone()),
        _ => Some(format!("on {}", and(&named))),
    }
}

fn months(cron: &Cron) -> Option<String> {
    let name = |month: &u32| MONTHS[(*month as usize + 11) % 12].to_owned();
    match shape(cron.months, 1, 12) {
        Shape::All => None,
        Shape::Run(first, last) => Some(format!("in {} through {}", name(&first), name(&last))),
        Shape::Steps(_) | Shape::List(_) => {
            let named: Vec<String> =
                (1..=12).filter(|month| cron.months & 1 << month != 0).map(|month| name(&month)).collect();
            Some(format!("in {}", and(&named)))
        }
    }
}

impl Shape {
    fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }
}

fn shape(bits: u64, low: u32, high: u32) -> Shape {
    let values: Vec<u32> = (low..=high).filter(|value| bits & 1 << value != 0).collect();
    let (Some(first), Some(last)) = (values.first().copied(), values.last().copied()) else {
        return Shape::List(values);
    };
    let mut steps = values.windows(2).map(|pair| pair[1] - pair[0]);
    let step = steps.next().unwrap_or(0);
    if values.len() < 3 || !steps.all(|other| other == step) {
        return Shape::List(values);
    }
    match step {
        1 if first == low && last == high => Shape::All,
        1 => Shape::Run(first, last),
        _ if first == low && last + step > high => Shape::Steps(step),
        _ => Shape::List(values),
    }
}

/// The plain values of a field.
fn values(field: &Field) -> u64 {
    let plain = field.items.iter().filter_map(|item| match item {
        Item::Values { first, last, step } => Some((*first..=*last).step_by(*step as usize)),
        _ => None,
    });
    plain.flatten().fold(0, |bits, value| bits | 1 << value)
}

fn counted(unit: &str, values: &[u32]) -> String {
    let named: Vec<String> = values.iter().map(u32::to_string).collect();
    let plural = if named.len() == 1 { "" } else { "s" };
    format!("{unit}{plural} {}", and(&named))
}

/// `1st`, `2nd`, `3rd`, `4th`.
fn ordinal(number: u32) -> String {
    let end = match (number % 10, number % 100) {
        (1, 1 | 21 | 31) => "st",
        (2, 2 | 22) => "nd",
        (3, 3 | 23) => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}

/// `a, b and c`.
fn and(named: &[String]) -> String {
    match named {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}", first.to_ascii_lowercase(), chars.as_str()))
}
