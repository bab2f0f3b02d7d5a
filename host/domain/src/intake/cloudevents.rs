//! CloudEvents 1.0: structured, batched, and binary, whose attributes are headers. Facts:
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md> and its HTTP binding.
//!
//! One event is one alert. It is resolved when its type ends in `.resolved` or its data's `status` is `resolved`. Events of
//! the same source and subject are the same alert; without a subject each event is one, so that only a redelivery (the same
//! source and id) is a duplicate.

use serde_json::{Map, Value};

use super::{
    MAX_ALERTS, Request, Taken, Wrong, by_group,
    reader::{Fields, fingerprint},
};
use crate::alert::{AlertStatus, Labels, Signal};

const RESOLVED: &str = ".resolved";

pub(super) fn read(request: &Request<'_>) -> Result<Taken, Wrong> {
    let content = request.headers.get("content-type").map(String::as_str).unwrap_or_default();
    if request.headers.contains_key("ce-specversion") {
        let mut event: Map<String, Value> = Map::new();
        for (name, value) in request.headers {
            if let Some(attribute) = name.strip_prefix("ce-") {
                event.insert(attribute.to_owned(), Value::from(value.as_str()));
            }
        }
        event.insert("data".to_owned(), request.body.clone());
        return one(request, &Value::Object(event));
    }
    match request.body {
        Value::Array(events) => {
            if events.is_empty() || events.len() > MAX_ALERTS {
                return Err(Wrong::new("body", format!("there are {}: 1 to {MAX_ALERTS} are wanted", events.len())));
            }
            let (mut good, mut wrong) = (Vec::new(), Vec::new());
            for (index, event) in events.iter().enumerate() {
                match signal(request, event, &format!("[{index}]")) {
                    Ok(alert) => good.push(alert),
                    Err(fault) => wrong.push(fault),
                }
            }
            Ok(Taken { deliveries: by_group(request.source, good, 0), wrong, dedup_key: None })
        }
        event if content.contains("batch") => {
            let _ = event;
            Err(Wrong::new("body", "a list of events is wanted: the content type says that it is a batch"))
        }
        event => one(request, event),
    }
}

fn one(request: &Request<'_>, event: &Value) -> Result<Taken, Wrong> {
    let alert = signal(request, event, "")?;
    Ok(Taken { deliveries: by_group(request.source, vec![alert], 0), ..Taken::default() })
}

fn signal(request: &Request<'_>, event: &Value, path: &str) -> Result<(String, Signal), Wrong> {
    let event = Fields::of(event, path)?;
    let version = event.text("specversion", 16)?;
    if version != "1.0" {
        return Err(Wrong::new(event.path("specversion"), format!("{version:?} is not supported: \"1.0\" is")));
    }
    let (id, source, kind) = (event.text("id", 512)?, event.text("source", 2_048)?, event.text("type", 512)?);
    let subject = event.maybe_text("subject", 2_048)?.filter(|subject| !subject.is_empty());
    let starts_at = event.maybe_time("time")?;
    let none = Value::Null;
    let data = event.get("data").unwrap_or(&none);
    let says = |name: &str| data.get(name).and_then(Value::as_str);
    let resolved = kind.ends_with(RESOLVED) || says("status") == Some("resolved");
    let status = if resolved { AlertStatus::Resolved } else { AlertStatus::Firing };
    let kind = kind.strip_suffix(RESOLVED).unwrap_or(kind);
    let key = fingerprint([source, subject.unwrap_or(id)]);
    let cut = |text: &str| text.chars().take(4_096).collect::<String>();
    let mut labels = Labels::from([("type".to_owned(), cut(kind)), ("source".to_owned(), cut(source))]);
    labels.extend(subject.map(|subject| ("subject".to_owned(), cut(subject))));
    labels.extend(says("severity").map(|severity| ("severity".to_owned(), cut(severity))));
    let mut annotations = Labels::new();
    if data.is_object() {
        let wrapped = Value::Object(Map::from_iter([("data".to_owned(), data.clone())]));
        annotations = Fields::of(&wrapped, path)?.details("data");
    }
    let title = subject.map_or_else(|| kind.to_owned(), |subject| format!("{kind}: {subject}"));
    annotations.entry("summary".to_owned()).or_insert_with(|| cut(&title));
    let starts_at = starts_at.unwrap_or(request.now);
    let ends_at = resolved.then_some(starts_at);
    let signal =
        Signal { status, fingerprint: key.clone(), labels, annotations, starts_at, ends_at, generator_url: None };
    Ok((key, signal))
}
