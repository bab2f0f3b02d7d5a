//! Requests to where nothing is granted, in every spelling: as the host of a connection, as a URL of the guest's whose host is
//! granted but whose network is not, and as a URL that is read in two ways.

use std::sync::Arc;

use serde_json::{Value, json};
use wardroom_domain::{connection::Connection, grant::PluginGrant, plugin::Manifest};
use wardroom_runtime::Invocation;

use crate::plugins::escape::{
    Case,
    fixture::{Fixture, ends, reaching, refused, refused_network, sent, with_revision},
    names::Answer,
};

const THEME: &str = "addresses";

/// Every one of them means something on this machine, on its networks or of its cloud.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "127.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7F.1",
    "0177.0.0.1",
    "017700000001",
    "127.000.000.001",
    "127.0.0.1.",
    "127.255.255.254",
    "①②⑦.⓪.⓪.①",
    "１２７．０．０．１",
    "127。0。0。1",
    "127%2e0%2e0%2e1",
    "%31%32%37.0.0.1",
    "0",
    "0.0.0.0",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::127.0.0.1]",
    // A network's own translator may read the address from the middle, and 8.8.8.8 at the end as nothing.
    "[64:ff9b:1:7f00:0:100:808:808]",
    "[64:ff9b:1:a9fe:a9:fe00:808:808]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "169.254.169.254",
    "169.254.170.2",
    "0xa9fea9fe",
    "2852039166",
    "[::ffff:169.254.169.254]",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "100.64.0.1",
    "10.0.0.1",
    "172.31.255.254",
    "192.168.0.1",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "printer.localhost",
    "metadata.google.internal",
    "metadata.google.internal.",
    "metadata.azure.internal",
    "instance-data",
    "kubernetes.default.svc",
    "ｌｏｃａｌｈｏｓｔ",
];

/// What a name of these means; the others are addresses.
const NAMES: &[(&str, Answer)] = &[
    ("localhost", Answer::Addresses(&["127.0.0.1", "::1"])),
    ("printer.localhost", Answer::Addresses(&["127.0.0.1"])),
    ("metadata.google.internal", Answer::Addresses(&["169.254.169.254", "fd20:ce::254"])),
    ("metadata.azure.internal", Answer::Addresses(&["169.254.169.254"])),
    ("instance-data", Answer::Addresses(&["169.254.169.254"])),
    ("kubernetes.default.svc", Answer::Addresses(&["10.96.0.1"])),
];

/// What a guest may write to be read in two ways, with the word for it. `{p}` is the port of the third parties; `base` means
/// that it went to the connection's own base, where it belongs.
const URLS: &[(&str, &str)] = &[
    ("http://127.0.0.2@127.0.0.1:{p}/", "invalid"),
    ("http://127.0.0.2:{p}@127.0.0.1:{p}/", "invalid"),
    ("http://127.0.0.1:{p}#@127.0.0.2:{p}/", "denied"),
    ("http://127.0.0.1:{p}?@127.0.0.2:{p}/", "denied"),
    ("http://127.0.0.1:{p}\\@127.0.0.2:{p}/", "denied"),
    ("http:\\\\127.0.0.1:{p}/", "denied"),
    ("http:/127.0.0.1:{p}/", "denied"),
    ("http:127.0.0.1:{p}/", "denied"),
    ("http:///127.0.0.1:{p}/", "denied"),
    ("hTTp://127.0.0.1:{p}/", "denied"),
    (" http://127.0.0.1:{p}/", "denied"),
    ("ht\ttp://127.0.0.1:{p}/", "denied"),
    ("http://127.0.0.1:{p}/\u{0}", "denied"),
    ("//127.0.0.1:{p}/", "invalid"),
    ("///127.0.0.1:{p}/", "invalid"),
    ("/\\127.0.0.1:{p}/", "invalid"),
    ("\\\\127.0.0.1:{p}/", "invalid"),
    ("/\t/127.0.0.1:{p}/", "base"),
    ("/@127.0.0.1:{p}/", "base"),
    ("/.//127.0.0.1:{p}/", "base"),
    ("/%2f%2f127.0.0.1:{p}/", "base"),
    ("@127.0.0.1:{p}/", "invalid"),
    (".127.0.0.1:{p}/", "invalid"),
    ("?http://127.0.0.1:{p}/", "invalid"),
    ("file:///etc/passwd", "invalid"),
    ("file://127.0.0.1/etc/passwd", "invalid"),
    ("gopher://127.0.0.1:{p}/_GET", "invalid"),
    ("ftp://127.0.0.1:{p}/", "invalid"),
    ("dict://127.0.0.1:{p}/d", "invalid"),
    ("ldap://127.0.0.1:{p}/", "invalid"),
    ("ws://127.0.0.1:{p}/", "invalid"),
    ("unix:///var/run/docker.sock", "invalid"),
    ("http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "invalid"),
    ("data:text/plain,x", "invalid"),
    ("javascript:fetch('http://127.0.0.1')", "invalid"),
    ("jar:http://127.0.0.1:{p}/!/", "invalid"),
    ("blob:http://127.0.0.1:{p}/x", "invalid"),
    ("view-source:http://127.0.0.1:{p}/", "invalid"),
    ("http://[fe80::1%25eth0]:{p}/", "invalid"),
    ("http://[::1", "invalid"),
    ("http://127.0.0.1:99999/", "invalid"),
    ("http://127.0.0.1:-1/", "invalid"),
    ("http://127.0.0.1:0/", "denied"),
    ("http://256.0.0.1/", "invalid"),
    ("http://0x100000000/", "invalid"),
    ("http://127.0.0.1.1/", "invalid"),
    ("http://%00127.0.0.1/", "invalid"),
    ("http://127.0.0.1 .example/", "invalid"),
    ("http://", "invalid"),
    ("", "invalid"),
    ("http://127.0.0.2:1/", "denied"),
    ("https://127.0.0.2:{p}/", "denied"),
    ("http://127.0.0.2.evil.example:{p}/", "denied"),
    ("http://127.0.0.2:{p}.evil.example/", "invalid"),
    ("http://0x7f000002:{p}/", "base"),
];

/// Paths that try to leave a base of `/api`.
const PATHS: &[&str] = &[
    "/../admin",
    "/a/../../admin",
    "/%2e%2e/admin",
    "/.%2e/admin",
    "/%2E%2E/admin",
    "/..%2fadmin",
    "/..%5cadmin",
    "/..\\admin",
    "/..;/admin",
    "/a/..;x=y/..;/admin",
    "/%252e%252e/admin",
    "/..%252fadmin",
    "/../apiary",
    "http://127.0.0.2:{p}/admin",
    "http://127.0.0.2:{p}/api/../admin",
    "http://127.0.0.2:{p}/apiary",
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for host in HOSTS {
        cases.push(Case::new(THEME, format!("base_url at {host}"), move |fixture| async move {
            let base = format!("http://{host}:{}", fixture.port());
            refused_network(&fixture.sandbox.call(ungranted(&fixture, &base, "/", &[])).await)
        }));
        cases.push(Case::new(THEME, format!("a granted host at {host}"), move |fixture| async move {
            let origin = format!("http://{host}:{}", fixture.port());
            let invocation = ungranted(&fixture, "http://base.example", &format!("{origin}/"), &[&origin]);
            refused_network(&fixture.sandbox.call(invocation).await)
        }));
    }
    for (url, word) in URLS {
        cases.push(Case::new(THEME, format!("the URL {url:?}"), move |fixture| async move {
            let url = url.replace("{p}", &fixture.port().to_string());
            let called = fixture.sandbox.call(fixture.outward("fetch", json!({ "url": url }))).await;
            if *word == "base" { sent(&called) } else { refused(&called, word) }
        }));
    }
    for path in PATHS {
        cases.push(Case::new(THEME, format!("out of /api by {path}"), move |fixture| async move {
            let url = path.replace("{p}", &fixture.port().to_string());
            let connection = reaching(&format!("{}/api", fixture.outside.url()));
            refused(
                &fixture.sandbox.call(fixture.sandbox.through(connection, "fetch", json!({ "url": url }))).await,
                "denied",
            )
        }));
    }
    cases.push(Case::new(THEME, "a mail server at the metadata service", |fixture| mail(fixture, "169.254.169.254")));
    cases.push(Case::new(THEME, "a mail server at a mapped address", |fixture| mail(fixture, "[::ffff:127.0.0.1]")));
    cases.push(Case::new(THEME, "a mail server by a name that means this machine", |fixture| {
        mail(fixture, "localhost")
    }));
    cases
}

/// A request through a connection that grants these hosts, and no network.
fn ungranted(fixture: &Fixture, base_url: &str, url: &str, hosts: &[&str]) -> Invocation {
    for (name, answer) in NAMES {
        fixture.names.means(name, vec![answer.clone()]);
    }
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut connection = reaching(base_url);
    connection.grant.networks = Vec::new();
    connection.grant.hosts.clone_from(&hosts);
    asking_for(fixture, with_revision(connection), hosts, json!({ "url": url }))
}

/// A request of a plugin whose manifest asks for these hosts, and was given them.
pub(crate) fn asking_for(fixture: &Fixture, connection: Connection, hosts: Vec<String>, input: Value) -> Invocation {
    let manifest = Arc::new(Manifest { hosts, ..(*fixture.sandbox.manifest).clone() });
    let given = Arc::new(PluginGrant { asks: manifest.asks() });
    Invocation { manifest, given, ..fixture.sandbox.through(connection, "fetch", input) }
}

async fn mail(fixture: Arc<Fixture>, host: &str) -> crate::plugins::escape::Verdict {
    fixture.names.means("localhost", vec![Answer::Addresses(&["127.0.0.1"])]);
    let mut connection = reaching(&format!("smtp://{host}:{}", fixture.port()));
    connection.grant.networks = Vec::new();
    let input = json!({ "channel": "mail", "known": "text" });
    let called = fixture.sandbox.call(fixture.sandbox.through(with_revision(connection), "smuggle", input)).await;
    ends(&called, "denied")
}
