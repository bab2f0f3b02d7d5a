//! The tasks of an incident: made, given to somebody, done, dropped and opened again.

use serde_json::json;

pub(crate) use crate::incidents::parts::{part_of, read_revision};
use crate::{
    Engine, EngineError,
    incidents::{change::Amended, edit::Asking},
};
use wardroom_domain::{
    dossier::{
        Dossier, Head, Part, Task,
        part::{self},
        task::{self, TaskError, TaskStatus},
    },
    id::IncidentId,
    incident::Stage,
    milestone::MilestoneKind,
    time::Timestamp,
    timeline::EntryKind,
};

/// A task to make.
#[derive(Debug, Clone, Default)]
pub struct NewTask {
    /// What to do: 1 to 500 characters.
    pub text: String,
    /// The stage it belongs to; none: any.
    pub stage: Option<Stage>,
    /// The role that owns it.
    pub role: Option<String>,
    /// The handle of the owner.
    pub owner: Option<String>,
    /// The handle of the backup owner.
    pub backup: Option<String>,
    /// When it is due.
    pub due_at: Option<Timestamp>,
    /// The numbers of the tasks that have to be done before.
    pub needs: Vec<u32>,
}

/// What to change of a task; what is absent stays, null clears.
#[derive(Debug, Clone, Default)]
pub struct TaskEdit {
    /// What to do.
    pub text: Option<String>,
    /// The handle of the owner.
    pub owner: Option<Option<String>>,
    /// The handle of the backup owner.
    pub backup: Option<Option<String>>,
    /// When it is due.
    pub due_at: Option<Option<Timestamp>>,
    /// The tasks that have to be done before.
    pub needs: Option<Vec<u32>>,
    /// Its status, with what came of it.
    pub status: Option<(TaskStatus, Option<String>)>,
    /// The revision the caller read.
    pub expected: Option<i64>,
}

impl Engine {
    /// Makes a task.
    pub(crate) async fn add_task(
        &self,
        asking: &Asking,
        id: IncidentId,
        new: &NewTask,
    ) -> Result<Amended, EngineError> {
        let text = checked("text", &new.text, 500)?;
        for (field, handle) in [("owner", &new.owner), ("backup", &new.backup)] {
            self.known_person(field, handle.as_deref()).await?;
        }
        self.amend(asking, id, |dossier, around, told| {
            let head = head(&dossier.parts.tasks, around.now)?;
            let number = head.number;
            task::check_needs(&dossier.parts.tasks, number, &new.needs).map_err(|error| wrong_needs(&error))?;
            dossier.parts.tasks.push(Task {
                head,
                id: None,
                stage: new.stage,
                text: text.clone(),
                role: new.role.clone(),
                backup_role: None,
                owner: new.owner.clone(),
                backup: new.backup.clone(),
                due_after_ms: None,
                due_at: new.due_at,
                needs: new.needs.clone(),
                status: TaskStatus::Open,
                ended_by: None,
                ended_at: None,
                note: None,
                overdue: false,
            });
            let whose = new.owner.as_ref().map_or_else(String::new, |owner| format!(" for {owner}"));
            told.entry(EntryKind::Task, format!("task {number}{whose}: {text}"), json!({ "task": number }));
            Ok(number)
        })
        .await
    }

    /// Changes a task.
    pub(crate) async fn edit_task(
        &self,
        asking: &Asking,
        id: IncidentId,
        number: u32,
        edit: &TaskEdit,
    ) -> Result<Amended, EngineError> {
        let text = edit.text.as_deref().map(|text| checked("text", text, 500)).transpose()?;
        for (field, handle) in [("owner", &edit.owner), ("backup", &edit.backup)] {
            self.known_person(field, handle.as_ref().and_then(Option::as_deref)).await?;
        }
        if let Some((_, Some(note))) = &edit.status {
            checked("note", note, 2_000)?;
        }
        self.amend(asking, id, |dossier, around, told| {
            read_revision(&mut dossier.parts.tasks, number, edit.expected)?;
            if let Some(needs) = &edit.needs {
                task::check_needs(&dossier.parts.tasks, number, needs).map_err(|error| wrong_needs(&error))?;
            }
            let known = part_of(&mut dossier.parts.tasks, number)?;
            let before = known.clone();
            if let Some(text) = &text {
                known.text.clone_from(text);
            }
            known.owner = edit.owner.clone().unwrap_or_else(|| known.owner.clone());
            known.backup = edit.backup.clone().unwrap_or_else(|| known.backup.clone());
            known.needs = edit.needs.clone().unwrap_or_else(|| known.needs.clone());
            if let Some(due_at) = edit.due_at {
                known.due_at = due_at;
                known.overdue = known.overdue && due_at.is_some_and(|due| due <= around.now);
            }
            if *known != before {
                let about = json!({ "task": number, "before": shown(&before), "after": shown(known) });
                told.entry(EntryKind::Task, changed(&before, known), about);
            }
            if let Some((to, note)) = &edit.status {
                end(dossier, number, *to, note.as_deref(), asking, around.now, told)?;
            }
            Ok(number)
        })
        .await
    }
}

fn end(
    dossier: &mut Dossier,
    number: u32,
    to: TaskStatus,
    note: Option<&str>,
    asking: &Asking,
    now: Timestamp,
    told: &mut wardroom_domain::dossier::Told,
) -> Result<(), EngineError> {
    let by = asking.actor.name();
    task::advance(&mut dossier.parts.tasks, number, to, &by, note, now)?;
    let known = part_of(&mut dossier.parts.tasks, number)?;
    let (verb, milestone) = match to {
        TaskStatus::Done => ("did", Some(MilestoneKind::TaskDone)),
        TaskStatus::Open => ("opened again", Some(MilestoneKind::TaskReopened)),
        TaskStatus::Dropped => ("dropped", None),
    };
    let why = note.map_or_else(String::new, |note| format!(" ({note})"));
    let about = json!({ "task": number, "id": known.id, "text": known.text, "by": by });
    told.entry(EntryKind::Task, format!("{by} {verb} task {number}: {}{why}", known.text), about.clone());
    if let Some(kind) = milestone {
        told.milestone(kind, about);
    }
    Ok(())
}

fn shown(task: &Task) -> serde_json::Value {
    json!({ "text": task.text, "owner": task.owner, "backup": task.backup, "due_at": task.due_at, "needs": task.needs })
}

fn changed(before: &Task, after: &Task) -> String {
    match &after.owner {
        Some(owner) if before.owner != after.owner => {
            format!("{owner} owns task {}: {}", after.head.number, after.text)
        }
        _ => format!("changed task {}: {}", after.head.number, after.text),
    }
}

fn wrong_needs(error: &TaskError) -> EngineError {
    EngineError::invalid("needs", error.to_string())
}

/// A text without surrounding space, of 1 to `most` characters.
pub(crate) fn checked(field: &str, text: &str, most: usize) -> Result<String, EngineError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most {
        return Err(EngineError::invalid(field, format!("1 to {most} characters are wanted")));
    }
    Ok(text.to_owned())
}

/// An address of at most 2,000 characters that people may follow.
pub(crate) fn checked_url(field: &str, url: &str) -> Result<(), EngineError> {
    let known = url.len() <= 2_000 && url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if known { Ok(()) } else { Err(EngineError::invalid(field, "an http or https address is wanted")) }
}

/// The head of the next part.
pub(crate) fn head<P: Part>(parts: &[P], now: Timestamp) -> Result<Head, EngineError> {
    part::next(parts, now)
        .ok_or_else(|| EngineError::Conflict(format!("an incident has at most {} of this: {}", P::MOST, P::NOUN)))
}
