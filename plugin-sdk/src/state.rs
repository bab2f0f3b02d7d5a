//! Small durable values, in a scope of this plugin and connection. Writes commit at once, apart from the action's result.

use crate::{Failure, sys, wit::wardroom::plugin::state};

pub use state::{Entry, Expect};

/// Reads a value.
pub fn get(key: &str) -> Result<Option<Entry>, Failure> {
    sys::state_get(key).map_err(|error| failed(&error))
}

/// Writes a value of at most 64 KiB; gives its new version.
pub fn put(key: &str, value: &[u8], expect: Expect) -> Result<u64, Failure> {
    sys::state_put(key, value, expect).map_err(|error| failed(&error))
}

/// Removes a value; removing what is not there is no error unless a version was expected.
pub fn delete(key: &str, expect: Expect) -> Result<(), Failure> {
    sys::state_delete(key, expect).map_err(|error| failed(&error))
}

/// Keys in byte order that start with the prefix, at most `limit` and at most 1,000.
pub fn keys(prefix: &str, limit: u32) -> Result<Vec<String>, Failure> {
    sys::state_keys(prefix, limit).map_err(|error| failed(&error))
}

fn failed(error: &state::Error) -> Failure {
    match error {
        state::Error::Conflict(version) => {
            Failure::new("state_conflict", format!("Another version is there: {version}.")).retry(crate::Retry::Backoff)
        }
        state::Error::TooLarge => {
            Failure::new("state_too_large", "The key, the value or the number of keys is too large.")
        }
        state::Error::Unavailable(message) => Failure::new("state_unavailable", message).retry(crate::Retry::Backoff),
    }
}
