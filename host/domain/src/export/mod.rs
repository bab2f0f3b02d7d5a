//! The export of an incident for compliance: its parts, its runs and its timeline in canonical JSON (RFC 8785), the timeline
//! as a chain of hashes, readable copies, and a manifest that names every file's hash. [`verify`] tells what does not fit.
//! Knows neither archives nor the network: files are names and bytes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{hex, timeline::Entry};

mod readable;
mod verify;

pub use readable::{tasks_csv, timeline_markdown};
pub use verify::{Checked, verify};

/// The format, in the manifest. Another number means another layout.
pub const FORMAT: u32 = 1;
/// The most entries of a timeline that are exported: about 200 MiB of memory at a kilobyte each, made and packed at once.
pub const MAX_ENTRIES: usize = 100_000;

/// The names of the files.
pub const INCIDENT: &str = "incident.json";
/// See [`INCIDENT`].
pub const TIMELINE: &str = "timeline.json";
/// See [`INCIDENT`].
pub const MANIFEST: &str = "manifest.json";

/// Files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The timeline is too long.
    #[error("the timeline has more than {MAX_ENTRIES} entries")]
    TooLong,
    /// A value has no canonical form, such as a number beyond the range of doubles.
    #[error("{0} has no canonical form: {1}")]
    NotCanonical(&'static str, String),
}

/// A value in canonical form.
pub fn canonical(noun: &'static str, value: &impl Serialize) -> Result<Vec<u8>, ExportError> {
    serde_jcs::to_vec(value).map_err(|error| ExportError::NotCanonical(noun, error.to_string()))
}

/// The hash a chain begins with: of the incident's number, so that entries of another incident do not fit.
pub fn first_hash(number: &str) -> String {
    hex(&Sha256::digest(number.as_bytes()))
}

/// The hash of an entry: over the hash before it and the entry in canonical form.
pub fn next_hash(before: &str, entry: &Value) -> Result<String, ExportError> {
    let mut hash = Sha256::new();
    hash.update(before.as_bytes());
    hash.update(canonical("an entry", entry)?);
    Ok(hex(&hash.finalize()))
}

/// The entries with their hashes, and the last hash.
pub fn chain(number: &str, entries: &[Entry]) -> Result<(Vec<Value>, String), ExportError> {
    if entries.len() > MAX_ENTRIES {
        return Err(ExportError::TooLong);
    }
    let mut hash = first_hash(number);
    let mut chained = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut value = json!(entry);
        hash = next_hash(&hash, &value)?;
        if let Some(fields) = value.as_object_mut() {
            fields.insert("hash".to_owned(), json!(hash));
        }
        chained.push(value);
    }
    Ok((chained, hash))
}

/// Puts the files together. `incident` is everything but the timeline; `made_at` is the one thing that differs between two
/// exports of the same state.
pub fn make(
    number: &str,
    incident: &Value,
    entries: &[Entry],
    readable: Vec<(&str, String)>,
    made_at: &str,
) -> Result<Files, ExportError> {
    let (chained, head) = chain(number, entries)?;
    let mut files = Files::new();
    files.insert(INCIDENT.to_owned(), canonical("the incident", incident)?);
    files.insert(TIMELINE.to_owned(), canonical("the timeline", &chained)?);
    files.extend(readable.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())));
    let hashes: Map<String, Value> =
        files.iter().map(|(name, bytes)| (name.clone(), json!(hex(&Sha256::digest(bytes))))).collect();
    let manifest = json!({
        "format": FORMAT,
        "made_by": concat!("wardroom ", env!("CARGO_PKG_VERSION")),
        "made_at": made_at,
        "incident": number,
        "entries": entries.len(),
        "head": head,
        "files": hashes,
    });
    files.insert(MANIFEST.to_owned(), canonical("the manifest", &manifest)?);
    Ok(files)
}
