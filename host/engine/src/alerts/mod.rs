//! Alerts: [`sources`] and their proofs, silences, and how a delivery becomes or joins an incident ([`ingest`]).

pub mod ingest;
pub mod sources;
