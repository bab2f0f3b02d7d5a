//! Names whose meaning changes between the check and the connection, or from one call to the next, told by a real name server.
//! What was checked has to be what is connected to, with one lookup for a connection.

use std::sync::Arc;

use serde_json::json;
use simple_dns::RCODE;
use wardroom_runtime::Called;

use crate::plugins::escape::{
    Case, Verdict,
    addresses::asking_for,
    fixture::{Fixture, ends, reaching, refused, refused_network, sent, with_revision},
    names::Answer::{self, Addresses, Alias, Failure},
};

const THEME: &str = "rebinding";

/// Where nothing is granted.
const INSIDE: Answer = Addresses(&["127.0.0.1"]);
/// Where the third party outside listens.
const OUTSIDE: Answer = Addresses(&["127.0.0.2"]);

/// What a name means at the first lookup that is refused.
const REFUSED: &[(&str, Answer)] = &[
    ("this machine", INSIDE),
    ("the metadata service", Addresses(&["169.254.169.254"])),
    ("the metadata service over IPv6", Addresses(&["fd00:ec2::254"])),
    ("a private network", Addresses(&["10.0.0.1"])),
    ("shared address space", Addresses(&["100.64.0.1"])),
    ("nobody", Addresses(&["0.0.0.0"])),
    ("this machine over IPv6", Addresses(&["::1"])),
    ("nobody over IPv6", Addresses(&["::"])),
    ("a mapped address", Addresses(&["::ffff:127.0.0.1"])),
    ("a compatible address", Addresses(&["::127.0.0.1"])),
    ("a translated address", Addresses(&["64:ff9b::7f00:1"])),
    ("an address in the middle", Addresses(&["64:ff9b:1:7f00:0:100:808:808"])),
    ("a tunnel", Addresses(&["2002:7f00:1::"])),
    ("this link", Addresses(&["fe80::1"])),
    ("only what is not granted, in both families", Addresses(&["127.0.0.1", "::1", "169.254.169.254"])),
    ("another name that means this machine", Alias("internal.example", "127.0.0.1")),
    ("another name that means the metadata service", Alias("metadata.google.internal", "169.254.169.254")),
    ("another name that means a mapped address", Alias("internal.example", "::ffff:127.0.0.1")),
];

/// What a name means that cannot be resolved.
const FAILED: &[(&str, RCODE)] = &[
    ("there is no such name", RCODE::NameError),
    ("the server failed", RCODE::ServerFailure),
    ("the server refused", RCODE::Refused),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, answer) in REFUSED {
        cases.push(Case::new(THEME, format!("a name that means {what}"), move |fixture| async move {
            let (called, name) = named(&fixture, vec![answer.clone()]).await;
            once(&fixture, &name)?;
            refused_network(&called)
        }));
    }
    for (what, code) in FAILED {
        cases.push(Case::new(THEME, format!("a name where {what}"), move |fixture| async move {
            refused(&named(&fixture, vec![Failure(*code)]).await.0, "dns")
        }));
    }
    cases.push(Case::new(THEME, "a name without addresses", |fixture| async move {
        refused(&named(&fixture, vec![Addresses(&[])]).await.0, "connect")
    }));
    cases.push(Case::new(THEME, "this machine from the second lookup on", |fixture| async move {
        let (called, name) = named(&fixture, vec![OUTSIDE, INSIDE]).await;
        // Were it looked up again to connect, this machine would have answered, and not the third party outside.
        once(&fixture, &name)?;
        heard(&fixture, &name)?;
        sent(&called)
    }));
    cases.push(Case::new(THEME, "the metadata service from the second lookup on", |fixture| async move {
        let (called, name) = named(&fixture, vec![OUTSIDE, Addresses(&["169.254.169.254"])]).await;
        once(&fixture, &name)?;
        heard(&fixture, &name)?;
        sent(&called)
    }));
    cases.push(Case::new(THEME, "this machine in the second call", |fixture| async move {
        let name = fixture.fresh_name();
        fixture.names.means(&name, vec![OUTSIDE, INSIDE]);
        sent(&ask(&fixture, &name, 0).await)?;
        // Another connection of the same name has no sockets left to use.
        refused_network(&ask(&fixture, &name, 1).await)
    }));
    cases.push(Case::new(THEME, "what is granted among what is not", |fixture| async move {
        let (called, name) = named(&fixture, vec![Addresses(&["127.0.0.1", "127.0.0.2", "::1", "10.0.0.1"])]).await;
        once(&fixture, &name)?;
        heard(&fixture, &name)?;
        sent(&called)
    }));
    cases.push(Case::new(THEME, "what is granted and dead before what is not", |fixture| async move {
        // Nobody listens at 127.0.0.4: a client that falls back would reach this machine.
        let name = fixture.fresh_name();
        fixture.names.means(&name, vec![Addresses(&["127.0.0.4", "127.0.0.1"])]);
        let mut connection = reaching(&format!("http://{name}:{}", fixture.port()));
        connection.grant.networks.push("127.0.0.4/32".parse().expect("a network"));
        let invocation =
            fixture.sandbox.through(fixture.unknown(with_revision(connection)), "fetch", json!({ "url": "/" }));
        refused(&fixture.sandbox.call(invocation).await, "connect")
    }));
    cases.push(Case::new(THEME, "this machine at the second hop of a redirect", |fixture| async move {
        let name = fixture.fresh_name();
        fixture.names.means(&name, vec![INSIDE]);
        let origin = format!("http://{name}:{}", fixture.port());
        let mut connection = reaching(&fixture.outside.url());
        connection.grant.hosts = vec![origin.clone()];
        let input = json!({ "url": format!("/redirect?{origin}/"), "redirects": 1 });
        refused_network(&fixture.sandbox.call(asking_for(&fixture, connection, vec![origin], input)).await)
    }));
    cases.push(Case::new(THEME, "a mail server at this machine", |fixture| mail(fixture, vec![INSIDE], "denied")));
    cases.push(Case::new(THEME, "a mail server at this machine from the second lookup on", |fixture| {
        mail(fixture, vec![OUTSIDE, INSIDE], "mail_refused")
    }));
    cases
}

/// A request to a name that was never asked for before, with what it means.
async fn named(fixture: &Fixture, answers: Vec<Answer>) -> (Called, String) {
    let name = fixture.fresh_name();
    fixture.names.means(&name, answers);
    (ask(fixture, &name, 0).await, name)
}

async fn ask(fixture: &Fixture, name: &str, revision: i64) -> Called {
    // One client for each of the few revisions, whatever the name.
    let mut connection = reaching(&fixture.outside.url());
    connection.base_url = format!("http://{name}:{}", fixture.port());
    connection.revision = connection.revision.wrapping_add(revision);
    let input = json!({ "url": format!("/{name}") });
    fixture.sandbox.call(fixture.sandbox.through(connection, "fetch", input)).await
}

fn once(fixture: &Fixture, name: &str) -> Result<(), String> {
    match fixture.names.lookups(name) {
        1 => Ok(()),
        lookups => Err(format!("{lookups} lookups")),
    }
}

/// Whether the third party outside was asked, by that name.
fn heard(fixture: &Fixture, name: &str) -> Result<(), String> {
    let host = format!("{name}:{}", fixture.port());
    let asked = fixture.outside.asked();
    let heard = asked.iter().any(|asked| asked.headers.get("host") == Some(&host));
    if heard { Ok(()) } else { Err("the third party outside was not asked".to_owned()) }
}

async fn mail(fixture: Arc<Fixture>, answers: Vec<Answer>, word: &str) -> Verdict {
    let name = fixture.fresh_name();
    fixture.names.means(&name, answers);
    let mut connection = reaching(&fixture.outside.url());
    connection.base_url = format!("smtp://{name}:{}", fixture.unkind);
    let input = json!({ "channel": "mail", "known": "text" });
    let called = fixture.sandbox.call(fixture.sandbox.through(connection, "smuggle", input)).await;
    once(&fixture, &name)?;
    ends(&called, word)
}
