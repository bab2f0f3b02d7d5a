//! Following a run: as it is now, and again after every change. A change made on this host arrives from memory; one made by
//! another host is seen by looking at the database every second.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::{Engine, EngineError};
use crate::domain::{id::RunId, run::Run};

/// How often the database is asked: another host may drive the run.
const POLL: Duration = Duration::from_secs(1);

/// The newest durable state, none before the first change.
type News = Option<Arc<Run>>;

/// The runs somebody on this host follows.
#[derive(Default)]
pub(super) struct Watched {
    runs: Mutex<HashMap<RunId, Followed>>,
}

struct Followed {
    news: watch::Sender<News>,
    followers: usize,
}

impl Watched {
    /// Hands a durable change to whoever follows the run.
    pub(super) fn publish(&self, run: &Arc<Run>) {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(followed) = runs.get(&run.id) {
            followed.news.send_replace(Some(Arc::clone(run)));
        }
    }

    fn follow(&self, id: RunId) -> watch::Receiver<News> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let followed = runs.entry(id).or_insert_with(|| Followed { news: watch::Sender::new(None), followers: 0 });
        followed.followers += 1;
        followed.news.subscribe()
    }

    fn leave(&self, id: RunId) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut followed) = runs.entry(id) {
            followed.get_mut().followers -= 1;
            if followed.get().followers == 0 {
                followed.remove();
            }
        }
    }
}

/// A run that is followed until it ends.
pub struct RunWatch {
    engine: Engine,
    id: RunId,
    news: watch::Receiver<News>,
    /// What is to be told next, if it is new.
    found: News,
    /// The version that was told last.
    told: Option<i64>,
    ended: bool,
}

impl Engine {
    /// Follows a run.
    pub async fn watch_run(&self, id: RunId) -> Result<RunWatch, EngineError> {
        // Followed before the first look, so that no change falls between.
        let news = self.0.watched.follow(id);
        let mut watch = RunWatch { engine: self.clone(), id, news, found: None, told: None, ended: false };
        watch.found = match self.driven(id) {
            Some(run) => Some(run),
            None => Some(Arc::new(self.store().run(id).await?.ok_or_else(|| EngineError::not_found("run", id))?)),
        };
        Ok(watch)
    }
}

impl RunWatch {
    /// The run as it is, at first and after each change; none once it has ended or the server stops. Changes that come
    /// faster than they are asked for are told as one.
    pub async fn next(&mut self) -> Option<Arc<Run>> {
        while !self.ended {
            if let Some(run) = self.found.take().filter(|run| self.told < Some(run.version)) {
                self.told = Some(run.version);
                self.ended = run.status.is_terminal();
                return Some(run);
            }
            self.found = tokio::select! {
                changed = self.news.changed() => {
                    changed.ok()?;
                    self.news.borrow_and_update().clone()
                }
                () = tokio::time::sleep(POLL) => self.engine.store().run(self.id).await.ok().flatten().map(Arc::new),
                () = self.engine.stopping().cancelled() => return None,
            };
        }
        None
    }
}

impl Drop for RunWatch {
    fn drop(&mut self) {
        self.engine.0.watched.leave(self.id);
    }
}
