//! Tasks: what is to be done, by whom, by when, and after what. [`advance`] is the one function that changes a task's status.

use serde::{Deserialize, Serialize};

use super::{Head, alarm::Surroundings};
use crate::{
    incident::{Incident, Stage},
    time::Timestamp,
};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// To be done.
    Open,
    /// Done.
    Done,
    /// Not to be done any more.
    Dropped,
}

impl TaskStatus {
    /// The word the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Dropped => "dropped",
        }
    }
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Number and revision.
    #[serde(flatten)]
    pub head: Head,
    /// The identifier in the playbook, when it came from there.
    pub id: Option<String>,
    /// The stage it belongs to.
    pub stage: Option<Stage>,
    /// What to do: 1 to 500 characters.
    pub text: String,
    /// The role that owns it.
    pub role: Option<String>,
    /// The role that owns it when nobody of the first is there.
    pub backup_role: Option<String>,
    /// The handle of the owner.
    pub owner: Option<String>,
    /// The handle of the backup owner.
    pub backup: Option<String>,
    /// How long after its stage was entered it is due, in milliseconds.
    pub due_after_ms: Option<u64>,
    /// When it is due.
    pub due_at: Option<Timestamp>,
    /// The numbers of the tasks that have to be done before.
    pub needs: Vec<u32>,
    /// Where it stands.
    pub status: TaskStatus,
    /// The handle of who ended it.
    pub ended_by: Option<String>,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// What came of it.
    pub note: Option<String>,
    /// Whether people were told that it is overdue.
    pub overdue: bool,
}

/// Why a task's status does not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// There is none of this number.
    #[error("there is no task {0}")]
    Unknown(u32),
    /// Others come first.
    #[error("task {number} waits for {}", list(waits_for))]
    Waits {
        /// The task.
        number: u32,
        /// The tasks that are still open.
        waits_for: Vec<u32>,
    },
    /// It is there already.
    #[error("task {number} is {} already", status.as_str())]
    Same {
        /// The task.
        number: u32,
        /// Its status.
        status: TaskStatus,
    },
    /// Others that need it are done.
    #[error("task {number} cannot be opened again: {} came after it and is done", list(done))]
    Needed {
        /// The task.
        number: u32,
        /// The tasks that are done because it was.
        done: Vec<u32>,
    },
    /// It would wait for itself.
    #[error("task {0} would wait for itself")]
    Circle(u32),
}

fn list(numbers: &[u32]) -> String {
    let words: Vec<String> = numbers.iter().map(|number| format!("task {number}")).collect();
    words.join(" and ")
}

/// Gives a task another status. What it needs has to be done or dropped before it is done; what needs it keeps it from being
/// opened again.
pub fn advance(
    tasks: &mut [Task],
    number: u32,
    to: TaskStatus,
    by: &str,
    note: Option<&str>,
    at: Timestamp,
) -> Result<(), TaskError> {
    let index = tasks.iter().position(|task| task.head.number == number).ok_or(TaskError::Unknown(number))?;
    if tasks[index].status == to {
        return Err(TaskError::Same { number, status: to });
    }
    match to {
        TaskStatus::Done => {
            let waits_for = waits_for(tasks, &tasks[index]);
            if !waits_for.is_empty() {
                return Err(TaskError::Waits { number, waits_for });
            }
        }
        TaskStatus::Open => {
            let after = tasks.iter().filter(|task| task.status == TaskStatus::Done && task.needs.contains(&number));
            let done: Vec<u32> = after.map(|task| task.head.number).collect();
            if !done.is_empty() {
                return Err(TaskError::Needed { number, done });
            }
        }
        TaskStatus::Dropped => {}
    }
    let task = &mut tasks[index];
    let ends = to != TaskStatus::Open;
    task.status = to;
    task.ended_by = ends.then(|| by.to_owned());
    task.ended_at = ends.then_some(at);
    task.note = note.map(str::to_owned);
    task.overdue = false;
    Ok(())
}

/// The tasks that are still open of those that one needs.
pub fn waits_for(tasks: &[Task], task: &Task) -> Vec<u32> {
    let open =
        |number: &&u32| tasks.iter().any(|other| other.head.number == **number && other.status == TaskStatus::Open);
    task.needs.iter().filter(open).copied().collect()
}

/// Whether the tasks that one needs are there, and none of them needs it in turn.
pub fn check_needs(tasks: &[Task], number: u32, needs: &[u32]) -> Result<(), TaskError> {
    let mut open: Vec<u32> = needs.to_vec();
    let mut seen = Vec::new();
    while let Some(need) = open.pop() {
        if need == number {
            return Err(TaskError::Circle(number));
        }
        if seen.contains(&need) {
            continue;
        }
        seen.push(need);
        let task = tasks.iter().find(|task| task.head.number == need).ok_or(TaskError::Unknown(need))?;
        open.extend(&task.needs);
    }
    Ok(())
}

/// The handle of who owns a task now: its own owner, else who acts in its role, else in its backup role.
pub fn owner(task: &Task, incident: &Incident, around: &Surroundings<'_>) -> Option<String> {
    let acting = |role: &Option<String>| {
        let holders = incident.roles.get(role.as_ref()?)?;
        around.handle(holders.acting(|person| around.is_away(person)))
    };
    task.owner
        .clone()
        .or_else(|| task.backup.clone())
        .or_else(|| acting(&task.role))
        .or_else(|| acting(&task.backup_role))
}
