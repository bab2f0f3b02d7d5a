//! Plugins: installing, upgrading and signing components, grants, the limits of the sandbox, the escape suite, compatibility
//! with released versions of the WIT, and writing and testing a plugin in Rust, Python and JavaScript.

pub(crate) mod abi;
pub(crate) mod alertmanager;
pub(crate) mod authoring;
pub(crate) mod cache;
pub(crate) mod escape;
pub(crate) mod grants;
pub(crate) mod hostile;
pub(crate) mod install;
pub(crate) mod languages;
pub(crate) mod limits;
pub(crate) mod recording;
pub(crate) mod supply;
pub(crate) mod upgrade;

use std::{
    collections::BTreeMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::{Value, json};
use wardroom_base::clock::SystemClock;
use wardroom_domain::{
    connection::{Auth, Connection, Grant},
    grant::PluginGrant,
    limits::CallLimits,
    plugin::Manifest,
    run::Mode,
    time::Timestamp,
};
use wardroom_runtime::{
    Allowance, Called, Done, Function, Invocation, Options, Outcome, Overlay, PluginHost, Proxy,
    limits::Limits,
    ports::{Expect, PortError, Resolve, SecretPort, StateEntry, StateError, StatePort, StateScope},
};
use wardroom_tests::guests;

/// What the connection's auth and grant name.
pub(crate) const SECRET: &str = "canary-7f3a9b2c-do-not-leak";

/// A runtime with the hostile guest loaded.
pub(crate) struct Sandbox {
    pub(crate) host: PluginHost,
    pub(crate) digest: String,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) state: Arc<MemoryState>,
}

impl Sandbox {
    pub(crate) async fn new() -> Self {
        let limits = Limits { calls: 16, cpu: Duration::from_millis(500), ..Limits::default() };
        Self::with(limits, &[]).await
    }

    /// With limits, and names that mean addresses.
    pub(crate) async fn with(limits: Limits, names: &[(&str, &str)]) -> Self {
        let names = names.iter().map(|(name, ip)| ((*name).to_owned(), ip.parse().expect("an address"))).collect();
        Self::resolving(limits, Arc::new(Names(names))).await
    }

    /// With a resolver of the test's own.
    pub(crate) async fn resolving(limits: Limits, resolver: Arc<dyn Resolve>) -> Self {
        Self::reaching(limits, resolver, None).await
    }

    /// Through a proxy.
    pub(crate) async fn reaching(limits: Limits, resolver: Arc<dyn Resolve>, proxy: Option<Proxy>) -> Self {
        Self::made(limits, resolver, proxy, Secrets::default()).await
    }

    /// With one more secret.
    pub(crate) async fn with_secret(name: &str, value: &str) -> Self {
        let secrets = Secrets(BTreeMap::from([(name.to_owned(), value.to_owned())]));
        Self::made(Limits { calls: 4, ..Limits::default() }, Arc::new(Names(BTreeMap::new())), None, secrets).await
    }

    pub(crate) async fn made(
        limits: Limits,
        resolver: Arc<dyn Resolve>,
        proxy: Option<Proxy>,
        secrets: Secrets,
    ) -> Self {
        let state = Arc::new(MemoryState::default());
        let host = PluginHost::new(Options {
            cache: None,
            limits,
            large: Limits { calls: 2, ..Limits::large() },
            secrets: Arc::new(secrets),
            state: Arc::clone(&state) as Arc<dyn StatePort>,
            resolver,
            operator_hosts: None,
            proxy,
            clock: Arc::new(SystemClock),
            tape: None,
        })
        .expect("starts");
        let found = host.inspect(&guests::hostile()).await.expect("fits");
        Self { host, digest: found.digest, manifest: Arc::new(found.manifest), state }
    }

    pub(crate) async fn call(&self, invocation: Invocation) -> Called {
        self.host.invoke(invocation).await
    }

    /// A call of an action without a connection.
    pub(crate) fn invocation(&self, action: &str, input: Value) -> Invocation {
        Invocation {
            digest: self.digest.clone(),
            function: Function::Run,
            manifest: Arc::clone(&self.manifest),
            given: Arc::new(PluginGrant { asks: self.manifest.asks() }),
            limits: Allowance::default(),
            action: action.to_owned(),
            input,
            run: "0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10".to_owned(),
            step: "step".to_owned(),
            item: None,
            attempt: 1,
            incident: None,
            snapshot: None,
            connection: None,
            idempotency_key: "ab".repeat(32),
            mode: Mode::Real,
            resume: None,
            undo_data: None,
            callback_url: None,
            deadline: Duration::from_secs(20),
            lease: None,
            overlay: Overlay::default(),
        }
    }

    /// A call of an action through a connection.
    pub(crate) fn through(&self, connection: Connection, action: &str, input: Value) -> Invocation {
        Invocation { connection: Some(Arc::new(connection)), ..self.invocation(action, input) }
    }
}

/// A connection that may reach this machine.
pub(crate) fn connection(base_url: &str) -> Connection {
    Connection {
        name: "main".to_owned(),
        plugin: "hostile".to_owned(),
        base_url: base_url.to_owned(),
        auth: Some(Auth::Bearer("stored".to_owned())),
        tls: None,
        config: json!({}),
        grant: Grant {
            networks: vec!["127.0.0.0/8".parse().expect("a network")],
            secrets: BTreeMap::from([("canary".to_owned(), "stored".to_owned())]),
            ..Grant::default()
        },
        real_in_drills: false,
        record: false,
        limits: CallLimits::default(),
        revision: 1,
        updated_at: Timestamp::default(),
    }
}

pub(crate) fn done(called: &Called) -> &Done {
    match &called.result {
        Ok(Outcome::Done(done)) => done,
        other => panic!("it is not done: {other:?}"),
    }
}

pub(crate) fn code(called: &Called) -> &str {
    called.result.as_ref().expect_err("a failure").kind.code()
}

/// The two that every sandbox has, and more.
#[derive(Default)]
pub(crate) struct Secrets(BTreeMap<String, String>);

impl SecretPort for Secrets {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, PortError>> {
        Box::pin(async move {
            Ok(match name {
                "stored" => Some(SECRET.into()),
                // As it is when somebody stores a whole file.
                "torn" => Some(format!("{SECRET}\r\nx-injected: 1").into()),
                _ => self.0.get(name).map(|value| value.as_str().into()),
            })
        })
    }
}

#[derive(Debug)]
pub(crate) struct Names(pub(crate) BTreeMap<String, IpAddr>);

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = self.0.get(host).copied();
            found.map(|ip| vec![ip]).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name"))
        })
    }
}

/// State in memory: the store's own is tested with the store.
#[derive(Default)]
pub(crate) struct MemoryState(Mutex<BTreeMap<String, StateEntry>>);

impl StatePort for MemoryState {
    fn get<'a>(&'a self, _: &'a StateScope, key: &'a str) -> BoxFuture<'a, Result<Option<StateEntry>, PortError>> {
        Box::pin(async move { Ok(self.0.lock().expect("no panic").get(key).cloned()) })
    }

    fn put<'a>(
        &'a self,
        _: &'a StateScope,
        key: &'a str,
        value: Vec<u8>,
        expect: Expect,
    ) -> BoxFuture<'a, Result<u64, StateError>> {
        Box::pin(async move {
            let mut state = self.0.lock().expect("no panic");
            let known = state.get(key).map_or(0, |entry| entry.version);
            if expect == Expect::Absent && known > 0 {
                return Err(StateError::Conflict(known));
            }
            state.insert(key.to_owned(), StateEntry { value, version: known + 1 });
            Ok(known + 1)
        })
    }

    fn delete<'a>(&'a self, _: &'a StateScope, key: &'a str, _: Expect) -> BoxFuture<'a, Result<(), StateError>> {
        Box::pin(async move {
            self.0.lock().expect("no panic").remove(key);
            Ok(())
        })
    }

    fn list<'a>(
        &'a self,
        _: &'a StateScope,
        prefix: &'a str,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, PortError>> {
        Box::pin(async move {
            let state = self.0.lock().expect("no panic");
            Ok(state.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
        })
    }
}
