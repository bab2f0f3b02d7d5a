//! The loop of schedules: looks at those that are due, lets the pure machine decide, and writes what it decided together with
//! the runs that start. However many hosts look at a schedule, one of them moves it on.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, stream};

use crate::{
    Engine, EngineError,
    runs::start::Begun,
    schedules::target::{Rings, schedule_of},
};
use wardroom_base::fault;
use wardroom_domain::{
    event::{Event, Fact},
    id::{EventId, RunId},
    person::Actor,
    run::{Run, RunStatus, happening::Happening},
    schedule::{Owner, Schedule, Target, Tick, TickOutcome, offset, tick},
    time::Timestamp,
};
use wardroom_store::{Committed, Dependant, Guard, Page, Share, StoredSchedule, Write};

/// How many schedules are read at once.
const BATCH: u32 = 512;
/// How many of them are decided at a time.
const AT_ONCE: usize = 128;
/// The longest sleep between two looks at the clock: it may have been set.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is asked which hosts there are.
const HOSTS: Duration = Duration::from_secs(5);
/// After how long a schedule that another host should have looked at is looked at by this one.
const PATIENCE_MS: u32 = 2_000;
/// How far the clock may go back before that is more than a correction.
const BACKWARD: Duration = Duration::from_secs(5);
/// How often a schedule is decided in a row before others have their turn.
const IN_A_ROW: usize = 256;

/// What the loop remembers between two looks.
struct Looks {
    share: Share,
    /// When it was asked which hosts there are.
    asked_at: Option<std::time::Instant>,
    /// The latest time the clock showed.
    latest: Timestamp,
}

impl Engine {
    /// Looks at schedules until the engine stops.
    pub(crate) async fn schedule_loop(self) {
        let share = Share { index: 0, of: 1, patience_ms: PATIENCE_MS };
        let mut looks = Looks { share, asked_at: None, latest: self.now() };
        while !self.0.stop.is_cancelled() {
            let pause = match self.look(&mut looks).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "schedules could not be looked at; trying again");
                    LOOK
                }
            };
            tokio::select! {
                () = self.0.scheduler.changed.notified() => {}
                () = tokio::time::sleep(pause) => {}
                () = self.0.stop.cancelled() => {}
            }
        }
    }

    /// Looks once; gives how long until the next look.
    async fn look(&self, looks: &mut Looks) -> Result<Duration, EngineError> {
        let now = self.now();
        if looks.latest.since(now) > BACKWARD {
            tracing::warn!(clock.latest = %looks.latest, clock.now = %now, "the clock went back: schedules are looked at anew");
            self.look_at_all().await?;
            looks.latest = now;
        }
        looks.latest = looks.latest.max(now);
        let asked = wardroom_base::clock::monotonic_now();
        if looks.asked_at.is_none_or(|before| asked.duration_since(before) >= HOSTS) {
            let (index, of) = self.store().place_among_hosts(self.lease().host).await?;
            looks.share = Share { index, of, ..looks.share };
            looks.asked_at = Some(asked);
        }
        let due = self.store().due_schedules(now, looks.share, BATCH).await?;
        let full = due.len() == BATCH as usize;
        if self.tick_all(due).await > 0 && full {
            return Ok(Duration::ZERO);
        }
        self.look_at_told().await?;
        let next = self.store().next_due_schedule(now).await?;
        Ok(next.map_or(LOOK, |next| next.since(self.now()).min(LOOK)))
    }

    /// Decides several; how many of them that went well for.
    async fn tick_all(&self, schedules: Vec<StoredSchedule>) -> usize {
        let decided = stream::iter(schedules).map(|stored| self.tick(stored)).buffer_unordered(AT_ONCE);
        decided.filter(|went_well| std::future::ready(*went_well)).count().await
    }

    /// Looks at schedules whose runs have ended, where that changes something before their next time: something waits for the
    /// run, or it failed.
    async fn look_at_told(&self) -> Result<(), EngineError> {
        let mut told = self.told().into_iter().peekable();
        while told.peek().is_some() {
            let some: BTreeMap<String, bool> = told.by_ref().take(AT_ONCE).collect();
            let mut schedules = self.store().schedules_named(some.keys()).await?;
            schedules.retain(|stored| {
                !stored.state.waiting.is_empty()
                    || stored.state.failures > 0
                    || some.get(&stored.name).is_some_and(|failed| *failed)
            });
            self.tick_all(schedules).await;
        }
        Ok(())
    }

    /// Looks at every schedule, due or not: what was to be looked at by a clock that was ahead.
    async fn look_at_all(&self) -> Result<(), EngineError> {
        let mut page = Page { after: None, limit: BATCH };
        loop {
            let schedules = self.store().schedules(None, None, &page).await?;
            let Some(last) = schedules.last() else { return Ok(()) };
            page.after = Some(last.name.clone());
            self.tick_all(schedules).await;
        }
    }

    /// A run has ended: its schedule may have waited for it.
    pub(crate) fn tell_schedule(&self, run: &Run) {
        if let Some(name) = schedule_of(&run.trigger) {
            let mut told = self.0.scheduler.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let failed = run.status != RunStatus::Succeeded;
            let known = told.entry(name.to_owned()).or_default();
            *known |= failed;
            drop(told);
            self.0.scheduler.changed.notify_one();
        }
    }

    fn told(&self) -> BTreeMap<String, bool> {
        std::mem::take(&mut *self.0.scheduler.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Decides a schedule until there is nothing more to decide now; whether that went well. What did not is told and tried
    /// again.
    async fn tick(&self, mut stored: StoredSchedule) -> bool {
        for _ in 0..IN_A_ROW {
            match self.tick_once(&mut stored).await {
                Ok(true) => {}
                Ok(false) => return true,
                Err(error) => {
                    tracing::warn!(schedule.name = %stored.name, %error, "a schedule could not be decided; trying again");
                    return false;
                }
            }
        }
        true
    }

    /// Decides once and writes that; whether there is more to decide at once. Another host that was faster has done it.
    async fn tick_once(&self, stored: &mut StoredSchedule) -> Result<bool, EngineError> {
        fault::pass("schedule.look").await.map_err(EngineError::broken)?;
        let schedule = self.definition(stored)?;
        let seen = self.store().endings(&stored.state.running).await?;
        let (now, before) = (self.now(), stored.state.clone());
        let mut state = before.clone();
        let decided = tick::advance(&schedule, &mut state, &seen, now);
        let catalog = self.catalog().await?;
        let skips = match &schedule.target {
            Target::Workflow { name, .. } => catalog.workflow(name).is_ok_and(|live| live.workflow.skips()),
            Target::Timer { .. } => false,
        };
        // Between the look and the write no other run of the key may be made.
        let _one_at_a_time = self.one_at_a_time(skips && !decided.start.is_empty()).await;
        let (mut ticks, mut then, mut begun) = (decided.ticks, Vec::new(), Vec::new());
        for start in decided.start {
            let place = ticks.iter().position(|tick| tick.nominal == start.nominal && tick.kind == start.kind);
            let Some(tick) = place.and_then(|place| ticks.get_mut(place)) else { continue };
            if let Owner::Incident { id } = schedule.owner {
                match self.ring(&schedule, id, start).await? {
                    Rings::Yes(more) => then.extend(more),
                    Rings::Over(why) => {
                        let ended = state.end(&schedule, &why, now);
                        *tick = Tick { nominal: tick.nominal, last: tick.last, ..ended };
                    }
                }
                continue;
            }
            match self.begin_tick(&schedule, start, &catalog, Actor::System).await {
                Ok(one) => {
                    tick.run = Some(one.run.id);
                    state.started(&schedule, one.run.id, now);
                    begun.push(one);
                }
                Err(error @ (EngineError::Store(_) | EngineError::Stopping | EngineError::Overloaded)) => {
                    return Err(error);
                }
                Err(error) => {
                    tick.outcome = TickOutcome::Refused;
                    tick.why = Some(error.to_string());
                }
            }
        }
        if let Some(failures) = decided.warn {
            then.extend(self.failing(&schedule, failures));
        }
        if state == before {
            return Ok(false);
        }
        let more = state.due.is_some_and(|due| due <= now);
        stored.state = state;
        stored.version += 1;
        then.extend(ticks.iter().map(|tick| Dependant::Tick(schedule.id, tick.clone())));
        if !self.write_tick(stored, then, begun).await? {
            return Ok(false);
        }
        self.count(&schedule, &ticks, now);
        for run in decided.cancel {
            self.give_way(run, &schedule);
        }
        Ok(more)
    }

    /// Writes the schedule's change with the runs it starts, and drives them; `false` when somebody else was faster.
    pub(super) async fn write_tick(
        &self,
        stored: &StoredSchedule,
        mut then: Vec<Dependant>,
        mut begun: Vec<Begun>,
    ) -> Result<bool, EngineError> {
        if self.0.stop.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        for one in &mut begun {
            then.push(Dependant::NewRun(Box::new(one.run.clone())));
            then.append(&mut one.then);
        }
        let raises = then.iter().any(|dependant| matches!(dependant, Dependant::Event(_)));
        let write = Write { guard: Guard::Schedule(Box::new(stored.clone())), then };
        fault::pass("schedule.write").await.map_err(EngineError::broken)?;
        if self.store().commit(write).await? == Committed::Lost {
            return Ok(false);
        }
        fault::pass("schedule.written").await.map_err(EngineError::broken)?;
        for one in begun {
            self.take_up(one.run, one.effects);
        }
        if raises {
            self.0.events.notify_one();
        }
        Ok(true)
    }

    fn failing(&self, schedule: &Schedule, failures: u32) -> Option<Dependant> {
        let Target::Workflow { name, .. } = &schedule.target else { return None };
        tracing::warn!(schedule.name = %schedule.name, workflow.name = %name, failures, "the runs of a schedule fail");
        let fact = Fact::ScheduleFailing { schedule: schedule.name.clone(), workflow: name.clone(), failures };
        Some(Dependant::Event(Event {
            id: EventId(self.new_id()),
            incident: None,
            at: self.now(),
            depth: 0,
            fact,
            snapshot: serde_json::Value::Null,
        }))
    }

    fn count(&self, schedule: &Schedule, ticks: &[Tick], now: Timestamp) {
        for tick in ticks {
            self.0.scheduler.counts.count(tick);
            if tick.outcome == TickOutcome::Started && tick.kind == wardroom_domain::schedule::TickKind::Regular {
                self.0.scheduler.counts.started(now.since(tick.nominal.plus(offset(schedule))));
            }
        }
    }

    /// Stops a run whose schedule wants its place.
    fn give_way(&self, run: RunId, schedule: &Schedule) {
        let (engine, name) = (self.clone(), schedule.name.clone());
        self.0.tasks.spawn(async move {
            let reason = Some(format!("the next tick of {name} takes its place"));
            let happening = Happening::CancelRequested { by: Actor::System, reason, undo: false };
            if let Err(error) = engine.tell(run, happening).await {
                tracing::debug!(run.id = %run, %error, "a run is ending already");
            }
        });
    }
}
