//! The main job on real servers: a Prometheus rule fires through Alertmanager, stage changes open a room in Synapse, pull a
//! range from Prometheus, send a mail that MailDev shows, wait for an approval, and switch a flag off in Unleash. Each
//! effect is checked at the counterpart, once. A drill of the same incident touches none of them.

use serde_json::{Value, json};
use wardroom_tests::{
    counterparts::{Alerting, MailDev, Synapse, UNLEASH_TOKEN, Unleash},
    database::Kind,
    guests::root,
    server::{Api, Server},
};

const FLAG: &str = "new-checkout";

struct Counterparts {
    chat: Synapse,
    flags: Unleash,
    mail: MailDev,
    /// Fires as long as it lives.
    _alerting: Alerting,
}

async fn connect(api: &Api) -> Counterparts {
    let (chat, flags, mail) = (Synapse::start().await, Unleash::start().await, MailDev::start());
    let alerting = Alerting::start(&format!("{}/api/v1/hooks/alertmanager", api.url), "hook-token");
    flags.make_flag(FLAG).await;
    for plugin in ["matrix", "prometheus", "email", "unleash"] {
        api.install(plugin).await;
    }
    let secrets =
        [("chat-bot", chat.token.as_str()), ("flag-admin", UNLEASH_TOKEN), ("source-alertmanager", "hook-token")];
    for (name, value) in secrets {
        api.put(&format!("/secrets/{name}"), json!({ "value": value })).await.ok();
    }
    let connections = [
        ("chat", json!({ "plugin": "matrix", "base_url": chat.url, "auth": { "bearer": "chat-bot" } })),
        ("metrics", json!({ "plugin": "prometheus", "base_url": alerting.prometheus })),
        ("mail", json!({ "plugin": "email", "base_url": mail.smtp, "config": { "from": "wardroom@shop.example" } })),
        (
            "flags",
            json!({ "plugin": "unleash", "base_url": flags.url,
            "auth": { "header": { "name": "authorization", "value": "flag-admin" } } }),
        ),
    ];
    for (name, mut connection) in connections {
        connection["grant"] = json!({ "networks": ["127.0.0.0/8"] });
        api.put(&format!("/connections/{name}"), connection).await.ok();
    }
    for name in ["open-channel", "gather-evidence", "roll-back", "tell-resolved", "start-retrospective"] {
        let path = root().join(format!("examples/workflows/{name}.yaml"));
        api.save(name, &std::fs::read_to_string(path).expect("an example")).await;
    }
    Counterparts { chat, flags, mail, _alerting: alerting }
}

/// The run of a workflow for an incident, once it has ended.
async fn ended(api: &Api, incident: &str, workflow: &str) -> Value {
    let path = format!("/runs?incident={incident}&workflow={workflow}");
    let page = api.until(&path, |page| page["items"].get(0).is_some_and(|run| !run["finished_at"].is_null())).await;
    assert_eq!(page["items"].as_array().expect("items").len(), 1, "{workflow} ran once");
    assert_eq!(page["items"][0]["status"], json!("succeeded"), "{:#}", page["items"][0]);
    api.get(&format!("/runs/{}", page["items"][0]["id"].as_str().expect("an id"))).await.ok()
}

async fn enter(api: &Api, incident: &str, stage: &str) {
    api.post(&format!("/incidents/{incident}/stage"), json!({ "to": stage })).await.ok();
}

async fn approve(api: &Api) {
    let pending = api.until("/approvals?status=pending", |page| page["items"].get(0).is_some()).await;
    let id = pending["items"][0]["id"].as_str().expect("an id").to_owned();
    api.post(&format!("/approvals/{id}/approve"), json!({ "reason": "errors are up" })).await.ok();
}

#[tokio::test]
async fn a_real_alert_runs_real_workflows_to_a_rolled_back_flag() {
    let mut server = Server::start(Kind::Postgres).await;
    let api = server.api.clone();
    let there = connect(&api).await;

    // The alert comes in by itself.
    let page = api.until("/incidents", |page| page["items"].get(0).is_some()).await;
    assert_eq!(page["items"][0]["title"], json!("Checkout fails for one customer in eight"));
    assert_eq!(page["items"][0]["severity"], json!("sev1"));
    ended(&api, "INC-1", "open-channel").await;
    let room = there.chat.room("inc-1").await.expect("the room is open");
    assert_eq!(there.chat.topic(&room).await, "sev1: Checkout fails for one customer in eight");
    let subjects: Vec<Value> = there.mail.mails().await.iter().map(|mail| mail["subject"].clone()).collect();
    assert_eq!(subjects, [json!("[INC-1] Checkout fails for one customer in eight")]);

    enter(&api, "INC-1", "triage").await;
    let evidence = ended(&api, "INC-1", "gather-evidence").await;
    assert!(evidence["steps"]["errors"]["output"]["count"] == json!(1), "{evidence:#}");

    enter(&api, "INC-1", "investigate").await;
    assert!(there.flags.is_on(FLAG).await, "nothing happens before the approval");
    approve(&api).await;
    ended(&api, "INC-1", "roll-back").await;
    assert!(!there.flags.is_on(FLAG).await);
    assert_eq!(there.flags.times_switched_off(FLAG).await, 1);

    enter(&api, "INC-1", "resolution").await;
    ended(&api, "INC-1", "tell-resolved").await;
    ended(&api, "INC-1", "start-retrospective").await;
    let texts = there.chat.texts(&room).await;
    for beginning in
        ["INC-1 (sev1)", "Errors of checkout", "roll-back waits", "Switched new-checkout off", "INC-1 is resolved"]
    {
        let times = texts.iter().filter(|text| text.starts_with(beginning)).count();
        assert_eq!(times, 1, "{beginning}: {texts:#?}");
    }
    assert_eq!(there.mail.mails().await.len(), 2);

    drill(&api, &there).await;
    server.stop().await;
}

/// The same incident as practice.
async fn drill(api: &Api, there: &Counterparts) {
    there.flags.switch_on(FLAG).await;
    let labels = json!({ "service": "checkout", "flag": FLAG });
    let body = json!({ "title": "Practice", "severity": "sev1", "kind": "drill", "labels": labels });
    let incident = api.post("/incidents", body).await.ok();
    let number = incident["number"].as_str().expect("a number");
    let opened = ended(api, number, "open-channel").await;
    enter(api, number, "triage").await;
    ended(api, number, "gather-evidence").await;
    enter(api, number, "investigate").await;
    approve(api).await;
    let rolled_back = ended(api, number, "roll-back").await;
    assert_eq!(rolled_back["mode"], json!("practice"));
    assert_eq!(there.chat.room(&number.to_lowercase()).await, None);
    assert_eq!(there.mail.mails().await.len(), 2);
    assert!(there.flags.is_on(FLAG).await);
    let request = would_have_sent(api, &rolled_back, "rollback").await;
    let url = request["http"]["url"].as_str().expect("a URL");
    assert!(url.ends_with("/features/new-checkout/environments/production/off"), "{url}");
    assert!(request.to_string().contains("{{secret:flag-admin}}") && !request.to_string().contains(UNLEASH_TOKEN));
    let mail = would_have_sent(api, &opened, "mail").await;
    assert_eq!(mail["mail"]["to"], json!(["on-call@shop.example"]));
}

async fn would_have_sent(api: &Api, run: &Value, step: &str) -> Value {
    let attempts = api.get(&format!("/runs/{}/attempts", run["id"].as_str().expect("an id"))).await.ok();
    let found =
        attempts["items"].as_array().expect("items").iter().find(|attempt| attempt["step"] == json!(step)).cloned();
    found.expect("an attempt")["trace"]["would_have_sent"].clone()
}
