//! Bringing a set of documents from a repository, workflows, playbooks and schedules: what would change is worked out first, then all
//! of it is saved or nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{Caller, Engine, EngineError, between, playbooks::unknown_workflows, workflows::installed};
use crate::platform::catalog::Catalog;
pub use crate::platform::file_fault::FileFault;
use wardroom_domain::{
    document::{self, Fault, Position},
    page::Page,
    playbook::{self, Playbook},
    schedule,
    workflow::{self, Workflow, check, scheduled},
};
use wardroom_store::{Dependant, DocumentKind, DocumentRevision, Guard, Write};

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
    /// The same by playbook.
    pub expected_playbooks: BTreeMap<String, i64>,
    /// The same by schedule.
    pub expected_schedules: BTreeMap<String, i64>,
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
    /// A playbook: what says `kind: playbook`.
    Playbook,
    /// A schedule: what says `kind: schedule`.
    Schedule,
}

impl Noun {
    /// The noun.
    pub fn word(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Playbook => "playbook",
            Self::Schedule => "schedule",
        }
    }

    /// How its revisions are kept, if they are.
    fn kept_as(self) -> Option<DocumentKind> {
        match self {
            Self::Workflow => Some(DocumentKind::Workflow),
            Self::Playbook => Some(DocumentKind::Playbook),
            Self::Schedule => None,
        }
    }
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

impl Engine {
    /// What bringing the set would change. Every fault of every document is told.
    pub async fn documents_compare(&self, request: &ApplyRequest) -> Result<Vec<Change>, EngineError> {
        if request.documents.len() > MAX_DOCUMENTS {
            return Err(EngineError::invalid("documents", format!("at most {MAX_DOCUMENTS} documents are wanted")));
        }
        let catalog = self.catalog().await?;
        let shortest = self.0.parts.shortest_interval;
        let set = checked(&request.documents, &catalog, shortest).map_err(EngineError::Documents)?;
        let mut changes =
            self.revision_changes(Noun::Workflow, DocumentKind::Workflow, &set.workflows, request.prune).await?;
        changes.extend(
            self.revision_changes(Noun::Playbook, DocumentKind::Playbook, &set.playbooks, request.prune).await?,
        );
        changes.extend(self.schedule_changes(&set.schedules, request.prune).await?);
        for change in &changes {
            let seen = match change.noun {
                Noun::Workflow => request.expected.get(&change.name),
                Noun::Playbook => request.expected_playbooks.get(&change.name),
                Noun::Schedule => request.expected_schedules.get(&change.name),
            };
            if seen.is_some_and(|seen| *seen != change.known) {
                return Err(EngineError::Stale { noun: change.noun.word(), actual: change.known });
            }
        }
        Ok(changes)
    }

    /// Brings the set, whole or not at all.
    pub async fn documents_apply(&self, caller: &Caller, request: &ApplyRequest) -> Result<Vec<Change>, EngineError> {
        let changes = self.documents_compare(request).await?;
        let revision = |kind: DocumentKind, change: &Change| DocumentRevision {
            kind,
            name: change.name.clone(),
            revision: change.known + 1,
            // One that goes out of use keeps its text.
            source: if change.kind == ChangeKind::Delete { change.before.clone() } else { change.after.clone() },
            created_at: self.now(),
            created_by: caller.person.handle.clone(),
            deleted: change.kind == ChangeKind::Delete,
        };
        let differing: Vec<&Change> = changes.iter().filter(|change| change.kind != ChangeKind::Unchanged).collect();
        if differing.is_empty() {
            return Ok(changes);
        }
        let mut then = Vec::new();
        for change in &differing {
            then.extend(self.with_change(caller, change)?);
        }
        let told = |revision: fn(&Change) -> Option<i64>| -> BTreeMap<String, Option<i64>> {
            differing.iter().map(|one| (format!("{} {}", one.noun.word(), one.name), revision(one))).collect()
        };
        let data = between(
            told(|one| (one.kind != ChangeKind::Create).then_some(one.known)),
            told(|one| (one.kind != ChangeKind::Delete).then_some(one.known + 1)),
        );
        let kept = differing.iter().filter_map(|change| Some(revision(change.noun.kept_as()?, change)));
        let guard = Guard::Documents(kept.collect());
        if self.change_platform_with(caller, Write { guard, then }, "workflow.apply", "workflows", data).await? {
            return Ok(changes);
        }
        let message = "a document was saved by somebody else in the same moment: look at the difference again";
        Err(EngineError::Conflict(message.to_owned()))
    }
}

impl Engine {
    /// What bringing documents would change that are kept as revisions.
    async fn revision_changes(
        &self,
        noun: Noun,
        kept_as: DocumentKind,
        set: &BTreeMap<String, &str>,
        prune: bool,
    ) -> Result<Vec<Change>, EngineError> {
        let mut changes = Vec::with_capacity(set.len());
        for (name, source) in set {
            let known = self.store().newest_revision(kept_as, name).await?;
            let (known, before) =
                known.map_or((0, None), |known| (known.revision, (!known.deleted).then_some(known.source)));
            let kind = match &before {
                None => ChangeKind::Create,
                Some(before) if before == source => ChangeKind::Unchanged,
                Some(_) => ChangeKind::Update,
            };
            let (name, before) = (name.clone(), before.unwrap_or_default());
            changes.push(Change { noun, name, kind, known, before, after: (*source).to_owned() });
        }
        if prune {
            for known in self.store().live_documents(kept_as).await? {
                if !set.contains_key(&known.name) {
                    let (name, before, after) = (known.name, known.source, String::new());
                    changes.push(Change { noun, name, kind: ChangeKind::Delete, known: known.revision, before, after });
                }
            }
        }
        Ok(changes)
    }

    /// What bringing schedules would change. They are compared as documents, not as texts.
    async fn schedule_changes(
        &self,
        set: &BTreeMap<String, schedule::document::Document>,
        prune: bool,
    ) -> Result<Vec<Change>, EngineError> {
        let (noun, mut changes) = (Noun::Schedule, Vec::new());
        for (name, document) in set {
            let (known, before) = match self.store().schedule(name).await? {
                Some(_) => {
                    let view = self.view(self.stored_schedule(name).await?)?;
                    (view.revision, text(&view.document))
                }
                None => (0, String::new()),
            };
            let after = text(&document.to_value());
            let kind = match known {
                0 => ChangeKind::Create,
                _ if before == after => ChangeKind::Unchanged,
                _ => ChangeKind::Update,
            };
            changes.push(Change { noun, name: name.clone(), kind, known, before, after });
        }
        if !prune {
            return Ok(changes);
        }
        let mut page = None;
        loop {
            let some = self.store().schedules(Some("people"), None, &Page { after: page.take(), limit: 200 }).await?;
            let Some(last) = some.last() else { return Ok(changes) };
            page = Some(last.name.clone());
            for stored in some.into_iter().filter(|stored| !set.contains_key(&stored.name)) {
                let view = self.view(stored)?;
                let (name, kind, before) = (view.schedule.name, ChangeKind::Delete, text(&view.document));
                changes.push(Change { noun, name, kind, known: view.revision, before, after: String::new() });
            }
        }
    }

    /// What is written for a change beside a workflow's revision.
    fn with_change(&self, caller: &Caller, change: &Change) -> Result<Vec<Dependant>, EngineError> {
        let by = &caller.person.handle;
        let deleted = change.kind == ChangeKind::Delete;
        match change.noun {
            Noun::Workflow if deleted => Ok(self.schedules_of_workflow(&change.name, None, by)),
            Noun::Workflow => {
                let workflow = Self::parsed(&change.name, change.known + 1, &change.after)?;
                Ok(self.schedules_of_workflow(&change.name, Some(&workflow), by))
            }
            Noun::Playbook => Ok(Vec::new()),
            Noun::Schedule if deleted => Ok(vec![Dependant::DropSchedule(change.name.clone())]),
            Noun::Schedule => {
                let document = schedule::document::parse(&change.after).map_err(EngineError::Document)?;
                Ok(vec![Dependant::Define(Box::new(self.schedule_of_people(document, by)))])
            }
        }
    }
}

/// A document of a schedule as it is compared.
fn text(document: &serde_json::Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// A set whose documents are all in order, by name.
struct Set<'a> {
    /// The workflows, with their texts.
    workflows: BTreeMap<String, &'a str>,
    /// The playbooks, with their texts.
    playbooks: BTreeMap<String, &'a str>,
    /// The schedules.
    schedules: BTreeMap<String, schedule::document::Document>,
}

/// The documents by name, each checked against the platform as it will be with all of them. Nothing may come more often than
/// every `shortest`.
fn checked<'a>(documents: &'a [SourceFile], catalog: &Catalog, shortest: Duration) -> Result<Set<'a>, Vec<FileFault>> {
    let (mut faults, mut workflows, mut playbooks, mut schedules) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for document in documents {
        let source = &document.source;
        let read = match document::kind(source).as_deref() {
            Some(schedule::document::KIND) => {
                schedule::document::parse(source).map(|schedule| schedules.push((document, schedule)))
            }
            Some(playbook::document::KIND) => {
                playbook::document::parse(source).map(|playbook| playbooks.push((document, playbook)))
            }
            _ => workflow::parse(source).map(|workflow| workflows.push((document, Arc::new(workflow)))),
        };
        if let Err(found) = read {
            faults.extend(found.into_iter().map(|fault| file_fault(document, fault)));
        }
    }
    let mut afterwards = installed(catalog);
    afterwards.workflows.extend(workflows.iter().map(|(_, workflow)| (workflow.name.clone(), Arc::clone(workflow))));
    for (document, workflow) in &workflows {
        let mut found = check::check(workflow, &afterwards);
        found.extend(scheduled::triggers_too_often(workflow, &document.source, shortest));
        faults.extend(found.into_iter().map(|fault| file_fault(document, fault)));
    }
    for (document, playbook) in &playbooks {
        let known = |name: &str| afterwards.workflows.contains_key(name);
        let found = unknown_workflows(playbook, &document.source, known);
        faults.extend(found.into_iter().map(|fault| file_fault(document, fault)));
    }
    for (document, schedule) in &schedules {
        let mut found = scheduled::check(schedule, &document.source, &afterwards);
        found.extend(scheduled::too_often(schedule, &document.source, shortest));
        faults.extend(found.into_iter().map(|fault| file_fault(document, fault)));
    }
    faults.extend(twice("documents", workflows.iter().map(|(document, workflow)| (*document, workflow.name.as_str()))));
    faults.extend(twice("playbooks", playbooks.iter().map(|(document, playbook)| (*document, playbook.name.as_str()))));
    faults.extend(twice("schedules", schedules.iter().map(|(document, schedule)| (*document, schedule.name.as_str()))));
    if !faults.is_empty() {
        return Err(faults);
    }
    let text =
        |(document, workflow): (&'a SourceFile, Arc<Workflow>)| (workflow.name.clone(), document.source.as_str());
    let workflows = workflows.into_iter().map(text).collect();
    let text = |(document, playbook): (&'a SourceFile, Playbook)| (playbook.name, document.source.as_str());
    let playbooks = playbooks.into_iter().map(text).collect();
    let schedules = schedules.into_iter().map(|(_, schedule)| (schedule.name.clone(), schedule)).collect();
    Ok(Set { workflows, playbooks, schedules })
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
