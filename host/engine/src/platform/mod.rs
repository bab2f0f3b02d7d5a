//! What administrators and engineers keep: workflows, plugins, connections, secrets, people and tokens, the kill switch.
//! Every change here leaves an audit entry in its transaction and makes the next picture of the platform newer.

pub mod apply;
pub mod catalog;
pub mod file_fault;
pub(crate) mod parsed_playbooks;
pub mod pauses;
pub mod picture;
pub mod playbooks;
pub mod workflows;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Caller, Engine, EngineError};
use wardroom_domain::{
    audit::{AuditEntry, AuditFilter},
    page::Page,
};
use wardroom_store::{Committed, Dependant, DocumentKind, DocumentRevision, Guard, KeyRecord, Write};

impl Engine {
    /// A page of the audit log, the newest first.
    pub async fn audit_list(&self, filter: &AuditFilter, page: &Page) -> Result<Vec<AuditEntry>, EngineError> {
        Ok(self.store().audit(filter, page).await?)
    }

    async fn document_revisions(
        &self,
        kind: DocumentKind,
        noun: &'static str,
        name: &str,
    ) -> Result<Vec<DocumentRevision>, EngineError> {
        let found = self.store().revisions(kind, name).await?;
        if found.is_empty() { Err(EngineError::not_found(noun, name)) } else { Ok(found) }
    }

    /// Writes a platform change with its audit entry; `false` when another change was faster.
    pub(crate) async fn change_platform(
        &self,
        caller: &Caller,
        guard: Guard,
        action: &str,
        target: &str,
        data: Value,
    ) -> Result<bool, EngineError> {
        self.change_platform_with(caller, Write { guard, then: Vec::new() }, action, target, data).await
    }

    /// The same for a change that comes with more.
    pub(crate) async fn change_platform_with(
        &self,
        caller: &Caller,
        mut write: Write,
        action: &str,
        target: &str,
        data: Value,
    ) -> Result<bool, EngineError> {
        write.then.push(self.audit(caller, action, target, data));
        write.then.push(Dependant::CatalogChanged);
        let applied = self.store().commit(write).await? == Committed::Applied;
        self.refresh().await?;
        self.0.scheduler.changed.notify_one();
        Ok(applied)
    }

    /// Notes that somebody took an incident out of the house: nothing else is written.
    pub(super) async fn note_export(&self, caller: &Caller, number: &str) -> Result<(), EngineError> {
        let data = json!({ "incident": number });
        let audit = self.audit(caller, "incident.export", number, data);
        let made = self.new_id().to_string();
        let key =
            KeyRecord { scope: "export".to_owned(), key: made.clone(), request: String::new(), made, at: self.now() };
        self.store().commit(Write { guard: Guard::Key(key), then: vec![audit] }).await?;
        Ok(())
    }

    /// Who changed what.
    pub(super) fn audit(&self, caller: &Caller, action: &str, target: &str, data: Value) -> Dependant {
        Dependant::Audit(AuditEntry {
            id: self.new_id(),
            at: self.now(),
            actor: caller.actor(),
            action: action.to_owned(),
            target: target.to_owned(),
            data,
        })
    }
}

/// What an audit entry tells of a change; null stands for what was not there.
pub(crate) fn between(before: impl Serialize, after: impl Serialize) -> Value {
    json!({ "before": before, "after": after })
}

/// A document that is kept as revisions, as an audit entry tells of it.
fn revision_of(revision: i64) -> Option<Value> {
    (revision > 0).then(|| json!({ "revision": revision }))
}

/// Whether a name is 1 to 64 of `a-z 0-9 - _`, beginning with a letter or digit.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), EngineError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) || name.starts_with(['-', '_']) {
        return Err(EngineError::invalid(field, "1 to 64 of a-z 0-9 - _ are wanted, beginning with a letter or digit"));
    }
    Ok(())
}
