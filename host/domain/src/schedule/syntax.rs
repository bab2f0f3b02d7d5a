//! Reading a cron expression: its fields and what stands in them, each fault with its field and its place. Knows no
//! calendar and no time zone.

use super::cadence::CadenceFault;

/// The longest expression, in characters.
pub(super) const MAX_EXPRESSION: usize = 200;

/// What a field counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

/// In the order in which six fields are written; five leave the first out.
const UNITS: [Unit; 6] = [Unit::Second, Unit::Minute, Unit::Hour, Unit::DayOfMonth, Unit::Month, Unit::DayOfWeek];
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const NICKNAMES: [(&str, &str); 7] = [
    ("@HOURLY", "0 * * * *"),
    ("@DAILY", "0 0 * * *"),
    ("@MIDNIGHT", "0 0 * * *"),
    ("@WEEKLY", "0 0 * * 0"),
    ("@MONTHLY", "0 0 1 * *"),
    ("@YEARLY", "0 0 1 1 *"),
    ("@ANNUALLY", "0 0 1 1 *"),
];

/// An expression as it was read: always six fields.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub(super) second: Field,
    pub(super) minute: Field,
    pub(super) hour: Field,
    pub(super) day_of_month: Field,
    pub(super) month: Field,
    pub(super) day_of_week: Field,
    /// Whether the seconds were written.
    pub(super) has_seconds: bool,
}

/// One field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// Whether it begins with `*` (or is `?`).
    pub(super) starred: bool,
    pub(super) items: Vec<Item>,
    /// Where it begins, in characters.
    pub(super) offset: usize,
}

/// What stands between commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// `3`, `1-5`, `*`, `*/2`, `1-20/4`.
    Values { first: u32, last: u32, step: u32 },
    /// `L`: the last day of the month.
    LastDay,
    /// `LW`: its last day from Monday to Friday.
    LastWorkday,
    /// `15W`: the day from Monday to Friday nearest to it, in the same month.
    NearestWorkday(u32),
    /// `5L`: the last Friday of the month.
    Last(u32),
    /// `1#2`: the second Monday of the month.
    Nth(u32, u32),
}

impl Unit {
    /// What people call the field.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        }
    }

    /// One of what the field counts.
    fn one(self) -> String {
        let article = if self == Self::Hour { "an" } else { "a" };
        format!("{article} {}", self.name())
    }

    /// The least and the greatest value.
    pub(super) fn bounds(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
        }
    }

    /// What may stand for a value, in words.
    fn takes(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "0 to 59",
            Self::Hour => "0 to 23",
            Self::DayOfMonth => "1 to 31, `L`, `LW` or such as `15W`",
            Self::Month => "1 to 12, or JAN to DEC",
            Self::DayOfWeek => "0 to 7 (0 and 7 are Sunday), SUN to SAT, or such as `5L` and `1#2`",
        }
    }

    fn names(self) -> (&'static [&'static str], u32) {
        match self {
            Self::Month => (&MONTHS, 1),
            Self::DayOfWeek => (&DAYS, 0),
            _ => (&[], 0),
        }
    }

    fn fault(self, offset: usize, message: String) -> CadenceFault {
        CadenceFault { field: Some(self.name()), offset, message }
    }
}

/// Reads an expression of five or six fields, or one such as `@daily`.
pub(super) fn read(text: &str) -> Result<Expression, CadenceFault> {
    let fault = |offset: usize, message: &str| Err(CadenceFault { field: None, offset, message: message.to_owned() });
    if text.chars().nth(MAX_EXPRESSION).is_some() {
        return fault(MAX_EXPRESSION, "an expression has at most 200 characters");
    }
    let words = words(text);
    let Some((begin, first)) = words.first() else {
        return fault(0, "the expression is empty: write five fields, such as `0 9 * * 1-5`");
    };
    if first.starts_with('@') {
        return nickname(text.trim(), *begin);
    }
    let end = words.last().map_or(0, |(at, word)| at + word.chars().count());
    match words.len() {
        5 => fields(&words, false),
        6 => fields(&words, true),
        7 => fault(
            words[6].0,
            "the seventh field would be a year: schedules end with `ends`, expressions have 5 or 6 fields",
        ),
        few @ ..5 => Err(CadenceFault {
            field: UNITS.get(few + 1).map(|unit| unit.name()),
            offset: end,
            message: format!(
                "{few} of 5 fields: write minute, hour, day of month, month, day of week; six fields begin with the second"
            ),
        }),
        many => fault(words[6].0, &format!("{many} fields: an expression has 5, or 6 with the second first")),
    }
}

/// What whitespace separates, and where it begins in characters.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (at, c) in text.chars().enumerate() {
        if c.is_whitespace() {
            inside = false;
            continue;
        }
        match words.last_mut() {
            Some((_, word)) if inside => word.push(c.to_ascii_uppercase()),
            _ => words.push((at, c.to_ascii_uppercase().to_string())),
        }
        inside = true;
    }
    words
}

fn nickname(written: &str, offset: usize) -> Result<Expression, CadenceFault> {
    let upper = written.to_ascii_uppercase();
    if let Some((_, meaning)) = NICKNAMES.iter().find(|(name, _)| *name == upper) {
        return fields(&words(meaning), false);
    }
    let message = if upper == "@REBOOT" {
        "`@reboot` names no time: a server that starts is no schedule".to_owned()
    } else if upper.starts_with("@EVERY") {
        "`@every` is written as a period of its own: `every: 10m`".to_owned()
    } else {
        let known = "@hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually";
        format!("`{written}` is not known: there are {known}")
    };
    Err(CadenceFault { field: None, offset, message })
}

/// Reads words that are already counted: five, or six.
fn fields(words: &[(usize, String)], has_seconds: bool) -> Result<Expression, CadenceFault> {
    let skipped = usize::from(!has_seconds);
    let mut read = UNITS.iter().skip(skipped).zip(words).map(|(unit, (at, word))| field(*unit, word, *at));
    let mut next = || read.next().unwrap_or_else(|| Ok(constant(0)));
    Ok(Expression {
        second: if has_seconds { next()? } else { constant(0) },
        minute: next()?,
        hour: next()?,
        day_of_month: next()?,
        month: next()?,
        day_of_week: next()?,
        has_seconds,
    })
}

fn constant(value: u32) -> Field {
    Field { starred: false, items: vec![Item::Values { first: value, last: value, step: 1 }], offset: 0 }
}

fn field(unit: Unit, word: &str, offset: usize) -> Result<Field, CadenceFault> {
    let mut items = Vec::new();
    let mut at = offset;
    for part in word.split(',') {
        if part.is_empty() {
            return Err(unit.fault(at, format!("an entry is missing in `{word}`: commas stand between values")));
        }
        items.push(item(unit, part, at)?);
        at += part.chars().count() + 1;
    }
    // The crate that knows the days keeps one of the two.
    if items.contains(&Item::LastDay) && items.contains(&Item::LastWorkday) {
        return Err(unit.fault(offset, "`L` and `LW` do not go together: write two schedules".to_owned()));
    }
    Ok(Field { starred: word.starts_with(['*', '?']), items, offset })
}

fn item(unit: Unit, part: &str, at: usize) -> Result<Item, CadenceFault> {
    let (low, high) = unit.bounds();
    let (base, step) = match part.split_once('/') {
        None => (part, None),
        Some((base, step)) => (base, Some((step, at + base.chars().count() + 1))),
    };
    let step = step.map(|(text, at)| read_step(unit, text, at)).transpose()?;
    if base == "*" {
        return Ok(Item::Values { first: low, last: high, step: step.unwrap_or(1) });
    }
    if base == "?" && step.is_none() && matches!(unit, Unit::DayOfMonth | Unit::DayOfWeek) {
        return Ok(Item::Values { first: low, last: high, step: 1 });
    }
    if let Some((first, last)) = base.split_once('-').filter(|(first, _)| !first.is_empty()) {
        return range(unit, (first, last), step, at);
    }
    if let Some(step) = step {
        return Err(match base {
            "" => unit.fault(at, format!("a step needs something to step through: write `*/{step}`")),
            _ => match value(unit, base, at) {
                Ok(_) => unit.fault(at, format!("a step needs a range: write `{base}-{}/{step}`", unit.greatest())),
                Err(fault) => fault,
            },
        });
    }
    special(unit, base, at)?
        .map_or_else(|| value(unit, base, at).map(|value| Item::Values { first: value, last: value, step: 1 }), Ok)
}

impl Unit {
    /// The greatest value as people write it: Saturday, not the other Sunday.
    fn greatest(self) -> u32 {
        if self == Self::DayOfWeek { 6 } else { self.bounds().1 }
    }
}

fn read_step(unit: Unit, text: &str, at: usize) -> Result<u32, CadenceFault> {
    let most = unit.bounds().1;
    match number(text) {
        Some(step) if (1..=most).contains(&step) => Ok(step),
        _ => {
            let message = format!("`{text}` is not a step for the {}: 1 to {most}", unit.name());
            Err(unit.fault(at, message))
        }
    }
}

fn range(unit: Unit, (first, last): (&str, &str), step: Option<u32>, at: usize) -> Result<Item, CadenceFault> {
    let last_at = at + first.chars().count() + 1;
    let low = value(unit, first, at)?;
    let mut high = value(unit, last, last_at)?;
    if unit == Unit::DayOfWeek && last == "SUN" && low > 0 {
        high = 7;
    }
    if low <= high {
        return Ok(Item::Values { first: low, last: high, step: step.unwrap_or(1) });
    }
    let begin = unit.bounds().0;
    let hint = match unit {
        Unit::DayOfWeek if low == 7 => format!("0-{high}"),
        _ => format!("{first}-{},{begin}-{last}", unit.greatest()),
    };
    Err(unit.fault(at, format!("`{first}-{last}` runs backwards: write `{hint}`")))
}

/// What depends on the month: `L`, `LW`, `15W`, `5L`, `1#2`.
fn special(unit: Unit, text: &str, at: usize) -> Result<Option<Item>, CadenceFault> {
    match unit {
        Unit::DayOfMonth => match text {
            "L" => Ok(Some(Item::LastDay)),
            "LW" => Ok(Some(Item::LastWorkday)),
            _ => text.strip_suffix('W').map(|day| value(unit, day, at).map(Item::NearestWorkday)).transpose(),
        },
        Unit::DayOfWeek => {
            if text == "L" {
                return Err(unit.fault(at, "`L` needs a day: `5L` is the last Friday of the month".to_owned()));
            }
            if let Some(day) = text.strip_suffix('L') {
                return value(unit, day, at).map(|day| Some(Item::Last(day % 7)));
            }
            let Some((day, nth)) = text.split_once('#') else { return Ok(None) };
            let nth_at = at + day.chars().count() + 1;
            let day = value(unit, day, at)?;
            match number(nth) {
                Some(nth @ 1..=5) => Ok(Some(Item::Nth(day % 7, nth))),
                _ => Err(unit.fault(nth_at, format!("`{nth}` is not a week of the month: 1 to 5"))),
            }
        }
        _ => Ok(None),
    }
}

fn value(unit: Unit, text: &str, at: usize) -> Result<u32, CadenceFault> {
    let (low, high) = unit.bounds();
    let (names, zeroth) = unit.names();
    let by_name = (zeroth..).zip(names).find(|(_, known)| **known == text).map(|(value, _)| value);
    if let Some(value) = by_name.or_else(|| number(text).filter(|value| (low..=high).contains(value))) {
        return Ok(value);
    }
    Err(unit.fault(at, format!("`{text}` is not {}: {}", unit.one(), unit.takes())))
}

/// A number of at most four digits.
fn number(text: &str) -> Option<u32> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
