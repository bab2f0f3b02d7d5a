//! What all calls share: the runtime's state, and small conversions.

use std::sync::Arc;

use wardroom_base::clock::Clock;
use wardroom_domain::run::Mode;

pub(crate) use crate::milliseconds::milliseconds;
use crate::{
    bindings::wardroom::plugin::types::Mode as WitMode,
    outbound::Outbound,
    ports::{SecretPort, StatePort, Tape},
    quota::Quotas,
};

/// What every call shares.
pub(crate) struct Shared {
    pub(crate) secrets: Arc<dyn SecretPort>,
    pub(crate) state: Arc<dyn StatePort>,
    pub(crate) outbound: Outbound,
    pub(crate) quotas: Quotas,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tape: Option<Arc<dyn Tape>>,
}

/// The contract's word for a mode.
pub(crate) fn wit_mode(mode: Mode, real_in_drills: bool) -> WitMode {
    if mode.records(real_in_drills) { WitMode::Simulated } else { WitMode::Real }
}
