//! Bringing a set of workflow documents from a repository: what would change is worked out first, then all of it is saved or
//! nothing. Later kinds of document join the same set.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::json;

use super::{Caller, Engine, EngineError, workflows::installed};
use crate::{
    domain::workflow::{self, Fault, Position, Workflow, check},
    engine::catalog::Catalog,
    store::{Guard, WorkflowRevision},
};

/// The most documents of a set.
pub const MAX_DOCUMENTS: usize = 500;

/// A document and where it came from.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The file, for people.
    pub file: String,
    /// Its text.
    pub source: String,
}

/// A set to bring.
#[derive(Debug, Clone, Default)]
pub struct ApplyRequest {
    /// The documents.
    pub documents: Vec<SourceFile>,
    /// Whether workflows that are not among them go out of use.
    pub prune: bool,
    /// The revisions that the caller has seen, by workflow; 0 for one that was not there.
    pub expected: BTreeMap<String, i64>,
}

/// What is done with a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new, or in use again.
    Create,
    /// Its text differs.
    Update,
    /// It goes out of use.
    Delete,
    /// It is as it was.
    Unchanged,
}

/// One workflow of a set.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its name.
    pub workflow: String,
    /// What is done.
    pub kind: ChangeKind,
    /// The revision that is the newest now; 0 when there is none.
    pub known: i64,
    /// The text now; empty when there is none.
    pub before: String,
    /// The text afterwards; empty when there is none.
    pub after: String,
}

/// A fault of one of the documents.
#[derive(Debug, Clone)]
pub struct FileFault {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub fault: Fault,
}

impl Engine {
    /// What bringing the set would change. Every fault of every document is told.
    pub async fn compare(&self, request: &ApplyRequest) -> Result<Vec<Change>, EngineError> {
        if request.documents.len() > MAX_DOCUMENTS {
            return Err(EngineError::invalid("workflows", format!("at most {MAX_DOCUMENTS} documents are wanted")));
        }
        let catalog = self.catalog().await?;
        let set = checked(&request.documents, &catalog).map_err(EngineError::Documents)?;
        let mut changes = Vec::with_capacity(set.len());
        for (name, source) in &set {
            let known = self.store().newest_workflow_revision(name).await?;
            let (known, before) =
                known.map_or((0, None), |known| (known.revision, (!known.deleted).then_some(known.source)));
            let kind = match &before {
                None => ChangeKind::Create,
                Some(before) if before == source => ChangeKind::Unchanged,
                Some(_) => ChangeKind::Update,
            };
            let (workflow, before) = (name.clone(), before.unwrap_or_default());
            changes.push(Change { workflow, kind, known, before, after: (*source).to_owned() });
        }
        if request.prune {
            for known in self.store().live_workflows().await? {
                if !set.contains_key(&known.name) {
                    let (workflow, before) = (known.name, known.source);
                    let kind = ChangeKind::Delete;
                    changes.push(Change { workflow, kind, known: known.revision, before, after: String::new() });
                }
            }
        }
        for change in &changes {
            let seen = request.expected.get(&change.workflow);
            if seen.is_some_and(|seen| *seen != change.known) {
                return Err(EngineError::Stale { noun: "workflow", actual: change.known });
            }
        }
        Ok(changes)
    }

    /// Brings the set, whole or not at all.
    pub async fn apply(&self, caller: &Caller, request: &ApplyRequest) -> Result<Vec<Change>, EngineError> {
        let changes = self.compare(request).await?;
        let revision = |change: &Change| WorkflowRevision {
            name: change.workflow.clone(),
            revision: change.known + 1,
            // One that goes out of use keeps its text.
            source: if change.kind == ChangeKind::Delete { change.before.clone() } else { change.after.clone() },
            created_at: self.now(),
            created_by: caller.person.handle.clone(),
            deleted: change.kind == ChangeKind::Delete,
        };
        let differing = changes.iter().filter(|change| change.kind != ChangeKind::Unchanged);
        let revisions: Vec<WorkflowRevision> = differing.map(revision).collect();
        if revisions.is_empty() {
            return Ok(changes);
        }
        let data = json!(revisions.iter().map(|one| (one.name.clone(), one.revision)).collect::<BTreeMap<_, _>>());
        if self.change_platform(caller, Guard::Workflows(revisions), "workflow.apply", "workflows", data).await? {
            return Ok(changes);
        }
        let message = "a workflow was saved by somebody else in the same moment: look at the difference again";
        Err(EngineError::Conflict(message.to_owned()))
    }
}

/// The documents by name, each checked against the platform as it will be with all of them.
fn checked<'a>(documents: &'a [SourceFile], catalog: &Catalog) -> Result<BTreeMap<String, &'a str>, Vec<FileFault>> {
    let (mut faults, mut parsed) = (Vec::new(), Vec::new());
    for document in documents {
        match workflow::parse(&document.source) {
            Ok(workflow) => parsed.push((document, Arc::new(workflow))),
            Err(found) => faults.extend(found.into_iter().map(|fault| file_fault(document, fault))),
        }
    }
    let mut afterwards = installed(catalog);
    afterwards.workflows.extend(parsed.iter().map(|(_, workflow)| (workflow.name.clone(), Arc::clone(workflow))));
    let mut names = BTreeSet::new();
    for (document, workflow) in &parsed {
        let found = check::check(workflow, &afterwards);
        faults.extend(found.into_iter().map(|fault| file_fault(document, fault)));
        if !names.insert(&workflow.name) {
            faults.push(file_fault(document, twice(workflow)));
        }
    }
    if faults.is_empty() {
        Ok(parsed.into_iter().map(|(document, workflow)| (workflow.name.clone(), document.source.as_str())).collect())
    } else {
        Err(faults)
    }
}

fn twice(workflow: &Workflow) -> Fault {
    Fault::new(Position { line: 1, column: 1 }, "name", format!("there are two documents called {:?}", workflow.name))
}

fn file_fault(document: &SourceFile, fault: Fault) -> FileFault {
    FileFault { file: document.file.clone(), fault }
}
