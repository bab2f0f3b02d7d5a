//! Alertmanager's webhook, version 4. Facts: <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config> and
//! bodies that a real one sent (`tests/captures`).

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    domain::{
        alert::{AlertStatus, Delivery, Labels, Signal},
        hex,
        time::Timestamp,
    },
    http::problem::Problem,
};

/// The source's name.
pub(super) const NAME: &str = "alertmanager";
/// The most alerts of a delivery; Alertmanager's `max_alerts` cuts it before.
const MAX_ALERTS: usize = 10_000;
/// The most labels or annotations of an alert.
const MAX_LABELS: usize = 64;

/// The body. What a receiver does not need may be absent, and what is new is ignored: Alertmanager adds fields within v4.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    version: String,
    group_key: String,
    #[serde(default)]
    truncated_alerts: u64,
    alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: AlertStatus,
    labels: Labels,
    #[serde(default)]
    annotations: Labels,
    starts_at: Timestamp,
    #[serde(default)]
    ends_at: Option<Timestamp>,
    #[serde(rename = "generatorURL", default)]
    generator_url: Option<String>,
    #[serde(default)]
    fingerprint: Option<String>,
}

/// Brings a body to the one shape, or says which field is wrong.
pub(super) fn delivery(body: Body) -> Result<Delivery, Problem> {
    if body.version != "4" {
        return Err(Problem::invalid("version", format!("{:?} is not supported: \"4\" is", body.version)));
    }
    if body.group_key.is_empty() || body.group_key.len() > 4_096 {
        return Err(Problem::invalid("groupKey", "1 to 4,096 bytes are wanted"));
    }
    if body.alerts.is_empty() || body.alerts.len() > MAX_ALERTS {
        return Err(Problem::invalid(
            "alerts",
            format!("there are {}: 1 to {MAX_ALERTS} are wanted", body.alerts.len()),
        ));
    }
    // Of an alert that is there twice the last one stands: an incident holds one of each fingerprint.
    let mut signals: BTreeMap<String, Signal> = BTreeMap::new();
    for (index, alert) in body.alerts.into_iter().enumerate() {
        let signal =
            signal(alert).map_err(|(field, message)| Problem::invalid(format!("alerts[{index}].{field}"), message))?;
        signals.insert(signal.fingerprint.clone(), signal);
    }
    Ok(Delivery {
        source: NAME.to_owned(),
        group_key: body.group_key,
        signals: signals.into_values().collect(),
        truncated: body.truncated_alerts,
    })
}

fn signal(alert: Alert) -> Result<Signal, (&'static str, String)> {
    for (field, labels) in [("labels", &alert.labels), ("annotations", &alert.annotations)] {
        if labels.len() > MAX_LABELS {
            return Err((field, format!("there are {}: at most {MAX_LABELS}", labels.len())));
        }
        if labels.iter().any(|(name, value)| name.chars().count() > 128 || value.chars().count() > 4_096) {
            return Err((field, "a name has at most 128 characters, a value 4,096".to_owned()));
        }
    }
    let fingerprint = match alert.fingerprint.filter(|fingerprint| !fingerprint.is_empty()) {
        Some(fingerprint) if fingerprint.len() > 256 => return Err(("fingerprint", "at most 256 bytes".to_owned())),
        Some(fingerprint) => fingerprint,
        None => fingerprint(&alert.labels),
    };
    // `0001-01-01` means that it is still open.
    let ends_at = alert.ends_at.filter(|at| alert.status == AlertStatus::Resolved && at.unix_ms() > 0);
    Ok(Signal {
        status: alert.status,
        fingerprint,
        labels: alert.labels,
        annotations: alert.annotations,
        starts_at: alert.starts_at,
        ends_at,
        generator_url: alert.generator_url.filter(|url| url.len() <= 4_096),
    })
}

/// Stands in when the source gives none: the labels are what makes two alerts the same.
fn fingerprint(labels: &Labels) -> String {
    let mut hash = Sha256::new();
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hex(&hash.finalize()[..16])
}
