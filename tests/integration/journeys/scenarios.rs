//! Each bundled playbook lived through, from the alert to the closed incident, on a clock that the test sets: with tasks in
//! their order, a guard, somebody away, a promise not kept, causes, contributions by three people, a ticket in a real Roundup,
//! and a playbook that learned.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::{
    clock::{SetClock, start},
    counterparts::Roundup,
    database::{Database, Kind},
    guests::root,
    server::Api,
};

use crate::incidents::{patch, put_playbook, told};
use crate::journeys::tickets;

const BEGINNING_MS: i64 = 1_795_400_000_000;
const PLAYBOOKS: [&str; 4] = ["service-outage", "security-breach", "degraded-performance", "drill"];

/// One playbook's case.
struct Scenario {
    playbook: &'static str,
    /// The alert's labels; none: a drill, which a workflow opens.
    labels: Option<Value>,
    /// The commander of the playbook, who is away, and the backup.
    away: &'static str,
    backup: &'static str,
    /// A task that waits for another one.
    waits: &'static str,
    /// What leaving `triage` too early is refused with.
    guard: &'static str,
    /// The answers to the playbook's questions.
    answers: &'static [(&'static str, &'static str)],
    /// Longer than the cadence, shorter than twice.
    silence: Duration,
    /// What the playbook learns.
    learns: (&'static str, &'static str),
}

/// What a scenario goes on with.
struct Case {
    scenario: Scenario,
    api: Api,
    clock: SetClock,
    roundup: Roundup,
    /// Whoever acts as the commander.
    commander: Api,
    incident: String,
}

impl Case {
    /// People, playbooks, the tracker; then the alert.
    async fn begin(scenario: Scenario, api: Api, clock: SetClock) -> Self {
        let roundup = Roundup::start();
        tickets::connected(&api, &roundup).await;
        let mut commander = None;
        for handle in ["ada", "bob", "cleo", "dan", "eve", "lea"] {
            let person = api.person(handle, "engineer").await;
            if handle == scenario.away {
                let away = json!([{ "from": "2020-01-01T00:00:00Z", "until": "2199-01-01T00:00:00Z" }]);
                patch(&person, &format!("/people/{handle}"), json!({ "away": away })).await.ok();
            }
            if handle == scenario.backup {
                commander = Some(person);
            }
        }
        for name in PLAYBOOKS {
            put_playbook(&api, name, &bundled(&format!("playbooks/{name}"))).await.ok();
        }
        api.save("file-follow-up", &bundled("workflows/file-follow-up")).await;
        let opened = match &scenario.labels {
            Some(labels) => alerted(&api, labels).await,
            None => drilled(&api).await,
        };
        let incident = format!("/incidents/{opened}");
        let shown = api.get(&incident).await.ok();
        assert_eq!(shown["playbook"], json!({ "name": scenario.playbook, "revision": 1 }), "{shown:#}");
        Self { scenario, api, clock, roundup, commander: commander.expect("the backup is there"), incident }
    }

    async fn stage(&self, to: &str) {
        self.commander.post(&format!("{}/stage", self.incident), json!({ "to": to })).await.ok();
    }

    async fn tasks(&self) -> Vec<Value> {
        let page = self.api.get(&format!("{}/tasks?limit=200", self.incident)).await.ok();
        page["items"].as_array().expect("a list").clone()
    }

    /// The primary is away: the backup takes the role and the tasks.
    async fn take(&self) {
        let roles = told(&self.api, &self.incident, "role").await;
        let away = format!("{} is away until 2199", self.scenario.away);
        assert!(roles.iter().any(|text| text.contains(&away)), "{roles:?}");
        let taken = self.commander.post(&format!("{}/roles/commander/take", self.incident), json!({})).await.ok();
        assert_eq!(taken["roles"]["commander"]["stepped_in"], json!(true), "{taken:#}");
        let tasks = self.tasks().await;
        let of_the_commander = tasks.iter().filter(|task| task["role"] == json!("commander"));
        let has_some = self.scenario.playbook != "security-breach";
        assert_eq!(of_the_commander.clone().count() > 0, has_some, "{tasks:#?}");
        for task in of_the_commander {
            assert_eq!(task["owner"], json!(self.scenario.backup), "{task:#}");
        }
    }

    /// Tasks have their order, and a stage its guard, which is overridden with a reason.
    async fn hurry(&self) {
        self.stage("triage").await;
        let tasks = self.tasks().await;
        let waiting = tasks.iter().find(|task| task["id"] == json!(self.scenario.waits)).expect("the task");
        let path = format!("{}/tasks/{}", self.incident, waiting["number"]);
        let refused = patch(&self.commander, &path, json!({ "status": "done" })).await.problem(409);
        let waits = format!("task {} waits for task", waiting["number"]);
        assert!(refused["detail"].as_str().is_some_and(|text| text.starts_with(&waits)), "{refused}");
        let path = format!("{}/stage", self.incident);
        let refused = self.commander.post(&path, json!({ "to": "investigate" })).await.problem(409);
        assert_eq!(refused["type"], json!("urn:wardroom:problem:unmet-criteria"));
        assert!(refused["detail"].as_str().is_some_and(|text| text.contains(self.scenario.guard)), "{refused}");
        let overridden = json!({ "to": "investigate", "override": "the fix is known" });
        self.commander.post(&path, overridden).await.ok();
        let stages = told(&self.api, &self.incident, "stage").await;
        let last = stages.last().expect("an entry");
        assert!(last.contains(self.scenario.guard) && last.contains("overridden: the fix is known"), "{last}");
    }

    /// The promised update does not come, and is told to be late; then it comes.
    async fn fall_silent(&self) {
        self.clock.pass(self.scenario.silence);
        let page = format!("{}/automations", self.incident);
        let late = |page: &Value| {
            page["items"].as_array().is_some_and(|all| all.iter().any(|one| one["type"] == "update.overdue"))
        };
        self.api.until(&page, late).await;
        let update = json!({ "text": "We know the cause and act on it.", "audience": "stakeholder" });
        self.commander.post(&format!("{}/updates", self.incident), update).await.ok();
    }

    /// Two causes, of which one is ruled out.
    async fn find_out(&self) {
        let causes = format!("{}/causes", self.incident);
        for text in ["The release of this morning", "A full disk"] {
            self.commander.post(&causes, json!({ "text": text })).await.ok();
        }
        let why = json!({ "status": "ruled_out", "why": "it is half empty" });
        patch(&self.commander, &format!("{causes}/2"), why).await.ok();
        let evidence = json!([{ "label": "It began with it", "url": "https://graphs.example/1" }]);
        patch(&self.commander, &format!("{causes}/1"), json!({ "status": "confirmed", "evidence": evidence }))
            .await
            .ok();
        for (question, answer) in self.scenario.answers {
            let path = format!("{}/answers/{question}", self.incident);
            self.commander.put(&path, json!({ "answer": answer })).await.ok();
        }
    }

    /// Every task, each after those it needs.
    async fn work(&self) {
        loop {
            let tasks = self.tasks().await;
            let open: Vec<&Value> = tasks.iter().filter(|task| task["status"] == json!("open")).collect();
            let Some(next) = open.iter().find(|task| task["waits_for"] == json!([])) else {
                assert_eq!(open.len(), 0, "{open:#?}");
                return;
            };
            let path = format!("{}/tasks/{}", self.incident, next["number"]);
            patch(&self.commander, &path, json!({ "status": "done" })).await.ok();
        }
    }

    /// Three people contribute, each in their own way and time, and it is merged.
    async fn contribute(&self) {
        let path = format!("{}/retrospective", self.incident);
        for handle in ["ada", "bob", "cleo", "dan"] {
            let asked = self.api.get(&path).await.ok();
            let known = asked["contributions"].as_array().expect("a list").iter().any(|one| one["person"] == handle);
            if !known {
                self.commander.post(&format!("{path}/contributions"), json!({ "person": handle })).await.ok();
            }
        }
        let draft = self.api.get(&path).await.ok();
        let number = |person: &str| {
            let all = draft["contributions"].as_array().expect("a list");
            all.iter().find(|one| one["person"] == person).expect("is asked")["number"].clone()
        };
        let section = draft["sections"].as_object().and_then(|all| all.keys().next().cloned());
        let section = section.unwrap_or_else(|| "summary".to_owned());
        let writes = |person: &str| json!({ "sections": { section.as_str(): format!("What {person} saw.") } });
        let own = format!("{path}/contributions/{}", number(self.scenario.backup));
        self.commander.json(Method::PUT, &own, &[], &writes(self.scenario.backup)).await.ok();
        let others = ["ada", "bob", "cleo", "dan"].into_iter().filter(|person| *person != self.scenario.backup);
        for person in others.take(2) {
            self.clock.pass(Duration::from_hours(5));
            let link = self.api.post(&format!("{path}/contributions/{}/link", number(person)), json!({})).await.ok();
            let token = link["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a token").to_owned();
            self.api.with_token("").post(&format!("/contributions/{token}"), writes(person)).await.ok();
        }
        let merged = self.commander.post(&format!("{path}/merge"), json!({})).await.ok();
        let text = merged["sections"].to_string();
        assert_eq!(text.matches("What ").count(), 3, "{text}");
    }

    /// A follow-up becomes a ticket, and the playbook is revised.
    async fn learn(&self) {
        let follow_up = json!({ "text": "Alert before it fails", "owner": "cleo", "due_at": "2199-01-01T00:00:00Z" });
        self.commander.post(&format!("{}/follow-ups", self.incident), follow_up).await.ok();
        let path = format!("{}/follow-ups", self.incident);
        let linked = self.api.until(&path, |page| page["items"][0]["ticket"].is_string()).await;
        assert_eq!(linked["items"][0]["ticket"], json!(format!("{}/issue1", self.roundup.url)));
        let issue = self.roundup.get("issue/1?@verbose=2").await;
        let title = issue["data"]["attributes"]["title"].as_str().unwrap_or_default().to_owned();
        assert!(title.ends_with(": Alert before it fails"), "{issue:#}");
        let path = format!("{}/retrospective/proposals", self.incident);
        let source = bundled(&format!("playbooks/{}", self.scenario.playbook));
        let newer = source.replace(self.scenario.learns.0, self.scenario.learns.1);
        assert_ne!(newer, source);
        self.commander.post(&path, json!({ "source": newer, "reason": "We were slow." })).await.ok();
        let applied = self.commander.post(&format!("{path}/1/apply"), json!({})).await.ok();
        assert_eq!(applied["applied_as"], json!(2));
        let playbook = self.api.get(&format!("/playbooks/{}", self.scenario.playbook)).await.ok();
        assert_eq!((&playbook["revision"], &playbook["source"]), (&json!(2), &json!(newer)));
    }

    /// It is published and closed, and everything stands on the timeline in its order.
    async fn close(&self) {
        self.stage("retrospective").await;
        let path = format!("{}/stage", self.incident);
        self.commander.post(&path, json!({ "to": "closed" })).await.problem(409);
        self.commander.post(&format!("{}/retrospective/publish", self.incident), json!({})).await.ok();
        self.stage("closed").await;
        let page = self.api.get(&format!("{}/timeline?limit=200", self.incident)).await.ok();
        let numbers: Vec<i64> =
            page["items"].as_array().expect("a list").iter().filter_map(|entry| entry["seq"].as_i64()).collect();
        assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<i64>>());
        let metrics = self.api.get("/metrics/incidents").await.ok();
        let real = i64::from(self.scenario.labels.is_some());
        assert_eq!(
            (&metrics["total"]["incidents"], &metrics["drills"]),
            (&json!(real), &json!(1 - real)),
            "{metrics:#}"
        );
    }
}

fn bundled(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("examples/{name}.yaml"))).expect("an example")
}

async fn alerted(api: &Api, labels: &Value) -> String {
    let text =
        std::fs::read_to_string(root().join("tests/captures/alertmanager-grouped-firing.json")).expect("is there");
    let mut body: Value = serde_json::from_str(&text).expect("JSON");
    for alert in body["alerts"].as_array_mut().expect("a list") {
        alert["labels"] = labels.clone();
        alert["labels"]["instance"] = alert["fingerprint"].clone();
    }
    body["commonLabels"] = labels.clone();
    let taken = api.post("/hooks/alertmanager", body).await.ok();
    taken["incident"].as_str().unwrap_or_else(|| panic!("{taken:#}")).to_owned()
}

async fn drilled(api: &Api) -> String {
    let source = "name: open-drill\non: [{ manual: {} }]\nsteps:\n  - id: drill\n    uses: wardroom/open-incident\n    \
                  with: { title: Practice, severity: sev2, kind: drill }\n";
    api.save("open-drill", source).await;
    // The ticket of a drill's follow-up is a real one.
    let mut tracker = api.get("/connections/tracker").await.ok();
    let kept = ["plugin", "base_url", "auth", "config", "grant"];
    tracker.as_object_mut().expect("an object").retain(|name, _| kept.contains(&name.as_str()));
    tracker["real_in_drills"] = json!(true);
    api.put("/connections/tracker", tracker).await.ok();
    let run = api.post("/workflows/open-drill/runs", json!({})).await.ok();
    let run = api.ended(&run).await;
    run["steps"]["drill"]["output"]["incident"].as_str().unwrap_or_else(|| panic!("{run:#}")).to_owned()
}

async fn play(kind: Kind, scenario: Scenario) {
    let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
    let clock = SetClock::at(BEGINNING_MS);
    let (app, api) = start(folder.path(), &database, &clock).await;
    let case = Case::begin(scenario, api, clock).await;
    case.take().await;
    case.hurry().await;
    case.fall_silent().await;
    case.find_out().await;
    case.work().await;
    case.stage("resolution").await;
    case.work().await;
    case.contribute().await;
    case.learn().await;
    case.close().await;
    app.stop().await;
}

#[tokio::test]
async fn a_service_outage_from_alert_to_closed() {
    let scenario = Scenario {
        playbook: "service-outage",
        labels: Some(json!({ "alertname": "CheckoutErrors", "severity": "critical", "service": "checkout" })),
        away: "ada",
        backup: "bob",
        waits: "assess",
        guard: "it is known who is hit",
        answers: &[("who_is_hit", "Everybody who pays by card"), ("data_lost", "no")],
        silence: Duration::from_mins(40),
        learns: ("due: 20m, needs: [assess]", "due: 15m, needs: [assess]"),
    };
    play(Kind::Postgres, scenario).await;
}

#[tokio::test]
async fn a_security_breach_from_alert_to_closed() {
    let scenario = Scenario {
        playbook: "security-breach",
        labels: Some(json!({ "alertname": "TokenUsedAbroad", "severity": "error", "breach": "tokens" })),
        away: "ada",
        backup: "bob",
        waits: "contain",
        guard: "it is contained",
        answers: &[("what_reached", "One account"), ("personal_data", "no"), ("still_inside", "no")],
        silence: Duration::from_mins(80),
        learns: ("due: 1h, needs: [preserve]", "due: 30m, needs: [preserve]"),
    };
    play(Kind::Sqlite, scenario).await;
}

#[tokio::test]
async fn degraded_performance_from_alert_to_closed() {
    let scenario = Scenario {
        playbook: "degraded-performance",
        labels: Some(json!({ "alertname": "SlowSearch", "severity": "warning", "service": "search" })),
        away: "bob",
        backup: "ada",
        waits: "escalate",
        guard: "there are figures",
        answers: &[("how_slow", "Four times"), ("getting_worse", "no")],
        silence: Duration::from_hours(5),
        learns: ("due: 1h, needs: [measure]", "due: 45m, needs: [measure]"),
    };
    play(Kind::Sqlite, scenario).await;
}

#[tokio::test]
async fn a_drill_from_its_schedule_to_closed() {
    let scenario = Scenario {
        playbook: "drill",
        labels: None,
        away: "dan",
        backup: "ada",
        waits: "read_out",
        guard: "a first move was decided",
        answers: &[("who_is_hit", "One region"), ("first_move", "Roll back, as the commander")],
        silence: Duration::from_mins(12),
        learns: ("due: 15m, needs: [gather]", "due: 10m, needs: [gather]"),
    };
    play(Kind::Postgres, scenario).await;
}
