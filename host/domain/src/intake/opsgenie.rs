//! Opsgenie: bodies of its alert API, and of the webhooks it sends. Facts: <https://docs.opsgenie.com/docs/alert-api> and
//! <https://support.atlassian.com/opsgenie/docs/opsgenie-edge-connector-alert-action-data/>.

use serde_json::Value;

use super::{
    Request, Taken, Wrong, by_group,
    reader::{Fields, fingerprint},
    word,
};
use crate::alert::{AlertStatus, Signal};

/// The label `severity` for each priority.
const PRIORITIES: [(&str, &str); 5] =
    [("P1", "critical"), ("P2", "error"), ("P3", "warning"), ("P4", "info"), ("P5", "info")];

pub(super) fn read(request: &Request<'_>) -> Result<Taken, Wrong> {
    let body = Fields::of(request.body, "")?;
    // A webhook wraps the alert and says what was done; the API's body is the alert itself.
    let (alert, action) = match body.get("alert") {
        Some(alert) => (Fields::of(alert, "alert")?, body.maybe_text("action", 64)?.unwrap_or("Create")),
        None => (Fields::of(request.body, "")?, "Create"),
    };
    let status = match action {
        "Create" | "UnAcknowledge" | "UnClose" => Some(AlertStatus::Firing),
        "Close" | "Delete" => Some(AlertStatus::Resolved),
        // What else is done to an alert does not change whether it holds.
        _ => None,
    };
    let Some(status) = status else { return Ok(Taken::default()) };
    let message = alert.text("message", 130)?;
    let priority = alert.maybe_text("priority", 8)?.unwrap_or("P3");
    let severity = word(&alert.path("priority"), "priority", priority, &PRIORITIES)?;
    let alias = alert.maybe_text("alias", 512)?.filter(|alias| !alias.is_empty());
    let key = alias.map_or_else(|| fingerprint([message]), str::to_owned);
    let mut labels = alert.details("details");
    labels.insert("severity".to_owned(), severity.to_owned());
    for name in ["entity", "source"] {
        labels.extend(alert.maybe_text(name, 512)?.map(|text| (name.to_owned(), text.to_owned())));
    }
    for tag in alert.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).take(20) {
        labels.insert(format!("tag_{}", tag.chars().take(50).collect::<String>()), "true".to_owned());
    }
    let mut annotations = crate::alert::Labels::from([("summary".to_owned(), message.to_owned())]);
    let description = alert.maybe_text("description", 15_000)?;
    annotations.extend(description.map(|text| ("description".to_owned(), text.chars().take(4_096).collect())));
    let signal = Signal {
        status,
        fingerprint: key.clone(),
        labels,
        annotations,
        starts_at: request.now,
        ends_at: (status == AlertStatus::Resolved).then_some(request.now),
        generator_url: None,
    };
    Ok(Taken { deliveries: by_group(request.source, vec![(key, signal)], 0), ..Taken::default() })
}
