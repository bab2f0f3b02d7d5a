//! What a guest answers.

use crate::bindings::{exports::wardroom::plugin::check, wardroom::plugin::types};

/// What an export gave back.
pub(crate) enum Answer {
    Reply(Result<types::Reply, types::Failure>),
    Finding(Result<check::Finding, types::Failure>),
}
