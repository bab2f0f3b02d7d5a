//! Turns: what waits until a call may go out through a connection, and until its plugin and this host have room for it. Counted on each
//! host, in memory: hosts that share a database do not add their calls up. Knows no runs, no plugins and no database.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use tokio::{runtime::Handle, sync::oneshot};

mod gate;
#[cfg(test)]
mod tests;

pub(crate) use gate::{Lane, Rates};

use gate::{Gate, Ticket, WINDOW};
use wardroom_base::clock::monotonic_now;

/// How many may wait at one gate; who comes then is put off.
pub(crate) const MAX_WAITING: usize = 4_096;

/// What a call passes through.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    /// This host's sandbox.
    Host,
    /// The plugin of this name, whatever the connection.
    Plugin(String),
    /// The connection of this name.
    Connection(String),
}

/// Too many wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// All gates of this host. A gate is made for the first call and dropped a minute after the last.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    gates: HashMap<Way, Kept>,
    issued: u64,
    swept_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Kept {
    gate: Gate,
    callers: HashMap<Ticket, oneshot::Sender<()>>,
    /// When a task will look again.
    alarm: Option<Instant>,
}

impl Lanes {
    /// Takes a place at a gate, and sets what it lets through.
    pub(crate) fn join(self: &Arc<Self>, way: Way, rates: Rates, lane: Lane) -> Result<Place, Full> {
        let mut book = self.lock();
        let now = monotonic_now();
        book.sweep(now);
        book.issued += 1;
        let ticket = Ticket(book.issued);
        let kept = book.gates.entry(way.clone()).or_default();
        if kept.gate.waiting() >= MAX_WAITING {
            return Err(Full);
        }
        let (caller, admitted) = oneshot::channel();
        kept.callers.insert(ticket, caller);
        kept.gate.limit(rates);
        kept.gate.join(lane, ticket);
        self.pump(&way, kept, now);
        Ok(Place { lanes: Arc::clone(self), way, lane, ticket, admitted })
    }

    /// Sets what gates let through now; those it gives nothing for keep what they have.
    pub(crate) fn limit(self: &Arc<Self>, rates: impl Fn(&Way) -> Option<Rates>) {
        let mut book = self.lock();
        let now = monotonic_now();
        for (way, kept) in &mut book.gates {
            if let Some(rates) = rates(way) {
                kept.gate.limit(rates);
                self.pump(way, kept, now);
            }
        }
    }

    /// Whether anybody waits.
    pub(crate) fn somebody_waits(&self) -> bool {
        self.lock().gates.values().any(|kept| kept.gate.waiting() > 0)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets through who may start now, and sees to it that somebody looks when time lets the next one through.
    fn pump(self: &Arc<Self>, way: &Way, kept: &mut Kept, now: Instant) {
        while let Some(ticket) = kept.gate.admit(now) {
            if let Some(caller) = kept.callers.remove(&ticket) {
                // A caller that goes away gives its place up by itself.
                _ = caller.send(());
            }
        }
        let Some(at) = kept.gate.opens_at().filter(|at| kept.alarm.is_none_or(|alarm| alarm > *at)) else { return };
        // A place may be given up while the runtime shuts down: then nobody waits for a turn any more.
        let Ok(runtime) = Handle::try_current() else { return };
        kept.alarm = Some(at);
        runtime.spawn(ring(Arc::downgrade(self), way.clone(), at));
    }

    fn look(self: &Arc<Self>, way: &Way, at: Instant) {
        let mut book = self.lock();
        let now = monotonic_now();
        if let Some(kept) = book.gates.get_mut(way) {
            kept.alarm = kept.alarm.filter(|alarm| *alarm != at);
            self.pump(way, kept, now);
        }
    }

    fn leave(self: &Arc<Self>, place: &Place) {
        let mut book = self.lock();
        let now = monotonic_now();
        if let Some(kept) = book.gates.get_mut(&place.way) {
            kept.callers.remove(&place.ticket);
            kept.gate.leave(place.lane, place.ticket);
            self.pump(&place.way, kept, now);
        }
    }
}

impl Book {
    /// Drops the gates that nobody used for a while.
    fn sweep(&mut self, now: Instant) {
        if self.swept_at.is_none_or(|at| now.saturating_duration_since(at) >= WINDOW) {
            self.swept_at = Some(now);
            self.gates.retain(|_, kept| !kept.gate.is_idle(now));
        }
    }
}

async fn ring(lanes: Weak<Lanes>, way: Way, at: Instant) {
    tokio::time::sleep_until(at.into()).await;
    if let Some(lanes) = lanes.upgrade() {
        lanes.look(&way, at);
    }
}

/// A place at a gate: first in line, then the right to call. Dropped, it is the next one's.
#[derive(Debug)]
pub(crate) struct Place {
    lanes: Arc<Lanes>,
    way: Way,
    lane: Lane,
    ticket: Ticket,
    admitted: oneshot::Receiver<()>,
}

impl Place {
    /// Whether the turn has come; asked once.
    pub(crate) fn has_come(&mut self) -> bool {
        self.admitted.try_recv().is_ok()
    }

    /// Waits for the turn.
    pub(crate) async fn come(&mut self) {
        // The sender is dropped unsent only with this place.
        _ = (&mut self.admitted).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        Arc::clone(&self.lanes).leave(self);
    }
}
