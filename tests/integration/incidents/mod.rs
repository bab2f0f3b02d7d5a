//! Incidents: stages and other verbs, playbooks and their tasks, deadlines and timers, causes, updates and artifacts,
//! retrospectives, drills, private incidents and who sees them, and many people who change one incident at once.

mod clock;
mod crowd;
mod lifecycle;
mod parts;
mod playbook;
mod practice;
mod private;
mod retrospective;
mod stages;
mod timers;
mod verbs;
mod visibility;

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::server::{Answer, Api};

/// A playbook with everything that the tests need.
pub(crate) const OUTAGE: &str = r#"
kind: playbook
name: outage
match: [{ kinds: [incident], severities: [sev1] }]
roles:
  - { name: commander, primary: ada, backup: bob, answer_within: 5m }
  - { name: scribe, primary: cleo }
questions:
  - { id: who, text: "Who is hit?" }
  - { id: data, text: "Was data lost?", choices: ["no", "yes"] }
stages:
  triage:
    tasks:
      - { id: assess, text: "Assess", role: commander, due: 10m }
      - { id: tell, text: "Tell", role: scribe, due: 20m, needs: [assess] }
    exit:
      - { id: known, text: "it is known who is hit", when: 'incident.answers.who != null' }
      - { id: told, text: "people were told", when: 'incident.tasks.tell == "done"', mode: warn }
deadlines:
  - { id: regulator, text: "The regulator is told", when: 'incident.answers.data == "yes"', within: 72h, group: law }
stakeholders: { law: [{ name: "Authority", email: desk@authority.example }] }
templates:
  first: { audience: stakeholder, text: "${{ incident.number }}: ${{ incident.title }}" }
retrospective: { owner: commander, backup: scribe }
"#;

/// People `ada`, `bob`, `cleo` as responders, and the playbook.
pub(crate) async fn prepared(api: &Api) -> [Api; 3] {
    let people = [
        api.person("ada", "responder").await,
        api.person("bob", "responder").await,
        api.person("cleo", "engineer").await,
    ];
    put_playbook(api, "outage", OUTAGE).await.ok();
    people
}

pub(crate) async fn put_playbook(api: &Api, name: &str, source: &str) -> Answer {
    let headers = [("content-type", "application/yaml")];
    api.send(Method::PUT, &format!("/playbooks/{name}"), &headers, source.as_bytes().to_vec()).await
}

pub(crate) async fn patch(api: &Api, path: &str, body: Value) -> Answer {
    api.json(Method::PATCH, path, &[], &body).await
}

/// Opens a sev1 incident; gives its path.
pub(crate) async fn open(api: &Api) -> String {
    let made = api.post("/incidents", json!({ "title": "Checkout fails", "severity": "sev1" })).await.ok();
    format!("/incidents/{}", made["number"].as_str().expect("a number"))
}

/// The texts of a timeline's entries of a kind.
pub(crate) async fn told(api: &Api, incident: &str, kind: &str) -> Vec<String> {
    let page = api.get(&format!("{incident}/timeline?kind={kind}&limit=200")).await.ok();
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|entry| entry["text"].as_str().expect("a text").to_owned()).collect()
}

/// The words of the events of an incident.
pub(crate) async fn events(api: &Api, incident: &str) -> Vec<String> {
    let page = api.get(&format!("{incident}/automations")).await.ok();
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|event| event["type"].as_str().expect("a word").to_owned()).collect()
}
