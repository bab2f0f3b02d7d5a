//! Silencing alerts for real: Prometheus lets one fire, Alertmanager silences it once although an answer gets lost, and an undo
//! lets it be heard again.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use wardroom_tests::{
    counterparts::Alerting,
    database::Kind,
    process::{GUARD, now},
    server::{Api, Server},
};

const HUSH: &str = r"
name: hush
on: [{ manual: {} }]
steps:
  - id: hush
    uses: alertmanager/silence
    connection: alerts
    retry: { attempts: 3, initial: 100ms }
    with:
      matchers: [{ name: alertname, value: CheckoutErrors }]
      minutes: 30
      comment: rolling back
";

const HUSH_AND_LISTEN: &str = r#"
name: hush-and-listen
on: [{ manual: {} }]
steps:
  - id: hush
    uses: alertmanager/silence
    connection: alerts
    with:
      matchers: [{ name: severity, value: "critical|\"page\"", is_regex: true }, { name: team, value: shop, is_equal: false }]
      minutes: 30
      comment: rolling back
  - id: listen
    uses: alertmanager/expire
    connection: alerts
    with: { id: "${{ steps.hush.output.id }}" }
  - id: left
    uses: alertmanager/silences
    connection: alerts
    with:
      matchers: [{ name: severity, value: "critical|\"page\"", is_regex: true }]
      expired: true
"#;

/// Alertmanager, and what makes an alert fire in it.
struct Counterparts {
    client: Client,
    /// Alertmanager's URL.
    url: String,
    _alerting: Alerting,
}

impl Counterparts {
    fn start(api: &Api) -> Self {
        let alerting = Alerting::start(&format!("{}/api/v1/hooks/alertmanager", api.url), "hook-token");
        let client = api.client().clone();
        let url = alerting.alertmanager.clone();
        Self { client, url, _alerting: alerting }
    }

    /// Waits until the alert that fires is in this state; gives who silences it.
    async fn alert(&self, state: &str) -> Value {
        let path = format!("{}/api/v2/alerts?filter=alertname%3DCheckoutErrors", self.url);
        let alerts = until(&self.client, &path, |alerts| alerts[0]["status"]["state"] == json!(state)).await;
        alerts[0]["status"]["silencedBy"].clone()
    }

    /// The silences in this state.
    async fn silences(&self, state: &str) -> Vec<Value> {
        let mut silences = ask(&self.client, &format!("{}/api/v2/silences", self.url)).await;
        let silences = silences.as_array_mut().map(std::mem::take).unwrap_or_default();
        silences.into_iter().filter(|silence| silence["status"]["state"] == json!(state)).collect()
    }
}

async fn ask(client: &Client, url: &str) -> Value {
    let answer = client.get(url).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
    answer.json().await.unwrap_or_else(|error| panic!("{url}: {error}"))
}

async fn until(client: &Client, url: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = now() + GUARD;
    loop {
        let answer = ask(client, url).await;
        if wanted(&answer) {
            return answer;
        }
        assert!(now() < deadline, "{url}: {answer:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A way to Alertmanager that loses the answer to the first POST.
struct Lossy {
    url: String,
    methods: Arc<Mutex<Vec<String>>>,
}

impl Lossy {
    async fn start(client: &Client, to: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let methods = Arc::default();
        let (client, to, shared) = (client.clone(), to.to_owned(), Arc::clone(&methods));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(BufReader::new(stream), client.clone(), to.clone(), Arc::clone(&shared)));
            }
        });
        Self { url, methods }
    }

    /// The methods of the requests since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.methods.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn pass(mut stream: BufReader<TcpStream>, client: Client, to: String, methods: Arc<Mutex<Vec<String>>>) {
    let Some((method, path, body)) = read(&mut stream).await else { return };
    let lost = {
        let mut methods = methods.lock().unwrap_or_else(PoisonError::into_inner);
        methods.push(method.clone());
        method == "POST" && methods.iter().filter(|known| *known == "POST").count() == 1
    };
    let mut request = client.request(method.parse().expect("a method"), format!("{to}{path}"));
    if !body.is_empty() {
        request = request.header("content-type", "application/json").body(body);
    }
    let answer = request.send().await.expect("Alertmanager answers");
    let (status, body) = (answer.status(), answer.text().await.unwrap_or_default());
    if lost {
        assert!(status.is_success(), "{body}");
        return;
    }
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
    _ = stream.get_mut().write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await;
}

/// The method, path and body of one request.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<(String, String, Vec<u8>)> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((method, path, body))
}

async fn connect(api: &Api, url: &str) {
    api.install("alertmanager").await;
    let connection =
        json!({ "plugin": "alertmanager", "base_url": url, "grant": { "networks": ["127.0.0.0/8"] }, "config": {} });
    api.put("/connections/alerts", connection).await.ok();
}

async fn ran(api: &Api, workflow: &str, body: Value) -> Value {
    let run = api.post(&format!("/workflows/{workflow}/runs"), body).await.ok();
    let run = api.ended(&run).await;
    assert_eq!(run["status"], json!("succeeded"), "{run:#}");
    run
}

async fn undone(api: &Api, run: &Value) {
    let back = api.post(&format!("/runs/{}/undo", run["id"].as_str().expect("an id")), json!({})).await.ok();
    let back = api.ended(&back).await;
    assert_eq!(back["status"], json!("succeeded"), "{back:#}");
}

#[tokio::test]
async fn an_alert_is_silenced_once_although_an_answer_is_lost_and_heard_again_after_an_undo() {
    let mut server = Server::start(Kind::Postgres).await;
    let api = server.api.clone();
    let there = Counterparts::start(&api);
    let lossy = Lossy::start(api.client(), &there.url).await;
    connect(&api, &lossy.url).await;
    api.save("hush", HUSH).await;
    there.alert("active").await;

    let simulated = ran(&api, "hush", json!({ "dry_run": true })).await;
    assert_eq!(simulated["steps"]["hush"]["status"], json!("simulated"), "{simulated:#}");
    assert_eq!(lossy.asked(), ["GET"], "a dry run only looks");
    assert_eq!(there.silences("active").await, Vec::<Value>::new());

    let run = ran(&api, "hush", json!({})).await;
    assert_eq!(lossy.asked(), ["GET", "POST", "GET"], "the second try found the silence of the first");
    let silences = there.silences("active").await;
    assert_eq!(silences.len(), 1, "{silences:#?}");
    let id = &run["steps"]["hush"]["output"]["id"];
    assert_eq!(&silences[0]["id"], id);
    assert_eq!(silences[0]["createdBy"], json!("wardroom"));
    assert!(silences[0]["comment"].as_str().is_some_and(|comment| comment.starts_with("rolling back [wardroom ")));
    assert_eq!(there.alert("suppressed").await, json!([id]));

    undone(&api, &run).await;
    there.alert("active").await;
    assert_eq!(there.silences("active").await, Vec::<Value>::new());
    assert_eq!(there.silences("expired").await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_silence_of_somebody_elses_is_ended_and_made_anew_for_what_is_left() {
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    let there = Counterparts::start(&api);
    connect(&api, &there.url).await;
    let by_hand = json!({
        "matchers": [{ "name": "alertname", "value": "CheckoutErrors", "isRegex": false }],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2999-01-01T00:00:00.000Z", "createdBy": "ada", "comment": "lunch",
    });
    let made = there.client.post(format!("{}/api/v2/silences", there.url)).json(&by_hand).send().await;
    let made: Value = made.expect("answers").json().await.expect("is JSON");
    let id = made["silenceID"].as_str().expect("an id");
    there.alert("suppressed").await;
    let step = format!("{{ id: listen, uses: alertmanager/expire, connection: alerts, with: {{ id: '{id}' }} }}");
    api.save("listen", &format!("name: listen\non: [{{ manual: {{}} }}]\nsteps: [{step}]\n")).await;

    let run = ran(&api, "listen", json!({})).await;
    assert_eq!(run["steps"]["listen"]["output"]["changed"], json!(true));
    there.alert("active").await;
    let again = ran(&api, "listen", json!({})).await;
    assert_eq!(again["steps"]["listen"]["output"]["changed"], json!(false), "it was over already");

    undone(&api, &run).await;
    let silences = there.silences("active").await;
    assert_eq!(silences.len(), 1, "{silences:#?}");
    assert_eq!(there.alert("suppressed").await, json!([silences[0]["id"]]));
    assert_eq!((&silences[0]["endsAt"], &silences[0]["createdBy"]), (&by_hand["endsAt"], &by_hand["createdBy"]));
    assert!(silences[0]["comment"].as_str().is_some_and(|comment| comment.starts_with("lunch [wardroom ")));
    server.stop().await;
}

#[tokio::test]
async fn a_run_that_silenced_and_listened_again_leaves_no_silence_when_it_is_taken_back() {
    let mut server = Server::start(Kind::Sqlite).await;
    let api = server.api.clone();
    let there = Counterparts::start(&api);
    connect(&api, &there.url).await;
    api.save("hush-and-listen", HUSH_AND_LISTEN).await;
    let run = ran(&api, "hush-and-listen", json!({})).await;
    let listed = &run["steps"]["left"]["output"];
    assert_eq!(listed["count"], json!(1), "{listed:#}");
    assert_eq!(listed["silences"][0]["id"], run["steps"]["hush"]["output"]["id"]);
    assert_eq!(listed["silences"][0]["matchers"][1]["is_equal"], json!(false));
    assert_eq!(listed["silences"][0]["state"], json!("expired"));
    undone(&api, &run).await;
    assert_eq!(there.silences("active").await, Vec::<Value>::new());
    assert_eq!(there.silences("expired").await.len(), 2, "the one, and what it was made anew as");
    server.stop().await;
}
