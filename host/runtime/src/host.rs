//! The runtime: takes an invocation, gives it a fresh instance, and brings back a typed result whatever the guest does.

use std::{path::PathBuf, sync::Arc, time::Instant};

use futures_util::FutureExt;
use secrecy::{ExposeSecret, SecretBox};
use tokio::time::timeout_at;

use super::{
    call::{call, describe, ended, store},
    error::{LoadError, PluginError, PluginErrorKind, StartError},
    guest::Session,
    invocation::{Called, Function, Invocation, Trace},
    lane::Lane,
    limits::{self, Limits},
    outbound::{BreakerState, Outbound, Proxy, UnfitTls, check_tls},
    ports::{Nothing, PortError, Resolve, SecretPort, StatePort, SystemResolver, Tape},
    quota::{Account, Quotas, What},
    registry::Loaded,
    stop::Stop,
    tier::{Room, Tier},
};
pub(super) use crate::shared::{Shared, milliseconds, wit_mode};
use wardroom_base::clock::{Clock, SystemClock, monotonic_now};
use wardroom_domain::connection::{Connection, Tls};

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

impl Options {
    /// A runtime that keeps nothing, reaches nothing and grants nothing: enough to look at components.
    pub fn offline() -> Self {
        Self {
            cache: None,
            limits: Limits { calls: 1, ..Limits::default() },
            large: Limits { calls: 1, ..Limits::large() },
            secrets: Arc::new(Nothing),
            state: Arc::new(Nothing),
            resolver: Arc::new(SystemResolver),
            operator_hosts: Some(Vec::new()),
            proxy: None,
            clock: Arc::new(SystemClock),
            tape: None,
        }
    }
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
        let ready = self.ready(invocation, deadline).await;
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
        invocation: Invocation,
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
        let account = Account::of(&invocation);
        self.0.shared.quotas.check(&account, What::Cpu).map_err(|used_up| PluginError {
            kind: PluginErrorKind::Quota { after: used_up.after },
            message: used_up.reason,
            sent_unsafe: false,
        })?;
        // The permit comes first: what waits in line holds no secrets and no memory.
        let room = tier.permit(&loaded, deadline).await?;
        let session = Session::open(invocation, account, Arc::clone(&self.0.shared), deadline).await?;
        Ok((tier, loaded, session, room))
    }
}

fn not_loaded(digest: &str) -> PluginError {
    let message = format!("the component {digest} is not loaded");
    PluginError { kind: PluginErrorKind::NotLoaded, message, sent_unsafe: false }
}
