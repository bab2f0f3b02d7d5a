//! What a golden database means, compared with what its maker said of it. A later version may say more than was said then;
//! it may not say anything else. Knows nothing of how the database came here.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_tests::server::Api;

/// The differences between what was said then and what is said now, each with its place.
#[derive(Debug, Default)]
pub(super) struct Differences(Vec<String>);

impl Differences {
    /// Nothing may be left.
    pub(super) fn are_none(self) {
        assert!(self.0.is_empty(), "stored data changed its meaning:\n{}", self.0.join("\n"));
    }

    fn note(&mut self, place: &str, then: &Value, now: &Value) {
        self.0.push(format!("{place}: was {then}, is {now}"));
    }

    /// Whether everything that was said then is still said.
    fn same(&mut self, place: &str, then: &Value, now: &Value) {
        match (then, now) {
            (Value::Object(fields), Value::Object(_)) => {
                for (key, value) in fields {
                    self.same(&format!("{place}.{key}"), value, &now[key]);
                }
            }
            (Value::Array(then), Value::Array(now)) if then.len() == now.len() => self.prefix(place, then, now),
            _ if then == now => {}
            _ => self.note(place, then, now),
        }
    }

    /// Whether what was there then stands first; more may have come.
    fn prefix(&mut self, place: &str, then: &[Value], now: &[Value]) {
        for (index, value) in then.iter().enumerate() {
            self.same(&format!("{place}[{index}]"), value, now.get(index).unwrap_or(&Value::Null));
        }
    }

    /// The same of lists whose order says nothing, by what tells their items apart.
    fn each(&mut self, place: &str, keys: &[&str], then: &Value, now: &[Value]) {
        let name = |item: &Value| keys.iter().map(|key| item[key].to_string()).collect::<Vec<_>>().join(" ");
        let now: BTreeMap<String, &Value> = now.iter().map(|item| (name(item), item)).collect();
        for item in items(then) {
            let name = name(item);
            self.same(&format!("{place}[{name}]"), item, now.get(&name).unwrap_or(&&Value::Null));
        }
    }
}

/// The items of a JSON list.
pub(super) fn items(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A text of a JSON document.
pub(super) fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    document[key].as_str().unwrap_or_else(|| panic!("{key}: {document}"))
}

/// All items of a paged list.
pub(super) async fn all(api: &Api, path: &str) -> Vec<Value> {
    let (mut items, mut after) = (Vec::new(), String::new());
    loop {
        let mut page = api.get(&format!("{path}{}limit=100{after}", if path.contains('?') { '&' } else { '?' })).await;
        if page.status == 400 || page.status == 422 {
            // A list that is never long takes no limit.
            page = api.get(path).await;
        }
        let page = page.ok();
        items.extend_from_slice(self::items(&page["items"]));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return items,
        }
    }
}

/// What never changes again: timelines, ended runs, calls that were made, revisions, ticks, who did what.
pub(super) async fn history(api: &Api, facts: &Value) -> Differences {
    let mut differences = Differences::default();
    for incident in items(&facts["incidents"]) {
        let (id, number) = (text(&incident["incident"], "id"), text(&incident["incident"], "number"));
        let timeline = items(&incident["timeline"]);
        differences.prefix(number, timeline, &all(api, &format!("/incidents/{id}/timeline")).await);
        let head = api.get(&format!("/incidents/{id}/timeline/head?entries={}", timeline.len())).await.ok();
        differences.same(&format!("{number} hash of the timeline"), &incident["head"], &head["head"]);
        for (index, version) in items(&incident["versions"]).iter().enumerate() {
            let path = format!("/api/v1/incidents/{id}/retrospective/versions/{}", index + 1);
            let now = page(api, &path).await;
            differences.same(&format!("{number} retrospective"), version, &json!(now));
        }
    }
    for run in items(&facts["runs"]) {
        let id = text(run, "id");
        let now = api.get(&format!("/runs/{id}")).await.ok();
        differences.same(&format!("run {} {id}", text(run, "workflow")), &fixed(run), &now);
        let attempts = all(api, &format!("/runs/{id}/attempts")).await;
        differences.prefix(&format!("attempts of {id}"), items(&facts["attempts"][id]), &attempts);
    }
    for (name, revisions) in facts["revisions"].as_object().expect("an object") {
        differences.each(name, &["revision"], revisions, &all(api, &format!("/{name}/revisions")).await);
    }
    for (name, ticks) in facts["ticks"].as_object().expect("an object") {
        let now = all(api, &format!("/schedules/{name}/ticks")).await;
        differences.each(&format!("ticks of {name}"), &["nominal", "kind"], ticks, &now);
    }
    let lists: [(&str, &[&str]); 7] = [
        ("audit", &["id"]),
        ("people", &["handle"]),
        ("tokens", &["id"]),
        ("secrets", &["name"]),
        ("plugins", &["digest"]),
        ("sources", &["name"]),
        ("workflows", &["name"]),
    ];
    for (list, keys) in lists {
        differences.each(list, keys, &facts["lists"][list], &all(api, &format!("/{list}")).await);
    }
    differences
}

/// What of a run stays as it is: all of one that has ended; of another how it was started, and the steps that have ended.
fn fixed(run: &Value) -> Value {
    let mut run = run.clone();
    if run["finished_at"].is_null() {
        let fields = run.as_object_mut().expect("an object");
        for changing in ["status", "deadline", "finished_at", "hold", "signals", "slot"] {
            fields.remove(changing);
        }
        if let Some(steps) = fields.get_mut("steps").and_then(Value::as_object_mut) {
            steps.retain(|_, step| !step["finished_at"].is_null() && step["status"] != "needs_decision");
        }
    }
    run
}

/// What stays as it was until time passes or somebody acts: incidents with their parts, schedules, what waits for people.
pub(super) async fn present(api: &Api, facts: &Value) -> Differences {
    let mut differences = Differences::default();
    for incident in items(&facts["incidents"]) {
        let (id, number) = (text(&incident["incident"], "id"), text(&incident["incident"], "number"));
        differences.same(number, &incident["incident"], &api.get(&format!("/incidents/{id}")).await.ok());
        for part in ["alerts", "tasks", "causes", "updates", "artifacts", "follow-ups", "timers", "automations"] {
            let now = all(api, &format!("/incidents/{id}/{part}")).await;
            differences.same(&format!("{number} {part}"), &incident[part], &Value::Array(now));
        }
        if !incident["retrospective"].is_null() {
            let now = api.get(&format!("/incidents/{id}/retrospective")).await.ok();
            differences.same(&format!("{number} retrospective"), &incident["retrospective"], &now);
        }
    }
    let lists: [(&str, &[&str]); 6] = [
        ("approvals", &["id"]),
        ("connections", &["name"]),
        ("grants", &["id"]),
        ("playbooks", &["name"]),
        ("schedules", &["name"]),
        ("silences", &["id"]),
    ];
    for (list, keys) in lists {
        differences.each(list, keys, &facts["lists"][list], &all(api, &format!("/{list}")).await);
    }
    differences.same("automation", &facts["automation"], &api.get("/automation").await.ok());
    differences
}

/// A page that is no JSON.
async fn page(api: &Api, path: &str) -> String {
    let answer = api.bytes(path).await;
    String::from_utf8(answer).expect("text")
}
