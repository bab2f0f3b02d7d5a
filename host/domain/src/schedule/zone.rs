//! Time zones: local times and the points in time they stand for, the two yearly changes of the clock included.

use jiff::{
    Timestamp, ToSpan as _,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase},
};

use super::{cadence::CadenceFault, cron::Cron};

/// The longest name of a zone.
const MAX_NAME: usize = 64;
/// How many local times are tried for one answer. Those that stand for no time are jumped over a whole gap at once, so
/// that a few are enough; the limit is there so that no data can make it spin.
const TRIES: usize = 1_000;

/// A time zone of the IANA database.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    pub(super) name: String,
    tz: TimeZone,
}

/// What a local time stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// One point in time.
    Once(Timestamp),
    /// Two: the clock is set back over it.
    Twice(Timestamp, Timestamp),
    /// None: the clock is set forward over it, at this point in time.
    Never(Timestamp),
}

/// A change of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) at: Timestamp,
    /// The local time that the clock leaves.
    pub(super) leaves: DateTime,
    /// The local time that it shows instead.
    pub(super) shows: DateTime,
}

impl Zone {
    pub(super) fn utc() -> Self {
        Self { name: "UTC".to_owned(), tz: TimeZone::UTC }
    }

    /// Looks a zone up by its IANA name; upper and lower case do not matter.
    pub(super) fn find(name: &str) -> Result<Self, CadenceFault> {
        let fault = |message| CadenceFault { field: Some("timezone"), offset: 0, message };
        if name.eq_ignore_ascii_case("UTC") {
            return Ok(Self::utc());
        }
        if name.is_empty() || name.chars().nth(MAX_NAME).is_some() {
            return Err(fault(format!(
                "a time zone has a name of 1 to {MAX_NAME} characters, such as `Europe/Berlin`"
            )));
        }
        // A system's database may lack what the one in the binary has.
        let found = TimeZone::get(name).or_else(|_| TimeZoneDatabase::bundled().get(name));
        let found = found.ok().filter(|tz| !tz.is_unknown());
        match found.as_ref().and_then(|tz| Some((tz, tz.iana_name()?))) {
            Some((tz, known)) => Ok(Self { name: known.to_owned(), tz: tz.clone() }),
            None => Err(fault(format!("there is no time zone `{name}`: {}", near(name)))),
        }
    }

    /// The local time at a point in time, to the second.
    pub(super) fn local(&self, at: Timestamp) -> DateTime {
        let local = self.tz.to_datetime(at);
        local.with().subsec_nanosecond(0).build().unwrap_or(local)
    }

    /// The local time in RFC 3339, with its offset.
    pub(super) fn written(&self, at: Timestamp) -> String {
        at.display_with_offset(self.tz.to_offset(at)).to_string()
    }

    /// What a local time stands for; none beyond the calendar.
    pub(super) fn place(&self, local: DateTime) -> Option<Place> {
        let at = |offset: Offset| offset.to_timestamp(local).ok();
        Some(match self.tz.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => Place::Once(at(offset)?),
            AmbiguousOffset::Fold { before, after } => Place::Twice(at(before)?, at(after)?),
            AmbiguousOffset::Gap { before, after } => {
                // Between the two readings of a time that does not exist the clock was set forward.
                let (early, late) = (at(after)?, at(before)?);
                let mut changes = self.tz.following(early).take_while(|change| change.timestamp() <= late);
                Place::Never(changes.find(|change| change.offset() == after).map_or(late, |change| change.timestamp()))
            }
        })
    }

    /// The changes of the clock after a point in time, oldest first.
    pub(super) fn changes(&self, after: Timestamp) -> impl Iterator<Item = Change> + '_ {
        self.tz.following(after).filter_map(|change| {
            let at = change.timestamp();
            let before = self.tz.to_offset(at.checked_sub(1.second()).ok()?);
            let (leaves, shows) = (before.to_datetime(at), change.offset().to_datetime(at));
            (leaves != shows).then_some(Change { at, leaves, shows })
        })
    }

    /// The change of the clock at exactly this point in time.
    pub(super) fn change_at(&self, at: Timestamp) -> Option<Change> {
        self.changes(at.checked_sub(1.second()).ok()?).next().filter(|change| change.at == at)
    }

    /// The first time of an expression after a point in time.
    pub(super) fn next(&self, cron: &Cron, after: Timestamp) -> Option<Timestamp> {
        let second = Timestamp::from_second(after.as_millisecond().div_euclid(1_000)).ok()?;
        if cron.is_fixed { self.next_fixed(cron, second) } else { self.next_real(cron, second) }
    }

    /// Every local time counts once: out of a gap it moves to its end, of two it is the first.
    fn next_fixed(&self, cron: &Cron, after: Timestamp) -> Option<Timestamp> {
        let mut local = self.local(after);
        if let Place::Twice(_, second) = self.place(local)?
            && second == after
        {
            // Everything up to the end of the repeated hour was had the first time.
            let change = self.tz.preceding(after.checked_add(1.second()).ok()?).next()?;
            let before = self.tz.to_offset(change.timestamp().checked_sub(1.second()).ok()?);
            local = before.to_datetime(change.timestamp()).checked_sub(1.second()).ok()?;
        }
        for _ in 0..TRIES {
            local = cron.next(local)?;
            let at = match self.place(local)? {
                Place::Once(at) | Place::Twice(at, _) | Place::Never(at) => at,
            };
            if at > after {
                return Some(at);
            }
        }
        None
    }

    /// Every point in time counts at which the clock shows what the expression names.
    fn next_real(&self, cron: &Cron, after: Timestamp) -> Option<Timestamp> {
        let mut local = self.local(after);
        if let Place::Twice(first, _) = self.place(local)?
            && first == after
        {
            let change = self.changes(after).next()?;
            let at = self.tz.to_offset(after).to_timestamp(cron.next(local)?).ok()?;
            if at < change.at {
                return Some(at);
            }
            local = change.shows.checked_sub(1.second()).ok()?;
        }
        for _ in 0..TRIES {
            local = cron.next(local)?;
            match self.place(local)? {
                Place::Once(at) if at > after => return Some(at),
                Place::Twice(first, second) if second > after => {
                    return Some(if first > after { first } else { second });
                }
                Place::Once(_) | Place::Twice(..) => {}
                Place::Never(resumes) => local = self.local(resumes).checked_sub(1.second()).ok()?,
            }
        }
        None
    }
}

/// What an unknown name may have meant.
fn near(name: &str) -> String {
    let known: Vec<String> = jiff::tz::db().available().map(|known| known.to_string()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    match similar::get_close_matches(name, &known, 1, 0.7).first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => "names are those of the IANA database, such as `Europe/Berlin`".to_owned(),
    }
}

/// Whether a text names an IANA time zone.
pub fn is_time_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok() || TimeZoneDatabase::bundled().get(name).is_ok()
}
