//! What tests over HTTP share: a server on each database, a connection to a third party, an open incident.

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::{
    clock::{SetClock, start},
    database::{BOTH, Database},
    guests,
    server::{Api, Server},
    third_party::ThirdParty,
};

/// When a clock that the test sets begins: any time will do.
pub(crate) const BEGINNING_MS: i64 = 1_795_400_000_000;

/// Runs a test on a server over each database.
pub(crate) async fn on_both<F: Future<Output = ()>>(test: impl Fn(Api) -> F) {
    for kind in BOTH {
        kind.announce();
        let mut server = Server::start(kind).await;
        test(server.api.clone()).await;
        server.stop().await;
    }
}

/// The same by a clock that stands still until the test lets time pass: what has a time waits for the test, not the other way
/// round.
pub(crate) async fn on_both_by_clock<F: Future<Output = ()>>(test: impl Fn(Api, SetClock) -> F) {
    for kind in BOTH {
        kind.announce();
        let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
        let clock = SetClock::at(BEGINNING_MS);
        let (app, api) = start(folder.path(), &database, &clock).await;
        test(api, clock).await;
        app.stop().await;
    }
}

/// Installs the webhook plugin with a connection `hooks` to a third party.
pub(crate) async fn connected(api: &Api, config: Value) -> ThirdParty {
    let third = ThirdParty::start().await;
    api.install("webhook").await;
    let connection = json!({
        "plugin": "webhook",
        "base_url": third.url(),
        "config": config,
        "grant": { "networks": ["127.0.0.0/8"] },
    });
    api.put("/connections/hooks", connection).await.ok();
    third
}

/// Installs the hostile plugin with a connection `marks` to a third party: its action `mark` can be taken back.
pub(crate) async fn marking(api: &Api) -> ThirdParty {
    let third = ThirdParty::start().await;
    let headers = [("content-type", "application/wasm")];
    api.send(Method::POST, "/plugins", &headers, guests::hostile()).await.ok();
    let connection = json!({ "plugin": "hostile", "base_url": third.url(), "grant": { "networks": ["127.0.0.0/8"] } });
    api.put("/connections/marks", connection).await.ok();
    third
}

/// Opens an incident.
pub(crate) async fn opened(api: &Api, title: &str) -> Value {
    api.post("/incidents", json!({ "title": title, "severity": "sev1", "labels": { "service": "checkout" } }))
        .await
        .ok()
}
