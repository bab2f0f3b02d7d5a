//! Schedules, their ticks and timers as the API shows them.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::value;
use wardroom_domain::schedule::{self, Target};
use wardroom_engine::schedules::{Coming, ScheduleView};

/// A schedule: one of people, of a workflow's trigger, or the timer of an incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleResponse {
    /// Its name: `nightly`; of a workflow's trigger `<workflow>.<n>`; of a timer `<INC-n>.<name>`.
    pub name: String,
    /// Whose it is: an object with `type` (`people`, `workflow`, `incident`) and the `name` or `id` of the latter two.
    #[schema(value_type = Object)]
    pub owner: Value,
    /// The workflow it starts; null for a timer.
    pub workflow: Option<String>,
    /// The timer's name; null for other schedules.
    pub timer: Option<String>,
    /// The definition.
    #[schema(value_type = Object)]
    pub document: Value,
    /// When it comes, in words.
    pub description: String,
    /// The time it comes next; null when it does not.
    pub next: Option<ScheduledTimeResponse>,
    /// Who holds it, why, since when and until when; null when nobody does.
    #[schema(value_type = Object, nullable)]
    pub paused: Value,
    /// Times that wait for a blackout's end or for an earlier run.
    #[schema(value_type = Vec<Object>)]
    pub waiting: Value,
    /// Its runs that go on, as far as their end has not been seen.
    pub running: Vec<String>,
    /// How many of its runs have failed since the last that did not.
    pub failures: u32,
    /// Says so when they are too many.
    pub warning: Option<String>,
    /// Why nothing comes of it any more; null when it was not ended.
    pub ended: Option<String>,
    /// Counts changes of the definition: the `ETag`.
    pub revision: i64,
    /// RFC 3339.
    pub updated_at: String,
    /// The handle of who changed it.
    pub updated_by: String,
}

/// A time to come.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduledTimeResponse {
    /// RFC 3339 in UTC.
    pub utc: String,
    /// The same in the schedule's zone.
    pub local: String,
    /// When it is due, with the schedule's jitter.
    pub due: String,
    /// What the zone's clocks do to it, for people.
    pub note: Option<String>,
    /// What a blackout does to it, for people.
    pub blackout: Option<String>,
}

/// A time of a schedule, or neighbours that fared alike, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TickResponse {
    /// The time; of several the first.
    pub nominal: String,
    /// Of several the last.
    pub last: String,
    /// How many.
    pub count: u64,
    /// `regular`, `manual` or `backfill`.
    #[schema(value_type = String)]
    pub kind: Value,
    /// `started`, `caught_up`, `held`, `queued`, `overlapped`, `merged`, `missed`, `blacked_out`, `paused`, `refused` or
    /// `ended`.
    #[schema(value_type = String)]
    pub outcome: Value,
    /// Why, where it did not simply start.
    pub why: Option<String>,
    /// When that was decided.
    pub at: String,
    /// The run it started.
    pub run: Option<String>,
}

impl ScheduleResponse {
    /// A schedule with the time it comes next.
    pub(crate) fn of(view: ScheduleView, next: Option<Coming>) -> Self {
        let ScheduleView { schedule, document, state, revision, updated_by, updated_at } = view;
        let (workflow, timer) = match &schedule.target {
            Target::Workflow { name, .. } => (Some(name.clone()), None),
            Target::Timer { name, .. } => (None, Some(name.clone())),
        };
        Self {
            owner: value(&schedule.owner),
            workflow,
            timer,
            document,
            description: schedule.terms.cadence.describe(),
            next: next.map(ScheduledTimeResponse::from),
            paused: value(&state.paused),
            waiting: value(&state.waiting),
            running: state.running.iter().map(ToString::to_string).collect(),
            failures: state.failures,
            warning: warning(state.failures, schedule.terms.warn_after),
            ended: state.ended,
            revision,
            updated_at: updated_at.to_string(),
            updated_by,
            name: schedule.name,
        }
    }
}

/// What people are told once so many of its runs have failed in a row; 0 is never.
fn warning(failures: u32, warn_after: u32) -> Option<String> {
    (warn_after > 0 && failures >= warn_after).then(|| match failures {
        1 => "its last run failed".to_owned(),
        _ => format!("its last {failures} runs failed"),
    })
}

impl From<Coming> for ScheduledTimeResponse {
    fn from(coming: Coming) -> Self {
        Self {
            utc: coming.at.to_string(),
            local: coming.local,
            due: coming.due.to_string(),
            note: coming.note,
            blackout: coming.blackout,
        }
    }
}

impl From<schedule::Tick> for TickResponse {
    fn from(tick: schedule::Tick) -> Self {
        Self {
            nominal: tick.nominal.to_string(),
            last: tick.last.to_string(),
            count: tick.count,
            kind: json!(tick.kind),
            outcome: json!(tick.outcome),
            why: tick.why,
            at: tick.at.to_string(),
            run: tick.run.map(|run| run.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::warning;

    #[test]
    fn people_are_warned_from_the_failure_on_that_is_one_too_many() {
        for (failures, warn_after, wanted) in [
            (0, 1, None),
            (1, 1, Some("its last run failed")),
            (2, 3, None),
            (3, 3, Some("its last 3 runs failed")),
            (9, 3, Some("its last 9 runs failed")),
            (9, 0, None),
        ] {
            assert_eq!(warning(failures, warn_after).as_deref(), wanted, "{failures} of {warn_after}");
        }
    }
}
