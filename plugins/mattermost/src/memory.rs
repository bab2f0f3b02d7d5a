//! What a first try found before it changed something. A second try under the same key would find only the work of the
//! first, and could not say what an undo has to put back.

use wardroom_plugin_sdk::{
    prelude::*,
    state::{self, Expect},
};

#[derive(Serialize, Deserialize)]
struct Note {
    key: String,
    found: Value,
}

/// One of 256 places: a note is needed only until its step ends, and the host keeps at most 1,000.
fn place(call: &Call) -> String {
    format!("found/{}", call.idempotency_key.get(..2).unwrap_or_default())
}

/// Keeps what was found, before it is changed.
pub(crate) fn keep(call: &Call, found: Value) -> Result<(), Failure> {
    let note = Note { key: call.idempotency_key.clone(), found };
    state::put(&place(call), json!(note).to_string().as_bytes(), Expect::Any)?;
    Ok(())
}

/// What an earlier try of this step found.
pub(crate) fn recall(call: &Call) -> Result<Option<Value>, Failure> {
    let kept = state::get(&place(call))?.and_then(|entry| serde_json::from_slice::<Note>(&entry.value).ok());
    Ok(kept.filter(|note| note.key == call.idempotency_key).map(|note| note.found))
}

/// What this plugin leaves in what it makes, to know it again: made of the step's key.
pub(crate) fn marker(call: &Call) -> String {
    format!("wardroom:{}", call.idempotency_key.get(..16).unwrap_or_default())
}

/// What the outcome left for the undo.
pub(crate) fn left<T: serde::de::DeserializeOwned>(undo: &Value) -> Result<T, Failure> {
    serde_json::from_value(undo.clone())
        .map_err(|error| Failure::new("undo_data", format!("What was kept for the undo cannot be read: {error}.")))
}
