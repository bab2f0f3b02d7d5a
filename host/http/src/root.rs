//! What stands at the root: health, readiness, metrics, and the descriptions of the API and of the documents.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::problem::Problem;
use wardroom_domain::{playbook, schedule, workflow};
use wardroom_engine::{
    Engine, EngineError,
    schedules::{LATENESS_MS, TickCounts},
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Wardroom", description = "Runs incident workflows whose steps are sandboxed WebAssembly plugins."),
    modifiers(&Bearer),
    components(schemas(Problem))
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("bearer", scheme);
        document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])]);
    }
}

/// The description's frame; the routes add themselves.
pub(super) fn document() -> Document {
    Api::openapi()
}

pub(super) fn routes(document: Document) -> Router<Engine> {
    Router::new()
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(async move || Json(document)))
        .route("/schemas/workflow.json", get(async || schema(workflow::document::SCHEMA)))
        .route("/schemas/playbook.json", get(async || schema(playbook::document::SCHEMA)))
        .route("/schemas/schedule.json", get(async || schema(schedule::document::SCHEMA)))
}

/// Whether requests can be served: the database answers, writes get to its disk in time, this host holds its lease, and the
/// server is not stopping. While it starts, nobody listens.
async fn ready(State(engine): State<Engine>) -> Result<impl IntoResponse, Problem> {
    engine.ready().await.map_err(not_ready)?;
    Ok(Json(json!({ "status": "ready" })))
}

/// Whoever asks for readiness wants one answer, whatever the reason: 503.
fn not_ready(error: EngineError) -> Problem {
    let problem = Problem::from(error);
    Problem { status: StatusCode::SERVICE_UNAVAILABLE.as_u16(), ..problem }
}

/// The JSON Schema of a kind of document, for editors: they ask without a token.
fn schema(text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/schema+json")], text)
}

/// A few numbers in Prometheus' text format.
async fn metrics(State(engine): State<Engine>) -> Result<impl IntoResponse, Problem> {
    let figures = engine.figures().await?;
    let mut text = format!(
        "# HELP wardroom_runs_live Runs that have not ended.\n# TYPE wardroom_runs_live gauge\nwardroom_runs_live {}\n\
         # HELP wardroom_store_rows_written_total Rows inserted or updated.\n\
         # TYPE wardroom_store_rows_written_total counter\nwardroom_store_rows_written_total {}\n\
         # HELP wardroom_store_commits_total Transactions committed.\n\
         # TYPE wardroom_store_commits_total counter\nwardroom_store_commits_total {}\n\
         # HELP wardroom_runs_forgotten_total Runs that retention removed.\n\
         # TYPE wardroom_runs_forgotten_total counter\nwardroom_runs_forgotten_total {}\n",
        figures.live_runs, figures.rows_written, figures.commits, figures.runs_forgotten,
    );
    text.push_str(&ticks(engine.tick_counts()));
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

/// The scheduler's figures.
fn ticks(counts: &TickCounts) -> String {
    let (buckets, count, sum_ms) = counts.lateness();
    let seconds = |ms: u64| Duration::from_millis(ms).as_secs_f64();
    let mut lines = vec![
        "# HELP wardroom_schedule_ticks_total Times of schedules by what became of them.".to_owned(),
        "# TYPE wardroom_schedule_ticks_total counter".to_owned(),
    ];
    // A label's value stands in quotes, like a JSON text.
    let labelled = |(outcome, count)| format!("wardroom_schedule_ticks_total{{outcome={}}} {count}", json!(outcome));
    lines.extend(counts.outcomes().map(labelled));
    lines.extend([
        "# HELP wardroom_schedule_lateness_seconds How late schedules started that started in time.".to_owned(),
        "# TYPE wardroom_schedule_lateness_seconds histogram".to_owned(),
    ]);
    let bounds = LATENESS_MS.iter().map(|bound| seconds(*bound).to_string()).chain(["+Inf".to_owned()]);
    let bucket = |(bound, count)| format!("wardroom_schedule_lateness_seconds_bucket{{le=\"{bound}\"}} {count}");
    lines.extend(bounds.zip(buckets.into_iter().chain([count])).map(bucket));
    lines.extend([
        format!("wardroom_schedule_lateness_seconds_sum {}", seconds(sum_ms)),
        format!("wardroom_schedule_lateness_seconds_count {count}\n"),
    ]);
    lines.join("\n")
}
