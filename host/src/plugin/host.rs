//! The runtime: takes an invocation, gives it a fresh instance, and brings back a typed result whatever the guest does.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::BoxFuture};
use secrecy::{ExposeSecret, SecretBox};
use serde_json::json;
use tokio::time::timeout_at;
use wasmtime::{Store, Trap, UpdateDeadline, component::Instance};

use super::{
    bindings::wardroom::plugin::types::Mode as WitMode,
    error::{LoadError, PluginError, PluginErrorKind, StartError},
    guest::{Guest, Session},
    invocation::{Called, Finding, Function, Invocation, Outcome, Trace},
    lane::Lane,
    limits::{self, Limits},
    outbound::{BreakerState, Outbound, Proxy, UnfitTls, check_tls},
    outcome,
    ports::{PortError, Resolve, SecretPort, StatePort, Tape},
    quota::{Account, Quotas, What},
    recording,
    registry::Loaded,
    stop::Stop,
    tier::{Room, Tier},
};
use crate::{
    clock::{Clock, monotonic_now},
    domain::{
        connection::{Connection, Tls},
        run::Mode,
    },
};

/// What the runtime is made of.
pub struct Options {
    /// Where compiled components are kept, and the key that proves them ours; none: they are compiled at every start.
    pub cache: Option<(PathBuf, SecretBox<[u8; 32]>)>,
    /// The limits of plugins that bring only their own code.
    pub limits: Limits,
    /// The limits of plugins that bring an interpreter.
    pub large: Limits,
    /// Stored secrets.
    pub secrets: Arc<dyn SecretPort>,
    /// Plugins' state.
    pub state: Arc<dyn StatePort>,
    /// Looks names up.
    pub resolver: Arc<dyn Resolve>,
    /// The only origins plugins may reach; none: the connections and grants decide alone.
    pub operator_hosts: Option<Vec<String>>,
    /// What requests go through; none: they go straight to their hosts.
    pub proxy: Option<Proxy>,
    /// The time guests see.
    pub clock: Arc<dyn Clock>,
    /// What stands beside the network; none, but for trying plugins out.
    pub tape: Option<Arc<dyn Tape>>,
}

/// The runtime. Cheap to clone.
#[derive(Clone)]
pub struct PluginHost(Arc<Inner>);

struct Inner {
    small: Tier,
    large: Tier,
    lane: Lane,
    shared: Arc<Shared>,
}

/// What every call shares.
pub(super) struct Shared {
    pub(super) secrets: Arc<dyn SecretPort>,
    pub(super) state: Arc<dyn StatePort>,
    pub(super) outbound: Outbound,
    pub(super) quotas: Quotas,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tape: Option<Arc<dyn Tape>>,
}

impl std::fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PluginHost")
    }
}

impl PluginHost {
    /// Starts the runtime.
    pub fn new(options: Options) -> Result<Self, StartError> {
        let (small, large) = match options.cache {
            Some((folder, key)) => {
                let same = SecretBox::new(Box::new(*key.expose_secret()));
                (Some((folder.clone(), key)), Some((folder.join("large"), same)))
            }
            None => (None, None),
        };
        let shared = Arc::new(Shared {
            secrets: options.secrets,
            state: options.state,
            outbound: Outbound::new(options.resolver, options.operator_hosts, options.proxy),
            quotas: Quotas::new(),
            clock: options.clock,
            tape: options.tape,
        });
        Ok(Self(Arc::new(Inner {
            small: Tier::new(options.limits, small)?,
            large: Tier::new(options.large, large)?,
            lane: Lane::new().map_err(StartError::Threads)?,
            shared,
        })))
    }

    /// How many calls there is room for at a time, of plugins that bring no interpreter.
    pub fn calls(&self) -> u32 {
        self.0.small.limits.calls
    }

    /// Third parties that failed lately through a connection as it is now, on this host.
    pub fn breakers(&self, connection: &Connection) -> Vec<BreakerState> {
        self.0.shared.outbound.breakers(connection)
    }

    /// Whether a connection's TLS settings can be used with the key that is stored now.
    pub async fn check_tls(&self, tls: &Tls) -> Result<Result<(), UnfitTls>, PortError> {
        let key = match &tls.client {
            Some(client) => self.0.shared.secrets.resolve(&client.key).await?,
            None => None,
        };
        Ok(check_tls(tls, key.as_ref()))
    }

    /// Whether a component is ready to be called.
    pub fn is_loaded(&self, digest: &str) -> bool {
        self.get(digest).is_some()
    }

    /// Makes a component ready: from the cache, or by compiling it beside the async threads.
    pub async fn load(&self, digest: &str, bytes: &[u8]) -> Result<(), LoadError> {
        let large = bytes.len() > limits::SMALL_COMPONENT_BYTES;
        let tier = if large { &self.0.large } else { &self.0.small };
        tier.load(digest, bytes).await
    }

    /// A component that is ready, and the engine it runs on.
    fn get(&self, digest: &str) -> Option<(&Tier, Arc<Loaded>)> {
        [&self.0.small, &self.0.large].into_iter().find_map(|tier| Some((tier, tier.get(digest)?)))
    }

    /// Calls an action.
    pub async fn invoke(&self, invocation: Invocation) -> Called {
        let started = monotonic_now();
        let deadline = started + invocation.deadline.min(limits::WALL_CLOCK);
        let mut trace = Trace { digest: invocation.digest.clone(), ..Trace::default() };
        let ready = self.ready(&invocation, deadline).await;
        let (tier, loaded, session, room) = match ready {
            Ok(ready) => ready,
            Err(error) => {
                trace.duration_ms = milliseconds(started.elapsed());
                return Called { result: Err(error), trace };
            }
        };
        let function = session.invocation.function;
        let store = store(tier, Some(session), trace);
        let (appetite, computed) = (Arc::clone(&loaded.appetite), Arc::clone(&store.data().computed));
        let work = async move {
            // It ends last, however the call ends: when its room is given on, its memory is as well.
            let _room = room;
            let mut store = store;
            let answer = timeout_at(deadline.into(), call(&mut store, &loaded, function, deadline)).await;
            let mut guest = store.into_data();
            guest.trace.duration_ms = milliseconds(started.elapsed());
            guest.trace.peak_memory_bytes = guest.meter.memory_bytes();
            guest.tell_cpu();
            let answer = answer.unwrap_or_else(|_| Err(wasmtime::Error::from(Stop::WallClock)));
            guest.finish(answer)
        };
        self.0.lane.run(&appetite, &computed, work.boxed()).await
    }

    /// Asks a component for its manifest. It is granted nothing.
    pub(super) async fn describe(&self, digest: &str) -> Result<String, PluginError> {
        let (tier, loaded) = self.get(digest).ok_or_else(|| not_loaded(digest))?;
        let deadline = monotonic_now() + limits::DESCRIBE_TIME;
        let room = tier.permit(&loaded, deadline).await?;
        let store = store(tier, None, Trace::default());
        let (appetite, computed) = (Arc::clone(&loaded.appetite), Arc::clone(&store.data().computed));
        let work = async move {
            let _room = room;
            let mut store = store;
            let described = timeout_at(deadline.into(), describe(&mut store, &loaded)).await;
            described.unwrap_or_else(|_| Err(wasmtime::Error::from(Stop::WallClock)))
        };
        let described = self.0.lane.run(&appetite, &computed, work.boxed()).await;
        let described = described.map_err(|error| ended(&error, false))?;
        if described.len() > limits::MANIFEST_BYTES {
            let message = format!("its manifest is longer than {} bytes", limits::MANIFEST_BYTES);
            return Err(PluginError { kind: PluginErrorKind::OutputTooLarge, message, sent_unsafe: false });
        }
        Ok(described)
    }

    async fn ready(
        &self,
        invocation: &Invocation,
        deadline: Instant,
    ) -> Result<(&Tier, Arc<Loaded>, Session, Room), PluginError> {
        let (tier, loaded) = self.get(&invocation.digest).ok_or_else(|| not_loaded(&invocation.digest))?;
        let action = invocation.manifest.action(&invocation.action);
        let offered = action.is_some_and(|action| match invocation.function {
            Function::Run => true,
            Function::Undo => action.undo && loaded.undo.is_some(),
            Function::Check => action.check && loaded.check.is_some(),
        });
        if !offered {
            let message =
                format!("the plugin does not offer {:?} of action {}", invocation.function, invocation.action);
            return Err(PluginError { kind: PluginErrorKind::UnknownAction, message, sent_unsafe: false });
        }
        let account = Account::of(invocation);
        self.0.shared.quotas.check(&account, What::Cpu).map_err(|used_up| PluginError {
            kind: PluginErrorKind::Quota { after: used_up.after },
            message: used_up.reason,
            sent_unsafe: false,
        })?;
        // The permit comes first: what waits in line holds no secrets and no memory.
        let room = tier.permit(&loaded, deadline).await?;
        let session = Session::open(invocation.clone(), Arc::clone(&self.0.shared), deadline).await?;
        Ok((tier, loaded, session, room))
    }
}

fn store(tier: &Tier, session: Option<Session>, trace: Trace) -> Store<Guest> {
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
async fn describe(store: &mut Store<Guest>, loaded: &Loaded) -> wasmtime::Result<String> {
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
fn call<'a>(
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

/// What an export gave back.
pub(super) enum Answer {
    Reply(Result<super::bindings::wardroom::plugin::types::Reply, super::bindings::wardroom::plugin::types::Failure>),
    Finding(
        Result<
            super::bindings::exports::wardroom::plugin::check::Finding,
            super::bindings::wardroom::plugin::types::Failure,
        >,
    ),
}

impl Guest {
    /// Tells the trace and the quotas what was computed since they were told last.
    fn tell_cpu(&mut self) {
        let computed = milliseconds(self.computed.so_far());
        let more = computed.saturating_sub(self.trace.cpu_ms);
        self.trace.cpu_ms = computed;
        if let Some(session) = self.session.as_ref().filter(|_| more > 0) {
            session.shared.quotas.spend(&session.account, What::Cpu, more);
        }
    }

    /// Ends the call: masks what must not be seen, and brings the answer into its final shape.
    fn finish(mut self, answer: wasmtime::Result<Answer>) -> Called {
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
fn ended(error: &wasmtime::Error, sent_unsafe: bool) -> PluginError {
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

fn not_loaded(digest: &str) -> PluginError {
    let message = format!("the component {digest} is not loaded");
    PluginError { kind: PluginErrorKind::NotLoaded, message, sent_unsafe: false }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The contract's word for a mode.
pub(super) fn wit_mode(mode: Mode, real_in_drills: bool) -> WitMode {
    if mode.records(real_in_drills) { WitMode::Simulated } else { WitMode::Real }
}
