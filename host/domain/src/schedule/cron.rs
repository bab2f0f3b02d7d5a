//! A cron expression on the calendar: which local times it names. Knows no time zone; [`super::zone`] turns local times
//! into points in time.

use croner::{CronPattern, Weekday, parser::CronParser};
use jiff::civil::{Date, DateTime, Time};

use super::{
    cadence::CadenceFault,
    syntax::{self, Expression, Field, Item, Unit},
};

/// How far ahead a time is searched, in months: 29 February on a given weekday comes again after at most 40 years.
const SEARCH_MONTHS: u32 = 100 * 12;
/// The shortest month. A month's days are looked up by its length less this, and by the weekday of its first day.
const SHORTEST_MONTH: i8 = 28;

/// An expression, worked out: one bit for each value.
#[derive(Debug, Clone)]
pub(super) struct Cron {
    pub(super) expression: Expression,
    /// Whether its times are promises of the day: moved out of a gap, and kept once in a repeated hour. All others follow
    /// the clock as it runs.
    pub(super) is_fixed: bool,
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) months: u64,
    /// The days of a month of each length (28 to 31) that begins on each weekday (from Sunday).
    days: [[u64; 7]; 4],
}

impl Cron {
    /// Reads and checks an expression; one that never comes true is refused.
    pub(super) fn read(text: &str) -> Result<Self, CadenceFault> {
        let expression = syntax::read(text)?;
        let both = expression.day_of_month.starred || expression.day_of_week.starred;
        let pattern = CronParser::builder()
            .dom_and_dow(both)
            .build()
            .parse(&canonical(&expression))
            // What `syntax` lets through, croner takes: a test holds both to it.
            .map_err(|error| CadenceFault { field: None, offset: 0, message: error.to_string() })?
            .pattern;
        let cron = Self {
            // Debian's rule is for five fields. Whoever asks for seconds asks for the clock.
            is_fixed: !expression.has_seconds && !expression.minute.starred && !expression.hour.starred,
            seconds: bits(&pattern.seconds.values()),
            minutes: bits(&pattern.minutes.values()),
            hours: bits(&pattern.hours.values()),
            months: bits(&pattern.months.values()),
            days: days(&pattern),
            expression,
        };
        cron.comes_true()?;
        Ok(cron)
    }

    /// The first local time after another.
    pub(super) fn next(&self, after: DateTime) -> Option<DateTime> {
        if self.is_day(after.date())
            && let Some(time) = self.next_time(after.time())
        {
            return Some(after.date().to_datetime(time));
        }
        let midnight = at(lowest(self.hours)?, lowest(self.minutes)?, lowest(self.seconds)?)?;
        Some(self.next_day(after.date())?.to_datetime(midnight))
    }

    /// The first time of any day.
    pub(super) fn first_time(&self) -> Option<Time> {
        at(lowest(self.hours)?, lowest(self.minutes)?, lowest(self.seconds)?)
    }

    /// The first time of the day after another.
    pub(super) fn next_time(&self, after: Time) -> Option<Time> {
        let (hour, minute, second) = (bit(after.hour()), bit(after.minute()), bit(after.second()));
        let (first_minute, first_second) = (lowest(self.minutes)?, lowest(self.seconds)?);
        if self.hours & hour != 0 {
            if self.minutes & minute != 0
                && let Some(next) = lowest(self.seconds & above(second))
            {
                return Time::new(after.hour(), after.minute(), next, 0).ok();
            }
            if let Some(next) = lowest(self.minutes & above(minute)) {
                return Time::new(after.hour(), next, first_second, 0).ok();
            }
        }
        at(lowest(self.hours & above(hour))?, first_minute, first_second)
    }

    /// The first day after another.
    pub(super) fn next_day(&self, after: Date) -> Option<Date> {
        let mut month = after.first_of_month();
        let mut left = above(bit(after.day()));
        for _ in 0..SEARCH_MONTHS {
            if self.months & bit(month.month()) != 0
                && let Some(day) = lowest(self.days_of(month) & left)
            {
                return Date::new(month.year(), month.month(), day).ok();
            }
            left = u64::MAX;
            month = match month.month() {
                12 => Date::new(month.year().checked_add(1)?, 1, 1),
                earlier => Date::new(month.year(), earlier + 1, 1),
            }
            .ok()?;
        }
        None
    }

    fn is_day(&self, date: Date) -> bool {
        self.months & bit(date.month()) != 0 && self.days_of(date.first_of_month()) & bit(date.day()) != 0
    }

    /// The days of the month that begins with this one.
    fn days_of(&self, first: Date) -> u64 {
        let (Ok(length), Ok(weekday)) = (
            usize::try_from(first.days_in_month() - SHORTEST_MONTH),
            usize::try_from(first.weekday().to_sunday_zero_offset()),
        ) else {
            return 0;
        };
        self.days.get(length).and_then(|of| of.get(weekday)).copied().unwrap_or(0)
    }

    /// Refuses what never fires. Each month of each length begins on each weekday in some year, so the table tells.
    fn comes_true(&self) -> Result<(), CadenceFault> {
        let lengths = |month: u32| match month {
            2 => 0..2,
            4 | 6 | 9 | 11 => 2..3,
            _ => 3..4,
        };
        let named = (1..=12).filter(|month| self.months & (1 << month) != 0);
        if named.clone().any(|month| self.days[lengths(month)].iter().flatten().any(|days| *days != 0)) {
            return Ok(());
        }
        let longest = named.filter_map(|month| lengths(month).next_back()).max().map_or(0, |length| length + 28);
        Err(CadenceFault {
            field: Some(Unit::DayOfMonth.name()),
            offset: self.expression.day_of_month.offset,
            message: format!("never fires: no month that it names has such a day; the longest has {longest} days"),
        })
    }
}

/// The expression as croner reads it: numbers only, six fields.
fn canonical(expression: &Expression) -> String {
    let fields = [
        (&expression.second, Unit::Second),
        (&expression.minute, Unit::Minute),
        (&expression.hour, Unit::Hour),
        (&expression.day_of_month, Unit::DayOfMonth),
        (&expression.month, Unit::Month),
        (&expression.day_of_week, Unit::DayOfWeek),
    ];
    let written = fields.map(|(field, unit)| canonical_field(field, unit));
    written.join(" ")
}

fn canonical_field(field: &Field, unit: Unit) -> String {
    let (low, high) = unit.bounds();
    if field.starred && field.items == [(Item::Values { first: low, last: high, step: 1 })] {
        return "*".to_owned();
    }
    let items = field.items.iter().map(|item| match *item {
        Item::Values { first, last, .. } if first == last => first.to_string(),
        Item::Values { first, last, step } => format!("{first}-{last}/{step}"),
        Item::LastDay => "L".to_owned(),
        Item::LastWorkday => "LW".to_owned(),
        Item::NearestWorkday(day) => format!("{day}W"),
        Item::Last(day) => format!("{day}L"),
        Item::Nth(day, nth) => format!("{day}#{nth}"),
    });
    items.collect::<Vec<_>>().join(",")
}

/// Which days of each kind of month croner names. 28 years hold every kind.
fn days(pattern: &CronPattern) -> [[u64; 7]; 4] {
    let mut table = [[0; 7]; 4];
    let mut seen = [[false; 7]; 4];
    for year in 2000..2028_i16 {
        for month in [1, 2, 4] {
            let Ok(first) = Date::new(year, month, 1) else { continue };
            let (Ok(length), Ok(weekday)) = (
                usize::try_from(first.days_in_month() - SHORTEST_MONTH),
                usize::try_from(first.weekday().to_sunday_zero_offset()),
            ) else {
                continue;
            };
            if std::mem::replace(&mut seen[length][weekday], true) {
                continue;
            }
            table[length][weekday] = days_of_month(pattern, first);
        }
    }
    table
}

fn days_of_month(pattern: &CronPattern, first: Date) -> u64 {
    let begins = u8::try_from(first.weekday().to_sunday_zero_offset()).unwrap_or_default();
    let length = u32::try_from(first.days_in_month()).unwrap_or_default();
    let month = u32::try_from(first.month()).unwrap_or_default();
    let days = (1..=length).zip((begins..7).chain((0..7).cycle())).filter(|(day, weekday)| {
        let weekday = Weekday::from_days_from_sunday(u32::from(*weekday));
        pattern.day_match(i32::from(first.year()), month, *day, weekday).unwrap_or(false)
    });
    days.fold(0, |bits, (day, _)| bits | 1 << day)
}

fn bits(values: &[u16]) -> u64 {
    values.iter().fold(0, |bits, value| bits | 1 << value)
}

/// The bit of a value, which is below 64.
fn bit(value: i8) -> u64 {
    1 << value
}

/// All bits above one.
fn above(bit: u64) -> u64 {
    !(bit | (bit - 1))
}

/// The least value of a set.
fn lowest(bits: u64) -> Option<i8> {
    if bits == 0 { None } else { i8::try_from(bits.trailing_zeros()).ok() }
}

fn at(hour: i8, minute: i8, second: i8) -> Option<Time> {
    Time::new(hour, minute, second, 0).ok()
}

impl Cron {
    /// The shortest time between two neighbouring local times.
    pub(super) fn shortest_gap(&self) -> std::time::Duration {
        const DAY: i64 = 86_400;
        let second =
            |time: Time| i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second());
        let Some(first) = self.first_time() else { return std::time::Duration::MAX };
        let (mut last, mut shortest) = (first, i64::MAX);
        while let Some(next) = self.next_time(last) {
            shortest = shortest.min(second(next) - second(last));
            last = next;
            if shortest == 1 {
                break;
            }
        }
        let over_night = DAY - second(last) + second(first);
        if shortest > over_night || shortest == i64::MAX {
            let days = self.shortest_gap_in_days();
            shortest = shortest.min((days - 1).saturating_mul(DAY).saturating_add(over_night));
        }
        u64::try_from(shortest).map_or(std::time::Duration::MAX, std::time::Duration::from_secs)
    }

    /// The least distance of two days. 57 years are enough: even the 29th of February on one weekday comes twice in them,
    /// 28 years apart.
    fn shortest_gap_in_days(&self) -> i64 {
        let (mut at, end) = (Date::constant(2000, 1, 1), Date::constant(2057, 1, 1));
        let (mut known, mut shortest) = (None, i64::MAX);
        while let Some(next) = self.next_day(at).filter(|next| *next < end && shortest > 1) {
            if let Some(known) = known.replace(next) {
                shortest = shortest.min(next.duration_since(known).as_hours() / 24);
            }
            at = next;
        }
        shortest
    }
}
