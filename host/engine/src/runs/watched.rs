//! The runs that somebody on this host follows.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Semaphore, watch};
use wardroom_domain::{id::RunId, run::Run};

/// How many may follow runs on this host at a time.
pub(crate) const FOLLOWERS: usize = 1_024;

/// The newest durable state, none before the first change.
pub(crate) type News = Option<Arc<Run>>;

/// The runs somebody on this host follows.
pub(crate) struct Watched {
    pub(crate) runs: Mutex<HashMap<RunId, Followed>>,
    pub(crate) places: Arc<Semaphore>,
}

impl Default for Watched {
    fn default() -> Self {
        Self { runs: Mutex::default(), places: Arc::new(Semaphore::new(FOLLOWERS)) }
    }
}

pub(crate) struct Followed {
    pub(crate) news: watch::Sender<News>,
    pub(crate) followers: usize,
}

impl Watched {
    /// Hands a durable change to whoever follows the run.
    pub(crate) fn publish(&self, run: &Arc<Run>) {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(followed) = runs.get(&run.id) {
            followed.news.send_replace(Some(Arc::clone(run)));
        }
    }

    pub(crate) fn follow(&self, id: RunId) -> watch::Receiver<News> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let followed = runs.entry(id).or_insert_with(|| Followed { news: watch::Sender::new(None), followers: 0 });
        followed.followers += 1;
        followed.news.subscribe()
    }

    pub(crate) fn leave(&self, id: RunId) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut followed) = runs.entry(id) {
            followed.get_mut().followers -= 1;
            if followed.get().followers == 0 {
                followed.remove();
            }
        }
    }
}
