//! A JSON Schema, compiled when it is first used: inputs and outputs of every call are checked against one.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A JSON Schema (2020-12). Two are equal when their texts are.
#[derive(Debug, Clone)]
pub struct Schema {
    source: Value,
    compiled: OnceLock<Result<Validator, String>>,
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
            jsonschema::validator_for(&self.source).map_err(|error| error.to_string())
        };
        self.compiled.get_or_init(compile).as_ref().map_err(String::as_str)
    }
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
