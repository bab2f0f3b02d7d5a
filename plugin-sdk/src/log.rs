//! Lines for the attempt's log. Known secrets are masked; an attempt keeps 256 KiB.

use std::fmt::Display;

use crate::{sys, wit::wardroom::plugin::log::Level};

/// For the author.
pub fn debug(message: impl Display) {
    sys::emit(Level::Debug, &message.to_string());
}

/// For whoever reads the run.
pub fn info(message: impl Display) {
    sys::emit(Level::Info, &message.to_string());
}

/// Something is odd.
pub fn warn(message: impl Display) {
    sys::emit(Level::Warn, &message.to_string());
}

/// Something failed.
pub fn error(message: impl Display) {
    sys::emit(Level::Error, &message.to_string());
}

/// Tells people how far a long action is, 0 to 100.
pub fn progress(percent: u8, note: &str) {
    sys::progress(percent, note);
}

/// Writes panics into the log: a trap by itself says nothing.
pub(crate) fn panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|info| error(info)));
}
