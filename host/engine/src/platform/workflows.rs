//! Saving workflows: checked whole, kept as revisions, never changed in place.

use std::sync::Arc;

use serde_json::Value;

use super::{Caller, Engine, EngineError, between, revision_of};
use crate::platform::catalog::Catalog;
use wardroom_domain::workflow::{self, Fault, Workflow, check, scheduled};
use wardroom_store::{DocumentKind, DocumentRevision, Guard, Write};

const LOST_WRITES: usize = 16;

impl Engine {
    /// The newest revisions of the workflows in use.
    pub async fn workflow_list(&self) -> Result<Vec<DocumentRevision>, EngineError> {
        Ok(self.store().live_documents(DocumentKind::Workflow).await?)
    }

    /// The newest revision of a workflow in use.
    pub async fn workflow(&self, name: &str) -> Result<DocumentRevision, EngineError> {
        let found = self.store().newest_revision(DocumentKind::Workflow, name).await?;
        found.filter(|found| !found.deleted).ok_or_else(|| EngineError::not_found("workflow", name))
    }

    /// All revisions of a workflow, the newest first.
    pub async fn workflow_revisions(&self, name: &str) -> Result<Vec<DocumentRevision>, EngineError> {
        self.document_revisions(DocumentKind::Workflow, "workflow", name).await
    }

    /// Every fault of a document; none when it can be saved.
    pub async fn workflow_validate(&self, source: &str) -> Result<Result<Workflow, Vec<Fault>>, EngineError> {
        let catalog = self.catalog().await?;
        Ok(self.validate(source, &catalog))
    }

    /// Saves a document under its name as a new revision; the same text again changes nothing. `expected` is the revision
    /// the caller read.
    pub async fn workflow_save(
        &self,
        caller: &Caller,
        name: &str,
        source: &str,
        expected: Option<i64>,
    ) -> Result<DocumentRevision, EngineError> {
        let catalog = self.catalog().await?;
        let workflow = self.validate(source, &catalog).map_err(EngineError::Document)?;
        if workflow.name != name {
            let message = format!("the document is called {:?}, the request says {name:?}", workflow.name);
            return Err(EngineError::invalid("name", message));
        }
        for _ in 0..LOST_WRITES {
            let known = self.store().newest_revision(DocumentKind::Workflow, name).await?;
            let newest = known.as_ref().map_or(0, |known| known.revision);
            let live = known.as_ref().is_some_and(|known| !known.deleted);
            if expected.is_some_and(|expected| expected != newest) {
                return Err(EngineError::Stale { noun: "workflow", actual: newest });
            }
            if let Some(known) = known.filter(|known| known.source == source && !known.deleted) {
                return Ok(known);
            }
            let revision = DocumentRevision {
                kind: DocumentKind::Workflow,
                name: name.to_owned(),
                revision: newest + 1,
                source: source.to_owned(),
                created_at: self.now(),
                created_by: caller.person.handle.clone(),
                deleted: false,
            };
            let data = between(live.then_some(newest).and_then(revision_of), revision_of(revision.revision));
            let guard = Guard::Document(Box::new(revision.clone()));
            let then = self.schedules_of_workflow(name, Some(&workflow), &revision.created_by);
            if self.change_platform_with(caller, Write { guard, then }, "workflow.save", name, data).await? {
                return Ok(revision);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Takes a workflow out of use; its runs go on, its revisions stay.
    pub async fn workflow_delete(&self, caller: &Caller, name: &str) -> Result<(), EngineError> {
        for _ in 0..LOST_WRITES {
            let known =
                self.store().newest_revision(DocumentKind::Workflow, name).await?.filter(|known| !known.deleted);
            let known = known.ok_or_else(|| EngineError::not_found("workflow", name))?;
            let gone = DocumentRevision {
                revision: known.revision + 1,
                created_at: self.now(),
                created_by: caller.person.handle.clone(),
                deleted: true,
                ..known
            };
            let data = between(revision_of(gone.revision - 1), Value::Null);
            let guard = Guard::Document(Box::new(gone));
            let then = self.schedules_of_workflow(name, None, &caller.person.handle);
            if self.change_platform_with(caller, Write { guard, then }, "workflow.delete", name, data).await? {
                return Ok(());
            }
        }
        Err(EngineError::Overloaded)
    }

    fn validate(&self, source: &str, catalog: &Catalog) -> Result<Workflow, Vec<Fault>> {
        let workflow = workflow::parse(source)?;
        let mut faults = check::check(&workflow, &installed(catalog));
        faults.extend(scheduled::triggers_too_often(&workflow, source, self.0.parts.shortest_interval));
        if faults.is_empty() { Ok(workflow) } else { Err(faults) }
    }

    /// A stored document, parsed; it was checked when it was saved.
    pub(crate) fn parsed(name: &str, revision: i64, source: &str) -> Result<Arc<Workflow>, EngineError> {
        workflow::parse(source).map(Arc::new).map_err(|faults| {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            EngineError::Internal(format!("stored workflow {name} revision {revision} does not parse: {first}"))
        })
    }
}

/// What documents are checked against: the picture of the platform.
pub(crate) fn installed(catalog: &Catalog) -> check::Installed {
    check::Installed {
        plugins: catalog.plugins.iter().map(|(name, one)| (name.clone(), Arc::clone(&one.manifest))).collect(),
        connections: catalog.connections.iter().map(|(name, one)| (name.clone(), Arc::clone(one))).collect(),
        workflows: catalog.workflows.iter().map(|(name, one)| (name.clone(), Arc::clone(&one.workflow))).collect(),
    }
}
