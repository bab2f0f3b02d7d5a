//! The callers that were authenticated lately.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::Caller;

/// How many callers are remembered.
pub(crate) const CALLERS_KEPT: usize = 1_024;

/// Whose tokens were seen, as of one picture of the platform: a change of tokens or people makes a new picture.
#[derive(Debug, Default)]
pub(crate) struct Callers(Mutex<(i64, HashMap<String, Caller>)>);

impl Callers {
    pub(crate) fn get(&self, version: i64, hash: &str) -> Option<Caller> {
        let callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.0 == version { callers.1.get(hash).cloned() } else { None }
    }

    pub(crate) fn put(&self, version: i64, hash: String, caller: Caller) {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.0 != version || callers.1.len() >= CALLERS_KEPT {
            *callers = (version, HashMap::new());
        }
        callers.1.insert(hash, caller);
    }
}
