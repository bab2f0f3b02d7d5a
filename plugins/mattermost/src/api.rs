//! Mattermost's REST API v4: what it gives, and how it refuses.

use wardroom_plugin_sdk::prelude::*;

pub(crate) const API: &str = "/api/v4";

/// A channel as the server gives it.
#[derive(Deserialize)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) header: String,
    #[serde(default)]
    pub(crate) purpose: String,
    /// When it was archived; 0 when it was not.
    #[serde(default)]
    pub(crate) delete_at: i64,
}

/// What the server says when it refuses.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    /// Its stable word, such as `store.sql_channel.save_channel.exists.app_error`.
    pub(crate) id: String,
    #[serde(default)]
    message: String,
}

/// A channel's path.
pub(crate) fn channel_path(id: &str) -> String {
    format!("{API}/channels/{}", http::encode(id))
}

/// A channel by its id.
pub(crate) fn channel(id: &str) -> Result<Channel, Failure> {
    checked(http::get(&channel_path(id)).send()?)?.json()
}

/// Archives a channel; gives whether that changed it.
pub(crate) fn archive(id: &str) -> Result<bool, Failure> {
    if channel(id)?.delete_at > 0 {
        return Ok(false);
    }
    checked(http::delete(&channel_path(id)).send()?)?;
    Ok(true)
}

/// What the server said, if it is a refusal.
pub(crate) fn refusal(response: &http::Response) -> Option<Refusal> {
    response.json().ok().filter(|_| !response.is_success())
}

/// The answer if the status says success, otherwise the server's refusal as a failure.
pub(crate) fn checked(response: http::Response) -> Result<http::Response, Failure> {
    if response.is_success() { Ok(response) } else { Err(refused(&response)) }
}

fn refused(response: &http::Response) -> Failure {
    let mut failure = response.failure();
    let help = match response.status() {
        401 => "Give the connection a token that is still valid.",
        403 => "Give the account of the connection's token this permission.",
        404 => "Look whether the id or the name is right, and whether the connection's account can see it.",
        429 => "Mattermost takes no more requests for now.",
        _ => "",
    };
    if response.status() == 403 {
        "forbidden".clone_into(&mut failure.code);
    }
    if let Some(Refusal { id, message }) = refusal(response) {
        let text = format!("Mattermost refuses ({id}): {}. {help}", message.trim().trim_end_matches('.'));
        text.trim_end().clone_into(&mut failure.message);
    }
    // How many seconds it takes until requests are taken again.
    let reset = response.header("x-ratelimit-reset").and_then(|seconds| seconds.trim().parse::<u64>().ok());
    if let (429, Retry::Backoff, Some(seconds)) = (response.status(), failure.retry, reset) {
        failure.retry = Retry::AfterMs(seconds.saturating_mul(1_000));
    }
    failure
}
