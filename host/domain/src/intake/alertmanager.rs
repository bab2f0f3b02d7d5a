//! Alertmanager's webhook, version 4, and Grafana's, which is the same with version 1 and links. Facts:
//! <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config> with bodies that a real one sent
//! (`tests/captures`), and <https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/>.

use serde_json::Value;

use super::{
    MAX_ALERTS, Request, Taken, Wrong, by_group,
    reader::{Fields, fingerprint},
    word,
};
use crate::alert::{AlertStatus, Signal};

/// Grafana's links, kept as annotations.
const LINKS: [&str; 3] = ["dashboardURL", "panelURL", "silenceURL"];

pub(super) fn read(request: &Request<'_>, version: &str) -> Result<Taken, Wrong> {
    let body = Fields::of(request.body, "")?;
    let given = body.text("version", 16)?;
    if given != version {
        return Err(Wrong::new("version", format!("{given:?} is not supported: {version:?} is")));
    }
    let group = body.text("groupKey", 4_096)?;
    let alerts = body.need("alerts")?.as_array().ok_or_else(|| Wrong::new("alerts", "a list is wanted"))?;
    if alerts.is_empty() || alerts.len() > MAX_ALERTS {
        return Err(Wrong::new("alerts", format!("there are {}: 1 to {MAX_ALERTS} are wanted", alerts.len())));
    }
    let truncated = body.get("truncatedAlerts").and_then(Value::as_u64).unwrap_or_default();
    let (mut good, mut wrong) = (Vec::new(), Vec::new());
    for (index, alert) in alerts.iter().enumerate() {
        match signal(alert, &format!("alerts[{index}]")) {
            Ok(signal) => good.push((group.to_owned(), signal)),
            Err(fault) => wrong.push(fault),
        }
    }
    Ok(Taken { deliveries: by_group(request.source, good, truncated), wrong, dedup_key: None })
}

fn signal(alert: &Value, path: &str) -> Result<Signal, Wrong> {
    let fields = Fields::of(alert, path)?;
    let words = [("firing", AlertStatus::Firing), ("resolved", AlertStatus::Resolved)];
    let status = word(&fields.path("status"), "status", fields.text("status", 64)?, &words)?;
    fields.need("labels")?;
    let labels = fields.labels("labels")?;
    let mut annotations = fields.labels("annotations")?;
    for link in LINKS {
        if let Some(url) = fields.maybe_text(link, 4_096)?.filter(|url| !url.is_empty()) {
            annotations.insert(link.to_owned(), url.to_owned());
        }
    }
    let given = fields.maybe_text("fingerprint", 256)?.filter(|text| !text.is_empty());
    let by_labels = || fingerprint(labels.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
    // `0001-01-01` means that it is still open.
    let ends_at = fields.maybe_time("endsAt")?.filter(|at| status == AlertStatus::Resolved && at.unix_ms() > 0);
    let starts_at = fields.maybe_time("startsAt")?;
    Ok(Signal {
        status,
        fingerprint: given.map_or_else(by_labels, str::to_owned),
        starts_at: starts_at.ok_or_else(|| Wrong::new(fields.path("startsAt"), "is missing"))?,
        ends_at,
        generator_url: fields
            .get("generatorURL")
            .and_then(Value::as_str)
            .filter(|url| url.len() <= 4_096)
            .map(str::to_owned),
        labels,
        annotations,
    })
}
