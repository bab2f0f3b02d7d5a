//! Taking in alerts: one delivery of a source becomes a new incident or joins the open one of its group. A redelivery
//! changes nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(crate) use crate::alerts::ingest::ingested::Ingested;
use crate::{
    Engine, EngineError,
    incidents::{
        change::Opened,
        edit::Asking,
        open::{Draft, NewIncident},
    },
};
use wardroom_domain::{
    alert::{Alert, AlertStatus, Delivery, Labels, Signal},
    event::{AlertFact, Event, Fact},
    id::{AlertId, EventId, IncidentId},
    incident::{Incident, Origin, Stage},
    intake::Source,
    person::Actor,
    timeline::{EntryKind, NewEntry},
};
use wardroom_store::{Committed, Dependant, Guard, Write};

pub(crate) mod ingested;
mod storm;

/// How often a delivery that lost against another is tried again.
const LOST_WRITES: usize = 16;
/// The most alerts one incident holds; what comes beyond is counted, not kept.
const MAX_ALERTS: usize = 1_000;

impl Engine {
    /// Takes in a delivery of a source: silenced alerts are counted, the others join the open incident of their group or
    /// open one; in a storm they join the source's umbrella.
    pub(crate) async fn ingest(&self, source: &Source, delivery: &Delivery) -> Result<Ingested, EngineError> {
        let (delivery, silenced) = self.silence(delivery).await?;
        for _ in 0..LOST_WRITES {
            let tried = if let Some(incident) = self.open_for_group(&delivery).await? {
                self.join(incident, &delivery).await?
            } else {
                // Who opens looks at how many there are already: one at a time on this host.
                let _turn = self.0.opening.lock().await;
                match self.open_for_group(&delivery).await? {
                    Some(incident) => self.join(incident, &delivery).await?,
                    None => self.open_or_shelter(source, &delivery).await?,
                }
            };
            if let Some(ingested) = tried {
                self.0.events.notify_one();
                return Ok(Ingested { silenced, ..ingested });
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Opens an incident for the firing alerts of a delivery; `None` when another delivery was faster.
    async fn open_for(&self, delivery: &Delivery, title: Option<&str>) -> Result<Option<Ingested>, EngineError> {
        let firing = delivery.signals.iter().filter(|signal| signal.status == AlertStatus::Firing);
        let Some(first) = firing.clone().min_by_key(|signal| signal.severity()) else {
            return Ok(Some(Ingested { incident: None, opened: false, changed: 0, silenced: 0 }));
        };
        let actor = Actor::Source { name: delivery.source.clone(), alert: None };
        let earlier = self.store().latest_incident(&delivery.source, &delivery.group_key).await?;
        let title = title.map_or_else(|| first.title(), str::to_owned);
        let draft = Draft {
            title: title.clone(),
            origin: Some(Origin { source: delivery.source.clone(), group_key: delivery.group_key.clone() }),
            recurrence_of: earlier.map(|earlier| earlier.id),
        };
        let mut labels = common_labels(firing.clone());
        if delivery.group_key == storm::UMBRELLA {
            labels.insert(storm::LABEL.to_owned(), delivery.source.clone());
        }
        let new = NewIncident { labels, ..NewIncident::titled(&title, first.severity()) };
        let mut incident = self.draft(draft, &new).await?;
        incident.times.impact_started_at = firing.clone().map(|signal| signal.starts_at).min();
        incident.details.alerts_beyond = beyond(firing.clone().count().saturating_sub(MAX_ALERTS));
        let alerts: Vec<Alert> =
            firing.take(MAX_ALERTS).map(|signal| self.new_alert(&incident, delivery, signal)).collect();
        let playbook = self.playbook_for(&incident, None).await?;
        let (opened, mut then) = self.opening(&Asking::of(actor), incident, &alerts, playbook).await?;
        let scope = opened.scope();
        for alert in &alerts {
            then.extend(self.alert_dependants(&scope, alert, false));
        }
        let (changed, incident) = (alerts.len(), opened.dossier.incident);
        let write = Write { guard: Guard::NewIncident(Box::new(incident.clone())), then };
        Ok(match self.store().commit(write).await? {
            Committed::Applied => Some(Ingested { incident: Some(incident), opened: true, changed, silenced: 0 }),
            Committed::Lost => None,
        })
    }

    /// Joins a delivery to its open incident; `None` when another change was faster.
    async fn join(&self, mut incident: Incident, delivery: &Delivery) -> Result<Option<Ingested>, EngineError> {
        let known = self.store().alerts(incident.id).await?;
        let by_fingerprint: BTreeMap<&str, &Alert> =
            known.iter().map(|alert| (alert.signal.fingerprint.as_str(), alert)).collect();
        let (mut changed, mut more): (Vec<(Alert, bool)>, u64) = (Vec::new(), 0);
        for signal in &delivery.signals {
            match by_fingerprint.get(signal.fingerprint.as_str()) {
                Some(alert) if alert.signal.status == signal.status => {}
                Some(alert) => {
                    let refired = signal.status == AlertStatus::Firing;
                    let alert = Alert { signal: signal.clone(), changed_at: self.now(), ..(*alert).clone() };
                    changed.push((alert, refired));
                }
                None if signal.status != AlertStatus::Firing => {}
                None if known.len() + changed.len() < MAX_ALERTS => {
                    changed.push((self.new_alert(&incident, delivery, signal), true));
                }
                None => more += 1,
            }
        }
        if changed.is_empty() && more == 0 {
            return Ok(Some(Ingested { incident: Some(incident), opened: false, changed: 0, silenced: 0 }));
        }
        incident.details.alerts_beyond += more;
        let scope = self.scope_of(&incident, &merged(&known, &changed)).await?;
        let mut then = Vec::new();
        for (alert, fires) in &changed {
            let refired = *fires && incident.stage == Stage::Resolution;
            then.extend(self.alert_dependants(&scope, alert, refired));
        }
        // Alerts do not bump what people edit.
        incident.version += 1;
        incident.updated_at = self.now();
        let write = Write { guard: Guard::Incident(Box::new(incident.clone())), then };
        Ok(match self.store().commit(write).await? {
            Committed::Applied => {
                Some(Ingested { incident: Some(incident), opened: false, changed: changed.len(), silenced: 0 })
            }
            Committed::Lost => None,
        })
    }

    /// The incident as expressions see it, with alerts that may not be written yet.
    async fn scope_of(&self, incident: &Incident, alerts: &[Alert]) -> Result<Value, EngineError> {
        Ok(Opened { alerts: alerts.to_vec(), ..self.opened_from(incident.clone()).await? }.scope())
    }

    fn new_alert(&self, incident: &Incident, delivery: &Delivery, signal: &Signal) -> Alert {
        let now = self.now();
        Alert {
            id: AlertId(self.new_id()),
            incident: incident.id,
            source: delivery.source.clone(),
            signal: signal.clone(),
            received_at: now,
            changed_at: now,
        }
    }

    fn alert_dependants(&self, scope: &Value, alert: &Alert, refired: bool) -> Vec<Dependant> {
        let id: IncidentId = alert.incident;
        let fact = AlertFact {
            status: alert.signal.status,
            source: alert.source.clone(),
            fingerprint: alert.signal.fingerprint.clone(),
            labels: alert.signal.labels.clone(),
            annotations: alert.signal.annotations.clone(),
        };
        let verb = match (alert.signal.status, refired) {
            (AlertStatus::Firing, false) => "fires",
            (AlertStatus::Firing, true) => "fires again",
            (AlertStatus::Resolved, _) => "no longer fires",
        };
        let event = |fact| {
            Dependant::Event(Event {
                id: EventId(self.new_id()),
                incident: Some(id),
                at: alert.changed_at,
                depth: 0,
                fact,
                snapshot: scope.clone(),
            })
        };
        let entry = NewEntry {
            incident: id,
            kind: EntryKind::Alert,
            at: alert.changed_at,
            actor: Actor::Source { name: alert.source.clone(), alert: Some(alert.id) },
            text: format!("{} {verb}", alert.signal.title()),
            data: json!({ "alert": alert.id, "status": alert.signal.status, "labels": alert.signal.labels }),
        };
        let mut then = vec![
            Dependant::Alert(alert.clone()),
            Dependant::Entry(entry),
            event(Fact::AlertChanged { alert: fact.clone() }),
        ];
        if refired {
            then.push(event(Fact::AlertRefired { alert: fact }));
        }
        then
    }
}

fn beyond(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The labels all signals share.
fn common_labels<'a>(mut signals: impl Iterator<Item = &'a Signal>) -> Labels {
    let Some(first) = signals.next() else { return Labels::new() };
    let mut common = first.labels.clone();
    for signal in signals {
        common.retain(|name, value| signal.labels.get(name) == Some(value));
    }
    common
}

fn merged(known: &[Alert], changed: &[(Alert, bool)]) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = known.to_vec();
    for (alert, _) in changed {
        match alerts.iter_mut().find(|known| known.id == alert.id) {
            Some(known) => *known = alert.clone(),
            None => alerts.push(alert.clone()),
        }
    }
    alerts
}
