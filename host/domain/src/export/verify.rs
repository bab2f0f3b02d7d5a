//! Whether an export is as it was made: every file, every entry of the chain, their numbers, and the manifest.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{FORMAT, Files, INCIDENT, MANIFEST, TIMELINE, canonical, first_hash, next_hash};
use crate::hex;

/// The fields of a manifest.
const FIELDS: [&str; 7] = ["entries", "files", "format", "head", "incident", "made_at", "made_by"];

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The incident's number, as the manifest says it.
    pub incident: String,
    /// How many entries the timeline has.
    pub entries: usize,
    /// The last hash of the chain, as computed.
    pub head: String,
    /// What does not fit, in words; empty: everything fits.
    pub faults: Vec<String>,
}

/// Checks files. Says exactly what does not fit; never stops at the first.
pub fn verify(files: &Files) -> Checked {
    let mut faults = Vec::new();
    let manifest = read(files, MANIFEST, &mut faults);
    let timeline = read(files, TIMELINE, &mut faults);
    read(files, INCIDENT, &mut faults);
    let incident = manifest["incident"].as_str().unwrap_or_default().to_owned();
    if manifest["format"] != FORMAT {
        faults.push(format!("{MANIFEST}: format {} is not known: {FORMAT} is", manifest["format"]));
    }
    fields(&manifest, &mut faults);
    hashes(files, &manifest, &mut faults);
    let (entries, head) = chain(&incident, &timeline, &mut faults);
    if manifest["entries"] != entries {
        faults.push(format!("{MANIFEST}: says {} entries, there are {entries}", manifest["entries"]));
    }
    if manifest["head"] != head.as_str() {
        faults.push(format!("{MANIFEST}: the chain does not end with the head that it names"));
    }
    Checked { incident, entries, head, faults }
}

/// A file as JSON; that it is there, and in canonical form.
fn read(files: &Files, name: &'static str, faults: &mut Vec<String>) -> Value {
    let Some(bytes) = files.get(name) else {
        faults.push(format!("{name}: is missing"));
        return Value::Null;
    };
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        faults.push(format!("{name}: is no JSON"));
        return Value::Null;
    };
    if canonical(name, &value).ok().as_ref() != Some(bytes) {
        faults.push(format!("{name}: is not in canonical form"));
    }
    value
}

/// The manifest says what it has to say, and nothing else.
fn fields(manifest: &Value, faults: &mut Vec<String>) {
    let Some(said) = manifest.as_object() else { return };
    for field in FIELDS.iter().filter(|field| !said.contains_key(**field)) {
        faults.push(format!("{MANIFEST}: has no {field}"));
    }
    for field in said.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
        faults.push(format!("{MANIFEST}: has a field {field:?}, which is not known"));
    }
}

fn hashes(files: &Files, manifest: &Value, faults: &mut Vec<String>) {
    let named = manifest["files"].as_object().cloned().unwrap_or_default();
    for (name, hash) in &named {
        match files.get(name) {
            None => faults.push(format!("{name}: is named by the manifest and missing")),
            Some(bytes) if *hash != hex(&Sha256::digest(bytes)) => {
                faults.push(format!("{name}: is not the file that the manifest names"));
            }
            Some(_) => {}
        }
    }
    for name in files.keys().filter(|name| *name != MANIFEST && !named.contains_key(*name)) {
        faults.push(format!("{name}: is not named by the manifest"));
    }
}

/// Walks the chain; gives how many entries there are and the last hash as computed.
fn chain(incident: &str, timeline: &Value, faults: &mut Vec<String>) -> (usize, String) {
    let none = Vec::new();
    let entries = timeline.as_array().unwrap_or(&none);
    let mut hash = first_hash(incident);
    for (index, entry) in entries.iter().enumerate() {
        let number = index + 1;
        if entry["seq"] != number {
            faults.push(format!("{TIMELINE}: entry {number} is numbered {}", entry["seq"]));
        }
        let mut bare = entry.clone();
        let said = bare.as_object_mut().and_then(|fields| fields.remove("hash")).unwrap_or_default();
        let computed = next_hash(&hash, &bare).unwrap_or_default();
        if said != computed.as_str() {
            faults.push(format!("{TIMELINE}: entry {number} is not what its hash says"));
        }
        // Going on from what is said tells one changed entry from all that follow.
        hash = said.as_str().map_or(computed, str::to_owned);
    }
    (entries.len(), hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{super::make, *};
    use crate::{
        id::IncidentId,
        person::Actor,
        time::Timestamp,
        timeline::{Entry, EntryKind, NewEntry},
    };

    fn export(texts: &[String]) -> Files {
        let entry = |(index, text): (usize, &String)| Entry {
            seq: i64::try_from(index).expect("few") + 1,
            entry: NewEntry {
                incident: IncidentId(uuid::Uuid::nil()),
                kind: EntryKind::Note,
                at: Timestamp::from_unix_ms(1_000),
                actor: Actor::System,
                text: text.clone(),
                data: json!({ "n": 1.5, "a": [1, null] }),
            },
        };
        let entries: Vec<Entry> = texts.iter().enumerate().map(entry).collect();
        let readable = vec![("timeline.md", "# x".to_owned())];
        make("INC-1", &json!({ "title": "é" }), &entries, readable, "2026-11-23T00:00:00Z").expect("an export")
    }

    fn changed(files: &Files, change: impl FnOnce(&mut Vec<Value>)) -> Vec<String> {
        let mut files = files.clone();
        let mut entries: Vec<Value> = serde_json::from_slice(&files[TIMELINE]).expect("JSON");
        change(&mut entries);
        files.insert(TIMELINE.to_owned(), canonical("it", &entries).expect("canonical"));
        verify(&files).faults
    }

    #[test]
    fn what_was_changed_is_named() {
        let files = export(&["one", "two", "three"].map(str::to_owned));
        assert_eq!(verify(&files).faults, [] as [String; 0]);
        let text = changed(&files, |entries| entries[1]["text"] = json!("other"));
        assert!(text.contains(&"timeline.json: entry 2 is not what its hash says".to_owned()), "{text:?}");
        assert!(!text.iter().any(|fault| fault.contains("entry 3")), "one entry is told, not all after it: {text:?}");
        let removed = changed(&files, |entries| drop(entries.remove(1)));
        assert!(removed.contains(&"timeline.json: entry 2 is numbered 3".to_owned()), "{removed:?}");
        let last = changed(&files, |entries| drop(entries.pop()));
        assert!(last.iter().any(|fault| fault.contains("does not end with the head")), "{last:?}");
        let swapped = changed(&files, |entries| entries.swap(0, 1));
        assert!(swapped.len() >= 3, "{swapped:?}");
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_told(texts in prop::collection::vec(".{0,40}", 1..6), file in 0_usize..4, place in any::<usize>(),
            byte in any::<u8>()) {
            let files = export(&texts);
            prop_assert_eq!(&verify(&files).faults, &Vec::<String>::new());
            let name = files.keys().nth(file % files.len()).expect("a file").clone();
            let mut changed = files.clone();
            let bytes = changed.get_mut(&name).expect("a file");
            let place = place % bytes.len();
            prop_assume!(bytes[place] != byte);
            bytes[place] = byte;
            // The manifest vouches for the others; of itself only what the others can be compared with.
            if name == MANIFEST {
                let before: Value = serde_json::from_slice(&files[MANIFEST]).expect("JSON");
                let after: Option<Value> = serde_json::from_slice(&changed[MANIFEST]).ok();
                let free = |value: &Value| (value["made_at"].clone(), value["made_by"].clone());
                let only_free = after.as_ref().is_some_and(|after| {
                    let mut same = after.clone();
                    same["made_at"] = before["made_at"].clone();
                    same["made_by"] = before["made_by"].clone();
                    same == before && free(after) != free(&before)
                });
                prop_assume!(!only_free);
            }
            prop_assert!(!verify(&changed).faults.is_empty(), "{}", name);
        }
    }
}
