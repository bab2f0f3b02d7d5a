//! The host's functions: the real ones in a component, the scripted host of [`crate::testing`] elsewhere.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::sys::*;
#[cfg(target_arch = "wasm32")]
pub(crate) use guest::*;

#[cfg(target_arch = "wasm32")]
mod guest {
    use crate::wit::wardroom::plugin::{clock, http, incident, log, mail, secrets, state, types};

    pub(crate) use clock::{now_ms, sleep_ms};
    pub(crate) use http::send;
    pub(crate) use log::progress;
    pub(crate) use secrets::{available as secret_available, jwt, sign};
    pub(crate) use state::{delete as state_delete, get as state_get, list_keys as state_keys, put as state_put};

    pub(crate) fn emit(level: log::Level, message: &str) {
        log::emit(level, message, &[]);
    }

    pub(crate) fn snapshot() -> Option<String> {
        incident::snapshot().ok()
    }

    pub(crate) fn add_timeline(text: &str, data: Option<String>) -> Result<(), String> {
        incident::add_timeline(text, data.as_deref()).map_err(|error| match error {
            incident::Error::None => "The run has no incident.".to_owned(),
            incident::Error::Denied(text) | incident::Error::Invalid(text) => text,
        })
    }

    pub(crate) fn send_mail(message: &mail::Message) -> Result<(), types::Failure> {
        mail::send(message)
    }
}
