//! The clients' half of every measurement: the workflows they run, one run as a client follows it, and many clients at once.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use wardroom_tests::{
    guests,
    process::now,
    server::{ADMIN, Api},
};

use super::figures::{Spread, number};

/// How long a client waits that was told to come back. Shorter than `Retry-After` says, so that a server at its limit stays
/// there.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Installs the guest, and saves `one`, `forty`, `fan` and `sleep`.
///
/// # Panics
/// When the server refuses one of them.
pub(crate) async fn prepare(api: &Api) {
    api.send(Method::POST, "/plugins", &[("content-type", "application/wasm")], guests::hostile()).await.ok();
    let connection = json!({ "plugin": "hostile", "base_url": "http://127.0.0.1:1" });
    api.put("/connections/main", connection).await.ok();
    let call = |id: String| json!({ "id": id, "uses": "hostile/ok", "connection": "main" });
    let mut each = call("each".to_owned());
    each["foreach"] = json!("inputs.all");
    each["max_parallel"] = json!(100);
    let documents = [
        ("one", vec![call("s0".to_owned())]),
        ("forty", (0..40).map(|step| call(format!("s{step}"))).collect()),
        ("fan", vec![each, call("join".to_owned())]),
        ("sleep", vec![json!({ "id": "nap", "sleep": "20h" })]),
    ];
    for (name, steps) in documents {
        let mut document = json!({ "name": name, "on": [{ "manual": {} }], "steps": steps });
        if name == "fan" {
            document["inputs"] = json!({ "all": { "type": "array" } });
        }
        api.save(name, &document.to_string()).await;
    }
}

/// What a client met until its run had ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Met {
    /// When the server had taken the run on.
    pub(crate) accepted: Instant,
    /// How often the server told it to come back.
    pub(crate) refused: usize,
}

/// Starts a run and follows it until it has ended, durably.
///
/// # Panics
/// When it does not succeed.
pub(crate) async fn complete(api: &Api, workflow: &str) -> Met {
    let (run, mut refused) = begin(api, workflow, json!({})).await;
    let accepted = now();
    if run["finished_at"].is_null() {
        refused += follow(api, run["id"].as_str().unwrap_or_default()).await;
    }
    Met { accepted, refused }
}

/// Starts a run; gives it, and how often the server told the client to come back.
///
/// # Panics
/// When the server refuses it for good.
pub(crate) async fn begin(api: &Api, workflow: &str, body: Value) -> (Value, usize) {
    post(api, &format!("/workflows/{workflow}/runs"), body).await
}

/// Posts until the server does not tell the client to come back; gives the answer's body, and how often it was told so.
///
/// # Panics
/// When the server answers with another problem.
pub(crate) async fn post(api: &Api, path: &str, body: Value) -> (Value, usize) {
    let mut refused = 0;
    loop {
        let answer = api.post(path, body.clone()).await;
        if answer.status != StatusCode::TOO_MANY_REQUESTS {
            return (answer.ok(), refused);
        }
        refused += 1;
        tokio::time::sleep(BACK_OFF).await;
    }
}

/// Follows a run until it has ended; gives how often the server told the client to come back.
async fn follow(api: &Api, run: &str) -> usize {
    let url = format!("{}/api/v1/runs/{run}/events", api.url);
    let mut refused = 0;
    loop {
        let answer = api.client().get(&url).bearer_auth(ADMIN).send().await.expect("an answer");
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            refused += 1;
            tokio::time::sleep(BACK_OFF).await;
            continue;
        }
        let text = answer.text().await.expect("the stream ends");
        assert!(text.contains("\"status\":\"succeeded\""), "{text}");
        return refused;
    }
}

/// When clients stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After this long.
    Elapsed(Duration),
    /// When they have done it so often together.
    Done(usize),
}

/// What many clients reached together.
#[derive(Debug)]
pub(crate) struct Pace {
    /// How often a second they did it.
    pub(crate) per_second: f64,
    /// How often they did it.
    pub(crate) times: usize,
    /// How long each time took.
    pub(crate) spread: Spread,
    /// How often the server told one to come back.
    pub(crate) refused: usize,
}

/// Clients that each do something again as soon as it is done; `job` gives how often the server told it to come back.
pub(crate) async fn side_by_side<F>(clients: usize, until: Until, job: impl Fn() -> F) -> Pace
where
    F: Future<Output = usize> + Send + 'static,
{
    let (started, mut begun) = (now(), 0);
    let mut goes_on = || {
        begun += 1;
        match until {
            Until::Elapsed(duration) => started.elapsed() < duration,
            Until::Done(times) => begun <= times,
        }
    };
    let mut working = JoinSet::new();
    let (mut measured, mut refused) = (Vec::new(), 0);
    for _ in 0..clients {
        if goes_on() {
            working.spawn(timed(job()));
        }
    }
    while let Some(done) = working.join_next().await {
        let (took, told) = done.expect("a client that does not panic");
        measured.push(took);
        refused += told;
        if goes_on() {
            working.spawn(timed(job()));
        }
    }
    let times = measured.len();
    Pace { per_second: number(times) / started.elapsed().as_secs_f64(), times, spread: Spread::of(measured), refused }
}

async fn timed(job: impl Future<Output = usize>) -> (Duration, usize) {
    let started = now();
    let told = job.await;
    (started.elapsed(), told)
}

/// One-step runs by so many clients for so long.
pub(crate) async fn one_step_runs(api: &Api, clients: usize, duration: Duration) -> Pace {
    side_by_side(clients, Until::Elapsed(duration), || {
        let api = api.clone();
        async move { complete(&api, "one").await.refused }
    })
    .await
}

/// Exchanges a second of so many clients with a route that does nothing: what HTTP alone lets through, with the same client
/// and the same server on the same cores.
pub(crate) async fn exchanges_per_second(api: &Api, clients: usize, duration: Duration) -> f64 {
    let pace = side_by_side(clients, Until::Elapsed(duration), || {
        let api = api.clone();
        async move {
            api.send(Method::GET, "//healthz", &[], Vec::new()).await.ok();
            0
        }
    });
    pace.await.per_second
}
