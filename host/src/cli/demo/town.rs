//! The practice town: a small shop whose checkout fails while a flag is on, with a Prometheus-shaped query API, an
//! Unleash-shaped flag API, a Matrix-shaped chat and a mailbox. It speaks just enough of each for the bundled plugins, and
//! is no test double of theirs: the tests use the real servers.

use std::sync::{Arc, MutexGuard, PoisonError};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post, put},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    super::Failed,
    mailbox,
    tracker::{self},
};
pub(super) use crate::cli::demo::shop_state::{Shop, Town};
use wardroom_base::clock::monotonic_now;
use wardroom_domain::time::Timestamp;

/// Errors per second while the flag is on.
const ERRORS: f64 = 12.0;
/// How fast they fade once it is off: half of them in this many seconds.
const HALF_LIFE_S: f64 = 0.4;

impl Town {
    pub(super) async fn start() -> Result<Self, Failed> {
        let (web, mail) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let town = Self { address: web.local_addr()?, mail: mail.local_addr()?, shop: Arc::default() };
        let chat = "/chat/_matrix/client/v3";
        let flag = "/flags/api/admin/projects/default/features/new-checkout";
        let router = Router::new()
            .route("/metrics/api/v1/query_range", get(query_range))
            .route(flag, get(show_flag))
            .route(&format!("{flag}/environments/production/{{switch}}"), post(switch_flag))
            .route(
                &format!("{chat}/account/whoami"),
                get(async || Json(json!({ "user_id": "@wardroom:shop.example" }))),
            )
            .route(&format!("{chat}/joined_rooms"), get(joined_rooms))
            .route(&format!("{chat}/createRoom"), post(create_room))
            .route(&format!("{chat}/directory/room/{{alias}}"), get(find_room))
            .route(&format!("{chat}/rooms/{{room}}/send/m.room.message/{{transaction}}"), put(post_message))
            .merge(tracker::routes())
            .with_state(town.clone());
        tokio::spawn(axum::serve(web, router).into_future());
        tokio::spawn(mailbox::serve(mail, Arc::clone(&town.shop)));
        Ok(town)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn mail_url(&self) -> String {
        format!("smtp://{}", self.mail)
    }

    pub(super) fn messages(&self) -> Vec<String> {
        self.shop().messages.clone()
    }

    pub(super) fn mails(&self) -> Vec<String> {
        self.shop().mails.clone()
    }

    pub(super) fn tickets(&self) -> Vec<String> {
        self.shop().tracker.titles()
    }

    pub(super) fn flag_is_on(&self) -> bool {
        self.shop().off_since.is_none()
    }

    /// Errors per second now.
    pub(super) fn error_rate(&self) -> f64 {
        match self.shop().off_since {
            None => ERRORS,
            Some(since) => ERRORS * 0.5_f64.powf(since.elapsed().as_secs_f64() / HALF_LIFE_S),
        }
    }

    pub(super) fn shop(&self) -> MutexGuard<'_, Shop> {
        self.shop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn query_range(State(town): State<Town>) -> Json<Value> {
    let now = town.error_rate();
    let points: Vec<Value> =
        (0..30_u32).map(|minute| json!([minute * 60, format!("{:.2}", now * f64::from(minute) / 29.0)])).collect();
    let series = json!({ "metric": { "service": "checkout" }, "values": points });
    Json(json!({ "status": "success", "data": { "resultType": "matrix", "result": [series] } }))
}

async fn show_flag(State(town): State<Town>) -> Json<Value> {
    Json(json!({ "name": "new-checkout", "environments": [{ "name": "production", "enabled": town.flag_is_on() }] }))
}

async fn switch_flag(State(town): State<Town>, Path(switch): Path<String>) -> StatusCode {
    match switch.as_str() {
        "off" => town.shop().off_since = Some(monotonic_now()),
        "on" => town.shop().off_since = None,
        _ => return StatusCode::NOT_FOUND,
    }
    StatusCode::OK
}

async fn joined_rooms(State(town): State<Town>) -> Json<Value> {
    let rooms: Vec<String> = town.shop().rooms.iter().map(|alias| room_id(alias)).collect();
    Json(json!({ "joined_rooms": rooms }))
}

async fn create_room(State(town): State<Town>, Json(room): Json<Value>) -> (StatusCode, Json<Value>) {
    let alias = room["room_alias_name"].as_str().unwrap_or_default().to_owned();
    let mut shop = town.shop();
    if shop.rooms.contains(&alias) {
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({ "errcode": "M_ROOM_IN_USE", "error": "Room alias already taken" })),
        );
    }
    let id = room_id(&alias);
    shop.messages.push(format!("#{alias} is open: {}", room["topic"].as_str().unwrap_or_default()));
    shop.rooms.push(alias);
    (StatusCode::OK, Json(json!({ "room_id": id })))
}

async fn find_room(State(town): State<Town>, Path(alias): Path<String>) -> (StatusCode, Json<Value>) {
    let local = alias.trim_start_matches('#').split(':').next().unwrap_or_default().to_owned();
    if town.shop().rooms.contains(&local) {
        (StatusCode::OK, Json(json!({ "room_id": room_id(&local) })))
    } else {
        (StatusCode::NOT_FOUND, Json(json!({ "errcode": "M_NOT_FOUND", "error": "Room alias not found" })))
    }
}

async fn post_message(State(town): State<Town>, Json(message): Json<Value>) -> Json<Value> {
    let mut shop = town.shop();
    shop.messages.push(message["body"].as_str().unwrap_or_default().to_owned());
    Json(json!({ "event_id": format!("${}", shop.messages.len()) }))
}

fn room_id(alias: &str) -> String {
    format!("!{alias}:shop.example")
}

/// What Alertmanager sends when the shop's error rate rose at a time.
pub(super) fn alert(at: Timestamp) -> Value {
    let labels = json!({
        "alertname": "CheckoutErrors", "service": "checkout", "severity": "critical", "flag": "new-checkout",
    });
    let annotations = json!({ "summary": "Checkout fails for one customer in eight" });
    json!({
        "version": "4",
        "groupKey": "{}:{alertname=\"CheckoutErrors\"}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "wardroom",
        "groupLabels": { "alertname": "CheckoutErrors" },
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "http://alerts.shop.example",
        "alerts": [{
            "status": "firing",
            "labels": labels,
            "annotations": annotations,
            "startsAt": at.to_string(),
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.shop.example/graph",
            "fingerprint": "c0ffee0000000001",
        }],
    })
}
