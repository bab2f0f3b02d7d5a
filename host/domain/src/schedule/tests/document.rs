//! Documents of schedules: what each key means, what is said of a wrong one, that the published schema says the same, and
//! that terms which are written read as they were.

use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{
    Blackout, BlackoutPolicy, Cadence, CatchUp, CatchUpMode, Overlap, Stretch, Terms,
    document::{Document, SCHEMA, from_value, parse},
};
use crate::{document, time::Timestamp};

/// A document with every key but `every` and `at`.
const FULL: &str = "\
kind: schedule
name: weekday-sweep
workflow: sweep
cron: '0 9 * * MON-FRI'
timezone: Europe/Berlin
starts: '2026-01-01T00:00:00Z'
ends: '2027-01-01T00:00:00Z'
jitter: 30s
overlap: cancel-running
catch_up: { mode: all, window: 2h, most: 5 }
blackouts:
  - { cron: '0 17 * * FRI', for: 63h, then: hold, reason: Weekend }
  - { from: '2026-12-24T00:00:00Z', until: '2026-12-27T00:00:00Z' }
warn_after: 5
inputs: { site: north, since: '${{ trigger.tick }}' }
";

/// The shortest document.
const SHORT: &str = "{ name: a, workflow: b, every: 10m }";

/// Each fault as `line:column path: message`.
fn faults(source: &str) -> Vec<String> {
    parse(source).map(|_| ()).expect_err("has faults").iter().map(ToString::to_string).collect()
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

#[test]
fn every_key_is_read() {
    let read = parse(FULL).expect("is good");
    let berlin = |expression| Cadence::cron(expression, "Europe/Berlin").expect("an expression");
    let weekend = Stretch::Again { from: berlin("0 17 * * FRI"), lasts: Duration::from_hours(63) };
    let holidays = Stretch::Once(time("2026-12-24T00:00:00Z"), time("2026-12-27T00:00:00Z"));
    let wanted = Document {
        name: "weekday-sweep".to_owned(),
        workflow: "sweep".to_owned(),
        inputs: json!({ "site": "north", "since": "${{ trigger.tick }}" }),
        terms: Terms {
            cadence: berlin("0 9 * * MON-FRI"),
            starts: Some(time("2026-01-01T00:00:00Z")),
            ends: Some(time("2027-01-01T00:00:00Z")),
            jitter: Duration::from_secs(30),
            overlap: Overlap::CancelRunning,
            catch_up: CatchUp { mode: CatchUpMode::All, window: Duration::from_hours(2), most: 5 },
            blackouts: vec![
                Blackout { when: weekend, then: BlackoutPolicy::Hold, reason: Some("Weekend".to_owned()) },
                Blackout { when: holidays, then: BlackoutPolicy::Skip, reason: None },
            ],
            warn_after: 5,
        },
    };
    assert_eq!(read, wanted);
    assert_eq!(parse(&read.to_value().to_string()), Ok(read), "as JSON it says the same");
}

#[test]
fn what_is_left_out_is_the_usual() {
    let short = parse(SHORT).expect("is good");
    assert_eq!(short.inputs, json!({}));
    let terms = &short.terms;
    assert_eq!(terms.cadence, Cadence::every(Duration::from_mins(10), Timestamp::default()));
    assert_eq!((terms.starts, terms.ends, terms.jitter), (None, None, Duration::ZERO));
    assert_eq!((terms.overlap, terms.blackouts.len(), terms.warn_after), (Overlap::Skip, 0, 3));
    let usual = CatchUp { mode: CatchUpMode::Latest, window: Duration::from_hours(1), most: 100 };
    assert_eq!(terms.catch_up, usual);
    assert_eq!(short.to_value(), json!({ "kind": "schedule", "name": "a", "workflow": "b", "every": "10m" }));
    let counted = parse("{ name: a, workflow: b, every: 7d, starts: '2026-03-02T09:00:00Z' }").expect("is good");
    let start = time("2026-03-02T09:00:00Z");
    assert_eq!(counted.terms.cadence, Cadence::every(Duration::from_hours(168), start), "a period begins at `starts`");
}

#[test]
fn each_key_tells_its_wrong_value_in_one_fault() {
    let mut other = Vec::new();
    for (from, to, wanted) in [
        ("kind: schedule", "kind: workflow", "1:7: kind: \"workflow\" is not known: one of schedule is wanted"),
        (
            "name: weekday-sweep",
            "name: Weekday sweep",
            "2:7: name: \"Weekday sweep\" is no name: 1 to 64 of a-z 0-9 - are wanted, a letter first",
        ),
        ("name: weekday-sweep\n", "", "1:1: `name` is missing"),
        ("workflow: sweep\n", "", "1:1: `workflow` is missing"),
        ("workflow: sweep", "workflow: [sweep]", "3:11: workflow: a text is wanted, not a list"),
        ("cron: '0 9 * * MON-FRI'\n", "", "1:1: one of `cron`, `every` or `at` is wanted, and only one"),
        (
            "cron: '0 9 * * MON-FRI'",
            "cron: '0 9 * * MON-FRI'\nevery: 10m",
            "1:1: one of `cron`, `every` or `at` is wanted, and only one",
        ),
        ("cron: '0 9 * * MON-FRI'", "every: 10m", "5:11: timezone: `timezone` belongs to `cron`"),
        ("timezone: Europe/Berlin", "timezone: 1", "5:11: timezone: a text is wanted, not a number"),
        ("timezone:", "time_zone:", "5:1: `time_zone` is not known here: did you mean `timezone`?"),
        ("jitter: 30s", "jitter: 61m", "8:9: jitter: 61m is out of bounds: 0s to 1h is wanted"),
        (
            "ends: '2027-01-01T00:00:00Z'",
            "ends: '2026-01-01T00:00:00Z'",
            "7:7: ends: 2026-01-01T00:00:00.000Z is not after `starts`, 2026-01-01T00:00:00.000Z",
        ),
        (
            "starts: '2026-01-01T00:00:00Z'\nends: '2027-01-01T00:00:00Z'",
            "ends: '1969-01-01T00:00:00Z'",
            "4:7: cron: never fires before `ends`",
        ),
        ("trigger.tick", "incident.number", "15:31: inputs.since: incident is not in scope here: only trigger is"),
        (
            "trigger.tick",
            "trigger.alert",
            "15:31: inputs.since: trigger has no alert here: it has type, at, schedule, tick, kind",
        ),
        (
            "inputs: { site: north, since: '${{ trigger.tick }}' }",
            "inputs: [a]",
            "15:9: inputs: an object is wanted, not a list",
        ),
        ("warn_after: 5", "warn_after: 101", "14:13: warn_after: a whole number from 0 to 100 is wanted"),
        (
            "warn_after: 5",
            "warn_after: 5\non: [{ manual: {} }]",
            "15:1: `on` is not known here: known are kind, name, workflow, starts, ends, cron, every, at, timezone, jitter, overlap, catch_up, blackouts, warn_after, inputs",
        ),
    ] {
        assert_eq!(FULL.matches(from).count(), 1, "{from} is to be found once in the document");
        let told = faults(&FULL.replace(from, to));
        if told != [wanted] {
            other.push(format!("{to}\n  wanted {wanted}\n  told   {}", told.join("\n         ")));
        }
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}

#[test]
fn there_are_at_most_twenty_blackouts() {
    let with = |count: usize| {
        let blackout = json!({ "cron": "0 17 * * FRI", "for": "1h" });
        parse(&json!({ "name": "a", "workflow": "b", "every": "10m", "blackouts": vec![blackout; count] }).to_string())
    };
    assert_eq!(with(20).expect("is good").terms.blackouts.len(), 20);
    let told = with(21).expect_err("has a fault");
    assert_eq!(told[0].message, "21 blackouts are here: at most 20 are wanted");
}

#[test]
fn every_fault_of_a_document_is_told_at_once() {
    let told = faults(&FULL.replace("30s", "30").replace("mode: all", "mode: some").replace("until:", "til:"));
    let places: Vec<&str> = told.iter().filter_map(|fault| fault.split(' ').next()).collect();
    assert_eq!(places, ["8:9:", "10:19:", "13:5:", "13:37:"], "{told:#?}");
}

static PUBLISHED: LazyLock<Published> = LazyLock::new(Published::read);

/// The published schema, and what it makes of documents.
struct Published {
    text: Value,
    validator: Validator,
}

impl Published {
    fn read() -> Self {
        let text: Value = serde_json::from_str(SCHEMA).expect("is JSON");
        let validator = jsonschema::validator_for(&text).expect("is a JSON Schema");
        Self { text, validator }
    }

    /// The keys the schema knows in an object.
    fn keys(&self, object: &str) -> BTreeSet<String> {
        let properties = self.text.pointer(object).and_then(|object| object["properties"].as_object());
        properties.into_iter().flat_map(|known| known.keys().cloned()).collect()
    }
}

#[test]
fn the_schema_knows_the_same_keys_and_refuses_others() {
    let full = document::value(FULL).expect("is YAML");
    assert!(PUBLISHED.validator.is_valid(&full));
    for (place, object) in [("", ""), ("/catch_up", "/$defs/catch_up"), ("/blackouts/0", "/$defs/blackout")] {
        let mut unknown = full.clone();
        let fields = unknown.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
        fields.insert("zzzzzzzzzzzz".to_owned(), json!(1));
        assert!(!PUBLISHED.validator.is_valid(&unknown), "{place}: the schema takes any key");
        let faults = parse(&unknown.to_string()).expect_err("an unknown key");
        let told = faults.iter().find_map(|fault| fault.message.split_once("known are "));
        let known: BTreeSet<String> = told.expect("a fault").1.split(", ").map(str::to_owned).collect();
        assert_eq!(known, PUBLISHED.keys(object), "{place}: the parser's keys, and the schema's");
    }
}

#[test]
fn the_schema_says_of_terms_what_that_of_workflows_says() {
    let published = &PUBLISHED.text;
    let workflow: Value = serde_json::from_str(crate::workflow::document::SCHEMA).expect("is JSON");
    let of_trigger = &workflow["$defs"]["trigger"]["properties"];
    let own = ["kind", "name", "workflow", "inputs"];
    for (key, described) in published["properties"].as_object().expect("an object") {
        if !own.contains(&key.as_str()) {
            assert_eq!(described, &of_trigger[key], "{key}");
        }
    }
    for (name, described) in published["$defs"].as_object().expect("an object") {
        let known = if name == "name" { "workflow_name" } else { name.as_str() };
        assert_eq!(described, &workflow["$defs"][known], "{name}");
    }
}

#[test]
fn the_schema_refuses_what_the_parser_refuses_of_the_documents_own_keys() {
    let full = document::value(FULL).expect("is YAML");
    for (key, wrong) in [
        ("kind", json!("workflow")),
        ("name", json!("A name")),
        ("workflow", json!("A name")),
        ("workflow", json!(7)),
        ("inputs", json!([])),
        ("every", json!("10m")),
        ("name", Value::Null),
    ] {
        let mut document = full.clone();
        document[key] = wrong.clone();
        assert!(!PUBLISHED.validator.is_valid(&document), "{key}: {wrong}");
        assert!(parse(&document.to_string()).is_err(), "{key}: {wrong}");
    }
    for key in ["name", "workflow", "cron"] {
        let mut document = full.clone();
        document.as_object_mut().expect("an object").remove(key);
        assert!(!PUBLISHED.validator.is_valid(&document), "no {key}");
        assert!(parse(&document.to_string()).is_err(), "no {key}");
    }
}

/// A time of the years 2000 to 2100, to the millisecond.
fn any_time() -> impl Strategy<Value = Timestamp> {
    (946_684_800_000_i64..4_102_444_800_000).prop_map(Timestamp::from_unix_ms)
}

fn any_duration(least_ms: u64, most_ms: u64) -> impl Strategy<Value = Duration> {
    let whole = (least_ms.div_ceil(60_000)..=most_ms / 60_000).prop_map(|minutes| minutes * 60_000);
    prop_oneof![least_ms..=most_ms, whole].prop_map(Duration::from_millis)
}

fn any_cron() -> impl Strategy<Value = Cadence> {
    let expressions =
        prop::sample::select(vec!["0 9 * * MON-FRI", "*/15 * * * *", "30 2 29 2 *", "0 0 17 * * 5", "@daily"]);
    let zones = prop::sample::select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe"]);
    (expressions, zones).prop_map(|(expression, zone)| Cadence::cron(expression, zone).expect("an expression"))
}

fn any_blackout() -> impl Strategy<Value = Blackout> {
    let again =
        (any_cron(), any_duration(1_000, 31 * 86_400_000)).prop_map(|(from, lasts)| Stretch::Again { from, lasts });
    let once = (any_time(), any_duration(1_000, 31 * 86_400_000))
        .prop_map(|(from, lasts)| Stretch::Once(from, from.plus(lasts)));
    let policies = prop::sample::select(vec![BlackoutPolicy::Hold, BlackoutPolicy::Skip]);
    (prop_oneof![again, once], policies, prop::option::of("[ -~]{1,200}")).prop_map(|(when, then, reason)| Blackout {
        when,
        then,
        reason,
    })
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let cadence = prop_oneof![
        any_cron(),
        any_duration(1_000, 366 * 86_400_000).prop_map(|period| Cadence::every(period, Timestamp::default())),
        any_time().prop_map(Cadence::at),
    ];
    let overlaps = vec![Overlap::Skip, Overlap::Queue, Overlap::CancelRunning, Overlap::Allow];
    let modes = vec![CatchUpMode::None, CatchUpMode::Latest, CatchUpMode::All];
    let catch_up = (prop::sample::select(modes), any_duration(1_000, 30 * 86_400_000), 1..=100_u32).prop_map(
        |(mode, window, most)| CatchUp { mode, window, most: if mode == CatchUpMode::All { most } else { 100 } },
    );
    let blackouts = prop::collection::vec(any_blackout(), 0..4);
    let overlap = prop::sample::select(overlaps);
    (cadence, any_duration(0, 3_600_000), overlap, catch_up, blackouts, 0..=100_u32, any::<bool>()).prop_map(
        |(cadence, jitter, overlap, catch_up, blackouts, warn_after, bounded)| {
            let mut terms =
                Terms { cadence, starts: None, ends: None, jitter, overlap, catch_up, blackouts, warn_after };
            if bounded {
                let first = terms.cadence.next_after(Timestamp::default()).expect("a time");
                terms.starts = Some(Timestamp::default());
                terms.ends = Some(first);
            }
            // A period has no jitter of its own length.
            if terms.key() == "every" {
                terms.jitter = terms.jitter.min(Duration::from_millis(999));
            }
            terms
        },
    )
}

proptest! {
    #[test]
    fn terms_that_are_written_read_as_they_were(terms in any_terms()) {
        let written = terms.to_document();
        prop_assert_eq!(from_value(&written), Ok(terms.clone()), "{}", written);
        // As text in a document of its own too, and the schema has nothing against it.
        let document = Document { name: "a".to_owned(), workflow: "b".to_owned(), inputs: json!({}), terms };
        prop_assert_eq!(parse(&document.to_value().to_string()), Ok(document.clone()), "{}", written);
        prop_assert!(PUBLISHED.validator.is_valid(&document.to_value()), "{}", written);
    }

    #[test]
    fn no_text_and_no_value_makes_the_parser_fall_over(text in ".{0,200}", key in "[a-z_]{1,10}", value in ".{0,20}") {
        _ = parse(&text);
        _ = from_value(&json!({ &key: value, "every": text }));
        _ = from_value(&json!([text]));
    }

    #[test]
    fn no_damage_to_a_document_makes_the_parser_fall_over(
        at in any::<prop::sample::Index>(),
        cut in 0_usize..40,
        insert in "[\\[\\]{}:,&*!|>'\"%@`#\\-\n\t $a-z0-9.]{0,20}",
    ) {
        let start = at.index(FULL.len());
        let end = (start + cut).min(FULL.len());
        _ = parse(&format!("{}{insert}{}", &FULL[..start], &FULL[end..]));
    }
}
