//! `kill -9` in the middle of runs, again and again, and other bad weather: every run ends, every result stands once, nothing
//! acknowledged is lost.

mod campaign;
mod full;
mod outage;
mod points;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::{
    database::{BOTH, Database},
    guests::root,
    process::{GUARD, free_port, now},
    server::{ADMIN, Api},
    soak,
    third_party::ThirdParty,
};

/// How often the server is killed on each database; `make soak` kills it more often.
const KILLS: usize = 20;
/// Decisions are looked for in so many of the newest runs: each look at a run is a request, and a kill must not wait for many.
const DECIDED_RUNS: usize = 20;

/// Steps of the run.
pub(crate) const STEPS: usize = 20;
/// The step that must not be repeated unasked.
pub(crate) const FRAGILE: &str = "s10";

pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) api: Api,
}

impl Process {
    pub(crate) async fn start(data: &Path, url: &str) -> Self {
        let started = Self::spawn(data, url, &[]);
        started.ready().await;
        started
    }

    /// Starts it with faults, and does not wait: it may end before it is ready.
    pub(crate) fn spawn(data: &Path, url: &str, faults: &[String]) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(root().join("target/debug/wardroom"))
            .args(["serve", "--listen", &address.to_string(), "--data"])
            .arg(data)
            .args(faults.iter().flat_map(|fault| ["--fault", fault]))
            .env("WARDROOM_DATABASE_URL", url)
            .env("WARDROOM_ADMIN_TOKEN", ADMIN)
            .env("WARDROOM_SHORTEST_INTERVAL", "1s")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the server starts");
        Self { child, api: Api::new(address, ADMIN) }
    }

    pub(crate) async fn ready(&self) {
        self.api.ready().await;
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_some()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("SIGKILL is sent");
        self.child.wait().expect("it is gone");
    }
}

pub(crate) fn workflow() -> String {
    let steps: Vec<String> = (0..STEPS)
        .map(|number| {
            let id = format!("s{number}");
            let connection = if id == FRAGILE { "fragile" } else { "solid" };
            format!("  - {{ id: {id}, uses: webhook/send, connection: {connection}, with: {{ path: /{id} }} }}\n")
        })
        .collect();
    format!("name: long\non: [{{ manual: {{}} }}]\nsteps:\n{}", steps.concat())
}

pub(crate) async fn prepare(api: &Api, third: &ThirdParty) {
    api.install("webhook").await;
    for (name, deduplicates) in [("solid", true), ("fragile", false)] {
        let connection = json!({
            "plugin": "webhook", "base_url": third.url(), "config": { "receiver_deduplicates": deduplicates },
            "grant": { "networks": ["127.0.0.0/8"] },
        });
        api.put(&format!("/connections/{name}"), connection).await.ok();
    }
    api.save("long", &workflow()).await;
}

#[tokio::test]
async fn a_killed_server_ends_every_run_and_loses_nothing() {
    for kind in BOTH {
        kind.announce();
        let (database, folder) = (Database::new(kind).await, tempfile::tempdir().expect("a folder"));
        let third = ThirdParty::slowly(Duration::from_millis(15)).await;
        let mut server = Process::start(folder.path(), &database.url).await;
        prepare(&server.api, &third).await;
        let mut runs: Vec<Value> = Vec::new();
        let mut settled = 0;
        let kills = soak::scaled(KILLS);
        for kill in 0..kills {
            let incident = json!({ "title": format!("acknowledged {kill}"), "severity": "sev4" });
            server.api.post("/incidents", incident).await.ok();
            runs.push(server.api.post("/workflows/long/runs", json!({})).await.ok());
            // Every fourth kill comes while the fragile step's answer is on its way; the others are spread over the run's
            // course, some before the first answer.
            let (asked, fragile) = (third.count() + (kill * 7) % STEPS, asks_of_fragile(&third));
            let under_way = kill % 4 == 0;
            if under_way {
                third.hold(&format!("/{FRAGILE}"));
            }
            let deadline = now() + GUARD;
            while if under_way { asks_of_fragile(&third) == fragile } else { third.count() < asked } {
                assert!(now() < deadline, "kill {kill}: the third party is not asked");
                settled += settle(&server.api, &runs[runs.len().saturating_sub(DECIDED_RUNS)..]).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            server.kill();
            third.let_go();
            server = Process::start(folder.path(), &database.url).await;
        }
        for run in &runs {
            let id = run["id"].as_str().expect("an id");
            let deadline = now() + GUARD;
            let ended = loop {
                settled += settle(&server.api, std::slice::from_ref(run)).await;
                let run = server.api.get(&format!("/runs/{id}")).await.ok();
                if !run["finished_at"].is_null() {
                    break run;
                }
                assert!(now() < deadline, "{run:#}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            assert_eq!(ended["status"], json!("succeeded"), "{ended:#}");
            results_stand_once(&server.api, id).await;
        }
        let titles = titles(&server.api).await;
        for kill in 0..kills {
            assert!(titles.contains(&format!("acknowledged {kill}")), "{kill} is lost");
        }
        keys_belong_to_one_step(&third);
        assert!(settled > 0, "no kill left an unknown effect: the test did not test it");
        server.kill();
    }
}

/// The titles of all incidents, page by page.
pub(crate) async fn titles(api: &Api) -> Vec<String> {
    let (mut titles, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/incidents?limit=200{after}")).await.ok();
        let items = page["items"].as_array().expect("items").iter();
        titles.extend(items.filter_map(|one| one["title"].as_str().map(str::to_owned)));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return titles,
        }
    }
}

pub(crate) fn asks_of_fragile(third: &ThirdParty) -> usize {
    third.asked().iter().filter(|asked| asked.path == format!("/{FRAGILE}")).count()
}

/// Says of every step that waits for a decision that it happened: the third party answers at once, so a request that was
/// sent was heard. Gives how many it settled.
pub(crate) async fn settle(api: &Api, runs: &[Value]) -> u32 {
    let mut settled = 0;
    for run in runs {
        let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
        let Ok(answer) = api.try_send(Method::GET, &path, &[], Vec::new()).await else { return settled };
        if answer.body["steps"][FRAGILE]["status"] == json!("needs_decision") {
            let body = json!({ "outcome": "applied" }).to_string().into_bytes();
            let headers = [("content-type", "application/json")];
            let answer = api.try_send(Method::POST, &format!("{path}/decisions/{FRAGILE}"), &headers, body).await;
            settled += u32::from(answer.is_ok_and(|answer| answer.status == 200));
        }
    }
    settled
}

/// Every step has at most one call that ended as done, and no call number twice.
pub(crate) async fn results_stand_once(api: &Api, run: &str) {
    let attempts = api.get(&format!("/runs/{run}/attempts")).await.ok();
    let mut done: BTreeMap<&str, u32> = BTreeMap::new();
    for attempt in attempts["items"].as_array().expect("items") {
        if attempt["outcome"] == json!("done") {
            *done.entry(attempt["step"].as_str().expect("a step")).or_default() += 1;
        }
    }
    assert!(done.values().all(|times| *times == 1), "{done:?}");
    assert!(done.len() >= STEPS - 1, "{done:?}");
}

/// A step is repeated under its own key, and a fragile one not at all.
pub(crate) fn keys_belong_to_one_step(third: &ThirdParty) {
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for asked in third.asked() {
        by_key.entry(asked.headers["idempotency-key"].clone()).or_default().push(asked.path);
    }
    for paths in by_key.values() {
        assert!(paths.iter().all(|path| *path == paths[0]), "one key, several steps: {paths:?}");
        assert!(paths[0] != format!("/{FRAGILE}") || paths.len() == 1, "a fragile step was repeated: {paths:?}");
    }
}
