//! Bringing a set of documents from a repository, workflows and schedules: what would change is worked out first, then all
//! of it is saved or nothing. Later kinds of document join the same set.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::json;

use super::{Caller, Engine, EngineError, workflows::installed};
use crate::{
    domain::{
        document::{self, Fault, Position},
        schedule,
        workflow::{self, Workflow, check, scheduled},
    },
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

/// What is done with a document.
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

/// Which kind of document one of a set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noun {
    /// A workflow: what says nothing else.
    Workflow,
    /// A schedule: what says `kind: schedule`.
    Schedule,
}

/// One document of a set.
#[derive(Debug, Clone)]
pub struct Change {
    /// What it is.
    pub noun: Noun,
    /// Its name.
    pub name: String,
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
            return Err(EngineError::invalid("documents", format!("at most {MAX_DOCUMENTS} documents are wanted")));
        }
        let catalog = self.catalog().await?;
        let set = checked(&request.documents, &catalog).map_err(EngineError::Documents)?;
        if let Some(name) = set.schedules.keys().next() {
            let message = format!("{name}: schedules cannot be brought in a set yet");
            return Err(EngineError::invalid("documents", message));
        }
        let mut changes = Vec::with_capacity(set.workflows.len());
        for (name, source) in &set.workflows {
            let known = self.store().newest_workflow_revision(name).await?;
            let (known, before) =
                known.map_or((0, None), |known| (known.revision, (!known.deleted).then_some(known.source)));
            let kind = match &before {
                None => ChangeKind::Create,
                Some(before) if before == source => ChangeKind::Unchanged,
                Some(_) => ChangeKind::Update,
            };
            let (name, before) = (name.clone(), before.unwrap_or_default());
            changes.push(Change { noun: Noun::Workflow, name, kind, known, before, after: (*source).to_owned() });
        }
        if request.prune {
            for known in self.store().live_workflows().await? {
                if !set.workflows.contains_key(&known.name) {
                    let (noun, kind) = (Noun::Workflow, ChangeKind::Delete);
                    let (name, before, after) = (known.name, known.source, String::new());
                    changes.push(Change { noun, name, kind, known: known.revision, before, after });
                }
            }
        }
        for change in &changes {
            let seen = request.expected.get(&change.name);
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
            name: change.name.clone(),
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

/// A set whose documents are all in order, by name.
struct Set<'a> {
    /// The workflows, with their texts.
    workflows: BTreeMap<String, &'a str>,
    /// The schedules.
    schedules: BTreeMap<String, schedule::document::Document>,
}

/// The documents by name, each checked against the platform as it will be with all of them.
fn checked<'a>(documents: &'a [SourceFile], catalog: &Catalog) -> Result<Set<'a>, Vec<FileFault>> {
    let (mut faults, mut workflows, mut schedules) = (Vec::new(), Vec::new(), Vec::new());
    for document in documents {
        let read = if document::kind(&document.source).as_deref() == Some(schedule::document::KIND) {
            schedule::document::parse(&document.source).map(|schedule| schedules.push((document, schedule)))
        } else {
            workflow::parse(&document.source).map(|workflow| workflows.push((document, Arc::new(workflow))))
        };
        if let Err(found) = read {
            faults.extend(found.into_iter().map(|fault| file_fault(document, fault)));
        }
    }
    let mut afterwards = installed(catalog);
    afterwards.workflows.extend(workflows.iter().map(|(_, workflow)| (workflow.name.clone(), Arc::clone(workflow))));
    for (document, workflow) in &workflows {
        let found = check::check(workflow, &afterwards);
        faults.extend(found.into_iter().map(|fault| file_fault(document, fault)));
    }
    for (document, schedule) in &schedules {
        let found = scheduled::check(schedule, &document.source, &afterwards);
        faults.extend(found.into_iter().map(|fault| file_fault(document, fault)));
    }
    faults.extend(twice("documents", workflows.iter().map(|(document, workflow)| (*document, workflow.name.as_str()))));
    faults.extend(twice("schedules", schedules.iter().map(|(document, schedule)| (*document, schedule.name.as_str()))));
    if !faults.is_empty() {
        return Err(faults);
    }
    let text =
        |(document, workflow): (&'a SourceFile, Arc<Workflow>)| (workflow.name.clone(), document.source.as_str());
    let workflows = workflows.into_iter().map(text).collect();
    let schedules = schedules.into_iter().map(|(_, schedule)| (schedule.name.clone(), schedule)).collect();
    Ok(Set { workflows, schedules })
}

/// A fault for each document whose name one before it has already.
fn twice<'a>(noun: &str, documents: impl Iterator<Item = (&'a SourceFile, &'a str)>) -> Vec<FileFault> {
    let mut names = BTreeSet::new();
    let again = documents.filter(|(_, name)| !names.insert(*name));
    let fault = |(document, name): (&SourceFile, &str)| {
        let message = format!("there are two {noun} called {name:?}");
        file_fault(document, Fault::new(Position { line: 1, column: 1 }, "name", message))
    };
    again.map(fault).collect()
}

fn file_fault(document: &SourceFile, fault: Fault) -> FileFault {
    FileFault { file: document.file.clone(), fault }
}
