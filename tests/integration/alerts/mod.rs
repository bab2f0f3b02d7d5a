//! Alerts: every format a source sends, signatures, deduplication, silences, storms, and real Alertmanager deliveries.

mod hooks;
mod sources;
