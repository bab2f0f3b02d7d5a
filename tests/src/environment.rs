//! The environment of the tests, which nothing else reads.

use std::ffi::OsString;

/// A variable of the environment that the tests run in.
#[expect(clippy::disallowed_methods, reason = "the one place where the tests read their environment")]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
