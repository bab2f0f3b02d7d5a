//! Whom the host believes over TLS and who it says it is, with etcd and OpenSSL at the other end.

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_domain::connection::{ClientCertificate, Tls};
use wardroom_tests::{
    counterparts::{Authority, Etcd, MailDev, TlsServer},
    database::{BOTH, Kind},
    server::{Api, Server},
};

use crate::plugins::{Sandbox, code, connection, done};

const WORKFLOW: &str = r"
name: put
on: [{ manual: {} }]
steps:
  - { id: put, uses: webhook/send, connection: etcd, with: { path: /v3/kv/put, body: { key: Zmxvdw==, value: dQ== } }, retry: { attempts: 1 } }
";

/// Runs the workflow; what its step failed with, null when it did not.
async fn put(api: &Api) -> Value {
    let run = api.post("/workflows/put/runs", json!({})).await.ok();
    let run = api.ended(&run).await;
    run["steps"]["put"]["error"].clone()
}

#[tokio::test]
async fn a_private_authority_and_a_client_certificate_belong_to_a_connection() {
    for kind in BOTH {
        let (authority, stranger) = (Authority::new(), Authority::new());
        let etcd = Etcd::with_tls(&authority, &authority.certify("etcd", "IP:127.0.0.1"));
        let (client, other) =
            (authority.certify("wardroom", "DNS:wardroom"), stranger.certify("other", "DNS:wardroom"));
        let mut server = Server::start(kind).await;
        let api = server.api.clone();
        api.install("webhook").await;
        api.put("/secrets/etcd-key", json!({ "value": client.key().trim_end() })).await.ok();
        let with = |tls: Value| {
            json!({
                "plugin": "webhook", "base_url": etcd.url, "tls": tls, "config": { "receiver_deduplicates": true },
                "grant": { "networks": ["127.0.0.0/8"] },
            })
        };
        let set = async |tls: Value| api.put("/connections/etcd", with(tls)).await.ok();
        let shown = json!({ "certificate": client.certificate(), "key": "etcd-key" });
        set(Value::Null).await;
        api.save("put", WORKFLOW).await;
        let unknown = put(&api).await;
        assert!(unknown.to_string().contains("UnknownIssuer"), "the machine does not know it: {unknown}");
        set(json!({ "ca": stranger.certificate() })).await;
        let wrong = put(&api).await;
        assert!(wrong.to_string().contains("invalid peer certificate"), "another authority's is no better: {wrong}");
        set(json!({ "ca": authority.certificate() })).await;
        let unnamed = put(&api).await;
        assert!(unnamed.to_string().contains("BadCertificate"), "etcd wants to know who asks: {unnamed}");
        let tls = json!({ "ca": authority.certificate(), "client": shown });
        let answer = set(tls.clone()).await;
        assert_eq!(answer["tls"], tls, "the key stands there by its name");
        assert_eq!(put(&api).await, Value::Null);

        // The key is replaced, with and without its certificate.
        api.put("/secrets/etcd-key", json!({ "value": other.key() })).await.ok();
        let unfit = put(&api).await.to_string();
        assert!(unfit.contains("etcd-key is no key of tls.client.certificate"), "{unfit}");
        let renewed = authority.certify("renewed", "DNS:wardroom");
        api.put("/secrets/etcd-key", json!({ "value": renewed.key() })).await.ok();
        set(json!({ "ca": authority.certificate(), "client": { "certificate": renewed.certificate(), "key": "etcd-key" } })).await;
        assert_eq!(put(&api).await, Value::Null);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_name_that_is_not_in_the_certificate_is_refused_whatever_the_authority() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority, &authority.certify("elsewhere", "DNS:elsewhere.example"));
    let sandbox = Sandbox::new().await;
    let mut to = connection(&server.url);
    to.tls = Some(Tls { ca: Some(authority.certificate()), client: None });
    let called = sandbox.call(sandbox.through(to, "fetch", json!({ "url": "/" }))).await;
    assert_eq!(code(&called), "http_tls", "{called:?}");
    let told = called.result.expect_err("a failure").message;
    assert!(told.contains("not valid for name"), "{told}");
}

#[tokio::test]
async fn granted_hosts_are_not_shown_the_certificate() {
    let authority = Authority::new();
    let certified = authority.certify("server", "IP:127.0.0.1");
    let (own, granted) = (TlsServer::demanding(&authority, &certified), TlsServer::start(&authority, &certified));
    let client = authority.certify("client", "DNS:wardroom");
    let sandbox = Sandbox::with_secret("key", &client.key()).await;
    let fetch = |url: String| {
        let mut to = connection(&own.url);
        to.tls = Some(Tls {
            ca: Some(authority.certificate()),
            client: Some(ClientCertificate { certificate: client.certificate(), key: "key".to_owned() }),
        });
        to.grant.hosts = vec![granted.url.clone()];
        let mut invocation = sandbox.through(to, "fetch", json!({ "url": url }));
        let mut manifest = (*invocation.manifest).clone();
        manifest.hosts = vec![granted.url.clone()];
        invocation.given = std::sync::Arc::new(wardroom_domain::grant::PluginGrant { asks: manifest.asks() });
        invocation.manifest = std::sync::Arc::new(manifest);
        sandbox.call(invocation)
    };
    let at_home = fetch("/".to_owned()).await;
    assert_eq!(done(&at_home).output["status"], json!(200), "it demands one");
    // The same authority is believed there, beside the machine's.
    let away = fetch(format!("{}/", granted.url)).await;
    let said = done(&away).output["tail"].as_str().expect("a text").to_owned();
    assert!(said.contains("no client certificate available"), "{said}");
}

#[tokio::test]
async fn mail_believes_the_authority_of_its_connection() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (maildev, clear) = (MailDev::with_tls(&authority.certify("mail", "IP:127.0.0.1")), MailDev::start());
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    api.install("email").await;
    let send = async |base_url: &str, ca: Option<String>| {
        let connection = json!({
            "plugin": "email", "base_url": base_url, "tls": { "ca": ca }, "config": { "from": "wardroom@example.com" },
            "grant": { "networks": ["127.0.0.0/8"] },
        });
        api.put("/connections/mail", connection).await.ok();
        api.save("tell", "name: tell\non: [{ manual: {} }]\nsteps:\n  - { id: tell, uses: email/send, connection: mail, with: { to: [a@example.com], subject: Hello, text: Hello }, retry: { attempts: 1 } }\n").await;
        let run = api.post("/workflows/tell/runs", json!({})).await.ok();
        api.ended(&run).await["steps"]["tell"]["error"].clone()
    };
    for ca in [None, Some(stranger.certificate())] {
        let refused = send(&maildev.smtp, ca).await;
        assert!(refused.to_string().contains("certificate"), "{refused}");
    }
    assert_eq!(maildev.mails().await, Vec::<Value>::new());
    assert_eq!(send(&maildev.smtp, Some(authority.certificate())).await, Value::Null);
    assert_eq!(maildev.mails().await.len(), 1);
    // A server that does not offer TLS is given nothing, this machine's neither.
    let refused = send(&clear.smtp, Some(authority.certificate())).await;
    assert!(refused.to_string().contains("STARTTLS"), "{refused}");
    assert_eq!(clear.mails().await, Vec::<Value>::new());
    server.stop().await;
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_by_field() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let client = authority.certify("client", "DNS:wardroom");
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    api.install("webhook").await;
    api.put("/secrets/key", json!({ "value": client.key() })).await.ok();
    api.put("/secrets/other-key", json!({ "value": stranger.certify("other", "DNS:x").key() })).await.ok();
    api.put("/secrets/no-key", json!({ "value": "hunter2-is-no-key" })).await.ok();
    let (ca, certificate) = (authority.certificate(), client.certificate());
    let shown = |certificate: &str, key: &str| json!({ "client": { "certificate": certificate, "key": key } });
    let https = "https://127.0.0.1:1";
    let long = ca.repeat(200);
    let cases = [
        (https, json!({ "ca": "" }), "tls.ca", "BEGIN CERTIFICATE"),
        (
            https,
            json!({ "ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" }),
            "tls.ca",
            "authority",
        ),
        (https, json!({ "ca": client.key() }), "tls.ca", "BEGIN CERTIFICATE"),
        (https, json!({ "ca": long }), "tls.ca", "65536 bytes"),
        (https, shown("", "key"), "tls.client.certificate", "BEGIN CERTIFICATE"),
        (https, shown(&certificate, "absent"), "tls.client.key", "no secret absent"),
        (https, shown(&certificate, "no-key"), "tls.client.key", "PKCS#8"),
        (https, shown(&certificate, "other-key"), "tls.client.key", "no key of tls.client.certificate"),
        ("http://127.0.0.1:1", json!({ "ca": ca }), "tls", "https"),
        ("HTTP://127.0.0.1:1", json!({ "ca": ca }), "tls", "https"),
        ("smtps://127.0.0.1:1", shown(&certificate, "key"), "tls.client", "auth"),
        (https, json!({ "insecure": true }), "insecure", "unknown field"),
    ];
    for (base_url, tls, field, hint) in cases {
        let connection = json!({ "plugin": "webhook", "base_url": base_url, "tls": tls });
        let answer = api.put("/connections/hook", connection).await;
        let problem = answer.body.to_string();
        assert_eq!(answer.status, 422, "{field}, {hint}: {problem}");
        assert!(problem.contains(field) && problem.contains(hint), "{field}, {hint}: {problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
    let answer = api.send(Method::GET, "/connections/hook", &[], Vec::new()).await;
    assert_eq!(answer.status, 404, "nothing is half done");
    server.stop().await;
}
