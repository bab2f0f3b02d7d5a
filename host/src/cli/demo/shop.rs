//! The shop before anything happens: its plugins, people, connections, workflows and playbook.

use std::{collections::BTreeMap, path::Path};

use reqwest::Method;
use serde_json::json;

use super::{
    super::{
        Failed,
        client::{ClientOptions, word},
        terminal::{self, Colour, paint},
    },
    town::Town,
};

/// The bundled plugins the demo uses.
const PLUGINS: [&str; 5] = ["matrix", "prometheus", "email", "unleash", "roundup"];
/// The example workflows, by name.
const WORKFLOWS: [(&str, &str); 6] = [
    ("open-channel", include_str!("../../../../examples/workflows/open-channel.yaml")),
    ("gather-evidence", include_str!("../../../../examples/workflows/gather-evidence.yaml")),
    ("roll-back", include_str!("../../../../examples/workflows/roll-back.yaml")),
    ("tell-resolved", include_str!("../../../../examples/workflows/tell-resolved.yaml")),
    ("start-retrospective", include_str!("../../../../examples/workflows/start-retrospective.yaml")),
    ("file-follow-up", include_str!("../../../../examples/workflows/file-follow-up.yaml")),
];
/// The playbook that the incident follows.
pub(super) const PLAYBOOK: &str = include_str!("../../../../examples/playbooks/service-outage.yaml");
/// The people of the shop: handles and names.
const PEOPLE: [(&str, &str); 4] =
    [("ada", "Ada Lovelace"), ("bob", "Bob Kahn"), ("cleo", "Cleo Abbe"), ("dan", "Dan Bricklin")];

/// Sets it up; gives its people, each with a token of their own.
pub(super) async fn open(
    client: &ClientOptions,
    town: &Town,
    plugins: &Path,
) -> Result<BTreeMap<&'static str, ClientOptions>, Failed> {
    for name in PLUGINS {
        let path = plugins.join(format!("{name}.wasm"));
        let bytes = std::fs::read(&path)
            .map_err(|error| Failed(format!("{}: {error}; build the plugins first: make plugins", path.display())))?;
        let request = client.request(Method::POST, "/plugins")?.header("content-type", "application/wasm").body(bytes);
        client.answer(request).await?;
    }
    let mut people = BTreeMap::new();
    for (handle, name) in PEOPLE {
        let person = json!({ "handle": handle, "name": name, "email": format!("{handle}@shop.example") });
        client.post("/people", person).await?;
        let token = client.post("/tokens", json!({ "person": handle, "role": "engineer" })).await?;
        people.insert(handle, client.with_token(word(&token, "token")));
    }
    let away = json!({ "from": "2026-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z", "reason": "leave" });
    client.send(Method::PATCH, "/people/ada", Some(json!({ "away": [away] }))).await?;
    for (name, value) in [
        ("chat-bot", "practice-chat"),
        ("flag-admin", "practice-flags"),
        ("source-alertmanager", "practice-alerts"),
        ("tracker", "practice-tickets"),
    ] {
        client.send(Method::PUT, &format!("/secrets/{name}"), Some(json!({ "value": value }))).await?;
    }
    let (town, mail) = (town.url(), town.mail_url());
    let grant = json!({ "networks": ["127.0.0.0/8"] });
    let connections = [
        ("chat", json!({ "plugin": "matrix", "base_url": format!("{town}/chat"), "auth": { "bearer": "chat-bot" } })),
        ("metrics", json!({ "plugin": "prometheus", "base_url": format!("{town}/metrics") })),
        (
            "flags",
            json!({ "plugin": "unleash", "base_url": format!("{town}/flags"),
            "auth": { "header": { "name": "authorization", "value": "flag-admin" } } }),
        ),
        (
            "mail",
            json!({ "plugin": "email", "base_url": mail, "config": { "from": "Wardroom <wardroom@shop.example>" } }),
        ),
        (
            "tracker",
            json!({ "plugin": "roundup", "base_url": format!("{town}/tickets"), "auth": { "bearer": "tracker" },
                "config": { "tracker_url": format!("{town}/tickets/"), "author": "wardroom" } }),
        ),
    ];
    for (name, mut connection) in connections {
        connection["grant"] = grant.clone();
        client.send(Method::PUT, &format!("/connections/{name}"), Some(connection)).await?;
    }
    for (name, source) in WORKFLOWS {
        let request = client.request(Method::PUT, &format!("/workflows/{name}"))?;
        client.answer(request.header("content-type", "application/yaml").body(source)).await?;
    }
    let request = client.request(Method::PUT, "/playbooks/service-outage")?;
    client.answer(request.header("content-type", "application/yaml").body(PLAYBOOK)).await?;
    terminal::line(&paint(
        Colour::Grey,
        &format!(
            "{} plugins in their sandboxes, {} workflows, a playbook. Chat, flags, metrics, tickets and mailbox are a practice town on {town}.",
            PLUGINS.len(),
            WORKFLOWS.len()
        ),
    ))?;
    Ok(people)
}
