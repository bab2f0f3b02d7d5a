//! Alerts: sources and their proofs, what they send, silences and storms.

mod hooks;
mod sources;
