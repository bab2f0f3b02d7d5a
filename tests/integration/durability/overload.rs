//! More than the database takes: people are turned away with 429, nothing that was acknowledged is lost, and the server
//! goes on by itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection, Executor};
use tokio::task::JoinSet;
use wardroom_tests::{
    database::{BOTH, Database, Kind},
    server::Server,
};

/// How many ask at a time.
const FLOOD: usize = 400;

/// Keeps everybody else from writing incidents, until it is closed.
async fn held(kind: Kind, database: &Database) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&database.url).await.expect("connects");
    let statements: &[&'static str] = match kind {
        Kind::Sqlite => &["BEGIN IMMEDIATE"],
        Kind::Postgres => &["BEGIN", "LOCK TABLE incidents IN EXCLUSIVE MODE"],
    };
    for statement in statements {
        connection.execute(*statement).await.expect("is done");
    }
    connection
}

#[tokio::test]
async fn a_flood_is_turned_away_and_what_was_acknowledged_stays() {
    for kind in BOTH {
        kind.announce();
        let mut server = Server::start(kind).await;
        let api = server.api.clone();
        api.until("//readyz", |answer| answer["status"] == json!("ready")).await;
        let lock = held(kind, &server.database).await;
        let mut asking = JoinSet::new();
        for number in 0..FLOOD {
            let api = api.clone();
            asking.spawn(async move {
                let body = json!({ "title": format!("Flood {number}"), "severity": "sev3" });
                let answer = api.post("/incidents", body).await;
                (format!("Flood {number}"), answer)
            });
        }
        // Not ready is said while people wait, and reading goes on.
        let unready = api.until("//readyz", |answer| answer["status"] != json!("ready")).await;
        assert_eq!(unready["status"], json!(503), "{unready:#}");
        let told = api.get("//readyz").await;
        assert_eq!((told.status.as_u16(), told.retry_after.as_deref()), (503, Some("1")), "{:#}", told.body);
        api.get("/incidents").await.ok();
        assert_eq!(api.get("//healthz").await.status, 200, "it lives");
        // A change that comes now is turned away while nothing can be written.
        let body = json!({ "title": "Late", "severity": "sev3" });
        let late = api.post("/incidents", body).await;
        assert_eq!((late.status.as_u16(), late.retry_after.as_deref()), (429, Some("1")), "{:#}", late.body);
        late.problem(429);
        // Those who wait are told to come back, too.
        let mut answers: Vec<_> = asking.join_next().await.into_iter().collect();
        lock.close().await.expect("lets go");
        while let Some(answered) = asking.join_next().await {
            answers.push(answered);
        }
        let (mut acknowledged, mut refused) = (BTreeSet::new(), 0);
        for answered in answers {
            let (title, answer) = answered.expect("no panic");
            match answer.status.as_u16() {
                201 => _ = acknowledged.insert(title),
                429 => {
                    assert_eq!(answer.retry_after.as_deref(), Some("1"));
                    answer.problem(429);
                    refused += 1;
                }
                other => panic!("{other}: {:#}", answer.body),
            }
        }
        assert!(refused > 0, "{} were acknowledged", acknowledged.len());
        api.until("//readyz", |answer| answer["status"] == json!("ready")).await;
        let body = json!({ "title": "After", "severity": "sev3" });
        assert_eq!(api.post("/incidents", body).await.ok()["title"], json!("After"));
        acknowledged.insert("After".to_owned());
        assert_eq!(titles(&api).await, acknowledged, "what was acknowledged is there, what was refused is not");
        server.stop().await;
    }
}

/// The titles of all incidents.
async fn titles(api: &wardroom_tests::server::Api) -> BTreeSet<String> {
    let (mut titles, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = api.get(&format!("/incidents?limit=200{after}")).await.ok();
        let items: &Vec<Value> = page["items"].as_array().expect("items");
        titles.extend(items.iter().filter_map(|incident| incident["title"].as_str()).map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return titles,
        }
    }
}
