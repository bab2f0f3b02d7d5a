//! Calls a service of one's own: a JSON body to a path under the connection's `base_url`, signed as Standard Webhooks
//! describe when the connection has a secret.

use std::collections::BTreeMap;

use base64::Engine as _;
use wardroom_plugin_sdk::{clock, prelude::*, secrets};

/// The plugin's word for the signing secret.
const SIGNING: &str = "signing";

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Whether the receiver acts once for each `Idempotency-Key`. Only then a lost request is repeated without asking.
    #[serde(default)]
    #[expect(dead_code, reason = "the host reads it, by the action's declared idempotency")]
    receiver_deduplicates: bool,
}

/// Sends a request.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Send {
    /// The path under `base_url`, beginning with a slash.
    #[schemars(length(min = 1, max = 2048))]
    path: String,
    /// Further headers.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body, sent as JSON.
    #[serde(default)]
    body: Value,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
struct Answer {
    /// The status, 200 to 299.
    status: u16,
    /// The body: JSON where it is, otherwise text.
    body: Value,
}

impl Action for Send {
    const NAME: &'static str = "send";
    const DESCRIPTION: &'static str = "Posts JSON to a service of one's own.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::WhenConfig("receiver_deduplicates");
    type Output = Answer;

    fn run(self, call: &Call) -> Result<Reply<Answer>, Failure> {
        let body = self.body.to_string();
        let mut request = http::post(&self.path)
            .header("content-type", "application/json")
            .header("idempotency-key", &call.idempotency_key);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if secrets::available(SIGNING) {
            let id = format!("msg_{}", &call.idempotency_key[..32.min(call.idempotency_key.len())]);
            let timestamp = clock::now_ms() / 1_000;
            let signature = secrets::hmac_sha256(SIGNING, format!("{id}.{timestamp}.{body}").as_bytes())?;
            let signature = base64::engine::general_purpose::STANDARD.encode(signature);
            request = request
                .header("webhook-id", id)
                .header("webhook-timestamp", timestamp)
                .header("webhook-signature", format!("v1,{signature}"));
        }
        let response = request.body(body).send()?.check()?;
        let text = String::from_utf8_lossy(response.body()).into_owned();
        let answer =
            Answer { status: response.status(), body: serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        done(answer, format!("{} answered {}", self.path, response.status()))
    }

    fn sample() -> Option<Answer> {
        Some(Answer { status: 200, body: json!({}) })
    }
}

struct Webhook;

impl Plugin for Webhook {
    fn describe() -> Description {
        Description::new(
            "webhook",
            env!("CARGO_PKG_VERSION"),
            "Posts JSON to services of one's own, signed on request.",
        )
        .connection::<Config>(&["bearer", "basic", "header", "query"])
        .secret(SIGNING, "Signs requests as Standard Webhooks describe; `whsec_` and base64, or any text.", true)
        .action::<Send>()
    }
}

export_plugin!(Webhook);

#[cfg(test)]
mod tests {
    use wardroom_plugin_sdk::testing::Host;

    use super::*;

    #[test]
    fn a_request_carries_its_key_headers_and_body() {
        let host = Host::new().answer("POST", "/deploy", 202, json!({ "job": 7 }));
        let input = json!({ "path": "/deploy", "headers": { "x-team": "shop" }, "body": { "service": "checkout" } });
        let ran = host.run::<Webhook>("send", &input);
        assert_eq!(ran.output(), json!({ "status": 202, "body": { "job": 7 } }));
        let request = &ran.requests[0];
        assert_eq!(request.header("idempotency-key").map(str::len), Some(64));
        assert_eq!(request.header("x-team"), Some("shop"));
        assert_eq!(request.header("webhook-signature"), None);
        assert_eq!(request.body, json!({ "service": "checkout" }));
    }

    #[test]
    fn with_a_secret_it_is_signed_over_identifier_time_and_body() {
        let host = Host::new().secret(SIGNING, "key").answer("POST", "/x", 200, json!("ok"));
        let ran = host.run::<Webhook>("send", &json!({ "path": "/x", "body": { "a": 1 } }));
        let request = &ran.requests[0];
        let signature = request.header("webhook-signature").expect("is signed").strip_prefix("v1,").expect("version 1");
        let signed = base64::engine::general_purpose::STANDARD.decode(signature).expect("base64");
        let expected = "key|msg_0123456789abcdef0123456789abcdef.1700000000.{\"a\":1}";
        assert_eq!(String::from_utf8(signed).expect("text"), expected);
    }

    #[test]
    fn a_server_error_leaves_the_effect_unknown_and_a_refusal_does_not() {
        let failure = |status| {
            let host = Host::new().answer("POST", "/x", status, json!({}));
            host.run::<Webhook>("send", &json!({ "path": "/x" })).failure().clone()
        };
        assert_eq!((failure(500).effect, failure(500).retry), (Effect::Unknown, Retry::Backoff));
        assert_eq!((failure(422).effect, failure(422).retry), (Effect::None, Retry::Never));
    }
}
