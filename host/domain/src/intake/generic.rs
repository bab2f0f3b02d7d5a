//! Any JSON, brought to alerts by CEL expressions that an administrator wrote. They see `body`, `headers`, and `item` where
//! the body holds several alerts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    MAX_ALERTS, Request, Taken, Wrong, by_group,
    reader::{bounded, fingerprint},
    word,
};
use crate::{
    alert::{AlertStatus, Labels, Signal},
    expression::{Expression, Scope},
};

/// The expressions, as they are written. What is absent has the meaning said there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// The alerts: a list. Absent: the body is one alert, and `item` is the body.
    pub items: Option<String>,
    /// `firing` or `resolved`. Absent: firing.
    pub status: Option<String>,
    /// What makes two alerts the same: a text. Absent: a hash of the labels, or of the whole item without any.
    pub fingerprint: Option<String>,
    /// What groups alerts into one incident: a text. Absent: the fingerprint.
    pub group_key: Option<String>,
    /// The title: a text.
    pub title: Option<String>,
    /// `critical`, `error`, `warning` or `info`.
    pub severity: Option<String>,
    /// An object of texts.
    pub labels: Option<String>,
    /// An object of texts.
    pub annotations: Option<String>,
    /// A time of RFC 3339. Absent: when it came.
    pub starts_at: Option<String>,
}

impl Mapping {
    /// Every fault of the expressions: that they parse, and read nothing but `body`, `headers` and `item`.
    pub fn check(&self) -> Result<(), Wrong> {
        let all = [
            ("items", &self.items),
            ("status", &self.status),
            ("fingerprint", &self.fingerprint),
            ("group_key", &self.group_key),
            ("title", &self.title),
            ("severity", &self.severity),
            ("labels", &self.labels),
            ("annotations", &self.annotations),
            ("starts_at", &self.starts_at),
        ];
        for (name, source) in all {
            let Some(source) = source else { continue };
            let field = format!("mapping.{name}");
            let parsed = Expression::parse(source).map_err(|error| Wrong::new(&field, error.message))?;
            let known: &[&str] = if name == "items" { &["body", "headers"] } else { &["body", "headers", "item"] };
            let unknown = parsed.paths().iter().find(|path| !known.contains(&path.names[0].as_str()));
            if let Some(path) = unknown {
                let message = format!("{} is not in scope here: {} are", path.names[0], known.join(", "));
                return Err(Wrong::new(field, message));
            }
        }
        Ok(())
    }
}

pub(super) fn read(request: &Request<'_>, mapping: &Mapping) -> Result<Taken, Wrong> {
    let mut names: BTreeMap<&'static str, Value> = BTreeMap::new();
    names.insert("body", request.body.clone());
    names.insert("headers", json!(request.headers));
    let mut scope = Scope { names };
    let items = match &mapping.items {
        Some(source) => match evaluate("mapping.items", source, &scope)? {
            Value::Array(items) => items,
            _ => return Err(Wrong::new("mapping.items", "gave no list")),
        },
        None => vec![request.body.clone()],
    };
    if items.is_empty() || items.len() > MAX_ALERTS {
        return Err(Wrong::new("body", format!("there are {} alerts: 1 to {MAX_ALERTS} are wanted", items.len())));
    }
    let (mut good, mut wrong) = (Vec::new(), Vec::new());
    for (index, item) in items.into_iter().enumerate() {
        scope.names.insert("item", item);
        match signal(request, mapping, &scope) {
            Ok(alert) => good.push(alert),
            Err(fault) => wrong.push(Wrong::new(format!("item[{index}].{}", fault.field), fault.message)),
        }
    }
    Ok(Taken { deliveries: by_group(request.source, good, 0), wrong, dedup_key: None })
}

fn signal(request: &Request<'_>, mapping: &Mapping, scope: &Scope) -> Result<(String, Signal), Wrong> {
    let words = [("firing", AlertStatus::Firing), ("resolved", AlertStatus::Resolved)];
    let status = match text("status", mapping.status.as_ref(), scope)? {
        Some(given) => word("status", "status", &given, &words)?,
        None => AlertStatus::Firing,
    };
    let mut labels = texts("labels", mapping.labels.as_ref(), scope)?;
    if let Some(severity) = text("severity", mapping.severity.as_ref(), scope)? {
        labels.insert("severity".to_owned(), severity);
    }
    let mut annotations = texts("annotations", mapping.annotations.as_ref(), scope)?;
    if let Some(title) = text("title", mapping.title.as_ref(), scope)? {
        annotations.insert("summary".to_owned(), title);
    }
    let by_content = || {
        let whole = scope.names.get("item").map(Value::to_string).unwrap_or_default();
        let texts: Vec<&str> = labels.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
        if texts.is_empty() { fingerprint([whole.as_str()]) } else { fingerprint(texts) }
    };
    let key = text("fingerprint", mapping.fingerprint.as_ref(), scope)?.unwrap_or_else(by_content);
    let group = text("group_key", mapping.group_key.as_ref(), scope)?.unwrap_or_else(|| key.clone());
    let starts_at = match text("starts_at", mapping.starts_at.as_ref(), scope)? {
        Some(text) => text.parse().map_err(|_| Wrong::new("starts_at", "is no time of RFC 3339"))?,
        None => request.now,
    };
    let ends_at = (status == AlertStatus::Resolved).then_some(request.now);
    let fingerprint = key.chars().take(256).collect();
    let signal = Signal { status, fingerprint, labels, annotations, starts_at, ends_at, generator_url: None };
    Ok((group.chars().take(4_096).collect(), signal))
}

fn evaluate(field: &str, source: &str, scope: &Scope) -> Result<Value, Wrong> {
    let parsed = Expression::parse(source).map_err(|error| Wrong::new(field, error.message))?;
    parsed.evaluate(scope).map_err(|error| Wrong::new(field, error.to_string()))
}

/// A text; a number or a truth value counts as one. Null is none.
fn text(field: &str, source: Option<&String>, scope: &Scope) -> Result<Option<String>, Wrong> {
    let Some(source) = source else { return Ok(None) };
    match evaluate(field, source, scope)? {
        Value::Null => Ok(None),
        Value::String(text) if text.chars().count() <= 4_096 => Ok(Some(text)),
        Value::String(_) => Err(Wrong::new(field, "at most 4,096 characters are wanted")),
        value @ (Value::Number(_) | Value::Bool(_)) => Ok(Some(value.to_string())),
        _ => Err(Wrong::new(field, "a text is wanted")),
    }
}

fn texts(field: &str, source: Option<&String>, scope: &Scope) -> Result<Labels, Wrong> {
    let Some(source) = source else { return Ok(Labels::new()) };
    let Value::Object(given) = evaluate(field, source, scope)? else {
        return Err(Wrong::new(field, "an object of texts is wanted"));
    };
    let mut labels = Labels::new();
    for (name, value) in given {
        match value {
            Value::Null => {}
            Value::String(text) => _ = labels.insert(name, text),
            value @ (Value::Number(_) | Value::Bool(_)) => _ = labels.insert(name, value.to_string()),
            _ => return Err(Wrong::new(field, format!("{} is no text", name.chars().take(64).collect::<String>()))),
        }
    }
    bounded(field, &labels)?;
    Ok(labels)
}
