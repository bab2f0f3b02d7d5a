//! A private incident on every route: the API's own description says which there are, and a walk asks each of them as people
//! whom the incident does not name. Nothing that comes back may tell of it: no identifier, no number, no title, no text.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::{
    database::BOTH,
    server::{Api, Server},
};

use crate::fixture::on_both;
use crate::incidents::prepared;

/// Stands in every text of the private incident, and nowhere else.
const SECRET: &str = "zanzibar";

const WORKFLOW: &str = "name: wait\non: [{ manual: {} }]\nsteps:\n  - id: gate\n    approve: { role: commander, timeout: 30d, \
                        on_timeout: reject, notify: none }\n";

/// What a private incident is made of, by the words under which routes ask for it.
struct Private {
    /// Values of a path's parameters that belong to it: the route's beginning, the parameter's place in it, the value.
    names: Vec<(&'static str, String)>,
    /// What nobody else may read.
    needles: Vec<String>,
}

/// A request of the walk.
struct Step {
    method: Method,
    path: String,
    /// Whether the path names something of the private incident.
    is_about: bool,
}

/// Makes a private incident with everything that can hang on one. Ada and Bob may see it.
async fn private_incident(api: &Api, ada: &Api) -> Private {
    api.save("wait", WORKFLOW).await;
    let text = |what: &str| format!("{SECRET} {what}");
    let body = json!({
        "title": text("title"), "severity": "sev1", "labels": { "team": text("label") }, "visible_to": ["bob"],
    });
    let made = ada.post("/incidents", body).await.ok();
    let (id, number) = (made["id"].as_str().expect("an id"), made["number"].as_str().expect("a number"));
    let incident = format!("/incidents/{number}");
    let run = ada.post("/workflows/wait/runs", json!({ "incident": number })).await.ok();
    let run = run["id"].as_str().expect("an id");
    let is_pending = |page: &Value| page["items"].get(0).is_some();
    let pending = ada.until("/approvals?status=pending", is_pending).await;
    let approval = pending["items"][0]["id"].as_str().expect("an id");
    for (path, body) in [
        ("timeline", json!({ "text": text("note") })),
        ("tasks", json!({ "text": text("task") })),
        ("causes", json!({ "text": text("cause") })),
        ("updates", json!({ "text": text("update") })),
        ("artifacts", json!({ "kind": "link", "label": text("artifact"), "url": "https://zanzibar.example.com" })),
        ("timers", json!({ "name": "t", "in": "24h", "text": text("timer") })),
    ] {
        ada.post(&format!("{incident}/{path}"), body).await.ok();
    }
    for stage in ["triage", "investigate", "resolution"] {
        let body = json!({ "to": stage, "reason": text("reason"), "override": text("override") });
        ada.post(&format!("{incident}/stage"), body).await.ok();
    }
    ada.post(&format!("{incident}/follow-ups"), json!({ "text": text("follow-up") })).await.ok();
    let timer = format!("{number}.t");
    let names = [
        ("/api/v1/incidents/", number.to_owned()),
        ("/api/v1/incidents/", id.to_owned()),
        ("/api/v1/runs/", run.to_owned()),
        ("/api/v1/approvals/", approval.to_owned()),
        ("/api/v1/schedules/", timer.clone()),
    ];
    let needles = [SECRET, id, number, run, approval].map(str::to_owned);
    Private { names: names.into(), needles: needles.into() }
}

/// Every route of the description, with what is private in the place of its first parameter, and once with names of the public.
fn steps(description: &Value, private: &Private) -> Vec<Step> {
    let mut steps = Vec::new();
    for (template, methods) in description["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let rest = |path: String| {
                let known = [
                    ("{id}", "0"),
                    ("{name}", "wait"),
                    ("{step}", "gate"),
                    ("{question}", "who"),
                    ("{role}", "commander"),
                    ("{deadline}", "regulator"),
                    ("{source}", "alertmanager"),
                    ("{token}", "0"),
                    ("{seq}", "1"),
                    ("{number}", "1"),
                ];
                known.iter().fold(path, |path, (parameter, value)| path.replace(parameter, value))
            };
            steps.push(Step { method: method.clone(), path: rest(template.clone()), is_about: false });
            for (route, value) in &private.names {
                let Some((first, _)) = template.strip_prefix(route).and_then(|end| end.split_once('}')) else {
                    continue;
                };
                if first.starts_with('{') {
                    let parameter = format!("{route}{first}}}");
                    let path = rest(template.replacen(&parameter, &format!("{route}{value}"), 1));
                    steps.push(Step { method: method.clone(), path, is_about: true });
                }
            }
        }
    }
    for root in ["//metrics", "//readyz", "//healthz", "//openapi.json", "//"] {
        steps.push(Step { method: Method::GET, path: root.to_owned(), is_about: false });
    }
    for (route, value) in &private.names {
        if route.ends_with("incidents/") {
            for list in ["runs?incident=", "incidents?limit=200&x=", "approvals?x=", "schedules?owner=incident&x="] {
                let path = format!("/api/v1/{list}{value}");
                steps.push(Step { method: Method::GET, path, is_about: false });
            }
        }
    }
    // What reads comes first: what changes something may take away what would be read.
    steps.sort_by_key(|step| step.method != Method::GET);
    steps
}

/// Asks all of it; gives what tells of the private incident.
async fn walk(api: &Api, private: &Private) -> BTreeSet<String> {
    walk_without(api, private, None).await
}

/// The same without the routes of one ending.
async fn walk_without(api: &Api, private: &Private, left_out: Option<&str>) -> BTreeSet<String> {
    let description = api.get("//openapi.json").await.ok();
    let mut leaks = BTreeSet::new();
    for Step { method, path, is_about } in steps(&description, private) {
        if left_out.is_some_and(|end| path.ends_with(end)) {
            continue;
        }
        let below = path.strip_prefix("/api/v1").unwrap_or(&path);
        let url = match below.strip_prefix("//") {
            Some(root) => format!("{}/{root}", api.url),
            None => format!("{}/api/v1{below}", api.url),
        };
        let request = api.client().request(method.clone(), url).bearer_auth(api.token());
        let request = if method == Method::GET { request } else { request.json(&json!({})) };
        let mut response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), format!("{:?}", response.headers()));
        let is_stream = headers.contains("text/event-stream");
        if is_about && status.is_success() {
            leaks.insert(format!("{method} {path}: {status}"));
        }
        let body = if is_stream {
            let first = response.chunk().await.expect("goes on").unwrap_or_default();
            String::from_utf8_lossy(&first).into_owned()
        } else {
            response.text().await.expect("a body")
        };
        for needle in &private.needles {
            // What was asked for may be said back.
            let is_echo = path.contains(needle.as_str());
            if !is_echo && (holds(&body, needle) || holds(&headers, needle)) {
                leaks.insert(format!("{method} {path}: {needle}"));
            }
        }
    }
    leaks
}

/// Whether a text holds a word; `INC-1` is not in `INC-12`.
fn holds(text: &str, needle: &str) -> bool {
    text.match_indices(needle).any(|(at, _)| !text[at + needle.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

#[tokio::test]
async fn no_route_tells_of_a_private_incident_to_people_whom_it_does_not_name() {
    on_both(|api| async move {
        let [ada, bob, cleo] = prepared(&api).await;
        let private = private_incident(&api, &ada).await;
        // An open incident beside it, so that lists have something to show.
        api.post("/incidents", json!({ "title": "Public", "severity": "sev4" })).await.ok();
        for (role, person) in [
            ("viewer", api.person("vera", "viewer").await),
            ("responder", api.person("rob", "responder").await),
            ("engineer", cleo),
        ] {
            assert_eq!(walk(&person, &private).await, BTreeSet::new(), "a {role} who is not named");
        }
        // An administrator may change who is named, and would let everybody in here. That is audited with number and
        // identifier: nothing else is told.
        let told = walk_without(&api, &private, Some("/access")).await;
        let elsewhere: Vec<&String> = told.iter().filter(|leak| !leak.contains("/api/v1/audit: ")).collect();
        assert!(elsewhere.is_empty(), "an administrator who is not named: {elsewhere:#?}");
        assert!(!told.iter().any(|leak| leak.ends_with(SECRET)), "the audit log holds no texts: {told:#?}");
        // The walk is not blind: to somebody who is named it finds the incident wherever it is.
        let found = walk(&bob, &private).await;
        assert!(found.len() >= 40, "only {}: {found:#?}", found.len());
    })
    .await;
}

#[tokio::test]
async fn the_walk_catches_a_leak() {
    let mut server = Server::start(BOTH[0]).await;
    let api = server.api.clone();
    let [ada, _, cleo] = prepared(&api).await;
    let private = private_incident(&api, &ada).await;
    let number = private.names[0].1.clone();
    // What a careless function would do: name the private incident in one that everybody sees.
    let public = api.post("/incidents", json!({ "title": format!("as in {number}"), "severity": "sev4" })).await.ok();
    let leaks = walk(&cleo, &private).await;
    let list = format!("GET /api/v1/incidents: {number}");
    assert!(leaks.contains(&list), "{leaks:#?}");
    assert!(public["number"].is_string());
    server.stop().await;
}

#[tokio::test]
async fn incidents_that_hang_together_with_a_private_one_do_not_name_it() {
    on_both(|api| async move {
        let [ada, bob, cleo] = prepared(&api).await;
        let alert = |status: &str| {
            json!({
                "version": "4", "groupKey": "g", "status": status, "receiver": "r", "groupLabels": {}, "commonLabels": {},
                "commonAnnotations": {}, "externalURL": "http://am.example", "alerts": [{
                    "status": status, "labels": { "alertname": "Disk", "severity": "warning" }, "annotations": {},
                    "startsAt": "2026-12-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "f",
                }],
            })
        };
        api.put("/secrets/source-alertmanager", json!({ "value": "a-token-of-the-source" })).await;
        let source = api.with_token("a-token-of-the-source");
        let first = source.post("/hooks/alertmanager", alert("firing")).await.ok();
        let number = first["incident"].as_str().expect("a public one is named").to_owned();
        let incident = format!("/incidents/{number}");
        let id = api.get(&incident).await.ok()["id"].as_str().expect("an id").to_owned();
        assert_eq!(ada.put(&format!("{incident}/access"), json!({ "visible_to": ["ada", "bob"] })).await.status, 204);
        // It fires again while the private one is open: the source is told that it was taken, and not where.
        let joined = source.post("/hooks/alertmanager", alert("resolved")).await.ok();
        assert_eq!((&joined["incident"], &joined["changed"]), (&Value::Null, &json!(1)), "{joined:#}");
        let joined = ada.post("/hooks/alertmanager", alert("firing")).await.ok();
        assert_eq!(joined["incident"], json!(number), "whoever may see it is told");
        // It ends, and the alert comes again: the new incident repeats one that most people may not see.
        let canceled = json!({ "to": "canceled", "reason": "false_alarm" });
        bob.post(&format!("{incident}/stage"), canceled).await.ok();
        let again = source.post("/hooks/alertmanager", alert("firing")).await.ok();
        let again = format!("/incidents/{}", again["incident"].as_str().expect("a public one is named"));
        assert_eq!(bob.get(&again).await.ok()["recurrence_of"], json!(id));
        assert_eq!(cleo.get(&again).await.ok()["recurrence_of"], Value::Null);
        // A private duplicate is merged into an incident that everybody sees.
        let body = json!({ "title": format!("{SECRET} duplicate"), "severity": "sev3", "visible_to": ["bob"] });
        let duplicate = ada.post("/incidents", body).await.ok();
        let duplicate = duplicate["number"].as_str().expect("a number").to_owned();
        let into = again.trim_start_matches("/incidents/");
        ada.post(&format!("/incidents/{duplicate}/merge"), json!({ "into": into })).await.ok();
        for path in [again.clone(), format!("{again}/timeline"), format!("{again}/automations"), format!("{again}/brief")] {
            let shown = cleo.get(&path).await.ok().to_string();
            for needle in [SECRET, &id, &number, &duplicate] {
                assert!(!holds(&shown, needle), "{path} tells {needle}: {shown}");
            }
        }
        let text = cleo.get(&format!("{again}/timeline")).await.ok().to_string();
        assert!(text.contains("a private incident is a duplicate of this"), "{text}");
    })
    .await;
}
