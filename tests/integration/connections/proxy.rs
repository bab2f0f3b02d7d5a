//! Requests of plugins through a proxy: a real one, that wants a password and keeps a log.

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
};

use serde_json::json;
use wardroom_runtime::{Proxy, limits::Limits};
use wardroom_tests::{
    counterparts::{Authority, TinyProxy, TlsServer},
    guests::root,
    process::free_port,
    server::{ADMIN, Api},
    third_party::ThirdParty,
};

use crate::plugins::{Names, Sandbox, code, connection, done};

/// A sandbox behind a proxy, for which `names` mean addresses.
async fn behind(url: &str, by_name: bool, names: &[(&str, &str)]) -> Sandbox {
    let names = names.iter().map(|(name, ip)| ((*name).to_owned(), ip.parse().expect("an address"))).collect();
    let proxy = Proxy::new(&url.into(), by_name).expect("fits");
    Sandbox::reaching(Limits { calls: 4, ..Limits::default() }, Arc::new(Names(names)), Some(proxy)).await
}

#[tokio::test]
async fn the_proxy_is_asked_for_addresses_that_were_looked_at_here() {
    let (proxy, third) = (TinyProxy::start(), ThirdParty::start().await);
    let names = [("api.example", "127.0.0.1"), ("meta.example", "169.254.169.254")];
    let sandbox = behind(&proxy.url_with_password, false, &names).await;
    let port = third.address.port();
    let fetch = async |host: &str| {
        let to = connection(&format!("http://{host}:{port}"));
        sandbox.call(sandbox.through(to, "fetch", json!({ "url": "/here" }))).await
    };
    assert_eq!(done(&fetch("api.example").await).output["status"], json!(200));
    assert_eq!(done(&fetch("127.0.0.1").await).output["status"], json!(200));
    assert_eq!(third.asked()[0].headers["host"], format!("api.example:{port}"), "the name stays in the request");
    assert!(third.asked().iter().all(|asked| !asked.headers.contains_key("proxy-authorization")));
    for refused in ["meta.example", "169.254.169.254", "10.0.0.1"] {
        let called = fetch(refused).await;
        assert_eq!(code(&called), "http_denied", "{refused}: {called:?}");
    }
    assert_eq!(code(&fetch("unknown.example").await), "http_dns");
    assert_eq!(proxy.goals(), vec![format!("127.0.0.1:{port}"); 2], "it was asked for nothing else");
}

#[tokio::test]
async fn a_proxy_that_filters_by_name_is_asked_for_names() {
    let (proxy, third) = (TinyProxy::start(), ThirdParty::start().await);
    let sandbox = behind(&proxy.url_with_password, true, &[]).await;
    let port = third.address.port();
    let fetch = async |host: &str| {
        let to = connection(&format!("http://{host}:{port}"));
        sandbox.call(sandbox.through(to, "fetch", json!({ "url": "/here" }))).await
    };
    assert_eq!(done(&fetch("localhost").await).output["status"], json!(200));
    assert_eq!(code(&fetch("169.254.169.254").await), "http_denied", "an address is looked at all the same");
    assert_eq!(proxy.goals(), [format!("localhost:{port}")]);
}

#[tokio::test]
async fn what_goes_through_a_proxy_is_encrypted_to_its_end() {
    let authority = Authority::new();
    let server = TlsServer::start(&authority, &authority.certify("api.example", "DNS:api.example"));
    let proxy = TinyProxy::start();
    let sandbox = behind(&proxy.url_with_password, false, &[("api.example", "127.0.0.1")]).await;
    let port = server.url.rsplit(':').next().expect("a port");
    let fetch = async |ca: Option<String>| {
        let mut to = connection(&format!("https://api.example:{port}"));
        to.tls = Some(wardroom_domain::connection::Tls { ca, client: None });
        to.revision += 1;
        sandbox.call(sandbox.through(to, "fetch", json!({ "url": "/" }))).await
    };
    assert_eq!(done(&fetch(Some(authority.certificate())).await).output["status"], json!(200));
    assert_eq!(proxy.goals(), [format!("127.0.0.1:{port}")]);
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_not_there_carried_nothing() {
    let (proxy, third) = (TinyProxy::start(), ThirdParty::start().await);
    let nobody = format!("http://127.0.0.1:{}", free_port());
    for (url, why) in [(proxy.url.as_str(), "tunnel"), (&nobody, "refused")] {
        let sandbox = behind(url, false, &[]).await;
        let input = json!({ "method": "POST", "url": "/" });
        let called = sandbox.call(sandbox.through(connection(&third.url()), "fetch", input)).await;
        assert_eq!(code(&called), "http_connect", "{called:?}");
        let error = called.result.expect_err("a failure");
        assert!(error.message.contains("proxy") && error.message.contains(why), "{error:?}");
        assert!(!error.sent_unsafe);
    }
    assert_eq!(third.connected(), 0);
}

/// `wardroom serve` with a proxy of the environment's, and what else it is told.
fn serve(folder: &std::path::Path, of_environment: &str, arguments: &[&str]) -> (Child, Api) {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(root().join("target/debug/wardroom"));
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(folder.join("data")).args(arguments);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, of_environment).env(name.to_lowercase(), of_environment);
    }
    command.env("WARDROOM_ADMIN_TOKEN", ADMIN).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    (command.spawn().expect("it starts"), Api::new(address, ADMIN))
}

#[tokio::test]
async fn only_the_configuration_names_a_proxy() {
    let (proxy, third) = (TinyProxy::start(), ThirdParty::start().await);
    let of_environment = ThirdParty::start().await;
    for (arguments, goals) in [(vec![], 0), (vec!["--outbound-proxy", proxy.url_with_password.as_str()], 1)] {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut child, api) = serve(folder.path(), &of_environment.url(), &arguments);
        api.ready().await;
        api.install("webhook").await;
        let connection = json!({
            "plugin": "webhook", "base_url": third.url(), "config": { "receiver_deduplicates": true },
            "grant": { "networks": ["127.0.0.0/8"] },
        });
        api.put("/connections/hook", connection).await.ok();
        api.save("tell", "name: tell\non: [{ manual: {} }]\nsteps:\n  - { id: tell, uses: webhook/send, connection: hook, with: { path: /x, body: {} } }\n").await;
        let run = api.post("/workflows/tell/runs", json!({})).await.ok();
        assert_eq!(api.ended(&run).await["status"], json!("succeeded"));
        assert_eq!(proxy.goals(), vec![third.address.to_string(); goals]);
        child.kill().expect("it is ended");
        child.wait().expect("it is gone");
    }
    assert_eq!((of_environment.connected(), third.count()), (0, 2));
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_at_the_start_without_its_password() {
    for (arguments, hint) in [
        (["--outbound-proxy", "https://me:hunter2@proxy.example"], "scheme"),
        (["--outbound-proxy", "proxy:3128"], "http"),
        (["--outbound-proxy-by-name", "--log=info"], "--outbound-proxy <URL>"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let (child, _) = serve(folder.path(), "", &arguments);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(hint), "{arguments:?}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
