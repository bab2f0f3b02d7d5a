//! The HTTP API: extracts, calls one engine function, converts. Decides nothing. In reading order:
//!
//! - [`problem`], [`auth`], [`extract`], [`shapes`], [`words`]: what every route uses
//! - [`incidents`], [`timeline`], [`roles`], [`tasks`], [`findings`], [`updates`], [`retrospective`], [`export`], [`metrics`], [`hooks`], [`sources`], [`workflows`], [`playbooks`], [`apply`], [`runs`], [`schedules`], [`timers`], [`signals`], [`approvals`], [`plugins`], [`grants`], [`library`], [`limits`], [`people`], [`audit`]: a resource each
//! - [`load`]: how much is taken on at a time
//! - [`root`]: health, metrics and the API's description

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::Response,
};
use utoipa_axum::router::OpenApiRouter;

use wardroom_engine::Engine;

pub mod apply;
pub mod approvals;
pub mod audit;
pub mod auth;
pub mod export;
pub mod extract;
pub mod findings;
pub mod grants;
pub mod hooks;
pub mod incidents;
pub mod library;
pub mod limits;
pub mod load;
pub mod metrics;
pub mod people;
pub mod playbooks;
pub mod plugins;
pub mod problem;
pub mod retrospective;
pub mod roles;
pub mod root;
pub mod runs;
pub mod schedules;
pub mod shapes;
pub mod signals;
pub mod sources;
pub mod tasks;
pub mod timeline;
pub mod timers;
pub mod updates;
pub mod words;
pub mod workflows;

/// The largest body, in bytes, where a route does not say otherwise.
pub const MAX_BODY: usize = 1024 * 1024;

/// The whole API over an engine.
pub fn router(engine: Engine) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(root::document())
        .merge(incidents::routes())
        .merge(timeline::routes())
        .merge(roles::routes())
        .merge(tasks::routes())
        .merge(findings::routes())
        .merge(updates::routes())
        .merge(retrospective::routes())
        .merge(export::routes())
        .merge(metrics::routes())
        .merge(hooks::routes())
        .merge(sources::routes())
        .merge(workflows::routes())
        .merge(playbooks::routes())
        .merge(apply::routes())
        .merge(runs::routes())
        .merge(schedules::routes())
        .merge(timers::routes())
        .merge(signals::routes())
        .merge(approvals::routes())
        .merge(plugins::routes())
        .merge(grants::routes())
        .merge(library::routes())
        .merge(limits::routes())
        .merge(audit::routes())
        .merge(people::routes())
        .split_for_parts();
    router
        .layer(middleware::from_fn_with_state(load::Load::new(engine.clone()), load::admit))
        .merge(root::routes(document))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(headers))
        .with_state(engine)
}

/// What every answer carries: nothing of it is to be cached, sniffed or framed.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
