//! One call of a step: an attempt, a check, or telling people of an approval. Runs after the attempt is durable, ends with
//! what happened, and writes nothing but what the guest may write at once.

use std::{sync::Arc, time::Duration};

use base64::Engine as _;
use serde_json::{Map, Value, json};

use crate::{
    Engine, EngineError,
    runs::{
        plan::Plan,
        recover::Life,
        turn::{Asking, connection_limits},
    },
};
use wardroom_base::fault;
use wardroom_domain::{
    connection::Connection,
    run::{
        Phase, Purpose, Run, StepError, StepRun, deciders,
        happening::{Ended, Returned, Told},
        idempotency_key, machine,
    },
    timeline::EntryKind,
    workflow::{Step, StepKind, builtin, check::check_input},
};
use wardroom_runtime::{Allowance, Function, Invocation, Overlay};

/// How long telling people of an approval may take.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(20);
/// The code of a call that was not made because the database did not answer.
const DATABASE: &str = "database";
/// How soon a call is prepared again after that.
const PAUSE: Duration = Duration::from_millis(500);

impl Engine {
    /// Makes the call that the step's phase says.
    pub(crate) async fn call(self, run: Arc<Run>, step: String, item: Option<u32>, overlay: Overlay) -> Returned {
        let started_at = self.now();
        let state = run.step_or_item(&step, item).cloned().unwrap_or_else(|| StepRun::pending(&step));
        let life = self.life();
        // That the database does not answer is no fault of the step's and costs it no try, as long as the run is this
        // host's.
        let may_wait = || !life.is_over() && !self.0.stop.is_cancelled() && self.now() < run.deadline;
        let made = loop {
            match self.try_call(&run, &state, &life, overlay.clone()).await {
                Ok(Made { ended: Ended::NoResult { error, nothing_sent: true }, .. }) | Err(error)
                    if error.code == DATABASE && may_wait() =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(made) => break made,
                Err(error) => {
                    tracing::warn!(run.id = %run.id, step.id = %step, error = %error.message, "a step's call was not made");
                    break Ended::NoResult { error, nothing_sent: true }.into();
                }
            }
        };
        // It may only end the process or take longer: a result is not taken back.
        _ = fault::pass("engine.returned").await;
        let Made { ended, trace, told } = made;
        Returned { step, item, attempt: state.attempt, phase: state.phase, started_at, ended, trace, told }
    }

    /// An error here means that nothing was called.
    async fn try_call(&self, run: &Run, state: &StepRun, life: &Life, overlay: Overlay) -> Result<Made, StepError> {
        let plan = self.plan(run).await.map_err(|error| unmade(&error))?;
        let gone = || StepError::new("internal", "the step is not in its workflow");
        let step = plan.workflow.step(&state.step).ok_or_else(gone)?;
        if let StepKind::Action { plugin, action, .. } = &step.kind
            && plugin == builtin::NAME
        {
            return Ok(self.built_in(run, state, action).await);
        }
        if let StepKind::Run { workflow, .. } = &step.kind {
            return Ok(self.child(run, state, workflow).await);
        }
        if let Some(refused) = unfit(state, step, &plan) {
            return Ok(refused.into());
        }
        let Target { plugin, connection, .. } = target(run, state, step, &plan)?;
        let turn = match self.await_turn(Asking { run, state, step, plugin, connection }, &plan).await {
            Ok(turn) => turn,
            Err(ended) => return Ok(ended.into()),
        };
        let invocation = self.invocation(run, state, step, &plan, life, overlay).await?;
        self.loaded(&invocation.digest).await.map_err(|error| unmade(&error))?;
        let sample = sample_output(&plan, &step.kind);
        let called = self.plugins().invoke(invocation).await;
        let mut trace = serde_json::to_value(&called.trace).unwrap_or_default();
        if let Some(trace) = trace.as_object_mut() {
            trace.insert("waited_ms".to_owned(), json!(turn.waited_ms()));
        }
        drop(turn);
        let mut told = told(&called.result);
        told.extend(self.note_denials(run, &step.id, &called.trace.denied).await);
        Ok(Made { ended: ended(called.result, sample), trace, told })
    }

    async fn invocation(
        &self,
        run: &Run,
        state: &StepRun,
        step: &Step,
        plan: &Plan,
        life: &Life,
        overlay: Overlay,
    ) -> Result<Invocation, StepError> {
        let target = target(run, state, step, plan)?;
        let missing = || StepError::new("not_installed", format!("the run has no plugin {}", target.plugin));
        let manifest = plan.manifests.get(target.plugin).ok_or_else(missing)?;
        let pin = run.pins.get(target.plugin).ok_or_else(missing)?;
        let connection = match target.connection {
            Some(name) => Some(self.frozen_connection(name, state, plan).await?),
            None => None,
        };
        // Its auth and its grant are for the plugin it is of, whatever it was when the workflow was saved.
        if let Some(connection) = connection.as_ref().filter(|connection| connection.plugin != target.plugin) {
            let message =
                format!("connection {} is of plugin {}, not {}", connection.name, connection.plugin, target.plugin);
            return Err(StepError::new("wrong_connection", message));
        }
        let limit = if state.phase == Phase::Notify { NOTIFY_TIMEOUT } else { step.timeout };
        let end = machine::step_deadline(step, state).map_or(run.deadline, |deadline| deadline.min(run.deadline));
        let left = end.since(self.now());
        let incident = self.run_scope(run).await.map_err(|error| unmade(&error))?;
        let (function, purpose) = match (state.phase, &step.kind) {
            (Phase::Notify, _) => (Function::Run, Purpose::Notify),
            (Phase::Check, _) => (Function::Check, Purpose::Run),
            (_, StepKind::Undo(_)) => (Function::Undo, Purpose::Undo),
            _ => (Function::Run, Purpose::Run),
        };
        Ok(Invocation {
            digest: pin.digest.clone(),
            manifest: Arc::clone(manifest),
            given: plan.catalog.given(manifest),
            limits: Allowance {
                plugin: plan.catalog.limits(target.plugin),
                connection: target.connection.map(|name| connection_limits(&plan.catalog, name)).unwrap_or_default(),
            },
            connection,
            function,
            action: target.action.to_owned(),
            input: target.input,
            run: run.id.to_string(),
            step: state.step.clone(),
            item: state.item,
            attempt: state.attempt,
            incident: run.incident.map(|id| id.to_string()),
            snapshot: run.incident.map(|_| Arc::new(incident)),
            idempotency_key: idempotency_key(run.id, &state.step, state.item, state.generation, purpose),
            mode: run.mode,
            resume: state.resume.clone(),
            undo_data: state.undo.clone(),
            callback_url: None,
            deadline: limit.min(left),
            lease: Some(life.watch()),
            overlay,
        })
    }

    /// The connection as it was when the step began; an approval's notification takes it as it is now.
    async fn frozen_connection(&self, name: &str, state: &StepRun, plan: &Plan) -> Result<Arc<Connection>, StepError> {
        let now = plan.catalog.connections.get(name);
        let wanted = state.connection_revision.or(now.map(|connection| connection.revision));
        if let Some(now) = now.filter(|connection| Some(connection.revision) == wanted) {
            return Ok(Arc::clone(now));
        }
        let stored = match wanted {
            Some(revision) => self.store().connection_revision(name, revision).await,
            None => Ok(None),
        };
        match stored {
            Ok(Some(stored)) => Ok(Arc::new(stored)),
            Ok(None) => Err(StepError::new("no_connection", format!("there is no connection {name}"))),
            Err(error) => Err(unmade(&error.into())),
        }
    }

    /// Loads a component that this host has not run yet.
    pub(crate) async fn loaded(&self, digest: &str) -> Result<(), EngineError> {
        if self.plugins().is_loaded(digest) {
            return Ok(());
        }
        let component = self.store().component(digest).await?;
        let component = component.ok_or_else(|| EngineError::not_found("plugin", digest))?;
        self.plugins().load(digest, &component).await.map_err(|error| EngineError::Internal(error.to_string()))
    }
}

/// Why nothing was called.
pub(crate) fn unmade(error: &EngineError) -> StepError {
    let code = if matches!(error, EngineError::Store(_)) { DATABASE } else { "internal" };
    StepError::new(code, error.to_string())
}

/// What a step's phase calls.
struct Target<'a> {
    plugin: &'a str,
    action: &'a str,
    connection: Option<&'a str>,
    input: Value,
}

fn target<'a>(run: &Run, state: &StepRun, step: &'a Step, plan: &'a Plan) -> Result<Target<'a>, StepError> {
    match &step.kind {
        StepKind::Action { plugin, action, connection, .. } => Ok(Target {
            plugin,
            action,
            connection: connection.as_deref(),
            input: state.input.clone().unwrap_or_default(),
        }),
        StepKind::Approve(approve) => {
            let nowhere = || StepError::new("nobody_told", "there is nowhere left to tell people of the approval");
            let telling = plan.telling(&approve.notify).ok_or_else(nowhere)?;
            let mut input = Map::new();
            input.insert(telling.spec.text.clone(), Value::String(announcement(run, state, &deciders(approve))));
            if let Some(output) = telling.step.and_then(|step| run.step(step)).map(|step| &step.output) {
                for (field, from) in &telling.spec.from_output {
                    input.insert(field.clone(), output.get(from).cloned().unwrap_or_default());
                }
            }
            Ok(Target {
                plugin: telling.plugin,
                action: &telling.spec.action,
                connection: Some(telling.connection),
                input: Value::Object(input),
            })
        }
        StepKind::Undo(undo) => Ok(Target {
            plugin: &undo.plugin,
            action: &undo.action,
            connection: undo.connection.as_deref(),
            input: state.input.clone().unwrap_or_default(),
        }),
        StepKind::Run { .. } | StepKind::Sleep(_) | StepKind::WaitFor(_) => {
            Err(StepError::new("internal", "no plugin is called for this kind of step"))
        }
    }
}

fn announcement(run: &Run, state: &StepRun, who: &str) -> String {
    let gated: Vec<String> =
        state.input.as_ref().and_then(Value::as_object).into_iter().flatten().map(describe).collect();
    let id = state.approval.map(|id| id.to_string()).unwrap_or_default();
    format!(
        "{} waits for {who} to approve {}. To decide: wardroom approval approve {id} (or reject)",
        run.workflow,
        if gated.is_empty() { "going on".to_owned() } else { gated.join(", ") },
    )
}

fn describe((step, shown): (&String, &Value)) -> String {
    let uses = shown.get("uses").and_then(Value::as_str).unwrap_or(step);
    format!("{uses} with {}", shown.get("with").unwrap_or(&Value::Null))
}

fn sample_output(plan: &Plan, kind: &StepKind) -> Value {
    match kind {
        StepKind::Action { plugin, action, .. } => plan
            .manifests
            .get(plugin)
            .and_then(|manifest| manifest.action(action))
            .and_then(|action| action.sample_output.clone())
            .unwrap_or_default(),
        _ => Value::Null,
    }
}

/// A call that was made.
pub(crate) struct Made {
    pub(crate) ended: Ended,
    pub(crate) trace: Value,
    pub(crate) told: Vec<Told>,
}

impl From<Ended> for Made {
    fn from(ended: Ended) -> Self {
        Self { ended, trace: json!({}), told: Vec::new() }
    }
}

/// Why a step's input does not fit its action: expressions may have become anything.
fn unfit(state: &StepRun, step: &Step, plan: &Plan) -> Option<Ended> {
    let StepKind::Action { plugin, action, .. } = &step.kind else { return None };
    let action = plan.manifests.get(plugin)?.action(action)?;
    let message = check_input(action, state.input.as_ref().unwrap_or(&Value::Null)).err()?;
    Some(Ended::refused("invalid_input", message))
}

/// What a call leaves on the timeline: its notes and its artifacts.
fn told(result: &Result<wardroom_runtime::Outcome, wardroom_runtime::PluginError>) -> Vec<Told> {
    let (notes, artifacts): (&[wardroom_runtime::Note], &[wardroom_runtime::Artifact]) = match result {
        Ok(
            wardroom_runtime::Outcome::Done(done)
            | wardroom_runtime::Outcome::Finding(wardroom_runtime::Finding::Applied(done)),
        ) => (&done.timeline, &done.artifacts),
        Ok(wardroom_runtime::Outcome::Pending(pending)) => (&pending.timeline, &[]),
        Err(error) => match &error.kind {
            wardroom_runtime::PluginErrorKind::Failed(failure) => (&[], &failure.artifacts),
            _ => (&[], &[]),
        },
        Ok(_) => (&[], &[]),
    };
    let note = |note: &wardroom_runtime::Note| Told {
        kind: EntryKind::Note,
        text: note.text.clone(),
        data: note.data.clone().unwrap_or(Value::Null),
    };
    notes.iter().map(note).chain(artifacts.iter().map(artifact)).collect()
}

fn artifact(artifact: &wardroom_runtime::Artifact) -> Told {
    let content = artifact.content.as_ref().map(|content| match content {
        wardroom_runtime::Content::Json(value) => json!({ "json": value }),
        wardroom_runtime::Content::Bytes(media_type, data) => {
            json!({ "media_type": media_type, "base64": base64::engine::general_purpose::STANDARD.encode(data) })
        }
    });
    let data = json!({ "kind": artifact.kind, "label": artifact.label, "url": artifact.url, "content": content });
    Told { kind: EntryKind::Artifact, text: artifact.label.clone(), data }
}

/// The machine's word for how a call ended.
fn ended(result: Result<wardroom_runtime::Outcome, wardroom_runtime::PluginError>, sample: Value) -> Ended {
    let done =
        |done: wardroom_runtime::Done| Ended::Done { output: done.output, summary: done.summary, undo: done.undo };
    match result {
        Ok(
            wardroom_runtime::Outcome::Done(one)
            | wardroom_runtime::Outcome::Finding(wardroom_runtime::Finding::Applied(one)),
        ) => done(one),
        Ok(wardroom_runtime::Outcome::Pending(later)) => {
            Ended::Pending { after: later.after, resume: later.resume, note: later.note, undo: later.undo }
        }
        Ok(wardroom_runtime::Outcome::Simulated { request }) => Ended::Simulated { output: sample, request },
        Ok(wardroom_runtime::Outcome::Finding(wardroom_runtime::Finding::Absent)) => Ended::Absent,
        Ok(wardroom_runtime::Outcome::Finding(wardroom_runtime::Finding::Unknown)) => Ended::CannotTell,
        Err(error) => failed(error),
    }
}

fn failed(error: wardroom_runtime::PluginError) -> Ended {
    match error.kind {
        wardroom_runtime::PluginErrorKind::Failed(failure) => Ended::Failed {
            error: StepError {
                code: failure.code,
                message: error.message,
                details: failure.details.unwrap_or(Value::Null),
            },
            retry: failure.retry,
            effect: failure.effect,
            undo: failure.undo,
        },
        wardroom_runtime::PluginErrorKind::Quota { after } => Ended::PutOff { after, why: error.message },
        kind => Ended::NoResult { error: StepError::new(kind.code(), error.message), nothing_sent: !error.sent_unsafe },
    }
}
