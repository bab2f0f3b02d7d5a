//! What people want to know over many incidents: how long they took, what automation did, what is overdue. Drills count
//! nowhere but as drills held. Pure: reads incidents, gives numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    dossier::{Parts, retrospective::RetrospectiveStatus, task::TaskStatus},
    incident::{Incident, IncidentKind, Severity},
    run::RunStatus,
    time::Timestamp,
};

/// By what incidents are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// By severity.
    Severity,
    /// By the label `service`; `none` without it.
    Service,
    /// By ISO week, such as `2026-W47`.
    Week,
}

/// How long something took, over several incidents: seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Took {
    /// How many incidents know it.
    pub count: usize,
    /// The mean; null when none knows it.
    pub mean_seconds: Option<f64>,
    /// Half took at most this long; null when none knows it.
    pub median_seconds: Option<f64>,
    /// Nine of ten took at most this long; null when none knows it.
    pub p90_seconds: Option<f64>,
}

/// The figures of a group of incidents.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// How many incidents.
    pub incidents: usize,
    /// From the beginning (of the impact, else of its detection) until somebody took it.
    pub acknowledge: Took,
    /// Until people stopped being affected.
    pub mitigate: Took,
    /// Until the fix was confirmed.
    pub resolve: Took,
}

/// What automation did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Automation {
    /// Runs that ended, by how they did.
    pub runs: BTreeMap<String, usize>,
    /// Of those that ended neither canceled nor rejected, the part that succeeded; null without any.
    pub success_rate: Option<f64>,
}

/// What is overdue, or missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Overdue {
    /// Open tasks past their due time.
    pub tasks: usize,
    /// Incidents whose promised update did not come.
    pub updates: usize,
    /// Follow-ups past their due time.
    pub follow_ups: usize,
    /// Follow-ups that are not done.
    pub open_follow_ups: usize,
    /// Deadlines that were missed.
    pub deadlines: usize,
    /// Retrospectives that are neither published nor waived.
    pub retrospectives: usize,
}

/// Everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// All together.
    pub total: Figures,
    /// By the grouping.
    pub groups: BTreeMap<String, Figures>,
    /// How many drills were held.
    pub drills: usize,
    /// Automation.
    pub automation: Automation,
    /// What is overdue now.
    pub overdue: Overdue,
}

/// Durations of a group, in seconds, as they are collected.
#[derive(Default)]
struct Sample {
    incidents: usize,
    took: [Vec<f64>; 3],
}

/// Counts incidents and what belongs to them.
pub fn measure(
    dossiers: &[(Incident, Parts)],
    runs: impl IntoIterator<Item = RunStatus>,
    by: Grouping,
    now: Timestamp,
) -> Metrics {
    let mut metrics = Metrics { automation: automation(runs), ..Metrics::default() };
    let mut samples: BTreeMap<String, Sample> = BTreeMap::new();
    let mut total = Sample::default();
    for (incident, parts) in dossiers {
        if incident.kind == IncidentKind::Drill {
            metrics.drills += 1;
            continue;
        }
        overdue(&mut metrics.overdue, incident, parts, now);
        let group = samples.entry(group(incident, by)).or_default();
        for sample in [&mut total, group] {
            sample.incidents += 1;
            let times = &incident.times;
            let ends = [times.acknowledged_at, times.mitigated_at, times.resolved_at];
            for (took, end) in sample.took.iter_mut().zip(ends) {
                took.extend(end.map(|end| end.since(began(incident)).as_secs_f64()));
            }
        }
    }
    metrics.total = figures(total);
    metrics.groups = samples.into_iter().map(|(name, sample)| (name, figures(sample))).collect();
    metrics
}

fn began(incident: &Incident) -> Timestamp {
    incident.times.impact_started_at.or(incident.times.detected_at).unwrap_or(incident.created_at)
}

fn group(incident: &Incident, by: Grouping) -> String {
    match by {
        Grouping::Severity => Severity::as_str(incident.severity).to_owned(),
        Grouping::Service => incident.labels.get("service").cloned().unwrap_or_else(|| "none".to_owned()),
        Grouping::Week => incident.created_at.iso_week(),
    }
}

fn figures(sample: Sample) -> Figures {
    let [acknowledge, mitigate, resolve] = sample.took.map(took);
    Figures { incidents: sample.incidents, acknowledge, mitigate, resolve }
}

#[expect(clippy::cast_precision_loss, reason = "a count of incidents is far below 2^52")]
fn took(mut seconds: Vec<f64>) -> Took {
    if seconds.is_empty() {
        return Took::default();
    }
    seconds.sort_by(f64::total_cmp);
    // The smallest value that at least so many per cent do not exceed.
    let rank = |percent: usize| seconds[(seconds.len() * percent).div_ceil(100).max(1) - 1];
    Took {
        count: seconds.len(),
        mean_seconds: Some(seconds.iter().sum::<f64>() / seconds.len() as f64),
        median_seconds: Some(rank(50)),
        p90_seconds: Some(rank(90)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of runs is far below 2^52")]
fn automation(runs: impl IntoIterator<Item = RunStatus>) -> Automation {
    let mut ended: BTreeMap<String, usize> = BTreeMap::new();
    let (mut good, mut all) = (0_usize, 0_usize);
    for status in runs.into_iter().filter(|status| status.is_terminal()) {
        *ended.entry(status.as_str().to_owned()).or_default() += 1;
        let counts = !matches!(status, RunStatus::Canceled | RunStatus::Rejected);
        all += usize::from(counts);
        good += usize::from(status == RunStatus::Succeeded);
    }
    Automation { runs: ended, success_rate: (all > 0).then(|| good as f64 / all as f64) }
}

fn overdue(overdue: &mut Overdue, incident: &Incident, parts: &Parts, now: Timestamp) {
    let past = |due: Option<Timestamp>| due.is_some_and(|due| due < now);
    let goes_on = !incident.is_over();
    let tasks = parts.tasks.iter().filter(|task| goes_on && task.status == TaskStatus::Open && past(task.due_at));
    overdue.tasks += tasks.count();
    overdue.updates += usize::from(goes_on && past(incident.details.next_update_at));
    let open = parts.follow_ups.iter().filter(|one| one.done_at.is_none());
    overdue.open_follow_ups += open.clone().count();
    overdue.follow_ups += open.filter(|one| past(one.due_at)).count();
    overdue.deadlines +=
        incident.details.notifications.values().filter(|one| one.missed && one.done_at.is_none()).count();
    let unpublished = parts.retrospective.iter().any(|one| one.status != RetrospectiveStatus::Published);
    overdue.retrospectives += usize::from(goes_on && unpublished && incident.details.waiver.is_none());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_what_a_hand_computes() {
        assert_eq!(took(Vec::new()), Took::default());
        let of = took(vec![10.0, 20.0, 60.0, 40.0]);
        assert_eq!(
            of,
            Took { count: 4, mean_seconds: Some(32.5), median_seconds: Some(20.0), p90_seconds: Some(60.0) }
        );
    }

    #[test]
    fn canceled_and_rejected_runs_say_nothing_of_success() {
        let runs =
            [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Canceled, RunStatus::Rejected, RunStatus::Running];
        let automation = automation(runs);
        assert_eq!(automation.success_rate, Some(0.5));
        assert_eq!(automation.runs.values().sum::<usize>(), 4);
    }
}
