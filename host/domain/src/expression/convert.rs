//! Between JSON and CEL values.

use std::{collections::HashMap, sync::Arc};

use cel::objects::{Key, Map, Value as Cel};
use serde_json::{Number, Value};

/// The most values a result may hold.
const MAX_VALUES: usize = 100_000;

/// A JSON value as CEL sees it. Whole numbers are `int`, those beyond its range `uint`, the rest `double`.
pub(super) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Cel::Int(whole),
            (None, Some(whole)) => Cel::UInt(whole),
            (None, None) => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => {
            let map: HashMap<Key, Cel> =
                fields.iter().map(|(name, value)| (Key::String(Arc::new(name.clone())), to_cel(value))).collect();
            Cel::Map(Map { map: Arc::new(map) })
        }
    }
}

/// A CEL value as JSON, or why it has no JSON form.
pub(super) fn to_json(value: &Cel) -> Result<Value, String> {
    let mut left = MAX_VALUES;
    convert(value, &mut left)
}

fn convert(value: &Cel, left: &mut usize) -> Result<Value, String> {
    *left = left.checked_sub(1).ok_or_else(|| format!("gives more than {MAX_VALUES} values"))?;
    Ok(match value {
        Cel::Null => Value::Null,
        Cel::Bool(value) => Value::Bool(*value),
        Cel::Int(whole) => Value::from(*whole),
        Cel::UInt(whole) => Value::from(*whole),
        Cel::Float(number) => {
            Value::Number(Number::from_f64(*number).ok_or("gives a number that JSON cannot write (NaN or infinite)")?)
        }
        Cel::String(text) => Value::String(text.as_str().to_owned()),
        Cel::List(items) => Value::Array(items.iter().map(|item| convert(item, left)).collect::<Result<_, _>>()?),
        Cel::Map(map) => {
            let mut fields = serde_json::Map::new();
            for (key, value) in map.map.iter() {
                let name = match key {
                    Key::String(name) => name.as_str().to_owned(),
                    Key::Int(key) => key.to_string(),
                    Key::Uint(key) => key.to_string(),
                    Key::Bool(key) => key.to_string(),
                };
                fields.insert(name, convert(value, left)?);
            }
            Value::Object(fields)
        }
        _ => return Err("gives a value that JSON cannot write".to_owned()),
    })
}
