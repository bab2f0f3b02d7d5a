//! Requests that would be more than one, or another than was judged: line breaks, framing, other methods, too many headers.

use serde_json::{Value, json};
use wardroom_domain::connection::Auth;

use crate::plugins::{
    SECRET,
    escape::{
        Case, Verdict,
        fixture::{reaching, refused, sent, with_revision},
    },
};

const THEME: &str = "injection";

/// Methods that are none.
const METHODS: &[&str] = &[
    "",
    "get",
    "G ET",
    "GET\r\nX-Injected: 1",
    "GET / HTTP/1.1\r\n\r\nGET",
    "GET\0",
    "GÉT",
    "CONNECT",
    "TRACE",
    "connect",
    "GET:",
    "M-SEARCH",
];

/// Names of headers that are none.
const NAMES: &[&str] = &[
    "",
    "x y",
    "x:",
    "x\r\ny: 1\r\nz",
    "x\n",
    "x\0",
    "é",
    ":method",
    ":path",
    ":authority",
    ":scheme",
    "content-length ",
];

/// Values of headers that are none.
const VALUES: &[&str] =
    &["a\r\nx-injected: 1", "a\nb", "a\rb", "a\r\n folded", "a\0b", "a\u{7f}", "\r\n\r\nGET /evil HTTP/1.1"];

/// Headers that are the host's: they frame the message, or say where it goes and how.
const FRAMING: &[&str] = &[
    "host",
    "HOST",
    "content-length",
    "Content-Length",
    "transfer-encoding",
    "Transfer-Encoding",
    "te",
    "trailer",
    "connection",
    "keep-alive",
    "upgrade",
    "proxy-authorization",
    "accept-encoding",
    "range",
    "x-http-method-override",
    "X-HTTP-Method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in METHODS {
        cases.push(request(format!("the method {method:?}"), json!({ "method": method, "url": "/" }), "invalid"));
    }
    for name in NAMES {
        cases.push(request(format!("the header {name:?}"), header(name, &json!(["x"]), 1), "invalid"));
    }
    for value in VALUES {
        cases.push(request(format!("the value {value:?}"), header("x-a", &json!([value]), 1), "invalid"));
        let halves = value.split_at(1);
        cases.push(request(
            format!("the value {value:?} in parts"),
            header("x-a", &json!([halves.0, halves.1]), 1),
            "invalid",
        ));
    }
    for name in FRAMING {
        cases.push(request(format!("the host's header {name}"), header(name, &json!(["x"]), 1), "invalid"));
    }
    cases.extend([
        request("the auth's own header", header("Authorization", &json!(["Bearer mine"]), 1), "invalid"),
        request("a method without end", json!({ "method": "A".repeat(100_000), "url": "/" }), "invalid"),
        request("65 headers", header("x-a", &json!(["1"]), 65), "too_large"),
        request("10,000 headers", header("x-a", &json!(["1"]), 10_000), "too_large"),
        request("a header's value without end", header("x-a", &json!(["x".repeat(33 << 10)]), 1), "too_large"),
        request("a header's name without end", header(&"x".repeat(33 << 10), &json!(["1"]), 1), "too_large"),
        request("5,000 times the secret", header("x-a", &secrets(5_000), 1), "too_large"),
        request("a secret nobody granted", header("x-a", &json!([{ "secret": "stored" }]), 1), "denied"),
        request(
            "a secret with a line break for a name",
            header("x-a", &json!([{ "secret": "canary\r\n" }]), 1),
            "denied",
        ),
    ]);
    for url in [
        "/a\r\nX-Injected: 1",
        "/a HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "/a%0d%0aX-Injected:%201",
        "/a\u{0}b",
        "/é\u{202e}",
    ] {
        cases.push(Case::new(THEME, format!("the URL {url:?}"), move |fixture| async move {
            let called = fixture.sandbox.call(fixture.outward("fetch", json!({ "url": url }))).await;
            let injected = fixture.outside.asked().into_iter().find(|asked| asked.headers.contains_key("x-injected"));
            match injected {
                Some(asked) => Err(format!("{asked:?}")),
                None => sent(&called),
            }
        }));
    }
    cases.push(Case::new(THEME, "a stored secret with a line break, as auth", |fixture| async move {
        let mut connection = reaching(&fixture.outside.url());
        connection.auth = Some(Auth::Bearer("torn".to_owned()));
        let called = fixture
            .sandbox
            .call(fixture.sandbox.through(with_revision(connection), "fetch", json!({ "url": "/" })))
            .await;
        untold(&called, refused(&called, "invalid"))
    }));
    cases.push(Case::new(THEME, "a stored secret with a line break, as a part", |fixture| async move {
        let mut connection = reaching(&fixture.outside.url());
        connection.grant.secrets.insert("canary".to_owned(), "torn".to_owned());
        let input = header("x-a", &json!([{ "secret": "canary" }]), 1);
        let called = fixture.sandbox.call(fixture.sandbox.through(with_revision(connection), "fetch", input)).await;
        untold(&called, refused(&called, "invalid"))
    }));
    cases
}

fn request(name: impl Into<String>, input: Value, word: &'static str) -> Case {
    Case::new(THEME, name, move |fixture| {
        let input = input.clone();
        async move { refused(&fixture.sandbox.call(fixture.outward("fetch", input)).await, word) }
    })
}

fn header(name: &str, parts: &Value, times: u32) -> Value {
    json!({ "url": "/", "pieces": [[name, parts, times]] })
}

fn secrets(times: usize) -> Value {
    Value::Array(vec![json!({ "secret": "canary" }); times])
}

/// The verdict, unless the secret is told.
fn untold(called: &wardroom_runtime::Called, verdict: Verdict) -> Verdict {
    if format!("{called:?}").contains(&SECRET[..8]) { Err("the secret is told".to_owned()) } else { verdict }
}
