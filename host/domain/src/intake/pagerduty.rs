//! PagerDuty's Events API, version 2. Facts: <https://developer.pagerduty.com/docs/events-api-v2-overview>.

use super::{
    Request, Taken, Wrong, by_group,
    reader::{Fields, fingerprint},
    word,
};
use crate::alert::{AlertStatus, Labels, Signal};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Trigger,
    Acknowledge,
    Resolve,
}

pub(super) fn read(request: &Request<'_>) -> Result<Taken, Wrong> {
    let body = Fields::of(request.body, "")?;
    let words = [("trigger", Action::Trigger), ("acknowledge", Action::Acknowledge), ("resolve", Action::Resolve)];
    let action = word("event_action", "event action", body.text("event_action", 64)?, &words)?;
    let given = body.maybe_text("dedup_key", 255)?.filter(|key| !key.is_empty());
    if action != Action::Trigger && given.is_none() {
        return Err(Wrong::new("dedup_key", "is missing: acknowledge and resolve name the alert by it"));
    }
    let payload = match (action, body.get("payload")) {
        (Action::Trigger, None) => return Err(Wrong::new("payload", "is missing")),
        (_, Some(payload)) => Some(Fields::of(payload, "payload")?),
        (_, None) => None,
    };
    let (mut labels, mut annotations, mut starts_at) = (Labels::new(), Labels::new(), None);
    let mut by_payload = String::new();
    if let Some(payload) = payload.filter(|_| action == Action::Trigger) {
        let summary = payload.text("summary", 1_024)?;
        let source = payload.text("source", 1_024)?;
        let severities = [("critical", ()), ("error", ()), ("warning", ()), ("info", ())];
        let severity = payload.text("severity", 64)?;
        word("payload.severity", "severity", severity, &severities)?;
        starts_at = payload.maybe_time("timestamp")?;
        labels.insert("severity".to_owned(), severity.to_owned());
        labels.insert("source".to_owned(), source.to_owned());
        for name in ["component", "group", "class"] {
            labels.extend(payload.maybe_text(name, 1_024)?.map(|text| (name.to_owned(), text.to_owned())));
        }
        annotations = payload.details("custom_details");
        annotations.insert("summary".to_owned(), summary.to_owned());
        by_payload = fingerprint([summary, source, severity]);
    }
    let key = given.map_or(by_payload, str::to_owned);
    let status = if action == Action::Resolve { AlertStatus::Resolved } else { AlertStatus::Firing };
    let signal = Signal {
        status,
        fingerprint: key.clone(),
        labels,
        annotations,
        starts_at: starts_at.unwrap_or(request.now),
        ends_at: (status == AlertStatus::Resolved).then_some(request.now),
        generator_url: None,
    };
    // Acknowledging is for people, in Wardroom: it is answered, and changes nothing.
    let alerts = if action == Action::Acknowledge { Vec::new() } else { vec![(key.clone(), signal)] };
    Ok(Taken { deliveries: by_group(request.source, alerts, 0), wrong: Vec::new(), dedup_key: Some(key) })
}
