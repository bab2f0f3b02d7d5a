//! Slack's Web API: how its methods are called, paged through, and how they refuse.

use serde::de::DeserializeOwned;
use wardroom_plugin_sdk::prelude::*;

/// A channel as Slack gives it.
#[derive(Deserialize)]
pub(crate) struct Channel {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    /// Who made it.
    #[serde(default)]
    pub(crate) creator: String,
    #[serde(default)]
    pub(crate) is_archived: bool,
    #[serde(default)]
    pub(crate) topic: Words,
    #[serde(default)]
    pub(crate) purpose: Words,
}

/// A topic or a purpose.
#[derive(Default, Deserialize)]
pub(crate) struct Words {
    #[serde(default)]
    pub(crate) value: String,
}

/// An answer that holds a channel.
#[derive(Deserialize)]
pub(crate) struct WithChannel {
    pub(crate) channel: Channel,
}

/// An answer of which nothing is needed.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

/// What every answer says.
#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    #[serde(default)]
    error: String,
    /// The scope that the token lacks.
    #[serde(default)]
    needed: String,
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(flatten)]
    content: T,
    #[serde(default)]
    response_metadata: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    #[serde(default)]
    next_cursor: String,
}

/// What looking through pages found.
pub(crate) enum Search<T> {
    Found(T),
    NotThere,
    /// There are more pages than were looked through.
    TooFar,
}

/// Calls a method that only reads.
pub(crate) fn get<T: DeserializeOwned>(method: &str, query: &[(&str, &str)]) -> Result<T, Failure> {
    let request =
        query.iter().fold(http::get(&format!("/{method}")), |request, (name, value)| request.query(name, value));
    answer(&request.send()?, Effect::None)
}

/// Calls a method that changes something.
pub(crate) fn post<T: DeserializeOwned>(method: &str, body: &Value) -> Result<T, Failure> {
    answer(&http::post(&format!("/{method}")).json(body).send()?, Effect::Unknown)
}

/// Looks through at most so many pages of a method that lists, until one holds what is looked for.
pub(crate) fn search<T: DeserializeOwned, R>(
    method: &str,
    query: &[(&str, &str)],
    most: usize,
    mut see: impl FnMut(T) -> Option<R>,
) -> Result<Search<R>, Failure> {
    let mut cursor = String::new();
    for _ in 0..most {
        let mut query = query.to_vec();
        if !cursor.is_empty() {
            query.push(("cursor", cursor.as_str()));
        }
        let page: Page<T> = get(method, &query)?;
        if let Some(found) = see(page.content) {
            return Ok(Search::Found(found));
        }
        cursor = page.response_metadata.map(|paging| paging.next_cursor).unwrap_or_default();
        if cursor.is_empty() {
            return Ok(Search::NotThere);
        }
    }
    Ok(Search::TooFar)
}

/// A channel by its id.
pub(crate) fn channel(id: &str) -> Result<Channel, Failure> {
    get::<WithChannel>("conversations.info", &[("channel", id)]).map(|answer| answer.channel)
}

/// Whether a failure is Slack's refusal with this word.
pub(crate) fn says(failure: &Failure, word: &str) -> bool {
    failure.details.as_ref().is_some_and(|details| details["error"] == word)
}

fn answer<T: DeserializeOwned>(response: &http::Response, lost: Effect) -> Result<T, Failure> {
    if !response.is_success() {
        return Err(response.failure());
    }
    let verdict: Verdict = response.json()?;
    if verdict.ok { response.json() } else { Err(refused(response, &verdict, lost)) }
}

/// Slack's word as a failure: a code, and what would help.
fn refused(response: &http::Response, verdict: &Verdict, lost: Effect) -> Failure {
    let word = verdict.error.as_str();
    let scope = format!("Add the scope {} to the app, and install it again.", verdict.needed);
    let (code, help) = match word {
        "not_authed" | "invalid_auth" | "token_revoked" | "token_expired" | "account_inactive" => {
            ("unauthorized", "Give the connection a token that is still valid.")
        }
        "not_allowed_token_type" => ("unauthorized", "Give the connection a token of another kind."),
        "missing_scope" => ("missing_scope", scope.as_str()),
        "channel_not_found" => ("not_found", "Give the channel's id, and add the app to the channel if it is private."),
        "user_not_found" | "users_not_found" | "no_user" => {
            ("not_found", "Give the id or e-mail address of a user here.")
        }
        "message_not_found" => ("not_found", "Give the message_id and channel_id that post gave."),
        "not_in_channel" => ("not_in_channel", "Add the app to the channel."),
        "is_archived" => ("archived", "Open the channel again first."),
        "name_taken" => ("name_taken", "Choose another name."),
        "restricted_action" | "access_denied" | "no_permission" | "user_is_restricted" => {
            ("forbidden", "Ask an admin of the workspace to allow it to the app.")
        }
        "msg_too_long" | "too_long" => ("too_long", "Make the text shorter."),
        "ratelimited" | "rate_limited" => ("rate_limited", "Slack takes no more requests for now."),
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "team_added_to_org" => {
            ("unavailable", "Slack is in trouble: try again later.")
        }
        _ => ("refused", "Look the word up on the method's page at https://docs.slack.dev/reference/methods."),
    };
    let failure = Failure::new(code, format!("Slack refuses ({word}). {help}")).details(json!({ "error": word }));
    let delay = response.header("retry-after").and_then(|seconds| seconds.trim().parse::<u64>().ok());
    match code {
        "rate_limited" => {
            failure.retry(delay.map_or(Retry::Backoff, |seconds| Retry::AfterMs(seconds.saturating_mul(1_000))))
        }
        // Part of it may have happened, Slack says.
        "unavailable" => failure.retry(Retry::Backoff).effect(lost),
        _ => failure,
    }
}
