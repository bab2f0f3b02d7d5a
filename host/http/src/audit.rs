//! The audit log: who changed what in the platform, from what to what.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Admin,
    extract::{Listed, Paging, Parameters},
    problem::Problem,
    shapes::value,
};
use wardroom_domain::{audit::AuditFilter, time::Timestamp};
use wardroom_engine::Engine;

/// The longest text to look for.
const LONGEST: usize = 200;

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(audit))
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Only what this person did, by handle.
    actor: Option<String>,
    /// Only this action, such as `connection.set`; with a dot at its end all of that kind, such as `connection.`.
    action: Option<String>,
    /// Only changes of what is called this.
    target: Option<String>,
    /// Only at or after this time.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Only before this time.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
}

/// Reads the audit log, the newest entry first. The `data` of a change has `before` and `after`; null stands for what was not
/// there. Never holds a secret.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "people", params(Paging, Wanted),
    responses((status = 200, body = Listed<Object>), (status = "4XX", body = Problem)),
)]
async fn audit(
    State(engine): State<Engine>,
    _: Admin,
    Parameters(paging): Parameters<Paging>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Listed<Value>>, Problem> {
    let Wanted { actor, action, target, since, until } = wanted;
    for (field, text) in [("actor", &actor), ("action", &action), ("target", &target)] {
        if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > LONGEST) {
            return Err(Problem::invalid(field, "1 to 200 characters are wanted"));
        }
    }
    if let (Some(since), Some(until)) = (since, until)
        && until <= since
    {
        return Err(Problem::invalid("until", "a time after `since` is wanted"));
    }
    let page = paging.page()?;
    let filter = AuditFilter { actor, action, target, since, until };
    let listed = Listed::cut(engine.audit_list(&filter, &page).await?, &page, |entry| entry.id.to_string());
    Ok(Json(Listed { items: listed.items.iter().map(value).collect(), next: listed.next }))
}
