//! What people do to schedules. Each change leaves an audit entry in its transaction.

use serde_json::{Value, json};

use super::{
    super::{
        Caller, Engine, EngineError,
        once::Once,
        platform::{between, workflows::installed},
    },
    ScheduleView,
};
use wardroom_domain::{
    document::Fault,
    schedule::{self, Owner, Paused, Schedule, Target, Tick, TickKind, document::Document},
    time::Timestamp,
    workflow::scheduled,
};
use wardroom_store::{Committed, Dependant, Guard, StoredSchedule, Write};

/// How often a change is tried again when another was faster.
const LOST_WRITES: usize = 16;
/// The most times that are made up for at once.
const MAX_BACKFILL: usize = schedule::MAX_QUEUED;

impl Engine {
    /// Every fault of a schedule's document; none when it can be saved.
    pub async fn schedule_validate(&self, source: &str) -> Result<Result<Document, Vec<Fault>>, EngineError> {
        let document = match schedule::document::parse(source) {
            Ok(document) => document,
            Err(faults) => return Ok(Err(faults)),
        };
        let mut faults = scheduled::check(&document, source, &installed(&*self.catalog().await?));
        faults.extend(scheduled::too_often(&document, source, self.0.parts.shortest_interval));
        Ok(if faults.is_empty() { Ok(document) } else { Err(faults) })
    }

    /// What is written for a document that is new.
    pub(crate) fn schedule_of_people(&self, document: Document, by: &str) -> StoredSchedule {
        let target = Target::Workflow { name: document.workflow, inputs: document.inputs };
        self.new_schedule(&document.name, Owner::People, target, document.terms, by)
    }

    /// Saves a schedule under its name; says whether it is new. `expected` is the revision the caller read.
    pub(crate) async fn put_schedule(
        &self,
        caller: &Caller,
        name: &str,
        source: &str,
        expected: Option<i64>,
    ) -> Result<(ScheduleView, bool), EngineError> {
        let document = self.schedule_validate(source).await?.map_err(EngineError::Document)?;
        if document.name != name {
            let message = format!("the document is called {:?}, the request says {name:?}", document.name);
            return Err(EngineError::invalid("name", message));
        }
        for _ in 0..LOST_WRITES {
            let fresh = self.schedule_of_people(document.clone(), &caller.person.handle);
            let known = self.store().schedule(name).await?;
            let actual = known.as_ref().map_or(0, |known| known.revision);
            if expected.is_some_and(|expected| expected != actual) {
                return Err(EngineError::Stale { noun: "schedule", actual });
            }
            let data = between(known.as_ref().map(|known| &known.document), &fresh.document);
            let (guard, stored, new) = match known {
                None => (Guard::NewSchedule(Box::new(fresh.clone())), fresh, true),
                Some(known) => {
                    may_edit(&known)?;
                    if known.document == fresh.document {
                        return Ok((self.view(known)?, false));
                    }
                    let mut changed = StoredSchedule {
                        document: fresh.document,
                        revision: known.revision + 1,
                        updated_at: fresh.updated_at,
                        updated_by: fresh.updated_by,
                        version: known.version + 1,
                        ..known
                    };
                    // The answer tells the times of the new definition.
                    changed.state.changed(&super::read(&changed)?, changed.updated_at);
                    (Guard::Schedule(Box::new(changed.clone())), changed, false)
                }
            };
            if self.change_schedule(caller, guard, "schedule.save", name, data, Vec::new()).await? {
                return Ok((self.view(stored)?, new));
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Deletes a schedule; its runs go on.
    pub(crate) async fn delete_schedule(&self, caller: &Caller, name: &str) -> Result<(), EngineError> {
        for _ in 0..LOST_WRITES {
            let known = self.stored_schedule(name).await?;
            may_edit(&known)?;
            let guard = Guard::ScheduleOff(name.to_owned(), known.version);
            let data = between(&known.document, Value::Null);
            if self.change_schedule(caller, guard, "schedule.delete", name, data, Vec::new()).await? {
                return Ok(());
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Holds a schedule until somebody resumes it, or until a time.
    pub(crate) async fn pause_schedule(
        &self,
        caller: &Caller,
        name: &str,
        reason: &str,
        until: Option<Timestamp>,
    ) -> Result<ScheduleView, EngineError> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > 500 {
            return Err(EngineError::invalid("reason", "1 to 500 characters are wanted: people will ask why"));
        }
        let now = self.now();
        if until.is_some_and(|until| until <= now) {
            return Err(EngineError::invalid("until", format!("a time after now is wanted, which is {now}")));
        }
        let paused = Paused { by: caller.actor(), reason: reason.to_owned(), at: now, until };
        let change = |schedule: &Schedule, stored: &mut StoredSchedule| {
            stored.state.pause(schedule, paused.clone()).map(|()| Vec::new())
        };
        self.change_state(caller, name, "schedule.pause", change).await
    }

    /// Lets a schedule go on. The times in between are recorded as skipped.
    pub(crate) async fn resume_schedule(&self, caller: &Caller, name: &str) -> Result<ScheduleView, EngineError> {
        let now = self.now();
        let change =
            |schedule: &Schedule, stored: &mut StoredSchedule| stored.state.resume(schedule, now).map(|()| Vec::new());
        self.change_state(caller, name, "schedule.resume", change).await
    }

    /// Starts a schedule by hand, now, beside whatever goes on; gives the tick with its run.
    pub(crate) async fn trigger_schedule(
        &self,
        caller: &Caller,
        name: &str,
        once: Option<Once>,
    ) -> Result<Tick, EngineError> {
        for _ in 0..LOST_WRITES {
            if let Some(run) = self.run_made_before(once.as_ref()).await? {
                let at = run.trigger["tick"].as_str().and_then(|at| at.parse().ok()).unwrap_or(run.created_at);
                let (_, tick) = wardroom_domain::schedule::State::default().trigger(at);
                return Ok(Tick { run: Some(run.id), ..tick });
            }
            let mut stored = self.stored_schedule(name).await?;
            let schedule = self.definition(&stored)?;
            let Target::Workflow { name: workflow, .. } = &schedule.target else {
                return Err(EngineError::Conflict("a timer is not started by hand".to_owned()));
            };
            let catalog = self.catalog().await?;
            let now = self.now();
            let skips = catalog.workflow(workflow)?.workflow.skips();
            let _one_at_a_time = self.one_at_a_time(skips).await;
            let (start, mut tick) = stored.state.trigger(now);
            let begun = self.begin_tick(&schedule, start, &catalog, caller.actor()).await?;
            tick.run = Some(begun.run.id);
            stored.state.started(&schedule, begun.run.id, now);
            stored.version += 1;
            let mut then = vec![Dependant::Tick(schedule.id, tick.clone())];
            then.extend(once.as_ref().map(|once| Dependant::Key(once.record(begun.run.id, now))));
            then.push(self.audit(caller, "schedule.trigger", name, json!({ "run": begun.run.id })));
            if self.write_tick(&stored, then, vec![begun]).await? {
                return Ok(tick);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// The times from `from` to `until` that started nothing; unless it is a dry run, they wait for their turn.
    pub(crate) async fn backfill_schedule(
        &self,
        caller: &Caller,
        name: &str,
        from: Timestamp,
        until: Timestamp,
        dry_run: bool,
    ) -> Result<Vec<Timestamp>, EngineError> {
        let now = self.now();
        if until < from || until > now {
            let message = format!("a time from {from} to now, which is {now}, is wanted");
            return Err(EngineError::invalid("until", message));
        }
        for _ in 0..LOST_WRITES {
            let mut stored = self.stored_schedule(name).await?;
            let schedule = self.definition(&stored)?;
            if matches!(schedule.target, Target::Timer { .. }) {
                return Err(EngineError::Conflict("a timer has no past to make up for".to_owned()));
            }
            let all = schedule::between(&schedule, from, until, 10_000);
            let all = all.ok_or_else(|| too_many("10000 times lie between them"))?;
            let taken = self.store().ticks_taken(stored.id, from, until).await?;
            let was_taken =
                |time: &Timestamp| taken.iter().any(|(nominal, kind)| nominal == time && *kind != TickKind::Manual);
            let times: Vec<Timestamp> = all.into_iter().filter(|time| !was_taken(time)).collect();
            if times.len() > MAX_BACKFILL {
                return Err(too_many(&format!("{} times between them started nothing", times.len())));
            }
            if dry_run || times.is_empty() {
                return Ok(times);
            }
            let ticks = stored.state.backfill(&schedule, &times, now);
            let ticks = ticks.map_err(|unwilling| EngineError::Conflict(unwilling.to_string()))?;
            stored.version += 1;
            let then = ticks.into_iter().map(|tick| Dependant::Tick(stored.id, tick)).collect();
            let data = json!({ "from": from, "until": until, "times": times.len() });
            let guard = Guard::Schedule(Box::new(stored));
            if self.change_schedule(caller, guard, "schedule.backfill", name, data, then).await? {
                return Ok(times);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Changes what a schedule has done or is to do, again if another change was faster.
    async fn change_state(
        &self,
        caller: &Caller,
        name: &str,
        action: &str,
        change: impl Fn(&Schedule, &mut StoredSchedule) -> Result<Vec<Dependant>, schedule::Unwilling>,
    ) -> Result<ScheduleView, EngineError> {
        for _ in 0..LOST_WRITES {
            let mut stored = self.stored_schedule(name).await?;
            let schedule = self.definition(&stored)?;
            let before = stored.state.paused.clone();
            let then = change(&schedule, &mut stored).map_err(|why| EngineError::Conflict(why.to_string()))?;
            let data = between(before, &stored.state.paused);
            stored.version += 1;
            let guard = Guard::Schedule(Box::new(stored.clone()));
            if self.change_schedule(caller, guard, action, name, data, then).await? {
                return self.view(stored);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Writes a change with its audit entry; `false` when another change was faster.
    pub(super) async fn change_schedule(
        &self,
        caller: &Caller,
        guard: Guard,
        action: &str,
        name: &str,
        data: Value,
        mut then: Vec<Dependant>,
    ) -> Result<bool, EngineError> {
        then.push(self.audit(caller, action, name, data));
        let applied = self.store().commit(Write { guard, then }).await? == Committed::Applied;
        self.0.scheduler.changed.notify_one();
        Ok(applied)
    }
}

/// Whether people may change a schedule's definition; it says where they can.
fn may_edit(stored: &StoredSchedule) -> Result<(), EngineError> {
    let whose = match &stored.owner {
        Owner::People => return Ok(()),
        Owner::Workflow { name } => format!("workflow {name}: change the trigger in its document"),
        Owner::Incident { .. } => "an incident: change its timers".to_owned(),
    };
    Err(EngineError::Conflict(format!("schedule {} belongs to {whose}", stored.name)))
}

fn too_many(what: &str) -> EngineError {
    EngineError::invalid("until", format!("{what}: at most {MAX_BACKFILL} are made up for at once"))
}
