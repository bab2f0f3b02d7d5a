//! Alert intake: each kind of source has its own body, and all are brought to one shape. What is wrong with one alert of a
//! batch is told of that alert alone: the others are taken in. Reads no clock and checks no signature.

mod alertmanager;
mod cloudevents;
mod generic;
mod opsgenie;
mod pagerduty;
mod reader;
pub(crate) mod request;
pub mod silence;
pub mod source;

pub use crate::intake::request::{MAX_ALERTS, Request, Taken, Wrong};
use crate::intake::request::{by_group, word};
pub use generic::Mapping;
pub use source::{Source, SourceKind};

/// Reads a request of a kind; the whole of it is refused when no alert of it can be read.
pub fn read(kind: SourceKind, mapping: Option<&Mapping>, request: &Request<'_>) -> Result<Taken, Wrong> {
    let taken = match (kind, mapping) {
        (SourceKind::Alertmanager, _) => alertmanager::read(request, "4")?,
        (SourceKind::Grafana, _) => alertmanager::read(request, "1")?,
        (SourceKind::Pagerduty, _) => pagerduty::read(request)?,
        (SourceKind::Opsgenie, _) => opsgenie::read(request)?,
        (SourceKind::Cloudevents, _) => cloudevents::read(request)?,
        (SourceKind::Generic, Some(mapping)) => generic::read(request, mapping)?,
        (SourceKind::Generic, None) => return Err(Wrong::new("mapping", "a generic source needs one")),
    };
    match taken.wrong.first() {
        Some(first) if taken.deliveries.is_empty() => Err(first.clone()),
        _ => Ok(taken),
    }
}
