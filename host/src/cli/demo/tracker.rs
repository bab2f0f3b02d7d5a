//! The practice town's tracker: enough of Roundup's REST interface to open a ticket.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};

use super::shop_state::Town;

pub(super) fn routes() -> Router<Town> {
    Router::new()
        .route("/tickets/rest/data/msg", get(find_message).post(add_message))
        .route("/tickets/rest/data/issue", get(find_issue).post(add_issue))
        .route("/tickets/rest/data/issue/{number}", get(show_issue))
}

type Looked = Query<BTreeMap<String, String>>;

async fn find_message(State(town): State<Town>, Query(query): Looked) -> Json<Value> {
    let mark = query.get("messageid").cloned().unwrap_or_default();
    Json(found(&town.shop().tracker.messages, |message| message["messageid"] == mark.as_str()))
}

async fn find_issue(State(town): State<Town>, Query(query): Looked) -> Json<Value> {
    let wanted = query.get("messages").cloned().unwrap_or_default();
    Json(found(&town.shop().tracker.issues, |issue| issue["messages"][0] == wanted.as_str()))
}

async fn add_message(State(town): State<Town>, Json(item): Json<Value>) -> (StatusCode, Json<Value>) {
    added(&mut town.shop().tracker.messages, item)
}

async fn add_issue(State(town): State<Town>, Json(item): Json<Value>) -> (StatusCode, Json<Value>) {
    added(&mut town.shop().tracker.issues, item)
}

async fn show_issue(State(town): State<Town>, Path(number): Path<usize>) -> (StatusCode, Json<Value>) {
    match number.checked_sub(1).and_then(|place| town.shop().tracker.issues.get(place).cloned()) {
        Some(issue) => {
            let attributes = json!({ "title": issue["title"], "status": { "name": "unread" } });
            (StatusCode::OK, Json(json!({ "data": { "@etag": "1", "attributes": attributes } })))
        }
        None => (StatusCode::NOT_FOUND, Json(json!({ "error": { "status": 404, "msg": "no such issue" } }))),
    }
}

fn added(items: &mut Vec<Value>, item: Value) -> (StatusCode, Json<Value>) {
    items.push(item);
    (StatusCode::CREATED, Json(json!({ "data": { "id": items.len().to_string() } })))
}

fn found(items: &[Value], fits: impl Fn(&Value) -> bool) -> Value {
    let numbers = items.iter().enumerate().filter(|(_, item)| fits(item)).map(|(place, _)| (place + 1).to_string());
    let members: Vec<Value> = numbers.map(|id| json!({ "id": id })).collect();
    json!({ "data": { "collection": members } })
}
