//! MailDev: an SMTP server that shows what it took.

use std::process::Command;

use reqwest::Method;
use serde_json::Value;

use super::{answers, ask, authority::Certified, cache, node};
use crate::process::{Server, bound_to_us, free_port};

/// The server.
#[derive(Debug)]
pub struct MailDev {
    /// Where mail goes.
    pub smtp: String,
    web: u16,
}

impl MailDev {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        Self::with("smtp", |_| ())
    }

    /// Starts it over TLS.
    ///
    /// # Panics
    /// When it does not start.
    pub fn with_tls(server: &Certified) -> Self {
        Self::with("smtps", |command| {
            command.arg("--incoming-secure").arg("--incoming-cert").arg(&server.certificate);
            command.arg("--incoming-key").arg(&server.key);
        })
    }

    fn with(scheme: &str, further: impl FnOnce(&mut Command)) -> Self {
        let (smtp, web) = (free_port(), free_port());
        let mut command = bound_to_us(&node(), None);
        command.arg(cache().join("node/node_modules/.bin/maildev"));
        command.args(["-s", &smtp.to_string(), "--ip", "127.0.0.1", "-w", &web.to_string(), "--web-ip", "127.0.0.1"]);
        further(&mut command);
        Server::start("MailDev", command).wait(|| answers(web, "/api/email"));
        Self { smtp: format!("{scheme}://127.0.0.1:{smtp}"), web }
    }

    /// The mails it took.
    pub async fn mails(&self) -> Vec<Value> {
        let (_, mails) = ask(Method::GET, &format!("http://127.0.0.1:{}/api/email", self.web), None, None).await;
        mails.as_array().cloned().unwrap_or_default()
    }
}
