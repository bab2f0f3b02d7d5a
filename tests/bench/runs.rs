//! What a client of the server sees: from the request that starts a run until the run is durably complete.

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use wardroom_tests::{
    database::Kind,
    guests,
    process::now,
    server::{ADMIN, Api, Server},
};

use super::Spread;

/// The figures.
pub(crate) struct Figures {
    pub(crate) one_step: Spread,
    pub(crate) forty_steps: Spread,
    pub(crate) runs_per_second: f64,
    pub(crate) rows_per_run: f64,
}

/// How long the sustained load lasts.
const SUSTAINED: Duration = Duration::from_secs(10);
const CLIENTS: usize = 64;

pub(crate) async fn measure(kind: Kind) -> Figures {
    let mut server = Server::start(kind).await;
    let api = server.api.clone();
    api.send(Method::POST, "/plugins", &[("content-type", "application/wasm")], guests::hostile()).await.ok();
    let connection = json!({ "plugin": "hostile", "base_url": "http://127.0.0.1:1" });
    api.put("/connections/main", connection).await.ok();
    for (name, steps) in [("one", 1), ("forty", 40)] {
        let steps: Vec<Value> = (0..steps)
            .map(|step| json!({ "id": format!("s{step}"), "uses": "hostile/ok", "connection": "main" }))
            .collect();
        let document = json!({ "name": name, "on": [{ "manual": {} }], "steps": steps });
        api.save(name, &document.to_string()).await;
    }
    let one_step = spread(&api, "one", 300).await;
    let before = rows(&api).await;
    let counted = 200;
    spread(&api, "one", counted).await;
    let rows_per_run = (rows(&api).await - before) / f64::from(u32::try_from(counted).unwrap_or_default());
    let forty_steps = spread(&api, "forty", 50).await;
    let runs_per_second = sustained(&api).await;
    server.stop().await;
    Figures { one_step, forty_steps, runs_per_second, rows_per_run }
}

async fn spread(api: &Api, workflow: &str, times: usize) -> Spread {
    let mut measured = Vec::new();
    for _ in 0..times {
        let started = now();
        complete(api, workflow).await;
        measured.push(started.elapsed());
    }
    Spread::of(measured)
}

/// Starts a run and follows it until it has ended.
async fn complete(api: &Api, workflow: &str) {
    let run = api.post(&format!("/workflows/{workflow}/runs"), json!({})).await.ok();
    if !run["finished_at"].is_null() {
        return;
    }
    let url = format!("{}/api/v1/runs/{}/events", api.url, run["id"].as_str().unwrap_or_default());
    let text = api
        .client()
        .get(url)
        .bearer_auth(ADMIN)
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("the stream ends");
    assert!(text.contains("\"status\":\"succeeded\""), "{text}");
}

async fn sustained(api: &Api) -> f64 {
    let (started, api) = (now(), Arc::new(api.clone()));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let api = Arc::clone(&api);
        clients.spawn(async move {
            let mut runs = 0_u32;
            while started.elapsed() < SUSTAINED {
                complete(&api, "one").await;
                runs += 1;
            }
            runs
        });
    }
    let runs: u32 = clients.join_all().await.into_iter().sum();
    f64::from(runs) / started.elapsed().as_secs_f64()
}

/// Rows written since the server started, as its metrics say.
async fn rows(api: &Api) -> f64 {
    let text =
        api.client().get(format!("{}/metrics", api.url)).send().await.expect("an answer").text().await.expect("a text");
    let line = text.lines().find_map(|line| line.strip_prefix("wardroom_store_rows_written_total "));
    line.and_then(|number| number.parse().ok()).unwrap_or_default()
}
