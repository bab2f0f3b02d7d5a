//! Drives runs: one actor for each run that has something in flight on this host. The actor is the only writer of its run
//! here; a change by another host makes its write lose, and it reads the run anew and applies what happened again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    sync::mpsc,
    task::{self, JoinSet},
};

use crate::{
    Engine, EngineError,
    runs::{
        actors::{Mail, Message},
        plan::Plan,
    },
};
use wardroom_domain::run::{
    Run, StepError, StepStatus,
    happening::{Context, Effect, Ended, Happening, Returned},
    machine,
};
use wardroom_runtime::Overlay;
use wardroom_store::{Committed, Guard, Write};

/// How often a write is tried again before the caller is told to come back.
const LOST_WRITES: usize = 16;
/// How soon a run is looked at again whose time had come and which did not move.
const OVERDUE: Duration = Duration::from_millis(250);
/// The pause after a write that failed, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Drives one run.
pub(crate) struct RunActor {
    engine: Engine,
    run: Arc<Run>,
    inbox: mpsc::Receiver<Mail>,
    calls: JoinSet<Returned>,
    /// What each task calls, for the day one ends without saying so.
    in_flight: HashMap<task::Id, Returned>,
    /// State that a simulation wrote, for its later steps.
    overlay: Overlay,
}

impl RunActor {
    pub(crate) fn new(engine: Engine, run: Arc<Run>, inbox: mpsc::Receiver<Mail>) -> Self {
        let (calls, in_flight, overlay) = (JoinSet::new(), HashMap::new(), Overlay::default());
        Self { engine, run, inbox, calls, in_flight, overlay }
    }

    pub(crate) async fn work(mut self, effects: Vec<Effect>) {
        self.start_calls(&effects);
        loop {
            if self.calls.is_empty() && self.leave() {
                return;
            }
            let messages = self.next().await;
            if messages.is_empty() {
                continue;
            }
            self.settle(messages).await;
        }
    }

    /// Takes the actor off the map if nothing waits for it.
    fn leave(&mut self) -> bool {
        let mut actors = self.engine.0.actors.lock();
        let idle = self.inbox.is_empty();
        if idle {
            actors.remove(&self.run.id);
        }
        idle
    }

    /// What happened next: everything that is there already goes into one write.
    async fn next(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut mails = Vec::new();
        let pause = self.pause();
        tokio::select! {
            Some(mail) = self.inbox.recv() => mails.push(mail),
            Some(ended) = self.calls.join_next_with_id() => messages.extend(self.returned(ended)),
            () = due(pause) => messages.push(Message { happening: Happening::Due, reply: None }),
        }
        while let Ok(mail) = self.inbox.try_recv() {
            mails.push(mail);
        }
        for mail in mails {
            match mail {
                Mail::Happened(message) => messages.push(*message),
                Mail::Start(effects) => self.start_calls(&effects),
            }
        }
        while let Some(ended) = self.calls.try_join_next_with_id() {
            messages.extend(self.returned(ended));
        }
        // What is lost is told apart from what is in flight before anything new starts.
        messages.sort_by_key(|message| !matches!(message.happening, Happening::Orphaned { .. }));
        messages
    }

    /// How long until time alone moves the run on; none while the host stops. A time that has passed already did not move
    /// it: it is not asked again at once.
    fn pause(&self) -> Option<Duration> {
        let at = self.run.wake_at.filter(|_| !self.engine.0.stop.is_cancelled())?;
        let pause = at.since(self.engine.now());
        Some(if pause.is_zero() { OVERDUE } else { pause })
    }

    fn returned(&mut self, ended: Result<(task::Id, Returned), task::JoinError>) -> Option<Message> {
        let returned = match ended {
            Ok((id, returned)) => {
                self.in_flight.remove(&id);
                Some(returned)
            }
            Err(error) => {
                tracing::error!(run.id = %self.run.id, %error, "a call's task ended without a result");
                self.in_flight.remove(&error.id())
            }
        };
        returned.map(|returned| Message { happening: Happening::Returned(returned), reply: None })
    }

    /// Writes what happened. People are told to come back when it cannot be written for long; results of calls and claims
    /// are kept until they are written or another host has the run: given up, they would leave it with a host that no longer
    /// drives it.
    async fn settle(&mut self, mut messages: Vec<Message>) {
        let mut pause = FIRST_PAUSE;
        for tries in 1_usize.. {
            match self.write(&mut messages).await {
                Ok(Some(effects)) => {
                    for reply in messages.into_iter().filter_map(|message| message.reply) {
                        // Whoever asked may have gone: the change stands all the same.
                        _ = reply.send(Ok(Run::clone(&self.run)));
                    }
                    self.changed(&effects);
                    return;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(run.id = %self.run.id, %error, "a run's change could not be written; trying again");
                    refuse(&mut messages, &error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            if tries >= LOST_WRITES {
                refuse(&mut messages, &EngineError::Overloaded);
            }
            let stops = tries >= LOST_WRITES && self.engine.0.stop.is_cancelled();
            let taken_over =
                self.reload().await && self.run.lease.is_some_and(|lease| lease.host != self.engine.lease().host);
            if messages.is_empty() || stops || taken_over {
                return;
            }
        }
    }

    /// Applies the messages and writes the outcome: `None` when another host was faster. Messages the run refuses are
    /// answered and taken out.
    async fn write(&mut self, messages: &mut Vec<Message>) -> Result<Option<Vec<Effect>>, EngineError> {
        let plan = self.engine.plan(&self.run).await?;
        let incident = self.engine.run_scope(&self.run).await?;
        let mut next = Run::clone(&self.run);
        let mut effects = Vec::new();
        let mut kept = Vec::with_capacity(messages.len());
        let under_way = self.under_way(messages);
        for message in messages.drain(..) {
            let context = context(&self.engine, &plan, &incident);
            let happening = match &message.happening {
                Happening::Orphaned { .. } => Happening::Orphaned { in_flight: under_way.clone() },
                other => other.clone(),
            };
            match machine::apply(&mut next, happening, &context) {
                Ok(more) => {
                    effects.extend(more);
                    kept.push(message);
                }
                Err(refused) => {
                    if let Some(reply) = message.reply {
                        _ = reply.send(Err(refused.into()));
                    }
                }
            }
        }
        *messages = kept;
        if messages.is_empty() {
            return Ok(Some(Vec::new()));
        }
        next.version = self.run.version + 1;
        let changed = changed_steps(&self.run, &next);
        let then = self.engine.dependants(&next, &effects, &plan, &incident);
        let write = Write { guard: Guard::Run(Box::new(next.clone()), changed), then };
        match self.engine.store().commit(write).await? {
            Committed::Applied => {
                self.run = Arc::new(next);
                Ok(Some(effects))
            }
            Committed::Lost => Ok(None),
        }
    }

    /// The calls that this actor makes, and those whose results are among the messages.
    fn under_way(&self, messages: &[Message]) -> Vec<(String, Option<u32>)> {
        let returned = messages.iter().filter_map(|message| match &message.happening {
            Happening::Returned(returned) => Some(returned),
            _ => None,
        });
        self.in_flight.values().chain(returned).map(|call| (call.step.clone(), call.item)).collect()
    }

    /// Reads the run anew; whether that worked.
    async fn reload(&mut self) -> bool {
        match self.engine.store().run(self.run.id).await {
            Ok(Some(run)) => {
                self.run = Arc::new(run);
                return true;
            }
            Ok(None) => tracing::error!(run.id = %self.run.id, "the run is gone from the database"),
            Err(error) => tracing::warn!(run.id = %self.run.id, %error, "the run could not be read"),
        }
        false
    }

    fn changed(&mut self, effects: &[Effect]) {
        if let Some(driven) = self.engine.0.actors.lock().get_mut(&self.run.id) {
            driven.run = Arc::clone(&self.run);
        }
        self.engine.0.watched.publish(&self.run);
        if effects.contains(&Effect::Ended) {
            self.engine.0.events.notify_one();
            self.engine.tend(&self.run);
            self.engine.announce(&self.run);
            self.engine.tell_schedule(&self.run);
        }
        for effect in effects {
            if let Effect::CancelChild { step, item } = effect {
                self.engine.cancel_child(&self.run, step, *item);
            }
        }
        self.start_calls(effects);
        if self.calls.is_empty() {
            self.engine.wake_at(self.run.wake_at);
        }
    }

    fn start_calls(&mut self, effects: &[Effect]) {
        for effect in effects {
            let Effect::Call { step, item } = effect else { continue };
            let state = self.run.step_or_item(step, *item).filter(|state| state.status == StepStatus::Running);
            let Some(state) = state.filter(|_| !self.under_way(&[]).contains(&(step.clone(), *item))) else { continue };
            let lost = Returned {
                step: step.clone(),
                item: *item,
                attempt: state.attempt,
                phase: state.phase,
                started_at: self.engine.now(),
                ended: Ended::NoResult {
                    error: StepError::new("internal", "the call ended without a result"),
                    nothing_sent: false,
                },
                trace: json!({}),
                told: Vec::new(),
            };
            let call = self.engine.clone().call(Arc::clone(&self.run), step.clone(), *item, self.overlay.clone());
            let task = self.calls.spawn(call);
            self.in_flight.insert(task.id(), lost);
        }
    }
}

/// Tells people to come back, and keeps what is nobody's to ask again.
fn refuse(messages: &mut Vec<Message>, why: &EngineError) {
    for reply in messages.extract_if(.., |message| message.reply.is_some()).filter_map(|message| message.reply) {
        _ = reply.send(Err(why.shared()));
    }
}

/// Waits for the time another step of the run waits for.
async fn due(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// The indices of steps that changed or are new.
fn changed_steps(before: &Run, after: &Run) -> Vec<usize> {
    let changed = |index: &usize| before.steps.get(*index) != after.steps.get(*index);
    (0..after.steps.len()).filter(changed).collect()
}

/// The machine's view of the world for one change.
pub(crate) fn context<'a>(engine: &Engine, plan: &'a Arc<Plan>, incident: &'a serde_json::Value) -> Context<'a> {
    Context {
        now: engine.now(),
        stopping: engine.0.stop.is_cancelled(),
        workflow: &plan.workflow,
        facts: &plan.facts,
        incident,
        lease: engine.lease(),
        seed: engine.seed(),
    }
}
