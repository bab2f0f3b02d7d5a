//! A JSON Schema, compiled when it is first used: inputs and outputs of every call are checked against one.

use std::{collections::BTreeMap, sync::OnceLock};

use jsonschema::{PatternOptions, Validator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A JSON Schema (2020-12). Two are equal when their texts are.
#[derive(Debug, Clone)]
pub struct Schema {
    source: Value,
    compiled: OnceLock<Result<(Validator, u64), String>>,
}

impl Schema {
    /// The schema as it was written.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// What checks values against it, or why it is no schema.
    pub fn validator(&self) -> Result<&Validator, &str> {
        let compile = || {
            if !self.source.is_object() {
                return Err("an object is wanted".to_owned());
            }
            let weight = weight(&self.source, &self.source, &mut BTreeMap::new())?;
            if weight > MAX_WEIGHT {
                return Err(format!("with its references followed it is larger than {MAX_WEIGHT} values"));
            }
            let options = jsonschema::options()
                .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES));
            Ok((options.build(&self.source).map_err(|error| error.to_string())?, weight))
        };
        let compiled = self.compiled.get_or_init(compile).as_ref();
        compiled.map(|(validator, _)| validator).map_err(String::as_str)
    }

    /// Whether checking a value could take longer than anybody may wait for it.
    pub fn is_too_costly(&self, value: &Value) -> bool {
        let weight = match (self.validator(), self.compiled.get()) {
            (Ok(_), Some(Ok((_, weight)))) => *weight,
            _ => 0,
        };
        weight.saturating_mul(size(value)) > MAX_WORK
    }
}

/// The largest schema, in values of JSON with every reference followed: a check costs at most this much for each value it
/// looks at.
const MAX_WEIGHT: u64 = 10_000;

/// The most work of one check: the schema's values for each value that is looked at. It takes about a second.
const MAX_WORK: u64 = 100_000_000;

/// The size of a compiled pattern, in bytes. Patterns are matched in time that grows with the text and with this, never by
/// going back and forth: looking around and back is not supported, as it would take any time at all.
const PATTERN_BYTES: usize = 256 << 10;

/// Keywords that move what a reference means, so that it could not be followed by reading.
const MOVING: [&str; 6] = ["$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef"];

/// The weights of the references followed so far; `None` while one is being followed.
type Weights<'a> = BTreeMap<&'a str, Option<u64>>;

/// How many values a schema has with its references followed. A schema that comes back to itself has no such number: with two
/// ways round, each level of a checked value would double the work.
fn weight<'a>(value: &'a Value, root: &'a Value, known: &mut Weights<'a>) -> Result<u64, String> {
    match value {
        Value::Array(items) => sum(items, root, known),
        Value::Object(fields) => {
            if let Some(keyword) = MOVING.into_iter().find(|keyword| fields.get(*keyword).is_some_and(Value::is_string))
            {
                return Err(format!(
                    "{keyword} is not supported: a JSON pointer, as in \"$ref\": \"#/$defs/name\", is"
                ));
            }
            let own = sum(fields.values(), root, known)?;
            match fields.get("$ref").and_then(Value::as_str) {
                Some(reference) => Ok(own.saturating_add(referred(reference, root, known)?)),
                None => Ok(own),
            }
        }
        _ => Ok(1),
    }
}

/// How many values a value has, itself included.
fn size(value: &Value) -> u64 {
    let (mut open, mut size) = (vec![value], 0);
    while let Some(value) = open.pop() {
        size += 1;
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => open.extend(fields.values()),
            _ => {}
        }
    }
    size
}

fn sum<'a>(
    values: impl IntoIterator<Item = &'a Value>,
    root: &'a Value,
    known: &mut Weights<'a>,
) -> Result<u64, String> {
    values.into_iter().try_fold(1_u64, |sum, value| Ok(sum.saturating_add(weight(value, root, known)?)))
}

fn referred<'a>(reference: &'a str, root: &'a Value, known: &mut Weights<'a>) -> Result<u64, String> {
    match known.get(reference) {
        Some(Some(weight)) => return Ok(*weight),
        Some(None) => {
            return Err(format!("\"$ref\": \"{reference}\" comes back to itself: leave its inner level open"));
        }
        None => {}
    }
    let target = reference.strip_prefix('#').filter(|target| !target.is_empty()).and_then(|at| root.pointer(at));
    let Some(target) = target else {
        return Err(format!("\"$ref\": \"{reference}\" is no JSON pointer into the schema, as \"#/$defs/name\" is"));
    };
    known.insert(reference, None);
    let weight = weight(target, root, known)?;
    known.insert(reference, Some(weight));
    Ok(weight)
}

impl From<Value> for Schema {
    fn from(source: Value) -> Self {
        Self { source, compiled: OnceLock::new() }
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.source.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_check_that_takes_too_long_is_told_beforehand() {
        let schema = Schema::from(json!({ "items": { "allOf": vec![json!({ "type": "integer" }); 1_000] } }));
        assert!(!schema.is_too_costly(&json!(vec![0; 10])));
        assert!(schema.is_too_costly(&json!(vec![0; 100_000])));
    }

    #[test]
    fn a_pattern_that_could_take_any_time_is_refused() {
        for pattern in ["^(?=x)", "(x)\\1", "(\\w{100}){100}"] {
            assert!(Schema::from(json!({ "pattern": pattern })).validator().is_err(), "{pattern}");
        }
        assert!(Schema::from(json!({ "pattern": "^[0-9a-f]{64}$" })).validator().is_ok());
    }

    #[test]
    fn a_schema_whose_check_has_no_bound_is_refused() {
        let mut bomb = json!({ "$ref": "#/$defs/d40", "$defs": { "d0": { "type": "string" } } });
        for level in 1..=40 {
            let below = json!({ "$ref": format!("#/$defs/d{}", level - 1) });
            bomb["$defs"][format!("d{level}")] = json!({ "allOf": [below, below] });
        }
        assert_eq!(fault(bomb), "with its references followed it is larger than 10000 values");
        let tree = json!({ "$ref": "#/$defs/tree",
                           "$defs": { "tree": { "properties": { "child": { "$ref": "#/$defs/tree" } } } } });
        assert_eq!(fault(tree), "\"$ref\": \"#/$defs/tree\" comes back to itself: leave its inner level open");
        let root = json!({ "properties": { "child": { "$ref": "#" } } });
        assert_eq!(fault(root), "\"$ref\": \"#\" is no JSON pointer into the schema, as \"#/$defs/name\" is");
        let moved = json!({ "$id": "other:/", "$defs": {} });
        assert_eq!(fault(moved), "$id is not supported: a JSON pointer, as in \"$ref\": \"#/$defs/name\", is");
    }

    #[test]
    fn a_reference_used_twice_is_followed_twice() {
        let pair = json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/word" }, "b": { "$ref": "#/$defs/word" } },
                           "$defs": { "word": { "type": "string" } } });
        let schema = Schema::from(pair);
        let validator = schema.validator().expect("a fair schema");
        assert!(validator.is_valid(&json!({ "a": "x", "b": "y" })));
        assert!(!validator.is_valid(&json!({ "a": "x", "b": 1 })));
    }

    fn fault(schema: Value) -> String {
        Schema::from(schema).validator().map(|_| ()).expect_err("a schema that is refused").to_owned()
    }
}
