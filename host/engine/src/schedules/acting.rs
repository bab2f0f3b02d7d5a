//! What a caller may do to schedules. Timers are schedules too, and are as private as their incident.

use crate::{
    Acting, EngineError,
    schedules::{Coming, ScheduleView, TimerRequest},
};
use wardroom_domain::{
    page::Page,
    schedule::{Tick, TickKind},
    time::Timestamp,
};
use wardroom_store::StoredSchedule;

impl Acting<'_> {
    /// A page of schedules by name; of `people`, a `workflow` or an `incident` if one is named.
    pub async fn schedule_list(&self, owner: Option<&str>, page: &Page) -> Result<Vec<ScheduleView>, EngineError> {
        let found = self.engine.store().schedules(owner, Some(&self.caller.person.handle), page).await?;
        found.into_iter().map(|stored| self.engine.view(stored)).collect()
    }

    /// The schedule of a name.
    pub async fn schedule(&self, name: &str) -> Result<ScheduleView, EngineError> {
        self.engine.view(self.seen_schedule(name).await?)
    }

    async fn seen_schedule(&self, name: &str) -> Result<StoredSchedule, EngineError> {
        let stored = self.engine.stored_schedule(name).await?;
        if self.sees_owner(&stored.owner).await? { Ok(stored) } else { Err(EngineError::not_found("schedule", name)) }
    }

    /// What became of its times, the newest first, behind the tick of this time and kind.
    pub async fn schedule_ticks(
        &self,
        name: &str,
        after: Option<(Timestamp, TickKind)>,
        limit: u32,
    ) -> Result<Vec<Tick>, EngineError> {
        Ok(self.engine.store().ticks(self.seen_schedule(name).await?.id, after, limit).await?)
    }

    /// Its next times after `from`, or after now.
    pub async fn schedule_preview(
        &self,
        name: &str,
        from: Option<Timestamp>,
        count: u32,
    ) -> Result<Vec<Coming>, EngineError> {
        self.engine.coming(&self.seen_schedule(name).await?, from, count)
    }

    /// Saves a schedule; whether it is new.
    pub async fn schedule_save(&self, name: &str, source: &str) -> Result<(ScheduleView, bool), EngineError> {
        self.engine.put_schedule(self.caller, name, source, self.expected).await
    }

    /// Deletes a schedule; its runs go on.
    pub async fn schedule_delete(&self, name: &str) -> Result<(), EngineError> {
        self.seen_schedule(name).await?;
        self.engine.delete_schedule(self.caller, name).await
    }

    /// Pauses a schedule until somebody resumes it, or until a time.
    pub async fn schedule_pause(
        &self,
        name: &str,
        reason: &str,
        until: Option<Timestamp>,
    ) -> Result<ScheduleView, EngineError> {
        self.seen_schedule(name).await?;
        self.engine.pause_schedule(self.caller, name, reason, until).await
    }

    /// Resumes a schedule. The times in between are recorded as skipped.
    pub async fn schedule_resume(&self, name: &str) -> Result<ScheduleView, EngineError> {
        self.seen_schedule(name).await?;
        self.engine.resume_schedule(self.caller, name).await
    }

    /// Starts a schedule by hand, now; gives the tick with its run.
    pub async fn schedule_trigger(&self, name: &str) -> Result<Tick, EngineError> {
        self.seen_schedule(name).await?;
        self.engine.trigger_schedule(self.caller, name, self.once.clone()).await
    }

    /// The times from `from` to `until` that started nothing; unless it is a dry run, they are started.
    pub async fn schedule_backfill(
        &self,
        name: &str,
        from: Timestamp,
        until: Timestamp,
        dry_run: bool,
    ) -> Result<Vec<Timestamp>, EngineError> {
        self.seen_schedule(name).await?;
        self.engine.backfill_schedule(self.caller, name, from, until, dry_run).await
    }

    /// Starts a timer of an incident.
    pub async fn timer_start(&self, incident: &str, request: &TimerRequest) -> Result<ScheduleView, EngineError> {
        self.engine.start_timer(self.caller, &self.seen_incident(incident).await?, request).await
    }

    /// The timers of an incident.
    pub async fn timer_list(&self, incident: &str) -> Result<Vec<ScheduleView>, EngineError> {
        self.engine.timers(self.seen_incident(incident).await?.id).await
    }

    /// Removes a timer.
    pub async fn timer_stop(&self, incident: &str, name: &str) -> Result<(), EngineError> {
        self.engine.stop_timer(self.caller, &self.seen_incident(incident).await?, name).await
    }
}
