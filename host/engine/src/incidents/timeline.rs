//! What people do to a timeline without changing it: stars, annotations and corrections are entries of their own that refer
//! to an earlier one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Caller, Engine, EngineError,
    incidents::edit::{Asking, MAX_NOTE},
};
use wardroom_domain::{
    id::IncidentId,
    timeline::{Entry, EntryKind},
};
use wardroom_store::Page;

/// What is done to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// It matters: briefs and retrospectives show it.
    Star,
    /// It does not matter more than others.
    Unstar,
    /// Something to add to it, 1 to 2,000 characters.
    Annotate(String),
    /// It was wrong, and this is right: 1 to 2,000 characters.
    Correct(String),
}

impl Engine {
    /// Adds a remark to an entry of a timeline. The entry itself stays as it was.
    pub(crate) async fn remark(
        &self,
        asking: &Asking,
        id: IncidentId,
        seq: i64,
        remark: &Remark,
    ) -> Result<(), EngineError> {
        let page = Page { after: Some((seq - 1).to_string()), limit: 1 };
        let found = self.store().timeline(id, &page).await?;
        let known = found.into_iter().find(|entry| entry.seq == seq);
        let known = known.ok_or_else(|| EngineError::not_found("timeline entry", seq))?;
        if is_remark(known.entry.kind) {
            return Err(EngineError::Conflict(format!("entry {seq} is itself a remark: refer to what it is about")));
        }
        let (kind, text, starred) = match remark {
            Remark::Star => (EntryKind::Star, format!("starred entry {seq}"), Some(true)),
            Remark::Unstar => (EntryKind::Star, format!("took the star from entry {seq}"), Some(false)),
            Remark::Annotate(text) => (EntryKind::Annotation, checked(text)?, None),
            Remark::Correct(text) => (EntryKind::Correction, checked(text)?, None),
        };
        let about =
            starred.map_or_else(|| json!({ "refers_to": seq }), |on| json!({ "refers_to": seq, "starred": on }));
        self.amend(asking, id, |_, _, told| {
            told.entry(kind, text.clone(), about.clone());
            Ok(0)
        })
        .await?;
        Ok(())
    }

    /// The whole timeline of an incident, at most the newest so many entries, with the numbers of those that are starred.
    pub(crate) async fn whole_timeline(
        &self,
        id: IncidentId,
        most: usize,
    ) -> Result<(Vec<Entry>, Vec<i64>), EngineError> {
        let mut entries = Vec::new();
        let mut page = Page { after: None, limit: 1_000 };
        loop {
            let found = self.store().timeline(id, &page).await?;
            let Some(last) = found.last().map(|entry| entry.seq) else { break };
            entries.extend(found);
            page.after = Some(last.to_string());
        }
        let starred = starred(&entries);
        let first = entries.len().saturating_sub(most);
        Ok((entries.split_off(first), starred))
    }
}

/// How often a followed timeline is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How many entries are read at a time.
const BATCH_SIZE: u32 = 200;

/// The timeline of an incident as somebody follows it.
pub struct TimelineFollower {
    engine: Engine,
    caller: Caller,
    incident: IncidentId,
    after: i64,
    /// Entries that were read and not yet given, the next one last.
    pending: Vec<Entry>,
}

impl TimelineFollower {
    pub(crate) fn new(engine: Engine, caller: Caller, incident: IncidentId, after: i64) -> Self {
        Self { engine, caller, incident, after, pending: Vec::new() }
    }

    /// The next entry, whenever it comes; none once the server stops or the caller may no longer see the incident.
    pub async fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.pending.pop() {
                self.after = entry.seq;
                return Some(entry);
            }
            let page = Page { after: Some(self.after.to_string()), limit: BATCH_SIZE };
            match self.engine.store().timeline(self.incident, &page).await {
                Ok(found) if !found.is_empty() => {
                    // Who may see the incident may have changed since the last entry.
                    if !self.engine.acting_as(&self.caller).sees_part_of(Some(self.incident)).await.ok()? {
                        return None;
                    }
                    self.pending = found.into_iter().rev().collect();
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "a followed timeline could not be read; trying again"),
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = self.engine.stopping().cancelled() => return None,
            }
        }
    }
}

/// Whether an entry is about another one.
pub fn is_remark(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Star | EntryKind::Annotation | EntryKind::Correction)
}

/// The numbers of the entries that are starred, in order.
fn starred(entries: &[Entry]) -> Vec<i64> {
    let mut starred = std::collections::BTreeSet::new();
    for entry in entries.iter().filter(|entry| entry.entry.kind == EntryKind::Star) {
        let Some(seq) = entry.entry.data.get("refers_to").and_then(Value::as_i64) else { continue };
        if entry.entry.data.get("starred") == Some(&Value::Bool(true)) {
            starred.insert(seq);
        } else {
            starred.remove(&seq);
        }
    }
    starred.into_iter().collect()
}

fn checked(text: &str) -> Result<String, EngineError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_NOTE {
        return Err(EngineError::invalid("text", format!("1 to {MAX_NOTE} characters are wanted")));
    }
    Ok(text.to_owned())
}
