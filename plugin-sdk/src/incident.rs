//! The run's incident.

use serde_json::Value;

use crate::{Failure, sys};

/// The incident as expressions see it, frozen when the call started; none when the run has no incident.
pub fn snapshot() -> Option<Value> {
    sys::snapshot().and_then(|text| serde_json::from_str(&text).ok())
}

/// Adds a timeline entry of 1 to 2,000 characters; it commits with the attempt's result. At most 20 a call.
pub fn add_timeline(text: &str, data: Option<&Value>) -> Result<(), Failure> {
    sys::add_timeline(text, data.map(ToString::to_string)).map_err(|message| Failure::new("timeline", message))
}
