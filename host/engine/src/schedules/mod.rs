//! Schedules: reading and previewing them. In reading order: `tick` looks at those that are due and starts what is to be
//! started, `target` is what a tick does, `edit` is what people do to schedules, `owned` those that a workflow's document
//! brings, `timers` those of incidents, `counts` the figures.

use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};

use super::{Engine, EngineError};
use wardroom_domain::{
    id::{ScheduleId, uuid_v7},
    schedule::{self, BlackoutPolicy, Owner, Schedule, State, Target, Terms, document},
    time::Timestamp,
};
use wardroom_store::StoredSchedule;

mod acting;
mod counts;
mod edit;
mod owned;
pub(crate) mod scheduler;
mod target;
mod tick;
mod timers;

pub(super) use crate::schedules::scheduler::Scheduler;
pub use counts::LATENESS_MS;
pub use counts::TickCounts;
pub use timers::{TimerCadence, TimerRequest};

/// The most times that a preview tells.
pub const MAX_PREVIEW: u32 = 1_000;
/// How many parsed definitions are kept.
const KEPT: usize = 50_000;

/// A schedule as it is shown.
#[derive(Debug, Clone)]
pub struct ScheduleView {
    /// The definition.
    pub schedule: Schedule,
    /// The definition as a document.
    pub document: Value,
    /// What it has done so far.
    pub state: State,
    /// Counts changes of the definition.
    pub revision: i64,
    /// The handle of who changed it last.
    pub updated_by: String,
    /// When.
    pub updated_at: Timestamp,
}

/// A time to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coming {
    /// The time.
    pub at: Timestamp,
    /// When it is due, with the schedule's jitter.
    pub due: Timestamp,
    /// The time in the schedule's zone.
    pub local: String,
    /// What the zone's clocks do to it.
    pub note: Option<String>,
    /// The blackout it meets, in words.
    pub blackout: Option<String>,
}

impl Engine {
    /// The next times of a schedule after `from`, or after now.
    fn coming(&self, stored: &StoredSchedule, from: Option<Timestamp>, count: u32) -> Result<Vec<Coming>, EngineError> {
        let schedule = self.definition(stored)?;
        let from = from.unwrap_or_else(|| self.now());
        let coming = schedule::coming(&schedule, from, count.min(MAX_PREVIEW) as usize);
        Ok(coming.into_iter().map(|tick| shown(&schedule, tick)).collect())
    }

    /// The time it comes next, unless it is held or over.
    pub fn schedule_next(&self, view: &ScheduleView) -> Option<Coming> {
        let next = view.state.next?;
        let before = next.minus(std::time::Duration::from_millis(1));
        schedule::coming(&view.schedule, before, 1).into_iter().next().map(|tick| shown(&view.schedule, tick))
    }

    /// What the scheduler did since the start, for the metrics.
    pub fn tick_counts(&self) -> &TickCounts {
        &self.0.scheduler.counts
    }

    pub(crate) async fn stored_schedule(&self, name: &str) -> Result<StoredSchedule, EngineError> {
        let found = if name.len() <= 200 { self.store().schedule(name).await? } else { None };
        found.ok_or_else(|| EngineError::not_found("schedule", name))
    }

    pub(crate) fn view(&self, stored: StoredSchedule) -> Result<ScheduleView, EngineError> {
        let schedule = self.definition(&stored)?;
        let StoredSchedule { state, revision, updated_by, updated_at, .. } = stored;
        let schedule = Schedule::clone(&schedule);
        Ok(ScheduleView { document: written(&schedule), schedule, state, revision, updated_by, updated_at })
    }

    /// The definition of a stored schedule.
    fn definition(&self, stored: &StoredSchedule) -> Result<Arc<Schedule>, EngineError> {
        let mut parsed = self.0.scheduler.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = parsed.get(&stored.id).filter(|(revision, _)| *revision == stored.revision) {
            return Ok(Arc::clone(known));
        }
        let schedule = Arc::new(read(stored)?);
        if parsed.len() >= KEPT {
            parsed.clear();
        }
        parsed.insert(stored.id, (stored.revision, Arc::clone(&schedule)));
        Ok(schedule)
    }

    /// A schedule that is made now, not yet written.
    fn new_schedule(&self, name: &str, owner: Owner, target: Target, terms: Terms, by: &str) -> StoredSchedule {
        let now = self.now();
        let id = ScheduleId(uuid_v7(now.unix_ms(), wardroom_base::clock::random(&*self.0.parts.random)));
        let document = json!({ "target": target, "terms": terms.to_document() });
        let schedule = Schedule { id, name: name.to_owned(), owner: owner.clone(), target, terms, since: now };
        StoredSchedule {
            name: name.to_owned(),
            id,
            owner,
            position: 0,
            document,
            revision: 1,
            updated_at: now,
            updated_by: by.to_owned(),
            state: State::fresh(&schedule, now),
            version: 1,
        }
    }
}

/// Reads what [`Engine::new_schedule`] wrote; it was checked when it was saved.
fn read(stored: &StoredSchedule) -> Result<Schedule, EngineError> {
    let broken = |why: String| EngineError::Internal(format!("stored schedule {} cannot be read: {why}", stored.name));
    let target: Target =
        serde_json::from_value(stored.document["target"].clone()).map_err(|error| broken(error.to_string()))?;
    let terms = document::from_value(&stored.document["terms"])
        .map_err(|faults| broken(faults.first().map(ToString::to_string).unwrap_or_default()))?;
    Ok(Schedule {
        id: stored.id,
        name: stored.name.clone(),
        owner: stored.owner.clone(),
        target,
        terms,
        since: stored.updated_at,
    })
}

/// A schedule's definition as people write it.
fn written(schedule: &Schedule) -> Value {
    match &schedule.target {
        Target::Workflow { name, inputs } => document::Document {
            name: schedule.name.clone(),
            workflow: name.clone(),
            inputs: inputs.clone(),
            terms: schedule.terms.clone(),
        }
        .to_value(),
        Target::Timer { name, text, until } => {
            let mut written = schedule.terms.to_document();
            if let Some(fields) = written.as_object_mut() {
                fields.insert("name".to_owned(), json!(name));
                fields.insert("text".to_owned(), json!(text));
                fields.insert("until".to_owned(), json!(until));
            }
            written
        }
    }
}

fn shown(schedule: &Schedule, tick: schedule::ComingTick) -> Coming {
    let before = tick.nominal.minus(std::time::Duration::from_millis(1));
    let fire = schedule.terms.cadence.fires(before).next().filter(|fire| fire.at == tick.nominal);
    let (local, note) = fire.map_or_else(|| (tick.nominal.to_string(), None), |fire| (fire.local, fire.note));
    let blackout = tick.blackout.map(|(then, until, reason)| {
        let word = match then {
            BlackoutPolicy::Hold => "held",
            BlackoutPolicy::Skip => "skipped: blackout",
        };
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        format!("{word} until {until}{reason}")
    });
    Coming { at: tick.nominal, due: tick.due, local, note, blackout }
}
