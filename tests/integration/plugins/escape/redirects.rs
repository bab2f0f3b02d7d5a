//! Redirects that a third party sends a guest on: each hop is judged like a request of its own, and nothing secret crosses.

use std::sync::Arc;

use serde_json::{Value, json};
use wardroom_domain::connection::{Auth, Connection};
use wardroom_runtime::{Called, limits};
use wardroom_tests::third_party::Asked;

use crate::plugins::{
    SECRET,
    escape::{
        Case, Verdict,
        addresses::asking_for,
        fixture::{Fixture, gives, reaching, refused, refused_network, sent, with_revision},
        names::Answer,
    },
};

const THEME: &str = "redirects";

/// Where a redirect leads, with the word for the refusal. `{p}` is the port of the third parties.
const TO: &[(&str, &str)] = &[
    ("http://169.254.169.254/latest/meta-data/", "denied"),
    ("http://metadata.google.internal/", "denied"),
    ("http://127.0.0.1:{p}/", "denied"),
    ("//127.0.0.1:{p}/", "denied"),
    ("http:\\\\127.0.0.1:{p}/", "denied"),
    ("\\\\127.0.0.1:{p}/", "denied"),
    ("http://2130706433:{p}/", "denied"),
    ("http://[::ffff:127.0.0.1]:{p}/", "denied"),
    ("http://127.0.0.2:1/", "denied"),
    ("https://127.0.0.2:{p}/", "denied"),
    ("http://user:password@127.0.0.2:{p}/", "invalid"),
    ("file:///etc/passwd", "invalid"),
    ("gopher://127.0.0.1:{p}/_x", "invalid"),
    ("unix:///var/run/docker.sock", "invalid"),
    ("javascript:alert(1)", "invalid"),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (to, word) in TO {
        cases.push(Case::new(THEME, format!("to {to}"), move |fixture| async move {
            refused(&follow(&fixture, reaching(&fixture.outside.url()), "GET", to).await, word)
        }));
    }
    cases.push(Case::new(THEME, "to a granted host on a network that is not", |fixture| async move {
        let inside = fixture.inside.url();
        refused_network(&granted(&fixture, &format!("{inside}/"), inside, None).await)
    }));
    cases.push(Case::new(THEME, "to a granted name that means this machine", |fixture| async move {
        let name = fixture.fresh_name();
        fixture.names.means(&name, vec![Answer::Addresses(&["127.0.0.1"])]);
        let origin = format!("http://{name}:{}", fixture.port());
        refused_network(&granted(&fixture, &format!("{origin}/"), origin, None).await)
    }));
    cases.push(Case::new(THEME, "out of the path of the base", |fixture| async move {
        let base = reaching(&format!("{}/redirect", fixture.outside.url()));
        let input = json!({ "url": "/?/admin", "redirects": 5 });
        let called = fixture.sandbox.call(fixture.sandbox.through(base, "fetch", input)).await;
        // The third party answers `/redirect/` like every other path.
        sent(&called)?;
        refused(
            &follow(&fixture, reaching(&format!("{}/redirect", fixture.outside.url())), "GET", "/admin").await,
            "denied",
        )
    }));
    cases.push(Case::new(THEME, "round and round", |fixture| async move {
        let input = json!({ "url": "/loop", "redirects": 255 });
        let called = fixture.sandbox.call(fixture.outward("fetch", input)).await;
        gives(&called, "/status", &json!(302))?;
        if called.trace.http.len() == 1 + usize::from(limits::REDIRECTS) {
            Ok("returned".to_owned())
        } else {
            Err(format!("{} hops are told", called.trace.http.len()))
        }
    }));
    cases.push(Case::new(THEME, "of what changes something", |fixture| async move {
        let elsewhere = fixture.elsewhere.url();
        let called = follow(&fixture, reaching(&fixture.outside.url()), "POST", &elsewhere).await;
        gives(&called, "/status", &json!(302))
    }));
    cases.push(Case::new(THEME, "to another origin with secret headers", |fixture| async move {
        crossing(&fixture, "secret-headers", None, |heard| {
            heard.headers.contains_key("accept-language")
                && ["authorization", "cookie", "x-canary"].iter().all(|name| !heard.headers.contains_key(*name))
        })
        .await
    }));
    for (name, auth) in [
        ("auth-header", Auth::Header { name: "x-key".to_owned(), value: "stored".to_owned() }),
        ("auth-password", Auth::Basic { user: "user".to_owned(), password: "stored".to_owned() }),
        // The third party gives the whole query back as the place to go to.
        ("auth-parameter", Auth::Query { name: "key".to_owned(), value: "stored".to_owned() }),
    ] {
        cases.push(Case::new(THEME, format!("to another origin with {name}"), move |fixture| {
            let auth = auth.clone();
            async move { crossing(&fixture, name, Some(auth), |_| true).await }
        }));
    }
    cases
}

/// A request to the third party outside, which leads on.
async fn follow(fixture: &Fixture, connection: Connection, method: &str, to: &str) -> Called {
    let to = to.replace("{p}", &fixture.port().to_string());
    // Under a base of its own the path is that of the base.
    let path = if connection.base_url.ends_with("/redirect") { format!("?{to}") } else { format!("/redirect?{to}") };
    let url = format!("{}{path}", connection.base_url);
    let input = json!({ "method": method, "url": url, "redirects": 5 });
    fixture.sandbox.call(fixture.sandbox.through(connection, "fetch", input)).await
}

/// The same, where the host is granted that it leads to; with headers that tell who asks.
async fn granted(fixture: &Fixture, to: &str, origin: String, auth: Option<Auth>) -> Called {
    let mut connection = reaching(&fixture.outside.url());
    connection.grant.hosts = vec![origin.clone()];
    if auth.is_some() {
        connection.auth = auth;
    }
    let mut pieces = vec![json!(["accept-language", ["en"]]), json!(["x-canary", [{ "secret": "canary" }]])];
    pieces.push(json!(["cookie", ["session=1"]]));
    let input = json!({ "url": format!("/redirect?{to}"), "redirects": 5, "pieces": pieces });
    fixture.sandbox.call(asking_for(fixture, with_revision(connection), vec![origin], input)).await
}

/// Follows a redirect to another origin that is granted, and looks at what was heard there.
async fn crossing(fixture: &Arc<Fixture>, mark: &str, auth: Option<Auth>, fine: impl Fn(&Asked) -> bool) -> Verdict {
    let origin = fixture.elsewhere.url();
    let called = granted(fixture, &format!("{origin}/crossed/{mark}"), origin, auth).await;
    sent(&called)?;
    let heard = |asked: &[Asked], path: &str| {
        asked.iter().rev().find(|asked| asked.path.contains(path)).cloned().ok_or("was not heard".to_owned())
    };
    let (before, after) = (heard(&fixture.outside.asked(), mark)?, heard(&fixture.elsewhere.asked(), mark)?);
    let told = |asked: &Asked| format!("{asked:?}");
    // Basic auth travels in base64.
    let encoded = "dXNlcjpjYW5hcnkt";
    if !told(&before).contains(SECRET) {
        return Err("the secret was not even sent to where it belongs".to_owned());
    }
    if told(&after).contains(&SECRET[..8]) || told(&after).contains(encoded) || !fine(&after) {
        return Err(format!("{after:?} crossed"));
    }
    Ok(Value::from("dropped").to_string())
}
