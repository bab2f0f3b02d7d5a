//! A call's turn: it waits here until its connection, its plugin and this host have room for it. The wait counts against no attempt's
//! `timeout`, holds no instance, and ends when nobody wants the call any more. Writes nothing.

use std::time::Duration;

use crate::{
    Engine,
    platform::catalog::Catalog,
    runs::{
        lanes::{Full, Lane, MAX_WAITING, Place, Rates, Way},
        plan::Plan,
    },
};
use wardroom_base::clock::monotonic_now;
use wardroom_domain::{
    limits::CallLimits,
    run::{Ending, Phase, Run, StepError, StepRun, happening::Ended, machine},
    workflow::Step,
};

/// How soon a call comes back for which there was no place to wait, or which the kill switch holds.
const COME_BACK: Duration = Duration::from_secs(5);

/// The right to call, as long as it lives.
#[derive(Debug)]
pub(crate) struct Turn {
    waited: Duration,
    _places: Vec<Place>,
}

impl Turn {
    /// How long the call waited for it.
    pub(crate) fn waited_ms(&self) -> u64 {
        u64::try_from(self.waited.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A call that is to be made.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) run: &'a Run,
    pub(crate) state: &'a StepRun,
    pub(crate) step: &'a Step,
    pub(crate) plugin: &'a str,
    pub(crate) connection: Option<&'a str>,
}

impl Engine {
    /// Waits for a call's turn; an error is how the call ends that was not made.
    pub(crate) async fn await_turn(&self, asking: Asking<'_>, plan: &Plan) -> Result<Turn, Ended> {
        let asked_at = monotonic_now();
        let connection = asking
            .connection
            .map(|name| (Way::Connection(name.to_owned()), rates(connection_limits(&plan.catalog, name))));
        let plugin = (Way::Plugin(asking.plugin.to_owned()), rates(plan.catalog.limits(asking.plugin)));
        let calls = self.plugins().calls();
        // One incident leaves a quarter of the room to the others.
        let most = calls.saturating_sub(calls / 4).max(1);
        let host = (Way::Host, Rates { in_flight: Some(calls), per_minute: None, per_lane: Some(most) });
        let lane = asking.run.incident.map_or(Lane::Maintenance, Lane::Incident);
        let mut places = Vec::with_capacity(3);
        // The connection comes first, then the plugin it is of: what waits for them takes no room from others.
        for (way, rates) in connection.into_iter().chain([plugin, host]) {
            let whose = match &way {
                Way::Host => "this host".to_owned(),
                Way::Plugin(name) => format!("plugin {name}"),
                Way::Connection(name) => format!("connection {name}"),
            };
            let full =
                |Full| put_off(COME_BACK, format!("{MAX_WAITING} calls wait for {whose} already: it comes back later"));
            let mut place = self.0.lanes.join(way, rates, lane).map_err(full)?;
            if !place.has_come() {
                self.wait_for(&mut place, asking, &whose).await?;
            }
            places.push(place);
        }
        Ok(Turn { waited: monotonic_now().saturating_duration_since(asked_at), _places: places })
    }

    /// Lets what an administrator set hold for those who wait already.
    pub(crate) fn set_limits(&self, catalog: &Catalog) {
        self.0.lanes.limit(|way| match way {
            Way::Host => None,
            Way::Plugin(name) => Some(rates(catalog.limits(name))),
            Way::Connection(name) => catalog.connections.get(name).map(|connection| rates(connection.limits)),
        });
    }

    async fn wait_for(&self, place: &mut Place, asking: Asking<'_>, whose: &str) -> Result<(), Ended> {
        let Asking { run, state, step, connection, .. } = asking;
        let life = self.life();
        let end = machine::step_deadline(step, state).map_or(run.deadline, |deadline| deadline.min(run.deadline));
        tokio::select! {
            () = place.come() => {}
            () = self.until_run(run.id, |now| is_unwanted(run, now)) => {
                return Err(put_off(Duration::ZERO, format!("no longer waits for {whose}")));
            }
            () = tokio::time::sleep(end.since(self.now())) => {
                let message = format!("its time ran out while it waited for {whose}");
                return Err(match state.phase {
                    // Whether the try before it happened stays unknown.
                    Phase::Check => Ended::NoResult { error: StepError::new("deadline", message), nothing_sent: true },
                    _ => put_off(Duration::ZERO, message),
                });
            }
            () = self.0.stop.cancelled() => {
                return Err(put_off(Duration::ZERO, format!("the host stopped while it waited for {whose}")));
            }
        }
        if life.is_over() {
            return Err(put_off(Duration::ZERO, format!("the lease ran out while it waited for {whose}")));
        }
        // The kill switch may have been thrown in the meantime.
        match self.catalog().await.ok().and_then(|catalog| catalog.held(&run.workflow, connection)) {
            Some(why) => Err(put_off(COME_BACK, why)),
            None => Ok(()),
        }
    }
}

/// Whether the run, as it is now, wants no more calls of those it asked for before.
fn is_unwanted(before: &Run, now: &Run) -> bool {
    let ends = matches!(now.ending, Some(Ending::Canceled { .. } | Ending::TimedOut)) && now.ending != before.ending;
    ends || now.is_held()
}

/// A connection's limits as they are now, whatever revision of it a step began with.
pub(crate) fn connection_limits(catalog: &Catalog, name: &str) -> CallLimits {
    catalog.connections.get(name).map(|connection| connection.limits).unwrap_or_default()
}

fn rates(limits: CallLimits) -> Rates {
    Rates { in_flight: limits.in_flight, per_minute: limits.per_minute, per_lane: None }
}

fn put_off(after: Duration, why: String) -> Ended {
    Ended::PutOff { after, why }
}
