//! Metrics over many incidents.

use std::time::Duration;

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{auth::Viewer, extract::Parameters, problem::Problem, shapes::value};
use wardroom_domain::{metrics::Grouping, time::Timestamp};
use wardroom_engine::Engine;

/// What is looked at unless the query says otherwise.
const USUAL: Duration = Duration::from_hours(24 * 90);

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(incidents))
}

/// Which incidents, and how they are put together.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Opened at or after this time; absent: 90 days before `until`.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Opened before this time; absent: now.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// `severity` (the default), `service` (the label) or `week`.
    #[param(value_type = Option<String>)]
    by: Option<Grouping>,
}

/// Measures incidents: times to acknowledge, to mitigate and to resolve in seconds, how automation did, what is overdue.
/// Drills are counted apart. Of more than 10,000 incidents or runs the newest are measured.
#[utoipa::path(
    get, path = "/api/v1/metrics/incidents", tag = "incidents", params(Wanted),
    responses((status = 200, body = Object), (status = "4XX", body = Problem)),
)]
async fn incidents(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Value>, Problem> {
    let until = wanted.until.unwrap_or_else(|| engine.now());
    let since = wanted.since.unwrap_or_else(|| until.minus(USUAL));
    if until <= since {
        return Err(Problem::invalid("until", "a time after `since` is wanted"));
    }
    let metrics =
        engine.acting_as(&caller).incident_metrics(since, until, wanted.by.unwrap_or(Grouping::Severity)).await?;
    Ok(Json(value(&metrics)))
}
