//! Identifiers: each noun has its own type, so that one can never stand for another. Made from random bytes that come
//! in as a parameter; this file draws none.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no identifier: a UUID is wanted, such as 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10")]
pub struct InvalidId {
    text: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId { text: text.chars().take(64).collect() })
            }
        }
    )*};
}

ids! {
    /// An alert as one incident holds it.
    AlertId;
    /// An approval.
    ApprovalId;
    /// A domain event in the outbox.
    EventId;
    /// A host: stable over restarts, kept in its data folder.
    HostId;
    /// An incident. People say its number, `INC-42`.
    IncidentId;
    /// A person.
    PersonId;
    /// A run.
    RunId;
    /// A schedule: another when it is deleted and made again.
    ScheduleId;
    /// A silence.
    SilenceId;
    /// A bearer token.
    TokenId;
}

/// A UUID of version 7 from the time and ten random bytes: identifiers sort by the time they were made, which keeps
/// database indexes dense.
pub fn uuid_v7(unix_ms: i64, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(unix_ms).unwrap_or(0), &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_identifiers_sort_after_earlier_ones() {
        assert!(uuid_v7(1_000, [255; 10]) < uuid_v7(1_001, [0; 10]));
    }

    #[test]
    fn a_text_that_is_no_uuid_is_refused_by_name() {
        let error = "INC-42".parse::<RunId>().expect_err("no UUID");
        assert!(error.to_string().starts_with("\"INC-42\" is no identifier"));
    }
}
