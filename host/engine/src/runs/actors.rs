//! Who drives which run on this host: at most one actor a run, found by the run's identifier.

use std::{collections::hash_map::Entry, sync::Arc};

use tokio::sync::{mpsc, oneshot};

pub(crate) use crate::runs::driven::{Actors, Driven, Mail, Message};
use crate::{Engine, EngineError, runs::worker::RunActor};
use wardroom_domain::{
    id::RunId,
    run::{
        Run,
        happening::{Effect, Happening},
    },
};

/// How much may wait for one run; beyond it the sender is told to come back.
const INBOX: usize = 64;

impl Engine {
    /// Tells a run that something happened, and gives the run as it is afterwards, durably.
    pub(crate) async fn tell(&self, id: RunId, happening: Happening) -> Result<Run, EngineError> {
        let run = match self.driven(id) {
            Some(_) => None,
            None => Some(self.store().run(id).await?.ok_or_else(|| EngineError::not_found("run", id))?),
        };
        let (reply, answer) = oneshot::channel();
        self.post(id, run, Message { happening, reply: Some(reply) })?;
        answer.await.map_err(|_| EngineError::Stopping)?
    }

    /// Drives a run that this host has claimed or just created.
    pub(crate) fn drive(&self, run: Run, effects: Vec<Effect>) {
        match self.0.actors.lock().entry(run.id) {
            Entry::Vacant(place) => drop(place.insert(self.spawn(Arc::new(run), effects))),
            // Somebody spoke to the run between its being written and this: the actor that hears them makes the calls.
            Entry::Occupied(driven) => {
                if driven.get().inbox.try_send(Mail::Start(effects)).is_err() {
                    tracing::warn!(run.id = %run.id, "the run's first calls wait until it is found again");
                }
            }
        }
    }

    /// Drives a claimed run, telling it first what happened.
    pub(crate) fn drive_with(&self, run: Run, happening: Happening) {
        let id = run.id;
        if let Err(error) = self.post(id, Some(run), Message { happening, reply: None }) {
            tracing::warn!(run.id = %id, %error, "a claimed run could not be driven; it is found again");
        }
    }

    /// The run as this host last wrote it, if this host drives it now.
    pub(crate) fn driven(&self, id: RunId) -> Option<Arc<Run>> {
        self.0.actors.lock().get(&id).map(|driven| Arc::clone(&driven.run))
    }

    /// Puts a message into the run's inbox, making the actor if there is none. An actor leaves only under this lock and
    /// with an empty inbox, so a message is never put where nobody reads.
    fn post(&self, id: RunId, run: Option<Run>, message: Message) -> Result<(), EngineError> {
        if self.0.stop.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        let mut actors = self.0.actors.lock();
        let driven = match (actors.entry(id), run) {
            (Entry::Occupied(driven), _) => driven.into_mut(),
            (Entry::Vacant(place), Some(run)) => place.insert(self.spawn(Arc::new(run), Vec::new())),
            // The actor left between the two looks: the caller reads the run and comes again.
            (Entry::Vacant(_), None) => return Err(EngineError::Overloaded),
        };
        driven.inbox.try_send(Mail::Happened(Box::new(message))).map_err(|_| EngineError::Overloaded)
    }

    fn spawn(&self, run: Arc<Run>, effects: Vec<Effect>) -> Driven {
        let (sender, inbox) = mpsc::channel(INBOX);
        let driven = Driven { inbox: sender, run: Arc::clone(&run) };
        self.0.tasks.spawn(RunActor::new(self.clone(), run, inbox).work(effects));
        driven
    }
}
