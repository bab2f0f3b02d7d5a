//! A guest that learned a secret, and every channel by which it may be told: the whole secret, halves of it, and as much of it
//! as is left where a text is cut.

use std::sync::Arc;

use serde_json::{Value, json};
use wardroom_domain::{connection::Auth, run::Mode};
use wardroom_runtime::{Called, Invocation, Outcome};

use crate::plugins::{
    SECRET,
    escape::{
        Case, Verdict,
        fixture::{Fixture, ends, reaching, refused, with_revision},
    },
};

const THEME: &str = "leaks";

/// A channel, and how many characters come before the secret: where texts are cut, some so many that it is cut too.
const CHANNELS: &[(&str, usize)] = &[
    ("output", 0),
    ("output-key", 0),
    ("output-fault", 0),
    ("output-fault", 270),
    ("summary", 0),
    ("summary", 480),
    ("undo", 0),
    ("artifact-kind", 0),
    ("artifact-kind", 50),
    ("artifact-label", 0),
    ("artifact-label", 185),
    ("artifact-url", 0),
    ("artifact-url", 1_965),
    ("artifact-json", 0),
    ("artifact-media-type", 0),
    ("artifact-bytes", 0),
    ("pending-note", 0),
    ("pending-note", 480),
    ("pending-undo", 0),
    ("failure-code", 0),
    ("failure-code", 45),
    ("failure-message", 0),
    ("failure-message", 1_980),
    ("failure-details", 0),
    ("failure-undo", 0),
    ("failure-artifacts", 0),
    ("log", 0),
    ("log-split", 0),
    ("log-field", 0),
    ("log-field-split", 0),
    ("progress", 0),
    ("progress", 480),
    ("timeline", 0),
    ("state", 0),
    ("method", 0),
    ("path", 0),
    ("query", 0),
    ("host", 0),
];

/// Ways to have something signed with a secret that nobody granted, or to get a key's bytes out of one that was.
const SIGNED: &[(&str, &str)] = &[
    ("the auth's secret", r#"{"name": "stored", "algorithm": "hmac-sha256"}"#),
    ("a secret that is not set", r#"{"name": "other", "algorithm": "hmac-sha256"}"#),
    ("a token with the auth's secret", r#"{"name": "stored", "token": "HS256"}"#),
    ("no algorithm at all", r#"{"name": "canary", "algorithm": "none"}"#),
    ("a token that is not signed", r#"{"name": "canary", "token": "none"}"#),
    ("a password as an RSA key", r#"{"name": "canary", "algorithm": "rsa-sha256"}"#),
    ("a password as an Ed25519 key", r#"{"name": "canary", "token": "EdDSA"}"#),
    ("a token for ever", r#"{"name": "canary", "token": "HS256", "claims": "{\"exp\": 99999999999}"}"#),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (channel, before) in CHANNELS {
        cases.push(Case::new(THEME, format!("by {channel}, behind {before} characters"), move |fixture| async move {
            untold(&fixture.sandbox.call(smuggling(&fixture, channel, *before)).await)
        }));
    }
    for (what, input) in SIGNED {
        cases.push(Case::new(THEME, format!("signed with {what}"), move |fixture| async move {
            let input = serde_json::from_str(input).expect("JSON");
            let called = fixture.sandbox.call(fixture.outward("sign", input)).await;
            untold(&called)?;
            ends(&called, "secret_refused")
        }));
    }
    cases.push(Case::new(THEME, "by what it leaves for itself", |fixture| async move {
        let called = fixture.sandbox.call(smuggling(&fixture, "pending-resume", 0)).await;
        match &called.result {
            // Handed back to the plugin alone, so it has to come back as it was.
            Ok(Outcome::Pending(later)) if later.resume == SECRET.as_bytes() => Ok("private".to_owned()),
            other => Err(format!("{other:?}")),
        }
    }));
    cases.push(Case::new(THEME, "to a host nobody granted", |fixture| async move {
        let called = fixture.sandbox.call(smuggling(&fixture, "elsewhere", 0)).await;
        untold(&called)?;
        refused(&called, "denied")
    }));
    for (path, name) in [("/echo", "a body"), ("/mirror", "a header"), ("/straddle", "a body that is cut within it")] {
        cases.push(Case::new(THEME, format!("back in {name}"), move |fixture| async move {
            let called = fixture.sandbox.call(fixture.outward("fetch", json!({ "url": path }))).await;
            crate::plugins::escape::fixture::sent(&called)?;
            untold(&called)
        }));
    }
    for what in ["mail", "path", "query"] {
        cases.push(Case::new(THEME, format!("in what a simulation records of {what}"), move |fixture| async move {
            let mut connection = reaching(&fixture.outside.url());
            if what == "mail" {
                "smtp://mail.example".clone_into(&mut connection.base_url);
            }
            let input = match what {
                "mail" => json!({ "channel": "mail", "known": SECRET }),
                "path" => json!({ "method": "POST", "url": format!("/{SECRET}"), "body": SECRET }),
                _ => json!({ "method": "POST", "url": format!("/?q={SECRET}") }),
            };
            let action = if what == "mail" { "smuggle" } else { "fetch" };
            let call = fixture.sandbox.through(with_revision(connection), action, input);
            let called = fixture.sandbox.call(Invocation { mode: Mode::Simulated, ..call }).await;
            match &called.result {
                Ok(Outcome::Simulated { .. }) => untold(&called),
                other => Err(format!("{other:?}")),
            }
        }));
    }
    for (base, word) in [
        ("https://127.0.0.2:{clear}", "tls"),
        ("https://127.0.0.2:{p}", "connect"),
        ("http://127.0.0.2:1", "connect"),
        ("http://no-such-name.example:{p}", "dns"),
    ] {
        cases.push(Case::new(
            THEME,
            format!("in the text of a failure: {word} of {base}"),
            move |fixture| async move {
                let base =
                    base.replace("{p}", &fixture.port().to_string()).replace("{clear}", &fixture.clear.to_string());
                let mut connection = reaching(&base);
                connection.auth = Some(Auth::Query { name: "key".to_owned(), value: "stored".to_owned() });
                let input = json!({ "url": format!("/{SECRET}?q={SECRET}"), "secret_header": true });
                let called = fixture
                    .sandbox
                    .call(fixture.sandbox.through(fixture.unknown(with_revision(connection)), "fetch", input))
                    .await;
                untold(&called)?;
                refused(&called, word)
            },
        ));
    }
    cases
}

fn smuggling(fixture: &Arc<Fixture>, channel: &str, before: usize) -> Invocation {
    let input = json!({ "channel": channel, "before": before, "known": SECRET });
    Invocation {
        incident: Some("0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e11".to_owned()),
        snapshot: Some(Arc::new(json!({ "number": "INC-7" }))),
        ..fixture.outward("smuggle", input)
    }
}

/// Whether nothing of the call tells the secret, neither its beginning nor its end, also not in the bytes of an artifact.
fn untold(called: &Called) -> Verdict {
    let mut told = format!("{called:?}");
    if let Ok(Outcome::Done(done)) = &called.result {
        for artifact in &done.artifacts {
            if let Some(wardroom_runtime::Content::Bytes(_, data)) = &artifact.content {
                told.push_str(&String::from_utf8_lossy(data));
            }
        }
    }
    for part in [&SECRET[..8], "not-leak"] {
        if let Some(at) = told.find(part) {
            return Err(format!("it tells {:?}", Value::from(&told[at.saturating_sub(80)..(at + 40).min(told.len())])));
        }
    }
    Ok("masked".to_owned())
}
