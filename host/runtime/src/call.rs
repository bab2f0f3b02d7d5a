//! One call, from the fresh instance to its end: whatever the guest did, a typed result comes of it.

use std::time::Instant;

use futures_util::future::BoxFuture;
use serde_json::json;
use wasmtime::{Store, Trap, UpdateDeadline, component::Instance};

use super::{
    error::{PluginError, PluginErrorKind},
    guest::{Guest, Session},
    host::milliseconds,
    invocation::{Called, Finding, Function, Outcome, Trace},
    limits, outcome,
    quota::What,
    recording,
    registry::Loaded,
    stop::Stop,
    tier::Tier,
};
pub(super) use crate::answer::Answer;
use wardroom_base::clock::monotonic_now;

/// A call's store, with its limits.
pub(super) fn store(tier: &Tier, session: Option<Session>, trace: Trace) -> Store<Guest> {
    let mut store = Store::new(&tier.engine, Guest::new(session, &tier.limits, trace));
    store.limiter(|guest| &mut guest.meter);
    store.set_hostcall_fuel(limits::CROSSING_BYTES);
    store.set_epoch_deadline(1);
    let budget = tier.limits.cpu;
    store.epoch_deadline_callback(move |mut context| {
        let guest = context.data_mut();
        guest.tell_cpu();
        if guest.computed.so_far() > budget {
            return Err(Stop::Cpu { limit_ms: milliseconds(budget) }.into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
    store
}

/// Asks a fresh instance for its manifest. All that it exports has to be of the contract's types, not only what is called now.
pub(super) async fn describe(store: &mut Store<Guest>, loaded: &Loaded) -> wasmtime::Result<String> {
    let instance = instance(store, loaded).await?;
    if let Some(undo) = &loaded.undo {
        undo.load(&mut *store, &instance)?;
    }
    if let Some(check) = &loaded.check {
        check.load(&mut *store, &instance)?;
    }
    loaded.plugin.load(&mut *store, &instance)?.call_describe(&mut *store).await
}

/// Calls an export of a fresh instance and turns its answer into an outcome.
pub(super) fn call<'a>(
    store: &'a mut Store<Guest>,
    loaded: &'a Loaded,
    function: Function,
    deadline: Instant,
) -> BoxFuture<'a, wasmtime::Result<Answer>> {
    Box::pin(async move {
        let remaining = deadline.saturating_duration_since(monotonic_now());
        let arguments = store.data().arguments(milliseconds(remaining));
        let instance = instance(store, loaded).await?;
        let missing = || wasmtime::Error::msg("the export is gone");
        Ok(match function {
            Function::Run => {
                Answer::Reply(loaded.plugin.load(&mut *store, &instance)?.call_run(&mut *store, &arguments).await?)
            }
            Function::Undo => {
                let undo = loaded.undo.as_ref().ok_or_else(missing)?.load(&mut *store, &instance)?;
                Answer::Reply(undo.call_undo(&mut *store, &arguments).await?)
            }
            Function::Check => {
                let check = loaded.check.as_ref().ok_or_else(missing)?.load(&mut *store, &instance)?;
                Answer::Finding(check.call_check(&mut *store, &arguments).await?)
            }
        })
    })
}

impl Guest {
    /// Tells the trace and the quotas what was computed since they were told last.
    pub(super) fn tell_cpu(&mut self) {
        let computed = milliseconds(self.computed.so_far());
        let more = computed.saturating_sub(self.trace.cpu_ms);
        self.trace.cpu_ms = computed;
        if let Some(session) = self.session.as_ref().filter(|_| more > 0) {
            session.shared.quotas.spend(&session.account, What::Cpu, more);
        }
    }

    /// Ends the call: masks what must not be seen, and brings the answer into its final shape.
    pub(super) fn finish(mut self, answer: wasmtime::Result<Answer>) -> Called {
        let Some(session) = self.session.take() else {
            let error = ended(&wasmtime::Error::msg("no session"), false);
            return Called { result: Err(error), trace: self.trace };
        };
        let sent_unsafe = self.unsafe_sent > 0;
        let result = match answer {
            Ok(answer) => outcome::read(answer, &session, std::mem::take(&mut self.notes)).map_err(|mut error| {
                error.sent_unsafe = sent_unsafe;
                error
            }),
            Err(error) => match (error.downcast_ref::<Stop>(), self.simulated.take()) {
                (Some(Stop::Simulated), Some(request)) if session.invocation.function != Function::Check => {
                    Ok(Outcome::Simulated { request })
                }
                // Looking must not change anything: a plugin that tries cannot tell.
                (Some(Stop::Simulated), _) => Ok(Outcome::Finding(Finding::Unknown)),
                _ => Err(ended(&error, sent_unsafe)),
            },
        };
        self.trace.denied = session.denied();
        let redactor = &session.redactor;
        let result = match result {
            Ok(outcome) => Ok(outcome::masked(outcome, redactor)),
            Err(error) => Err(outcome::masked_error(error, redactor)),
        };
        if let Some(connection) = session.invocation.connection.as_ref().filter(|connection| connection.record) {
            let case = recording::case(&session.invocation, self.exchanges.kept, &result, redactor);
            let recorded = json!({ "connection": connection.name, "case": case, "dropped": self.exchanges.dropped });
            self.trace.recorded = Some(recorded);
        }
        Called { result, trace: outcome::masked_trace(self.trace, redactor) }
    }
}

/// How much of the engine's own words is told, in characters.
const TOLD_CHARS: usize = 300;

/// An instance that the engine could not make: the one failure after which it is the host that has to be looked at.
#[derive(Debug, thiserror::Error)]
#[error("no instance could be made")]
struct Unstarted;

/// A fresh instance.
async fn instance(store: &mut Store<Guest>, loaded: &Loaded) -> wasmtime::Result<Instance> {
    loaded.pre.instantiate_async(store).await.map_err(|error| error.context(Unstarted))
}

/// The typed failure behind an error of wasmtime's.
pub(super) fn ended(error: &wasmtime::Error, sent_unsafe: bool) -> PluginError {
    let (kind, message) = if let Some(stop) = error.downcast_ref::<Stop>() {
        let kind = match stop {
            Stop::Memory { .. } => PluginErrorKind::MemoryLimit,
            Stop::Table { .. } => PluginErrorKind::TableLimit,
            Stop::Cpu { .. } => PluginErrorKind::CpuLimit,
            Stop::Log { .. } => PluginErrorKind::LogLimit,
            Stop::Http { .. } => PluginErrorKind::HttpLimit,
            Stop::WallClock => PluginErrorKind::WallClock,
            Stop::LeaseLost => PluginErrorKind::LeaseLost,
            Stop::Simulated => PluginErrorKind::Internal,
        };
        (kind, format!("the plugin was ended: {stop}"))
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        match trap {
            Trap::StackOverflow => {
                (PluginErrorKind::StackOverflow, "the plugin was ended: it called itself too deep".to_owned())
            }
            Trap::UnreachableCodeReached => {
                (PluginErrorKind::Trap, "the plugin panicked; its log may say why".to_owned())
            }
            trap => (PluginErrorKind::Trap, format!("the plugin trapped: {trap}")),
        }
    } else if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        (PluginErrorKind::PoolExhausted, "no instance is free: the plugin is too large for the pool".to_owned())
    } else if format!("{error:#}").contains("hostcalls has been exhausted") {
        let message = format!("the plugin handed over more than {} bytes at once", limits::CROSSING_BYTES);
        (PluginErrorKind::OutputTooLarge, message)
    } else if error.is::<Unstarted>() {
        tracing::warn!(error = format!("{error:#}"), "a plugin could not be started");
        (PluginErrorKind::Internal, "the plugin could not be started; the server's log says more".to_owned())
    } else {
        // What the host's own functions fail with is known by now: the guest handed over what is no value of its type.
        let told: String = error.root_cause().to_string().chars().take(TOLD_CHARS).collect();
        (PluginErrorKind::InvalidOutput, format!("the plugin broke the contract: {told}"))
    };
    PluginError { kind, message, sent_unsafe }
}
