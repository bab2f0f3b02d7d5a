//! Saving playbooks: checked whole, kept as revisions, never changed in place. One that nobody has used or looked at for long
//! is stale.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Caller, Engine, EngineError, between, revision_of};
use crate::platform::catalog::Catalog;
pub(crate) use crate::platform::parsed_playbooks::ParsedPlaybooks;
use wardroom_domain::{
    document::{Fault, Position},
    playbook::{Playbook, document},
    time::{Timestamp, write_duration},
};
use wardroom_store::{DocumentKind, DocumentRevision, Guard, Review};

const LOST_WRITES: usize = 16;
/// How many revisions are kept parsed.
const KEPT: usize = 1_000;

/// A playbook in use, and whether it should be looked at.
#[derive(Debug, Clone)]
pub struct PlaybookView {
    /// Its newest revision.
    pub revision: DocumentRevision,
    /// When the newest incident that followed it was opened.
    pub last_used_at: Option<Timestamp>,
    /// When somebody last looked at it: saved or reviewed it.
    pub reviewed_at: Timestamp,
    /// Why it is stale, if it is.
    pub stale: Option<String>,
}

impl Engine {
    /// All revisions of a playbook, the newest first.
    pub async fn playbook_revisions(&self, name: &str) -> Result<Vec<DocumentRevision>, EngineError> {
        self.document_revisions(DocumentKind::Playbook, "playbook", name).await
    }

    /// One revision of a playbook as it was written.
    pub async fn playbook_source(&self, name: &str, revision: i64) -> Result<DocumentRevision, EngineError> {
        let found = self.store().revision(DocumentKind::Playbook, name, revision).await?;
        found.ok_or_else(|| EngineError::not_found("playbook", format!("{name} revision {revision}")))
    }

    /// Every fault of a document; none when it can be saved.
    pub async fn playbook_validate(&self, source: &str) -> Result<Result<Playbook, Vec<Fault>>, EngineError> {
        let catalog = self.catalog().await?;
        Ok(checked_playbook(source, &catalog))
    }

    /// Saves a document under its name as a new revision; the same text again changes nothing. `expected` is the revision
    /// the caller read. Incidents keep the revision they began with.
    pub async fn playbook_save(
        &self,
        caller: &Caller,
        name: &str,
        source: &str,
        expected: Option<i64>,
    ) -> Result<DocumentRevision, EngineError> {
        let catalog = self.catalog().await?;
        let playbook = checked_playbook(source, &catalog).map_err(EngineError::Document)?;
        if playbook.name != name {
            let message = format!("the document is called {:?}, the request says {name:?}", playbook.name);
            return Err(EngineError::invalid("name", message));
        }
        for _ in 0..LOST_WRITES {
            let known = self.store().newest_revision(DocumentKind::Playbook, name).await?;
            let newest = known.as_ref().map_or(0, |known| known.revision);
            let live = known.as_ref().is_some_and(|known| !known.deleted);
            if expected.is_some_and(|expected| expected != newest) {
                return Err(EngineError::Stale { noun: "playbook", actual: newest });
            }
            if let Some(known) = known.filter(|known| known.source == source && !known.deleted) {
                return Ok(known);
            }
            let revision = DocumentRevision {
                kind: DocumentKind::Playbook,
                name: name.to_owned(),
                revision: newest + 1,
                source: source.to_owned(),
                created_at: self.now(),
                created_by: caller.person.handle.clone(),
                deleted: false,
            };
            let guard = Guard::Document(Box::new(revision.clone()));
            let data = between(live.then_some(newest).and_then(revision_of), revision_of(revision.revision));
            if self.change_platform(caller, guard, "playbook.save", name, data).await? {
                return Ok(revision);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Takes a playbook out of use; incidents that follow it go on.
    pub async fn playbook_delete(&self, caller: &Caller, name: &str) -> Result<(), EngineError> {
        for _ in 0..LOST_WRITES {
            let known = self.live_playbook(name).await?;
            let gone = DocumentRevision {
                revision: known.revision + 1,
                created_at: self.now(),
                created_by: caller.person.handle.clone(),
                deleted: true,
                ..known
            };
            let data = between(revision_of(gone.revision - 1), Value::Null);
            let guard = Guard::Document(Box::new(gone));
            if self.change_platform(caller, guard, "playbook.delete", name, data).await? {
                return Ok(());
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Notes that somebody looked at a playbook and found it good.
    pub async fn playbook_review(&self, caller: &Caller, name: &str) -> Result<PlaybookView, EngineError> {
        self.live_playbook(name).await?;
        let review = Review { playbook: name.to_owned(), at: self.now(), by: caller.person.handle.clone() };
        let before = self.reviewed_at().await?.get(name).copied();
        let data = between(before, review.at);
        self.change_platform(caller, Guard::Review(review), "playbook.review", name, data).await?;
        self.playbook(name).await
    }

    /// Every playbook in use, by name.
    pub async fn playbook_list(&self) -> Result<Vec<PlaybookView>, EngineError> {
        let reviews = self.reviewed_at().await?;
        let mut views = Vec::new();
        for known in self.store().live_documents(DocumentKind::Playbook).await? {
            views.push(self.playbook_view(known, &reviews).await?);
        }
        Ok(views)
    }

    /// A playbook in use.
    pub async fn playbook(&self, name: &str) -> Result<PlaybookView, EngineError> {
        let known = self.live_playbook(name).await?;
        let reviews = self.reviewed_at().await?;
        self.playbook_view(known, &reviews).await
    }

    /// A revision of a playbook, parsed.
    pub async fn playbook_revision(&self, name: &str, revision: i64) -> Result<Arc<Playbook>, EngineError> {
        let key = (name.to_owned(), revision);
        let kept = || self.0.playbooks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = kept().get(&key) {
            return Ok(Arc::clone(known));
        }
        let stored = self.store().revision(DocumentKind::Playbook, name, revision).await?;
        let stored = stored.ok_or_else(|| EngineError::not_found("playbook", format!("{name} revision {revision}")))?;
        let parsed = Self::parsed_playbook(&stored)?;
        let mut kept = kept();
        if kept.len() >= KEPT {
            kept.pop_first();
        }
        kept.insert(key, Arc::clone(&parsed));
        Ok(parsed)
    }

    async fn live_playbook(&self, name: &str) -> Result<DocumentRevision, EngineError> {
        let known = self.store().newest_revision(DocumentKind::Playbook, name).await?.filter(|known| !known.deleted);
        known.ok_or_else(|| EngineError::not_found("playbook", name))
    }

    async fn reviewed_at(&self) -> Result<BTreeMap<String, Timestamp>, EngineError> {
        Ok(self.store().reviews().await?.into_iter().map(|review| (review.playbook, review.at)).collect())
    }

    async fn playbook_view(
        &self,
        revision: DocumentRevision,
        reviews: &BTreeMap<String, Timestamp>,
    ) -> Result<PlaybookView, EngineError> {
        let last_used_at = self.store().playbook_last_used(&revision.name).await?;
        let reviewed = reviews.get(&revision.name).copied().unwrap_or(revision.created_at);
        let reviewed_at = reviewed.max(revision.created_at);
        let after = Self::parsed_playbook(&revision).map(|playbook| playbook.review_after).unwrap_or_default();
        let stale = stale(self.now(), after, last_used_at.unwrap_or(revision.created_at), reviewed_at);
        Ok(PlaybookView { revision, last_used_at, reviewed_at, stale })
    }

    /// A stored document, parsed; it was checked when it was saved.
    pub(crate) fn parsed_playbook(stored: &DocumentRevision) -> Result<Arc<Playbook>, EngineError> {
        document::parse(&stored.source).map(Arc::new).map_err(|faults| {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            let (name, number) = (&stored.name, stored.revision);
            EngineError::Internal(format!("stored playbook {name} revision {number} does not parse: {first}"))
        })
    }
}

/// Why a playbook should be looked at.
fn stale(now: Timestamp, after: std::time::Duration, used: Timestamp, reviewed: Timestamp) -> Option<String> {
    let long = |at: Timestamp| now.since(at) > after;
    let limit = write_duration(after);
    match (long(used), long(reviewed)) {
        (_, true) => Some(format!("nobody has reviewed it for more than {limit}")),
        (true, false) => Some(format!("no incident has used it for more than {limit}")),
        (false, false) => None,
    }
}

/// A document, checked against what is there.
pub(super) fn checked_playbook(source: &str, catalog: &Catalog) -> Result<Playbook, Vec<Fault>> {
    let playbook = document::parse(source)?;
    let faults = unknown_workflows(&playbook, source, |name| catalog.workflows.contains_key(name));
    if faults.is_empty() { Ok(playbook) } else { Err(faults) }
}

/// A fault for each workflow that a playbook starts and nobody has.
pub(super) fn unknown_workflows(playbook: &Playbook, source: &str, known: impl Fn(&str) -> bool) -> Vec<Fault> {
    let places = document::Workflows::of(source);
    let plans = playbook.stages.iter().flat_map(|(stage, plan)| {
        let each = plan.workflows.iter().enumerate();
        each.map(move |(index, workflow)| (*stage, index, workflow))
    });
    let page = playbook
        .page
        .iter()
        .filter(|name| !known(name))
        .map(|name| Fault::new(places.page(), "page", format!("there is no workflow {name:?}")));
    let unknown = plans.filter(|(.., workflow)| !known(&workflow.name));
    unknown
        .map(|(stage, index, workflow)| {
            let at: Position = places.at(stage, index);
            let path = format!("stages.{stage}.workflows[{index}].name");
            Fault::new(at, path, format!("there is no workflow {:?}", workflow.name))
        })
        .chain(page)
        .collect()
}
