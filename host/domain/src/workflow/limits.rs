//! Limits that the parts of a workflow's document share.

use std::time::Duration;

pub(crate) const DAY: Duration = Duration::from_hours(24);

/// The longest run, waiting included.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_hours(24 * 30);
