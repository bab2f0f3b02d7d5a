//! How much the server takes on at a time. What is beyond it is told to come back, at once and without a trace: 429 with
//! `Retry-After`. Knows no resource.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::Semaphore;

use super::problem::Problem;
use wardroom_engine::{Engine, EngineError};

/// Requests in flight at a time. Health, metrics and what follows a run are not among them.
pub const IN_FLIGHT: usize = 1_024;
/// How long a request may take.
const ANSWER: Duration = Duration::from_secs(30);
/// The one route that may take longer: a component is sent and compiled.
const INSTALL: (&str, Duration) = ("/api/v1/plugins", Duration::from_mins(5));

/// What requests share.
#[derive(Clone)]
pub(super) struct Load {
    engine: Engine,
    requests: Arc<Semaphore>,
}

impl Load {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, requests: Arc::new(Semaphore::new(IN_FLIGHT)) }
    }
}

/// Lets a request in, or turns it away before it is read.
pub(super) async fn admit(State(load): State<Load>, request: Request, next: Next) -> Response {
    let Ok(_place) = load.requests.try_acquire() else { return overloaded() };
    let changes = !request.method().is_safe();
    if changes && load.engine.is_overloaded() {
        return overloaded();
    }
    let time = if request.uri().path() == INSTALL.0 { INSTALL.1 } else { ANSWER };
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => unanswered(changes).into_response(),
    }
}

fn overloaded() -> Response {
    Problem::from(EngineError::Overloaded).into_response()
}

/// What was begun is not known to be undone: whoever asks again with the same key learns what became of it.
fn unanswered(changes: bool) -> Problem {
    let detail = if changes {
        "no answer in time; whether the change was made is not known: ask again with the same Idempotency-Key, or look"
    } else {
        "no answer in time: ask again"
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", detail)
}
