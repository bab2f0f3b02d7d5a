//! Writing the guards that come seldom: one statement each, inside the journal's transaction.

pub(super) use crate::rows::platform::write;
