//! The terms of a schedule as documents write them: read from the fields of whichever object they stand in, and written back
//! in the same words. Reads no clock: what lies in the past is no fault.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    Blackout, BlackoutPolicy, Cadence, CatchUp, CatchUpMode, MAX_CAUGHT_UP, Overlap, Stretch, Terms, cadence::Written,
};
use crate::{
    document::{Data, Fields, Node, Reader},
    time::{Timestamp, write_duration},
};

/// The keys that say when; one of them makes an object the terms of a schedule.
const CADENCES: [&str; 3] = ["cron", "every", "at"];
/// The keys that belong to those.
const RULES: [&str; 8] = ["timezone", "starts", "ends", "jitter", "overlap", "catch_up", "blackouts", "warn_after"];
/// The zone of a cron expression that names none.
const ZONE: &str = "UTC";
/// The shortest and the longest period.
const PERIODS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24 * 366));
const MAX_JITTER: Duration = Duration::from_hours(1);
const MAX_WINDOW: Duration = Duration::from_hours(24 * 30);
const MAX_BLACKOUT: Duration = Duration::from_hours(24 * 31);
const MAX_BLACKOUTS: usize = 20;
/// The longest reason of a blackout, in characters.
const MAX_REASON: usize = 200;
const MAX_WARN_AFTER: u32 = 100;
const WARN_AFTER: u32 = 3;
/// What becomes of late ticks unless the document says otherwise.
const CATCH_UP: CatchUp = CatchUp { mode: CatchUpMode::Latest, window: Duration::from_hours(1), most: MAX_CAUGHT_UP };

const OVERLAPS: [(&str, Overlap); 4] = [
    ("skip", Overlap::Skip),
    ("queue", Overlap::Queue),
    ("cancel-running", Overlap::CancelRunning),
    ("allow", Overlap::Allow),
];
const MODES: [(&str, CatchUpMode); 3] =
    [("none", CatchUpMode::None), ("latest", CatchUpMode::Latest), ("all", CatchUpMode::All)];
const POLICIES: [(&str, BlackoutPolicy); 2] = [("hold", BlackoutPolicy::Hold), ("skip", BlackoutPolicy::Skip)];

/// Whether one of the keys that say when is there.
pub(crate) fn are_in(fields: &Fields<'_>) -> bool {
    CADENCES.iter().any(|key| fields.peek(key).is_some())
}

/// Refuses the keys of terms in an object that has none of [`CADENCES`].
pub(crate) fn refuse(reader: &mut Reader, fields: &mut Fields<'_>) {
    for key in CADENCES.into_iter().chain(RULES) {
        if let Some(node) = fields.take(key) {
            reader.fault(node.at, &fields.path(key), format!("`{key}` belongs to `cron`, `every` or `at`"));
        }
    }
}

/// Reads the terms out of an object; it has to have one of [`CADENCES`].
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>) -> Option<Terms> {
    let told = reader.faults.len();
    let starts = field(fields, "starts", |node, path| reader.time(node, path));
    let ends = field(fields, "ends", |node, path| reader.time(node, path));
    let cadence = cadence(reader, fields, starts);
    let jitter = field(fields, "jitter", |node, path| reader.duration(node, path, Duration::ZERO, MAX_JITTER));
    let overlap = field(fields, "overlap", |node, path| reader.choice(node, path, &OVERLAPS));
    let catch_up = field(fields, "catch_up", |node, path| catch_up(reader, node, path));
    let zone = fields.peek("timezone").and_then(Node::as_text).unwrap_or(ZONE);
    let blackouts = field(fields, "blackouts", |node, path| Some(blackouts(reader, node, path, zone)));
    let warn_after = field(fields, "warn_after", |node, path| reader.whole(node, path, 0, MAX_WARN_AFTER));
    if reader.faults.len() > told {
        return None;
    }
    let terms = Terms {
        cadence: cadence?,
        starts,
        ends,
        jitter: jitter.unwrap_or(Duration::ZERO),
        overlap: overlap.unwrap_or_default(),
        catch_up: catch_up.unwrap_or(CATCH_UP),
        blackouts: blackouts.unwrap_or_default(),
        warn_after: warn_after.unwrap_or(WARN_AFTER),
    };
    check(reader, fields, &terms);
    (reader.faults.len() == told).then_some(terms)
}

/// What each part allows alone and not together with another.
fn check(reader: &mut Reader, fields: &Fields<'_>, terms: &Terms) {
    let mut fault = |key: &str, message: String| {
        if let Some(node) = fields.peek(key) {
            reader.fault(node.at, &fields.path(key), message);
        }
    };
    let (starts, ends) = (terms.starts, terms.ends);
    if let Some((starts, ends)) = starts.zip(ends).filter(|(starts, ends)| ends <= starts) {
        return fault("ends", format!("{ends} is not after `starts`, {starts}"));
    }
    match terms.cadence.written() {
        Written::At(at) if starts.is_some_and(|starts| at < starts) => {
            fault("at", "is before `starts`, so it never fires".to_owned());
        }
        Written::At(at) if ends.is_some_and(|ends| at > ends) => {
            fault("at", "is after `ends`, so it never fires".to_owned());
        }
        Written::Every(period, _) if terms.jitter >= period => {
            let period = write_duration(period);
            fault("jitter", format!("{} is not less than `every`, {period}", write_duration(terms.jitter)));
        }
        _ => {}
    }
    // Without a beginning or an end there is a next time for ever: an expression that never fires is none.
    let from = starts.map_or_else(Timestamp::default, |starts| starts.minus(Duration::from_millis(1)));
    let first = terms.cadence.next_after(from);
    let never = match (starts, ends) {
        (Some(_), None) if first.is_none() => "never fires after `starts`",
        (None, Some(ends)) if first.is_none_or(|first| first > ends) => "never fires before `ends`",
        (Some(_), Some(ends)) if first.is_none_or(|first| first > ends) => "never fires between `starts` and `ends`",
        _ => return,
    };
    if terms.key() != "at" {
        fault(terms.key(), never.to_owned());
    }
}

/// What says when: exactly one of the three keys.
fn cadence(reader: &mut Reader, fields: &mut Fields<'_>, starts: Option<Timestamp>) -> Option<Cadence> {
    let given: Vec<(&str, &Node)> = CADENCES.iter().filter_map(|key| Some((*key, fields.take(key)?))).collect();
    let zone = fields.take("timezone");
    let [(key, node)] = given[..] else {
        reader.fault(fields.at, &fields.path, "one of `cron`, `every` or `at` is wanted, and only one");
        return None;
    };
    let path = fields.path(key);
    match key {
        "cron" => return cron(reader, (node, &path), (zone, &fields.path("timezone")), ZONE),
        _ => refuse_zone(reader, zone, &fields.path("timezone")),
    }
    if key == "every" {
        let (least, most) = PERIODS;
        // Counted from the beginning, so that the times do not depend on when the schedule was saved.
        let anchor = starts.unwrap_or_default();
        return reader.duration(node, &path, least, most).map(|period| Cadence::every(period, anchor));
    }
    reader.time(node, &path).map(Cadence::at)
}

fn refuse_zone(reader: &mut Reader, zone: Option<&Node>, path: &str) {
    if let Some(node) = zone {
        reader.fault(node.at, path, "`timezone` belongs to `cron`");
    }
}

/// A cron expression and its zone, each with its path; a fault of the expression stands at the character it is about.
fn cron(
    reader: &mut Reader,
    (node, path): (&Node, &str),
    (zone, zone_path): (Option<&Node>, &str),
    default: &str,
) -> Option<Cadence> {
    let expression = reader.text(node, path)?;
    let named = match zone {
        Some(zone) => reader.text(zone, zone_path)?,
        None => default.to_owned(),
    };
    let fault = match Cadence::cron(&expression, &named) {
        Ok(cadence) => return Some(cadence),
        Err(fault) => fault,
    };
    match (fault.field, zone) {
        (Some("timezone"), Some(zone)) => reader.fault(zone.character(fault.offset), zone_path, fault.message),
        (Some(field), _) => {
            reader.fault(node.character(fault.offset), path, format!("{field}: {}", fault.message));
        }
        (None, _) => reader.fault(node.character(fault.offset), path, fault.message),
    }
    None
}

fn catch_up(reader: &mut Reader, node: &Node, path: &str) -> Option<CatchUp> {
    if !matches!(node.data, Data::Object(_)) {
        return Some(CatchUp { mode: reader.choice(node, path, &MODES)?, ..CATCH_UP });
    }
    let mut fields = reader.object(node, path)?;
    let mode = fields.need(reader, "mode").and_then(|node| reader.choice(node, &format!("{path}.mode"), &MODES));
    let least = Duration::from_secs(1);
    let window = field(&mut fields, "window", |node, path| reader.duration(node, path, least, MAX_WINDOW));
    let most = fields.take("most");
    let most_path = fields.path("most");
    if let Some(node) = most.filter(|_| mode.is_some_and(|mode| mode != CatchUpMode::All)) {
        reader.fault(node.at, &most_path, "`most` belongs to the mode `all`");
    }
    let most = most.and_then(|node| reader.whole(node, &most_path, 1, MAX_CAUGHT_UP));
    fields.finish(reader);
    Some(CatchUp { mode: mode?, window: window.unwrap_or(CATCH_UP.window), most: most.unwrap_or(CATCH_UP.most) })
}

fn blackouts(reader: &mut Reader, node: &Node, path: &str, zone: &str) -> Vec<Blackout> {
    let items = reader.list(node, path);
    if items.len() > MAX_BLACKOUTS {
        reader.fault(node.at, path, format!("{} blackouts are here: at most {MAX_BLACKOUTS} are wanted", items.len()));
    }
    let each = items.iter().take(MAX_BLACKOUTS).enumerate();
    each.filter_map(|(index, node)| blackout(reader, node, &format!("{path}[{index}]"), zone)).collect()
}

fn blackout(reader: &mut Reader, node: &Node, path: &str, zone: &str) -> Option<Blackout> {
    let mut fields = reader.object(node, path)?;
    let when = stretch(reader, &mut fields, zone);
    let then = field(&mut fields, "then", |node, path| reader.choice(node, path, &POLICIES));
    let reason = field(&mut fields, "reason", |node, path| {
        let text = reader.text(node, path)?;
        let length = text.chars().count();
        if length == 0 || length > MAX_REASON {
            reader.fault(node.at, path, format!("{length} characters are here: 1 to {MAX_REASON} are wanted"));
        }
        Some(text)
    });
    fields.finish(reader);
    Some(Blackout { when: when?, then: then.unwrap_or(BlackoutPolicy::Skip), reason })
}

/// From each time of a cron expression for so long, or once from one time until another.
fn stretch(reader: &mut Reader, fields: &mut Fields<'_>, zone: &str) -> Option<Stretch> {
    let (again, once) = (fields.take("cron"), fields.take("from"));
    let (named, lasts, until) = (fields.take("timezone"), fields.take("for"), fields.take("until"));
    let belongs = |reader: &mut Reader, node: Option<&Node>, key: &str, to: &str| {
        if let Some(node) = node {
            reader.fault(node.at, &fields.path(key), format!("`{key}` belongs to `{to}`"));
        }
    };
    match (again, once) {
        (Some(cron_node), None) => {
            belongs(reader, until, "until", "from");
            let zone_path = fields.path("timezone");
            let from = cron(reader, (cron_node, &fields.path("cron")), (named, &zone_path), zone);
            let Some(lasts) = lasts else {
                reader.fault(fields.at, &fields.path, "`for` is missing: how long the blackout lasts");
                return None;
            };
            let least = Duration::from_secs(1);
            let lasts = reader.duration(lasts, &fields.path("for"), least, MAX_BLACKOUT);
            Some(Stretch::Again { from: from?, lasts: lasts? })
        }
        (None, Some(from)) => {
            belongs(reader, named, "timezone", "cron");
            belongs(reader, lasts, "for", "cron");
            let from = reader.time(from, &fields.path("from"));
            let Some(node) = until else {
                reader.fault(fields.at, &fields.path, "`until` is missing: when the blackout ends");
                return None;
            };
            let path = fields.path("until");
            let (from, until) = (from?, reader.time(node, &path)?);
            if until <= from {
                reader.fault(node.at, &path, format!("{until} is not after `from`, {from}"));
            } else if until.since(from) > MAX_BLACKOUT {
                let (lasts, most) = (write_duration(until.since(from)), write_duration(MAX_BLACKOUT));
                reader.fault(node.at, &path, format!("the blackout lasts {lasts}: at most {most} are wanted"));
            }
            Some(Stretch::Once(from, until))
        }
        _ => {
            reader.fault(fields.at, &fields.path, "one of `cron` or `from` is wanted in each blackout, and only one");
            None
        }
    }
}

/// A field's meaning, if it is there and has one.
fn field<T>(fields: &mut Fields<'_>, name: &'static str, read: impl FnOnce(&Node, &str) -> Option<T>) -> Option<T> {
    let path = fields.path(name);
    fields.take(name).and_then(|node| read(node, &path))
}

impl Terms {
    /// The key of a document that says when.
    pub fn key(&self) -> &'static str {
        match self.cadence.written() {
            Written::Cron(_) => "cron",
            Written::Every(..) => "every",
            Written::At(_) => "at",
        }
    }

    /// The terms as a document writes them: an object of their keys, without those that say what would hold anyway. A
    /// period is taken to be counted from `starts`, or from the beginning of 1970.
    pub fn to_document(&self) -> Value {
        let mut written = Map::new();
        let zone = when(&mut written, &self.cadence, ZONE);
        for (key, time) in [("starts", self.starts), ("ends", self.ends)] {
            if let Some(time) = time {
                written.insert(key.to_owned(), json!(time));
            }
        }
        if !self.jitter.is_zero() {
            written.insert("jitter".to_owned(), json!(write_duration(self.jitter)));
        }
        if self.overlap != Overlap::default() {
            written.insert("overlap".to_owned(), json!(word(&OVERLAPS, &self.overlap)));
        }
        if self.catch_up != CATCH_UP {
            written.insert("catch_up".to_owned(), self.catch_up.to_document());
        }
        if !self.blackouts.is_empty() {
            let blackouts: Vec<Value> = self.blackouts.iter().map(|blackout| blackout.to_document(zone)).collect();
            written.insert("blackouts".to_owned(), Value::Array(blackouts));
        }
        if self.warn_after != WARN_AFTER {
            written.insert("warn_after".to_owned(), json!(self.warn_after));
        }
        Value::Object(written)
    }
}

impl CatchUp {
    fn to_document(self) -> Value {
        let mode = word(&MODES, &self.mode);
        let all = self.mode == CatchUpMode::All;
        let window = write_duration(self.window);
        match (self.window == CATCH_UP.window, all && self.most != CATCH_UP.most) {
            (true, false) => json!(mode),
            (false, false) => json!({ "mode": mode, "window": window }),
            (_, true) => json!({ "mode": mode, "window": window, "most": self.most }),
        }
    }
}

impl Blackout {
    fn to_document(&self, zone: &str) -> Value {
        let mut written = Map::new();
        match &self.when {
            Stretch::Again { from, lasts } => {
                when(&mut written, from, zone);
                written.insert("for".to_owned(), json!(write_duration(*lasts)));
            }
            Stretch::Once(from, until) => {
                written.insert("from".to_owned(), json!(from));
                written.insert("until".to_owned(), json!(until));
            }
        }
        written.insert("then".to_owned(), json!(word(&POLICIES, &self.then)));
        if let Some(reason) = &self.reason {
            written.insert("reason".to_owned(), json!(reason));
        }
        Value::Object(written)
    }
}

/// Writes when; gives the zone that blackouts inherit.
fn when<'a>(written: &mut Map<String, Value>, cadence: &'a Cadence, default: &'a str) -> &'a str {
    match cadence.written() {
        Written::Cron(expression) => {
            let zone = cadence.zone();
            written.insert("cron".to_owned(), json!(expression));
            if zone != default {
                written.insert("timezone".to_owned(), json!(zone));
            }
            zone
        }
        Written::Every(period, _) => {
            written.insert("every".to_owned(), json!(write_duration(period)));
            default
        }
        Written::At(time) => {
            written.insert("at".to_owned(), json!(time));
            default
        }
    }
}

/// The word of a meaning.
fn word<T: PartialEq>(words: &'static [(&'static str, T)], meaning: &T) -> &'static str {
    words.iter().find(|(_, known)| known == meaning).map_or("", |(word, _)| word)
}
