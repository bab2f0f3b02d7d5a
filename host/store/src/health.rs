//! Whether the database takes writes, as the last write found it. Decides nothing: readiness tells it.

use std::sync::{Mutex, PoisonError};

use super::{
    StoreError,
    dialect::{self, Trouble},
};

/// What kept the last write out; shared by everything that writes.
#[derive(Debug, Default)]
pub(super) struct Health {
    trouble: Mutex<Option<Trouble>>,
}

impl Health {
    /// A write went in.
    pub(super) fn wrote(&self) {
        if self.set(None).is_some() {
            tracing::info!("the database takes writes again");
        }
    }

    /// A write failed. A statement that was itself to blame says nothing of the database.
    pub(super) fn failed(&self, error: &sqlx::Error) {
        if let Some(trouble @ (Trouble::Away | Trouble::Full)) = dialect::trouble(error)
            && self.set(Some(trouble)) != Some(trouble)
        {
            tracing::error!(%error, "the database takes no writes");
        }
    }

    /// There was no connection to write on.
    pub(super) fn unreachable(&self, error: &StoreError) {
        if self.set(Some(Trouble::Away)) != Some(Trouble::Away) {
            tracing::error!(%error, "the database takes no writes");
        }
    }

    /// What kept the last write out; none when it went in.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, trouble: Option<Trouble>) -> Option<Trouble> {
        std::mem::replace(&mut *self.trouble.lock().unwrap_or_else(PoisonError::into_inner), trouble)
    }
}
