//! What the scheduler keeps in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use wardroom_domain::{id::ScheduleId, schedule::Schedule};

use crate::schedules::counts::TickCounts;

/// What the scheduler keeps in memory.
#[derive(Default)]
pub(crate) struct Scheduler {
    /// Something changed: the loop looks.
    pub(crate) changed: tokio::sync::Notify,
    /// Schedules whose runs have ended, and whether one of them failed.
    pub(crate) told: Mutex<BTreeMap<String, bool>>,
    pub(crate) parsed: Mutex<HashMap<ScheduleId, (i64, Arc<Schedule>)>>,
    pub(crate) counts: TickCounts,
}
