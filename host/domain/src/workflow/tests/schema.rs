//! The published JSON Schema beside the parser: both know the same keys, refuse the same wrong values and draw the same
//! limits, so that neither can change without the other.

use std::{collections::BTreeSet, sync::LazyLock};

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{Position, Workflow, document, parse},
    full::{DURATIONS, FULL, KEYS, OBJECTS, UNITS},
};

static PUBLISHED: LazyLock<Published> = LazyLock::new(Published::read);

/// The schema, and what it makes of a document.
struct Published {
    text: Value,
    validator: Validator,
}

impl Published {
    fn read() -> Self {
        let text: Value = serde_json::from_str(document::SCHEMA).expect("is JSON");
        let validator = jsonschema::validator_for(&text).expect("is a JSON Schema");
        Self { text, validator }
    }

    /// Whether the parser takes a document, and whether the schema does.
    fn verdicts(&self, document: &Value) -> (bool, bool) {
        (parse(&document.to_string()).is_ok(), self.validator.is_valid(document))
    }

    /// Asserts that both think the same of a document.
    #[track_caller]
    fn both(&self, takes: bool, document: &Value, what: &str) {
        let faults = parse(&document.to_string()).err();
        let schema: Vec<String> = self.validator.iter_errors(document).map(|error| error.to_string()).collect();
        assert_eq!((faults.is_none(), schema.is_empty()), (takes, takes), "{what}: {faults:#?} {schema:#?}");
    }

    /// The keys the schema knows in an object, and in it alone.
    fn keys(&self, object: &str) -> BTreeSet<String> {
        let properties = self.text.pointer(object).map(|object| &object["properties"]);
        properties.and_then(Value::as_object).into_iter().flat_map(|known| known.keys().cloned()).collect()
    }

    /// What the schema says of a key, references followed.
    fn described(&self, object: &str, key: &str, what: &str) -> Option<&Value> {
        let mut schema = self.text.pointer(&format!("{object}/properties/{key}"))?;
        loop {
            if let Some(found) = schema.get(what) {
                return Some(found);
            }
            schema = self.text.pointer(schema["$ref"].as_str()?.strip_prefix('#')?)?;
        }
    }
}

fn full() -> Value {
    document::value(FULL).expect("is YAML")
}

/// [`FULL`] with one value changed.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = full();
    *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not in the document")) = value;
    document
}

/// A place with every list's items taken for one.
fn shape(pointer: &str) -> String {
    let parts = pointer.split('/').map(|part| if part.parse::<u32>().is_ok() { "0" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// The places of the schema's parts that are as wanted.
fn parts(schema: &Value, at: &str, wanted: &dyn Fn(&Value) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if wanted(schema) {
        found.insert(at.to_owned());
    }
    for (name, value) in schema.as_object().into_iter().flatten() {
        found.extend(parts(value, &format!("{at}/{name}"), wanted));
    }
    found
}

/// One value of each type of JSON.
fn samples() -> [(&'static str, Value); 6] {
    [
        ("null", Value::Null),
        ("boolean", json!(true)),
        ("number", json!(7)),
        ("string", json!("text")),
        ("array", json!([])),
        ("object", json!({})),
    ]
}

#[test]
fn the_whole_language_is_taken_by_both() {
    PUBLISHED.both(true, &full(), "the document");
}

#[test]
fn both_know_the_same_keys_at_every_level_and_refuse_others() {
    for (place, object) in OBJECTS {
        let mut document = full();
        let fields = document.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
        fields.insert("zzzzzzzzzzzz".to_owned(), json!(1));
        assert!(!PUBLISHED.validator.is_valid(&document), "{place}: the schema takes any key");
        let faults = parse(&document.to_string()).expect_err("an unknown key");
        let told =
            faults.iter().find_map(|fault| fault.message.split_once("`zzzzzzzzzzzz` is not known here: known are "));
        let (_, known) = told.unwrap_or_else(|| panic!("{place}: {faults:#?}"));
        let known: BTreeSet<String> = known.split(", ").filter(|key| !key.is_empty()).map(str::to_owned).collect();
        assert_eq!(known, PUBLISHED.keys(object), "{place}: the parser's keys, and the schema's");
    }
}

#[test]
fn no_key_of_the_schema_is_left_out_here_and_each_is_described() {
    let objects = parts(&PUBLISHED.text, "", &|schema| schema["additionalProperties"] == json!(false));
    let listed: BTreeSet<String> = OBJECTS.iter().map(|(_, object)| (*object).to_owned()).collect();
    assert_eq!(objects, listed);
    let mut keys = BTreeSet::new();
    for (place, object) in OBJECTS {
        for key in PUBLISHED.keys(object) {
            assert!(PUBLISHED.described(object, &key, "description").is_some(), "{place}: {key} is not described");
            keys.insert(shape(&format!("{place}/{key}")));
        }
    }
    let listed: BTreeSet<String> = KEYS.iter().map(|(place, ..)| shape(place)).collect();
    assert_eq!(keys, listed);
}

#[test]
fn both_know_the_same_words() {
    let word = json!("zzzz");
    let words = [
        ("/concurrency/policy", word.clone(), "/properties/concurrency/properties/policy"),
        ("/on/0/stage", word.clone(), "/$defs/stage"),
        ("/on/0/entry", word.clone(), "/$defs/trigger/properties/entry"),
        ("/on/1/left", word.clone(), "/$defs/stage"),
        ("/on/2/severity", word.clone(), "/$defs/trigger/properties/severity"),
        ("/on/5/alert/status", word.clone(), "/$defs/trigger/properties/alert/properties/status"),
        ("/on/6/run_finished/status", word.clone(), "/$defs/run_end"),
        ("/on/9/manual/allow", json!([word]), "/$defs/trigger/properties/manual/properties/allow/items"),
        ("/on/12/overlap", word.clone(), "/$defs/trigger/properties/overlap"),
        ("/on/12/catch_up", word.clone(), "/$defs/catch_up_mode"),
        ("/on/12/catch_up/mode", word.clone(), "/$defs/catch_up_mode"),
        ("/on/12/blackouts/0/then", word.clone(), "/$defs/blackout/properties/then"),
        ("/on/15/event", word.clone(), "/$defs/milestone"),
        ("/steps/0/on_error", word.clone(), "/$defs/step/properties/on_error"),
        ("/steps/2/approve/on_timeout", word.clone(), "/$defs/approve/properties/on_timeout"),
    ];
    for (place, value, known) in &words {
        let faults = parse(&with(place, value.clone()).to_string()).expect_err("an unknown word");
        let told = faults.iter().find_map(|fault| fault.message.split_once("one of ")?.1.strip_suffix(" is wanted"));
        let told: BTreeSet<&str> = told.unwrap_or_else(|| panic!("{place}: {faults:#?}")).split(", ").collect();
        let known = PUBLISHED.text.pointer(known).and_then(|known| known["enum"].as_array());
        let known: BTreeSet<&str> = known.into_iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(told, known, "{place}: the parser's words, and the schema's");
    }
    let mut listed: BTreeSet<String> = words.iter().map(|(_, _, known)| (*known).to_owned()).collect();
    // The types of JSON are words of another language.
    listed.insert("/$defs/json_type".to_owned());
    assert_eq!(parts(&PUBLISHED.text, "", &|schema| schema["enum"].is_array()), listed);
}

#[test]
fn wrong_types_and_values_are_refused_by_both() {
    for (place, types, wrong) in KEYS {
        for (kind, value) in samples() {
            let document = with(place, value);
            if types.contains(&kind) {
                let (parser, schema) = PUBLISHED.verdicts(&document);
                assert!(schema || !parser, "{place}: the schema refuses a {kind} that the parser takes");
            } else {
                PUBLISHED.both(false, &document, &format!("{place}: {kind}"));
            }
        }
        if let Some(wrong) = wrong {
            let value = serde_json::from_str(wrong).expect("JSON");
            PUBLISHED.both(false, &with(place, value), &format!("{place}: {wrong}"));
        }
    }
}

#[test]
fn what_belongs_to_another_kind_of_step_or_trigger_is_refused_by_both() {
    let call = ["connection", "foreach", "max_parallel", "retry", "retry_if", "timeout", "deadline", "with"];
    let steps = [(1, &["connection", "retry", "retry_if", "timeout"][..]), (2, &call), (3, &call), (5, &call)];
    for (step, keys) in steps {
        for key in keys {
            let mut document = full();
            let given = document["steps"][0][*key].clone();
            document["steps"][step][*key] = given;
            PUBLISHED.both(false, &document, &format!("{key} in step {step}"));
        }
    }
    for (place, key, value) in [
        ("/on/0", "left", json!("triage")),
        ("/on/9", "role", json!("commander")),
        ("/on/1", "entry", json!("any")),
        ("/on/1", "jitter", json!("5s")),
        ("/on/1", "warn_after", json!(1)),
        ("/on/13", "timezone", json!("UTC")),
        ("/on/13", "cron", json!("0 9 * * *")),
        ("/on/12/blackouts/0", "until", json!("2026-12-27T00:00:00Z")),
        ("/on/12/blackouts/0", "from", json!("2026-12-24T00:00:00Z")),
        ("/on/12/blackouts/1", "for", json!("1d")),
        ("/on/12/blackouts/1", "timezone", json!("UTC")),
        ("/on/12/catch_up", "mode", json!("latest")),
        ("/steps/0", "sleep", json!("5s")),
        ("/steps/2", "run", json!("other")),
        ("/finally/0", "wait_for", json!("deployed")),
        ("/steps/0", "uses", json!("wardroom/add-timeline")),
    ] {
        let mut document = full();
        document.pointer_mut(place).expect("is there")[key] = value;
        PUBLISHED.both(false, &document, &format!("{key} at {place}"));
    }
    for (place, key) in [
        ("/on/1", "left"),
        ("/on/12/blackouts/0", "for"),
        ("/on/12/blackouts/1", "until"),
        ("/steps/3", "sleep"),
        ("/steps/0", "foreach"),
        ("/steps/0", "id"),
    ] {
        let mut document = full();
        document.pointer_mut(place).and_then(Value::as_object_mut).expect("an object").remove(key);
        PUBLISHED.both(false, &document, &format!("no {key} at {place}"));
    }
}

#[test]
fn both_draw_the_same_limits() {
    for (place, least, most) in DURATIONS {
        for (unit, size) in UNITS {
            for number in [0, least / size, least / size + 1, most / size, most / size + 1, 99_999_999_999] {
                let takes = (*least..=*most).contains(&(number * size));
                let text = format!("{number}{unit}");
                PUBLISHED.both(takes, &with(place, json!(text)), &format!("{place}: {text}"));
            }
        }
    }
    let letters = |count| "a".repeat(count);
    let people = |count| json!(vec!["ada"; count]);
    let blackouts = |count| json!(vec![json!({ "cron": "0 17 * * FRI", "for": "1h" }); count]);
    let sleeps = |count: usize| -> Value {
        (0..count).map(|index| json!({ "id": format!("s{index}"), "sleep": "5s" })).collect()
    };
    for (place, takes, value) in [
        ("/name", true, json!(letters(64))),
        ("/name", false, json!(letters(65))),
        ("/steps/3/id", true, json!(letters(64))),
        ("/steps/3/id", false, json!(letters(65))),
        ("/steps/0/max_parallel", true, json!(100)),
        ("/steps/0/max_parallel", false, json!(101)),
        ("/steps/0/retry/attempts", true, json!(100)),
        ("/steps/0/retry/attempts", false, json!(101)),
        ("/steps/0/retry/factor", true, json!(10.0)),
        ("/steps/0/retry/factor", false, json!(10.1)),
        ("/steps/2/approve/quorum", true, json!(10)),
        ("/steps/2/approve/quorum", false, json!(0)),
        ("/steps/2/approve/people", true, people(20)),
        ("/steps/2/approve/people", false, people(21)),
        ("/on/6/run_finished/status", true, json!("failed")),
        ("/on/6/run_finished/status", false, json!([])),
        ("/steps/0/if", true, json!(format!("'{}' != ''", "a".repeat(4_088)))),
        ("/steps/0/if", false, json!(format!("'{}' != ''", "a".repeat(4_089)))),
        ("/on/12/blackouts", true, blackouts(20)),
        ("/on/12/blackouts", false, blackouts(21)),
        ("/on/12/blackouts/0/reason", true, json!(letters(200))),
        ("/on/12/blackouts/0/reason", false, json!(letters(201))),
        ("/on", true, json!(vec![json!({ "every": "10m" }); 20])),
        ("/on", false, json!(vec![json!({ "every": "10m" }); 21])),
        ("/steps", true, sleeps(198)),
        ("/steps", false, sleeps(201)),
    ] {
        PUBLISHED.both(takes, &with(place, value), place);
    }
}

/// A workflow without the places of its parts and what only its inputs' checks hold.
fn meaning(document: &Value) -> String {
    let mut workflow: Workflow = parse(&document.to_string()).expect("is good");
    workflow.positions.clear();
    workflow.inputs.clear();
    for trigger in &mut workflow.on {
        trigger.at = Position { line: 1, column: 1 };
    }
    format!("{workflow:?}")
}

#[test]
fn what_the_schema_calls_a_default_is_what_the_parser_takes_for_nothing() {
    let mut seen = 0;
    for (place, ..) in KEYS {
        let (parent, key) = place.rsplit_once('/').expect("a place");
        let object = OBJECTS.iter().find(|(known, _)| shape(known) == shape(parent)).expect("a known object").1;
        // `true` says the same as no condition but is kept, and the steps read the inputs.
        if matches!(key, "if" | "retry_if" | "inputs") {
            continue;
        }
        let Some(default) = PUBLISHED.described(object, key, "default") else { continue };
        let mut without = full();
        without.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").remove(key);
        assert_eq!(meaning(&without), meaning(&with(place, default.clone())), "{place}");
        assert_ne!(meaning(&without), meaning(&full()), "{place}: the document has the default itself");
        seen += 1;
    }
    assert!(seen >= 15, "only {seen} defaults are described");
}

proptest! {
    #[test]
    fn both_take_the_same_durations(place in 0..DURATIONS.len(), text in "[0-9]{0,11}(ms|s|m|h|d|w|)") {
        let document = with(DURATIONS[place].0, json!(text));
        let (parser, schema) = PUBLISHED.verdicts(&document);
        prop_assert_eq!(parser, schema, "{} {}", DURATIONS[place].0, text);
    }

    #[test]
    fn both_take_the_same_names(place in 0..5_usize, text in "[a-z_A-Z0-9-]{0,6}|in|as|for|let|import|[a-z]{63,66}") {
        let place = ["/name", "/steps/3/id", "/on/7/signal", "/steps/5/wait_for", "/on/6/run_finished/workflow"][place];
        // A step's id may be another's.
        prop_assume!(!["act", "child", "gate", "dawn", "told", "heard", "page", "clean"].contains(&text.as_str()));
        let (parser, schema) = PUBLISHED.verdicts(&with(place, json!(text)));
        prop_assert_eq!(parser, schema, "{} {}", place, text);
    }
}
