//! Timers of incidents: reminders that come again, and deadlines. A schedule each, which ends with its incident.

use std::time::Duration;

use serde_json::json;

use super::{
    super::{Caller, Engine, EngineError},
    ScheduleView,
};
use wardroom_domain::{
    id::IncidentId,
    incident::{Incident, Stage},
    schedule::{Cadence, CatchUp, CatchUpMode, MAX_CAUGHT_UP, Overlap, Owner, Target, Terms},
    time::{Timestamp, write_duration},
};
use wardroom_store::Guard;

/// The most timers of an incident.
const MAX_TIMERS: usize = 50;

/// A timer as it is asked for.
#[derive(Debug, Clone)]
pub struct TimerRequest {
    /// Its name within the incident: 1 to 64 of `a-z 0-9 -`, beginning with a letter.
    pub name: String,
    /// When it comes.
    pub cadence: TimerCadence,
    /// What the timeline says, 1 to 500 characters.
    pub text: String,
    /// The stages in which it is over, beside `closed` and `canceled`.
    pub until: Vec<Stage>,
}

/// When a timer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerCadence {
    /// Again and again, the first time after this long.
    Every(Duration),
    /// Once, then.
    At(Timestamp),
    /// Once, after this long.
    In(Duration),
}

impl Engine {
    /// Starts a timer of an incident.
    pub(crate) async fn start_timer(
        &self,
        caller: &Caller,
        incident: &Incident,
        request: &TimerRequest,
    ) -> Result<ScheduleView, EngineError> {
        let (cadence, starts) = self.checked_timer(incident, request)?;
        let terms = Terms {
            cadence,
            starts,
            ends: None,
            jitter: Duration::ZERO,
            overlap: Overlap::Allow,
            // A deadline that passed while nobody was there is told all the same.
            catch_up: CatchUp { mode: CatchUpMode::Latest, window: Duration::from_hours(30 * 24), most: MAX_CAUGHT_UP },
            blackouts: Vec::new(),
            warn_after: 0,
        };
        let owner = Owner::Incident { id: incident.id };
        if self.store().schedules_of(&owner).await?.len() >= MAX_TIMERS {
            return Err(EngineError::Conflict(format!("{} has {MAX_TIMERS} timers already", incident.reference())));
        }
        let (name, text, until) = (request.name.clone(), request.text.trim().to_owned(), request.until.clone());
        let full = full_name(incident, &name);
        let target = Target::Timer { name, text, until };
        let stored = self.new_schedule(&full, owner, target, terms, &caller.person.handle);
        let guard = Guard::NewSchedule(Box::new(stored.clone()));
        if self
            .change_schedule(caller, guard, "timer.start", &full, json!({ "incident": incident.id }), Vec::new())
            .await?
        {
            return self.view(stored);
        }
        Err(EngineError::Conflict(format!("{} has a timer {:?} already", incident.reference(), request.name)))
    }

    /// The timers of an incident.
    pub(crate) async fn timers(&self, incident: IncidentId) -> Result<Vec<ScheduleView>, EngineError> {
        let stored = self.store().schedules_of(&Owner::Incident { id: incident }).await?;
        stored.into_iter().map(|stored| self.view(stored)).collect()
    }

    /// Removes a timer.
    pub(crate) async fn stop_timer(&self, caller: &Caller, incident: &Incident, name: &str) -> Result<(), EngineError> {
        let full = full_name(incident, name);
        for _ in 0..16 {
            let stored = self.store().schedule(&full).await?;
            let stored = stored.ok_or_else(|| EngineError::not_found("timer", name))?;
            let guard = Guard::ScheduleOff(full.clone(), stored.version);
            let data = json!({ "incident": incident.id });
            if self.change_schedule(caller, guard, "timer.stop", &full, data, Vec::new()).await? {
                return Ok(());
            }
        }
        Err(EngineError::Overloaded)
    }

    /// When a timer comes, and from when on. A document counts a period from its beginning: so does the timer.
    fn checked_timer(
        &self,
        incident: &Incident,
        request: &TimerRequest,
    ) -> Result<(Cadence, Option<Timestamp>), EngineError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let name = request.name.as_str();
        if name.len() > 64 || !name.chars().all(allowed) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            let message = "1 to 64 of a-z 0-9 - are wanted, beginning with a letter";
            return Err(EngineError::invalid("name", message));
        }
        if !(1..=500).contains(&request.text.trim().chars().count()) {
            return Err(EngineError::invalid("text", "1 to 500 characters are wanted: the timeline says it"));
        }
        if matches!(incident.stage, Stage::Closed | Stage::Canceled) || request.until.contains(&incident.stage) {
            let message = format!("{} is in {}: its timers are over", incident.reference(), incident.stage);
            return Err(EngineError::Conflict(message));
        }
        let (now, shortest) = (self.now(), self.0.parts.shortest_interval);
        let longest = Duration::from_hours(366 * 24);
        match request.cadence {
            TimerCadence::Every(period) if period < shortest || period > longest => {
                Err(EngineError::invalid("every", format!("{} to 366d is wanted", write_duration(shortest))))
            }
            TimerCadence::Every(period) => {
                let starts = now.plus(period);
                Ok((Cadence::every(period, starts), Some(starts)))
            }
            TimerCadence::In(after) if after > longest => Err(EngineError::invalid("in", "at most 366d is wanted")),
            TimerCadence::In(after) => Ok((Cadence::at(now.plus(after)), None)),
            TimerCadence::At(at) if at <= now || at > now.plus(longest) => {
                Err(EngineError::invalid("at", format!("a time after now, which is {now}, within 366 days is wanted")))
            }
            TimerCadence::At(at) => Ok((Cadence::at(at), None)),
        }
    }
}

fn full_name(incident: &Incident, timer: &str) -> String {
    format!("{}.{timer}", incident.reference())
}
