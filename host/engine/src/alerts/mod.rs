//! Alerts: [`sources`] and their proofs, silences, how a request is admitted and read ([`intake`]),
//! and how a delivery becomes or joins an incident (`ingest`).

pub(crate) mod ingest;
pub mod intake;
pub mod sources;
