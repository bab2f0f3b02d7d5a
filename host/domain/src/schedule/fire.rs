//! One time of a cadence as people see it: in its zone, and with a note where the clock changes.

use jiff::{
    Timestamp, ToSpan as _,
    civil::{DateTime, Time},
};

use super::{
    cron::Cron,
    zone::{Place, Zone},
};

/// How many times that do not exist are named one by one.
const NAMED: usize = 3;
/// How many local times of a gap are looked at: an hour by the second.
const LOOKED_AT: usize = 3_600;
/// How many changes of the clock between two times are looked at.
const CHANGES: usize = 8;

/// One time of a cadence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fire {
    /// The time.
    pub at: crate::time::Timestamp,
    /// The same in the cadence's zone: RFC 3339 with the offset, such as `2026-03-29T03:00:00+02:00`.
    pub local: String,
    /// What the clock does there, where it matters.
    pub note: Option<String>,
}

/// What to know of a time: `at` is the first after `before`.
pub(super) fn note(cron: &Cron, zone: &Zone, before: Timestamp, at: Timestamp) -> Option<String> {
    let local = zone.local(at);
    if let Some(Place::Twice(first, _)) = zone.place(local) {
        let time = clock(local.time());
        return Some(match (cron.is_fixed, at == first) {
            (true, _) => format!("{time} comes twice on this day (clocks go back): fires the first time"),
            (false, true) => {
                format!("{time} comes twice on this day (clocks go back): fires both times, this is the first")
            }
            (false, false) => {
                format!("{time} comes twice on this day (clocks go back): fires both times, this is the second")
            }
        });
    }
    if cron.is_fixed { moved(cron, zone, at) } else { left_out(cron, zone, before, at) }
}

/// For fixed times: which of them does not exist, so that this one takes their place.
fn moved(cron: &Cron, zone: &Zone, at: Timestamp) -> Option<String> {
    let change = zone.change_at(at).filter(|change| change.shows > change.leaves)?;
    let lost = between(cron, change.leaves, change.shows)?;
    let (does, fires) = if lost.len() == 1 { ("does", "fires at") } else { ("do", "fires once, at") };
    let time = clock(change.shows.time());
    if lost.first()?.date() == change.shows.date() {
        let lost = names(&lost);
        return Some(format!("{lost} {does} not exist on this day (clocks go forward): {fires} {time}"));
    }
    let (day, lost) = (change.leaves.date(), names(&lost));
    Some(format!("{lost} {does} not exist on {day} (clocks go forward): {fires} {time}"))
}

/// For all others: which times since the one before did not exist, so that nothing fired. An expression that names every
/// hour goes on without a break, and needs no note.
fn left_out(cron: &Cron, zone: &Zone, before: Timestamp, at: Timestamp) -> Option<String> {
    if cron.hours.count_ones() == 24 {
        return None;
    }
    let mut changes = zone.changes(before).take_while(|change| change.at <= at).take(CHANGES);
    let (lost, day) = changes.find_map(|change| {
        let lost = between(cron, change.leaves, change.shows)?;
        Some((lost, change.leaves.date()))
    })?;
    Some(format!("{} did not exist on {day} (clocks went forward): nothing fired then", names(&lost)))
}

/// The expression's local times from the first up to just before the second; none when there are none.
fn between(cron: &Cron, from: DateTime, until: DateTime) -> Option<Vec<DateTime>> {
    let mut at = from.checked_sub(1.second()).ok()?;
    let mut found = Vec::new();
    while found.len() < LOOKED_AT
        && let Some(next) = cron.next(at).filter(|next| *next < until)
    {
        found.push(next);
        at = next;
    }
    (!found.is_empty()).then_some(found)
}

fn names(times: &[DateTime]) -> String {
    let named: Vec<String> = times.iter().map(|time| clock(time.time())).collect();
    match named.as_slice() {
        [one] => one.clone(),
        [first, .., last] if named.len() > NAMED => format!("{first} to {last} ({} times)", named.len()),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
        [] => String::new(),
    }
}

/// A time of day: seconds only where there are some.
pub(super) fn clock(time: Time) -> String {
    match time.second() {
        0 => format!("{:02}:{:02}", time.hour(), time.minute()),
        second => format!("{:02}:{:02}:{second:02}", time.hour(), time.minute()),
    }
}
