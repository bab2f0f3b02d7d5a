//! What keeps a flood of alerts from becoming a flood of incidents: silences, and one umbrella incident a source for what
//! comes beyond its number.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    Engine, EngineError,
    alerts::ingest::{Delivery, Incident, Ingested, Source},
};
use wardroom_domain::{alert::Signal, intake::silence::Silence};
use wardroom_store::{Guard, Write};

/// The group of an umbrella; no source's own groups look like this.
pub(crate) const UMBRELLA: &str = "\u{1}umbrella";
/// The label that tells an umbrella; its value is the source.
pub(crate) const LABEL: &str = "wardroom_umbrella";

impl Engine {
    /// The delivery without the alerts that are silenced, and how many those are. They are counted on the silence.
    pub(crate) async fn silence(&self, delivery: &Delivery) -> Result<(Delivery, usize), EngineError> {
        let catalog = self.catalog().await?;
        let now = self.now();
        let mut rest = delivery.clone();
        let mut silenced = 0;
        for silence in &catalog.silences {
            let before = rest.signals.len();
            // What is resolved is let through: it may end what began before the silence.
            rest.signals.retain(|signal| !fires_under(silence, delivery, signal, now));
            let count = before - rest.signals.len();
            if count > 0 {
                let alerts = i64::try_from(count).unwrap_or(i64::MAX);
                let guard = Guard::Silenced { silence: silence.id, alerts, at: now };
                self.store().commit(Write { guard, then: Vec::new() }).await?;
                silenced += count;
            }
        }
        Ok((rest, silenced))
    }

    /// The incident that a delivery joins: the open one of its group, the one that its group's was merged into, or the
    /// umbrella that holds its alerts.
    pub(crate) async fn open_for_group(&self, delivery: &Delivery) -> Result<Option<Incident>, EngineError> {
        let (source, group) = (&delivery.source, &delivery.group_key);
        if let Some(open) = self.store().open_incident(source, group).await? {
            return Ok(Some(open));
        }
        let merged = self.store().latest_incident(source, group).await?.and_then(|latest| latest.details.merged_into);
        if let Some(into) = merged
            && let Some(target) = self.store().incident(into).await?
            && target.stage.takes_alerts()
        {
            return Ok(Some(target));
        }
        let Some(umbrella) = self.store().open_incident(source, UMBRELLA).await? else { return Ok(None) };
        let known = self.store().alerts(umbrella.id).await?;
        let known: BTreeSet<&str> = known.iter().map(|alert| alert.signal.fingerprint.as_str()).collect();
        let shelters = delivery.signals.iter().any(|signal| known.contains(signal.fingerprint.as_str()));
        Ok(shelters.then_some(umbrella))
    }

    /// Opens an incident, or lets the alerts join the source's umbrella when it has opened as many as it may.
    pub(crate) async fn open_or_shelter(
        &self,
        source: &Source,
        delivery: &Delivery,
    ) -> Result<Option<Ingested>, EngineError> {
        let storm = source.storm;
        let since = self.now().minus(Duration::from_secs(storm.window_seconds.into()));
        let opened = self.store().opened_since(&source.name, since).await?;
        if opened < storm.incidents as usize {
            return self.open_for(delivery, None).await;
        }
        if let Some(umbrella) = self.store().open_incident(&source.name, UMBRELLA).await? {
            return self.join(umbrella, delivery).await;
        }
        let sheltered = Delivery { group_key: UMBRELLA.to_owned(), ..delivery.clone() };
        let title = format!("Alert storm: {} opened {opened} incidents, more join here", source.name);
        self.open_for(&sheltered, Some(&title)).await
    }
}

fn fires_under(silence: &Silence, delivery: &Delivery, signal: &Signal, now: wardroom_domain::time::Timestamp) -> bool {
    signal.status == wardroom_domain::alert::AlertStatus::Firing && silence.holds(&delivery.source, signal, now)
}
