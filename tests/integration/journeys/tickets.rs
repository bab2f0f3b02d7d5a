//! Tickets in a real Roundup: opened, commented, closed and taken back.

use serde_json::json;
use wardroom_tests::{
    counterparts::{ROUNDUP_ACCOUNT, Roundup},
    database::Kind,
    server::{Api, Server},
};

const WORKFLOW: &str = r#"
name: ticket
on: [{ manual: {} }]
steps:
  - id: open
    uses: roundup/create-ticket
    connection: tracker
    with: { title: "Lower the pool's limit", text: "From INC-1.", priority: bug }
  - id: comment
    uses: roundup/comment
    connection: tracker
    with: { ticket: "${{ steps.open.output.ticket }}", text: "Seen again." }
  - id: close
    uses: roundup/close-ticket
    connection: tracker
    with: { ticket: "${{ steps.open.output.ticket }}" }
"#;

/// Connects the tracker as `tracker`.
pub(crate) async fn connected(api: &Api, roundup: &Roundup) {
    api.install("roundup").await;
    api.put("/secrets/tracker", json!({ "value": ROUNDUP_ACCOUNT.1 })).await.ok();
    let connection = json!({
        "plugin": "roundup", "base_url": roundup.url,
        "auth": { "basic": { "user": ROUNDUP_ACCOUNT.0, "password": "tracker" } },
        "config": { "tracker_url": format!("{}/", roundup.url), "author": ROUNDUP_ACCOUNT.0 },
        "grant": { "networks": ["127.0.0.0/8"] },
    });
    api.put("/connections/tracker", connection).await.ok();
}

#[tokio::test]
async fn a_ticket_is_opened_commented_closed_and_taken_back() {
    let roundup = Roundup::start();
    let mut server = Server::start(Kind::Postgres).await;
    let api = server.api.clone();
    connected(&api, &roundup).await;
    api.save("ticket", WORKFLOW).await;
    let run = api.post("/workflows/ticket/runs", json!({})).await.ok();
    let run = api.ended(&run).await;
    assert_eq!(run["status"], json!("succeeded"), "{run:#}");
    assert_eq!(run["steps"]["open"]["output"]["url"], json!(format!("{}/issue1", roundup.url)));
    let ticket = roundup.get("issue/1?@verbose=2").await["data"]["attributes"].clone();
    assert_eq!(ticket["status"]["name"], json!("resolved"), "{ticket:#}");
    assert_eq!(ticket["messages"].as_array().map(Vec::len), Some(2), "{ticket:#}");
    let back = api.post(&format!("/runs/{}/undo", run["id"].as_str().expect("an id")), json!({})).await.ok();
    let back = api.ended(&back).await;
    assert_eq!(back["status"], json!("succeeded"), "{back:#}");
    let open = roundup.get("issue").await["data"]["collection"].clone();
    assert_eq!(open, json!([]), "the ticket is retired");
    server.stop().await;
}
