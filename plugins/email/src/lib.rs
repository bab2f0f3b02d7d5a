//! Sends mail through an SMTP server.

use wardroom_plugin_sdk::{mail, prelude::*};

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Who mails come from: `ops@example.com` or `Operations <ops@example.com>`.
    from: String,
    /// Where answers go.
    reply_to: Option<String>,
}

/// Sends a mail.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Send {
    /// One address or several, at most 100.
    to: Addresses,
    /// Further addresses everybody sees.
    #[serde(default)]
    cc: Addresses,
    /// One line.
    #[schemars(length(min = 1, max = 500))]
    subject: String,
    /// The text.
    text: String,
    /// The same as HTML, for programs that show it.
    html: Option<String>,
}

/// One address or several.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Addresses {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Default for Addresses {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl From<Addresses> for Vec<String> {
    fn from(addresses: Addresses) -> Self {
        match addresses {
            Addresses::One(address) => vec![address],
            Addresses::Several(addresses) => addresses,
        }
    }
}

/// A mail that was sent.
#[derive(Serialize, JsonSchema)]
struct Sent {
    /// Its `Message-ID`, without angle brackets: the same when the step is tried again.
    message_id: String,
    /// How many addresses it went to.
    receivers: usize,
}

impl Action for Send {
    const NAME: &'static str = "send";
    const DESCRIPTION: &'static str = "Sends a mail.";
    const RISK: Risk = Risk::Write;
    // A server that took a mail takes it a second time.
    const IDEMPOTENT: Idempotency = Idempotency::No;
    type Output = Sent;

    fn run(self, call: &Call) -> Result<Reply<Sent>, Failure> {
        let config: Config = call.config()?;
        let (to, cc): (Vec<String>, Vec<String>) = (self.to.into(), self.cc.into());
        let receivers = to.len() + cc.len();
        if to.is_empty() {
            return Err(Failure::new("invalid_input", "There is nobody to send it to."));
        }
        let message_id = format!("{}@wardroom", &call.idempotency_key[..32.min(call.idempotency_key.len())]);
        mail::send(&mail::Message {
            sender: config.from,
            to,
            cc,
            reply_to: config.reply_to,
            subject: self.subject.clone(),
            text: self.text,
            html: self.html,
            headers: Vec::new(),
            message_id: message_id.clone(),
            attachments: Vec::new(),
        })?;
        done(Sent { message_id, receivers }, format!("sent {:?} to {receivers}", self.subject))
    }

    fn sample() -> Option<Sent> {
        Some(Sent { message_id: "0123456789abcdef@wardroom".to_owned(), receivers: 1 })
    }
}

struct Email;

impl Plugin for Email {
    fn describe() -> Description {
        Description::new("email", env!("CARGO_PKG_VERSION"), "Sends mail through an SMTP server.")
            .connection::<Config>(&["basic"])
            .action::<Send>()
    }
}

export_plugin!(Email);

#[cfg(test)]
mod tests {
    use wardroom_plugin_sdk::testing::Host;

    use super::*;

    fn host() -> Host {
        Host::new().config(json!({ "from": "ops@example.com" }))
    }

    #[test]
    fn a_mail_has_an_identifier_that_a_second_try_repeats() {
        let input =
            json!({ "to": "ada@example.com", "subject": "INC-1", "text": "It burns.", "html": "<p>It burns.</p>" });
        let (first, second) = (host().run::<Email>("send", &input), host().run::<Email>("send", &input));
        assert_eq!(first.output(), second.output());
        let mail = &first.mails[0];
        assert_eq!(
            (mail.to.as_slice(), mail.sender.as_str()),
            (["ada@example.com".to_owned()].as_slice(), "ops@example.com")
        );
        assert_eq!(mail.html.as_deref(), Some("<p>It burns.</p>"));
        assert_eq!(mail.message_id, "0123456789abcdef0123456789abcdef@wardroom");
    }

    #[test]
    fn several_receivers_are_counted() {
        let input =
            json!({ "to": ["a@example.com", "b@example.com"], "cc": "c@example.com", "subject": "s", "text": "t" });
        assert_eq!(host().run::<Email>("send", &input).output()["receivers"], json!(3));
    }

    #[test]
    fn nobody_is_refused() {
        let input = json!({ "to": [], "subject": "s", "text": "t" });
        assert_eq!(host().run::<Email>("send", &input).failure().code, "invalid_input");
    }

    #[test]
    fn a_connection_that_broke_leaves_the_effect_unknown() {
        let input = json!({ "to": "a@example.com", "subject": "s", "text": "t" });
        let ran = host().mail_fails("mail_unknown", Effect::Unknown).run::<Email>("send", &input);
        assert_eq!(ran.failure().effect, Effect::Unknown);
    }
}
