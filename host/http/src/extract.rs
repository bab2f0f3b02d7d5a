//! Reading requests: bodies, queries, cursors, revisions and idempotency keys, each with a precise refusal.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use wardroom_domain::page::Page;
use wardroom_engine::{Caller, once::Once};

/// A JSON body, with the bytes it was read from.
#[derive(Debug)]
pub struct Body<T> {
    /// The body.
    pub value: T,
    /// Method, path and bytes: what an idempotency key stands for.
    request: Fingerprint,
}

#[derive(Debug)]
struct Fingerprint {
    method: Method,
    path: String,
    bytes: Bytes,
    key: Option<String>,
}

impl<T> Body<T> {
    /// What makes the request happen once, when it came with an `Idempotency-Key`.
    pub fn once(&self, caller: &Caller) -> Option<Once> {
        let Fingerprint { method, path, bytes, key } = &self.request;
        key.as_ref().map(|key| Once::for_request(caller, key, method.as_str(), path, bytes))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let key = idempotency_key(request.headers())?;
        let is_json = request.headers().get(header::CONTENT_TYPE).is_none_or(|kind| {
            kind.to_str().is_ok_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().ends_with("json")))
        });
        if !is_json {
            let detail = "the body has to be application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| too_large(&rejection))?;
        let value = json(&bytes)?;
        Ok(Self { value, request: Fingerprint { method, path, bytes, key } })
    }
}

/// Bytes as they are.
#[derive(Debug)]
pub struct Raw(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| too_large(&rejection))
    }
}

/// Reads JSON: text that is none is 400, JSON of another shape is 422.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // An empty body is an empty object: commands without options need none.
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("the body does not fit: {error}"))
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "malformed", format!("the body is no JSON: {error}")),
    })
}

fn too_large(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is larger than this route takes")
        }
        status => Problem::new(status, "malformed", "the body could not be read"),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > 255 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            "Idempotency-Key: 1 to 255 visible ASCII characters without spaces are wanted",
        ));
    }
    Ok(Some(text.to_owned()))
}

/// The parameters of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        // Nothing has a number that is none.
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|error| {
            Problem::new(StatusCode::NOT_FOUND, "not-found", format!("nothing is at this path: {}", error.body_text()))
        })
    }
}

/// Parameters of the query.
#[derive(Debug)]
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(value)| Self(value)).map_err(|error| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("the query: {}", error.body_text()))
        })
    }
}

/// The part of a list that is asked for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

impl Paging {
    /// The page, with one item more than asked for: it tells whether there is a next one.
    pub fn page(&self) -> Result<Page, Problem> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=200).contains(&limit) {
            return Err(Problem::invalid("limit", "1 to 200 are wanted"));
        }
        if self.after.as_ref().is_some_and(|after| after.len() > 128) {
            return Err(Problem::invalid("after", "`next` of an earlier page is wanted"));
        }
        Ok(Page { after: self.after.clone(), limit: limit + 1 })
    }

    /// The same for a list whose items are numbered.
    pub fn numbered(&self) -> Result<Page, Problem> {
        if self.after.as_ref().is_some_and(|after| after.parse::<i64>().is_err()) {
            return Err(Problem::invalid("after", "`next` of an earlier page is wanted: a number"));
        }
        self.page()
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to send as `after` for the next page; null at the end.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// Everything there is.
    pub fn all(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// Cuts what [`Paging::page`] asked for too much.
    pub fn cut(mut items: Vec<T>, page: &Page, cursor: impl Fn(&T) -> String) -> Self {
        let limit = page.limit.saturating_sub(1) as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }
}

/// The revision that an edit expects (`If-Match`).
#[derive(Debug, Clone, Copy)]
pub struct Expected(pub Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for Expected {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default();
        if text == "*" {
            return Ok(Self(None));
        }
        let revision = text.trim_matches('"').parse().map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                "If-Match: the ETag of an earlier answer is wanted, such as \"3\"",
            )
        })?;
        Ok(Self(Some(revision)))
    }
}

/// An answer with its revision as `ETag`.
pub(super) fn tagged<T: Serialize>(status: StatusCode, revision: i64, body: T) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Tells null from absent.
#[expect(clippy::option_option, reason = "absent, null and a value mean three things")]
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
