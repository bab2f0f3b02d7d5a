//! `concurrency`: of the runs of one workflow and key, one goes on at a time. Part of the run machine; which run comes next
//! is [`next`]'s decision.

use serde::{Deserialize, Serialize};

use crate::id::RunId;
pub(super) use crate::run::turn::{give_up, granted, waits};

/// The most runs that wait for one slot.
pub const MAX_QUEUED: usize = 100;

/// A run's place among the runs of its workflow and key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The key, frozen at the start: 1 to 200 characters.
    pub key: String,
    /// What the document does about others.
    pub policy: SlotPolicy,
    /// Whether this run is the one that goes on; else it waits for its turn.
    pub held: bool,
}

/// What becomes of a run that would start while another of its key goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotPolicy {
    /// It waits for its turn.
    Queue,
    /// It does not start.
    Skip,
    /// The other is canceled, and those that wait; this one starts when that one has ended.
    CancelRunning,
}

impl SlotPolicy {
    /// The document's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Skip => "skip",
            Self::CancelRunning => "cancel-running",
        }
    }
}

/// A live run of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// The run.
    pub run: RunId,
    /// Its policy.
    pub policy: SlotPolicy,
    /// Whether it is the one that goes on.
    pub held: bool,
    /// Whether it belongs to an incident.
    pub of_incident: bool,
}

/// What has to happen in a slot now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// The run whose turn it is.
    pub grant: Option<RunId>,
    /// Runs that a newer one takes the place of.
    pub superseded: Vec<RunId>,
    /// Runs that should not have started: another was faster.
    pub skipped: Vec<RunId>,
}

/// Decides what happens in a slot, from its live runs in the order they came. The newest `cancel-running` takes the place of
/// all before it; else the oldest run of an incident comes first, then the oldest of all.
pub fn next(occupants: &[Occupant]) -> Turn {
    let mut turn = Turn::default();
    let holder = occupants.iter().find(|occupant| occupant.held);
    let mut waiting: Vec<&Occupant> = occupants.iter().filter(|occupant| !occupant.held).collect();
    let newest = waiting.iter().rposition(|occupant| occupant.policy == SlotPolicy::CancelRunning);
    if let Some(newest) = newest {
        turn.superseded.extend(holder.map(|holder| holder.run));
        turn.superseded.extend(waiting.drain(..newest).map(|occupant| occupant.run));
    }
    let first = waiting.iter().find(|occupant| occupant.of_incident).or(waiting.first()).map(|first| first.run);
    turn.grant = first.filter(|_| holder.is_none());
    let late = |occupant: &&&Occupant| occupant.policy == SlotPolicy::Skip && Some(occupant.run) != turn.grant;
    turn.skipped = waiting.iter().filter(late).map(|occupant| occupant.run).collect();
    turn
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn occupants(policy: SlotPolicy, places: &[(u128, bool, bool)]) -> Vec<Occupant> {
        let occupant = |&(id, held, of_incident)| Occupant { run: run(id), policy, held, of_incident };
        places.iter().map(occupant).collect()
    }

    fn run(id: u128) -> RunId {
        RunId(Uuid::from_u128(id))
    }

    #[test]
    fn the_oldest_waits_until_the_slot_is_free_and_incidents_come_first() {
        let busy = occupants(SlotPolicy::Queue, &[(1, true, false), (2, false, false), (3, false, true)]);
        assert_eq!(next(&busy), Turn::default());
        let free = occupants(SlotPolicy::Queue, &[(2, false, false), (3, false, true)]);
        assert_eq!(next(&free), Turn { grant: Some(run(3)), ..Turn::default() });
        let plain = occupants(SlotPolicy::Queue, &[(2, false, false), (3, false, false)]);
        assert_eq!(next(&plain).grant, Some(run(2)));
        assert_eq!(next(&[]), Turn::default());
    }

    #[test]
    fn the_newest_takes_the_place_of_all_before_it_and_starts_when_they_have_ended() {
        let policy = SlotPolicy::CancelRunning;
        let busy = occupants(policy, &[(1, true, false), (2, false, false), (3, false, false)]);
        let superseded = vec![run(1), run(2)];
        assert_eq!(next(&busy), Turn { superseded, ..Turn::default() });
        let free = occupants(policy, &[(2, false, true), (3, false, false)]);
        assert_eq!(next(&free), Turn { grant: Some(run(3)), superseded: vec![run(2)], skipped: Vec::new() });
    }

    #[test]
    fn of_two_that_came_at_once_one_is_skipped() {
        let both = occupants(SlotPolicy::Skip, &[(1, false, false), (2, false, false)]);
        assert_eq!(next(&both), Turn { grant: Some(run(1)), skipped: vec![run(2)], ..Turn::default() });
        let late = occupants(SlotPolicy::Skip, &[(1, true, false), (2, false, false)]);
        assert_eq!(next(&late), Turn { skipped: vec![run(2)], ..Turn::default() });
    }
}
