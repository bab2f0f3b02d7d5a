//! Following a run: as it is now, and again after every change. A change made on this host arrives from memory; one made by
//! another host is seen by looking at the database every second.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::runs::watched::News;
pub(crate) use crate::runs::watched::Watched;
use crate::{Caller, Engine, EngineError};
use wardroom_domain::{id::RunId, run::Run};

/// How often the database is asked: another host may drive the run.
const POLL: Duration = Duration::from_secs(1);

/// Stops following when it is dropped.
struct Follower<'a> {
    watched: &'a Watched,
    id: RunId,
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        self.watched.leave(self.id);
    }
}

/// A run that is followed until it ends.
pub(crate) struct RunWatch {
    engine: Engine,
    id: RunId,
    news: watch::Receiver<News>,
    /// What is to be told next, if it is new.
    found: News,
    /// The version that was told last.
    told: Option<i64>,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Engine {
    /// Waits until a run that this host drives is as asked. One that it does not drive never is.
    pub(crate) async fn until_run(&self, id: RunId, wanted: impl Fn(&Run) -> bool) {
        let mut news = self.0.watched.follow(id);
        let _follower = Follower { watched: &self.0.watched, id };
        if self.driven(id).is_some_and(|run| wanted(&run)) {
            return;
        }
        while news.changed().await.is_ok() {
            if news.borrow_and_update().as_ref().is_some_and(|run| wanted(run)) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Follows a run. [`EngineError::Overloaded`] when 1,024 are followed already.
    pub(crate) async fn watch_run(&self, id: RunId) -> Result<RunWatch, EngineError> {
        let places = Arc::clone(&self.0.watched.places);
        let place = places.try_acquire_owned().map_err(|_| EngineError::Overloaded)?;
        // Followed before the first look, so that no change falls between.
        let news = self.0.watched.follow(id);
        let mut watch =
            RunWatch { engine: self.clone(), id, news, found: None, told: None, ended: false, _place: place };
        watch.found = match self.driven(id) {
            Some(run) => Some(run),
            None => Some(Arc::new(self.store().run(id).await?.ok_or_else(|| EngineError::not_found("run", id))?)),
        };
        Ok(watch)
    }
}

/// A run as somebody follows it: until it ends, or they may no longer see it.
pub struct RunFollower {
    engine: Engine,
    caller: Caller,
    watch: RunWatch,
}

impl RunFollower {
    pub(crate) fn new(engine: Engine, caller: Caller, watch: RunWatch) -> Self {
        Self { engine, caller, watch }
    }

    /// The run as it is, at first and after each change.
    pub async fn next(&mut self) -> Option<Arc<Run>> {
        let run = self.watch.next().await?;
        // Who may see its incident may have changed meanwhile.
        self.engine.acting_as(&self.caller).sees_part_of(run.incident).await.ok()?.then_some(run)
    }
}

impl RunWatch {
    /// The run as it is, at first and after each change; none once it has ended or the server stops. Changes that come
    /// faster than they are asked for are told as one.
    async fn next(&mut self) -> Option<Arc<Run>> {
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
