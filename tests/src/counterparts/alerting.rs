//! Prometheus with a rule that fires, and the Alertmanager that carries the alert to us.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::answers;
use crate::process::{Server, bound_to_us, free_port};

/// Both servers.
#[derive(Debug)]
pub struct Alerting {
    /// Prometheus' URL.
    pub prometheus: String,
    /// Alertmanager's URL.
    pub alertmanager: String,
    _folder: TempDir,
}

impl Alerting {
    /// Starts both; the rule `CheckoutErrors` fires within seconds and is delivered to `hook` with `token`.
    ///
    /// # Panics
    /// When one does not start.
    pub fn start(hook: &str, token: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (metrics, alerts) = (free_port(), free_port());
        write(
            folder.path(),
            "alertmanager.yml",
            &format!(
                "route: {{ receiver: wardroom, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1h }}\n\
             receivers:\n- name: wardroom\n  webhook_configs:\n  - url: {hook}\n    \
             http_config: {{ authorization: {{ credentials: {token} }} }}\n"
            ),
        );
        write(
            folder.path(),
            "rules.yml",
            "groups:\n- name: shop\n  rules:\n  - record: errors_total\n    expr: time() * 12\n    labels: { service: checkout }\n  \
             - alert: CheckoutErrors\n    expr: errors_total > 0\n    labels: { severity: critical, flag: new-checkout }\n    \
             annotations: { summary: Checkout fails for one customer in eight }\n",
        );
        write(
            folder.path(),
            "prometheus.yml",
            &format!(
                "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [rules.yml]\n\
             alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:{alerts}'] }}] }}] }}\n"
            ),
        );
        let file = |name: &str| folder.path().join(name).display().to_string();
        let mut command = bound_to_us("prometheus-alertmanager", None);
        command.args([
            format!("--config.file={}", file("alertmanager.yml")),
            format!("--storage.path={}", file("alerts")),
        ]);
        command.args([format!("--web.listen-address=127.0.0.1:{alerts}"), "--cluster.listen-address=".to_owned()]);
        Server::start("Alertmanager", command).wait(|| answers(alerts, "/-/ready"));
        let mut command = bound_to_us("prometheus", None);
        command.args([
            format!("--config.file={}", file("prometheus.yml")),
            format!("--storage.tsdb.path={}", file("metrics")),
        ]);
        command.arg(format!("--web.listen-address=127.0.0.1:{metrics}"));
        // An alert that fires before Prometheus knows its Alertmanager is lost until it is sent again, a minute later.
        command.arg("--rules.alert.resend-delay=1s");
        Server::start("Prometheus", command).wait(|| answers(metrics, "/-/ready"));
        let url = |port| format!("http://127.0.0.1:{port}");
        Self { prometheus: url(metrics), alertmanager: url(alerts), _folder: folder }
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("the folder takes it");
}
