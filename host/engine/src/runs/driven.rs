//! The runs that this host drives, and what is sent to them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{mpsc, oneshot};
use wardroom_domain::{
    id::RunId,
    run::{
        Run,
        happening::{Effect, Happening},
    },
};

use crate::EngineError;

pub(crate) type Reply = oneshot::Sender<Result<Run, EngineError>>;

/// What an actor is told, and who waits to hear what came of it.
pub(crate) struct Message {
    pub(crate) happening: Happening,
    pub(crate) reply: Option<Reply>,
}

/// What an actor is handed.
pub(crate) enum Mail {
    /// Something happened to the run.
    Happened(Box<Message>),
    /// The calls that a write elsewhere in this process asked for.
    Start(Vec<Effect>),
}

/// The runs this host drives.
#[derive(Default)]
pub(crate) struct Actors {
    pub(crate) driven: Mutex<HashMap<RunId, Driven>>,
}

pub(crate) struct Driven {
    pub(crate) inbox: mpsc::Sender<Mail>,
    /// The run as it was last written.
    pub(crate) run: Arc<Run>,
}

impl Actors {
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Driven>> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
