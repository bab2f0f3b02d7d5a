//! The timeline of an incident: reading, filtering, following it, and what people add to it.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{
        Response,
        sse::{KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Responder, Viewer},
    extract::{Body, Listed, Paging, Parameters, Path, tagged},
    problem::Problem,
    shapes::{IncidentResponse, TimelineEntryResponse},
};
use wardroom_domain::{incident::UnknownWord, timeline::EntryKind};
use wardroom_engine::{Engine, TimelineFilter, incidents::timeline::Remark};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(timeline, note)).routes(routes!(follow)).routes(routes!(remark))
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only of these kinds, by commas: such as `stage,update,cause`.
    kind: Option<String>,
    /// Only with this in their text, whatever its case.
    text: Option<String>,
}

impl Filter {
    fn checked(self) -> Result<TimelineFilter, Problem> {
        let words = self.kind.iter().flat_map(|kinds| kinds.split(',')).map(str::trim);
        let kinds = words.map(kind).collect::<Result<Vec<_>, _>>()?;
        if self.text.as_ref().is_some_and(|text| text.chars().count() > 200) {
            return Err(Problem::invalid("text", "at most 200 characters are wanted"));
        }
        Ok(TimelineFilter { kinds, text: self.text })
    }
}

fn kind(word: &str) -> Result<EntryKind, Problem> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).map_err(|_| {
        let text = word.chars().take(64).collect();
        let unknown = UnknownWord { noun: "kind of entry".to_owned(), text, known: EntryKind::WORDS.to_vec() };
        Problem::invalid("kind", unknown.to_string())
    })
}

/// Reads the timeline, the oldest entry first.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/timeline", tag = "incidents", params(("id" = String, Path), Filter, Paging),
    responses((status = 200, body = Listed<TimelineEntryResponse>), (status = "4XX", body = Problem)),
)]
async fn timeline(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
    Parameters(filter): Parameters<Filter>,
    Parameters(paging): Parameters<Paging>,
) -> Result<Json<Listed<TimelineEntryResponse>>, Problem> {
    let (page, filter) = (paging.numbered()?, filter.checked()?);
    let found = engine.acting_as(&caller).timeline(&id, &filter, &page).await?;
    let listed = Listed::cut(found, &page, |entry| entry.seq.to_string());
    Ok(Json(Listed { items: listed.items.into_iter().map(TimelineEntryResponse::from).collect(), next: listed.next }))
}

/// A note.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateNoteRequest {
    /// 1 to 2,000 characters.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

/// Adds a note to the timeline.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/timeline", tag = "incidents", request_body = CreateNoteRequest,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = IncidentResponse), (status = "4XX", body = Problem)),
)]
async fn note(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    body: Body<CreateNoteRequest>,
) -> Result<Response, Problem> {
    let acting = engine.acting_as(&caller).once(body.once(&caller));
    let incident = acting.timeline_note(&id, &body.value.text).await?;
    Ok(tagged(StatusCode::CREATED, incident.revision, IncidentResponse::from(incident)))
}

/// What is done to an entry.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemarkKind {
    /// It matters: briefs and retrospectives show it.
    Star,
    /// It does not matter more than others.
    Unstar,
    /// Something to add to it.
    Annotate,
    /// It was wrong, and this is right.
    Correct,
}

/// A remark on an entry. The entry itself stays as it was: the remark is an entry of its own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRemarkRequest {
    /// `star`, `unstar`, `annotate` or `correct`.
    remark: RemarkKind,
    /// 1 to 2,000 characters; needed by `annotate` and `correct`.
    text: Option<String>,
}

/// Stars, annotates or corrects an entry of the timeline.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/timeline/{seq}", tag = "incidents", request_body = CreateRemarkRequest,
    params(("id" = String, Path), ("seq" = i64, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
async fn remark(
    State(engine): State<Engine>,
    Responder(caller): Responder,
    Path((id, seq)): Path<(String, i64)>,
    body: Body<CreateRemarkRequest>,
) -> Result<StatusCode, Problem> {
    let once = body.once(&caller);
    let text = body.value.text.unwrap_or_default();
    let remark = match body.value.remark {
        RemarkKind::Star => Remark::Star,
        RemarkKind::Unstar => Remark::Unstar,
        RemarkKind::Annotate => Remark::Annotate(text),
        RemarkKind::Correct => Remark::Correct(text),
    };
    engine.acting_as(&caller).once(once).timeline_remark(&id, seq, &remark).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct From {
    /// The number of the last entry that is known; `Last-Event-ID` counts more. 0: from the beginning.
    after: Option<i64>,
}

/// Follows the timeline: each entry is an event whose id is its number.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/timeline/events", tag = "incidents",
    params(("id" = String, Path), From, ("Last-Event-ID" = Option<i64>, Header)),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = "4XX", body = Problem)),
)]
async fn follow(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
    Parameters(from): Parameters<From>,
    headers: axum::http::HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<axum::response::sse::Event, Infallible>>>, Problem> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let after = last.or(from.after).unwrap_or_default();
    let follower = engine.acting_as(&caller).timeline_follow(&id, after).await?;
    let events = stream::unfold(follower, |mut follower| async move {
        let entry = TimelineEntryResponse::from(follower.next().await?);
        let seq = entry.seq.to_string();
        let event = axum::response::sse::Event::default().id(seq).event("entry").json_data(entry);
        Some((Ok(event.unwrap_or_default()), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}
