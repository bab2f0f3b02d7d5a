//! Composition: puts the layers together over a data folder and a database, serves, and stops gracefully.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretBox, SecretString};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::config::Config;
use wardroom_base::clock::{Clock, Random, SystemClock, SystemRandom, new_id, random};
use wardroom_domain::{hex, id::HostId};
use wardroom_engine::{
    Engine, EngineError, Keyring, Parts,
    plugins::{
        ports::{StoredSecrets, StoredState},
        signers::Signers,
    },
    runs::recover::LEASE,
};

use wardroom_runtime::{Options, PluginHost, Proxy, StartError, UnfitProxy, limits::Limits, ports::SystemResolver};
use wardroom_store::{Store, StoreError};

/// The SQLite database in a data folder.
pub const DATABASE_FILE: &str = "wardroom.db";
/// The key that seals secrets, in a data folder.
pub const KEY_FILE: &str = "key";

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data folder cannot be used.
    #[error("{path}: {source}")]
    Data {
        /// What of it.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another server has it.
    #[error("another server is running on the data folder {0}")]
    Locked(String),
    /// The key is no key.
    #[error("the key has to be 64 hexadecimal characters ({0})")]
    Key(String),
    /// A key for signatures of plugins.
    #[error("{0}")]
    Signers(String),
    /// A proxy that cannot be used.
    #[error(transparent)]
    Proxy(UnfitProxy),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plugin runtime.
    #[error(transparent)]
    Plugins(#[from] StartError),
    /// The address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The first steps of the engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A running server.
#[derive(Debug)]
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    /// A token that was made because there was none; shown this once.
    pub made_token: Option<SecretString>,
    engine: EngineHandle,
    server: JoinHandle<io::Result<()>>,
    /// Held as long as the server runs: one server a data folder.
    _lock: DataLock,
}

/// The claim on a data folder. It is given up in so many words: a process that is being started at that moment has a copy of the
/// file for an instant, and closing the file would leave the claim with it.
#[derive(Debug)]
struct DataLock(File);

impl Drop for DataLock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock of the data folder could not be released");
        }
    }
}

struct EngineHandle(Engine);

impl std::fmt::Debug for EngineHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl App {
    /// Starts a server: brings the database up to date, takes over what an earlier life left, and listens.
    pub async fn start(config: Config) -> Result<Self, AppError> {
        Self::start_by(config, Arc::new(SystemClock)).await
    }

    /// The same by another clock than the machine's.
    pub async fn start_by(config: Config, clock: Arc<dyn Clock>) -> Result<Self, AppError> {
        let lock = claim(&config.data)?;
        let signers = Signers::new(&config.plugin_keys, config.signed_plugins_only).map_err(AppError::Signers)?;
        let proxy = config.outbound_proxy.as_ref().map(|url| Proxy::new(url, config.outbound_proxy_by_name));
        let proxy = proxy.transpose().map_err(AppError::Proxy)?;
        let keyring = Arc::new(Keyring::new(*key(&config)?.expose_secret()));
        let url = match &config.database_url {
            Some(url) => url.expose_secret().to_owned(),
            None => format!("sqlite:{}", config.data.join(DATABASE_FILE).display()),
        };
        let store = Store::open(&url).await?;
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let plugins = PluginHost::new(Options {
            cache: Some((config.data.join("plugin-cache"), SecretBox::new(Box::new(keyring.derive("plugin cache"))))),
            limits: Limits::default(),
            large: Limits::large(),
            secrets: Arc::new(StoredSecrets::new(store.clone(), Arc::clone(&keyring))),
            state: Arc::new(StoredState(store.clone())),
            resolver: Arc::new(SystemResolver),
            operator_hosts: Some(config.allow_hosts.clone()).filter(|hosts| !hosts.is_empty()),
            proxy,
            clock: Arc::clone(&clock),
            tape: None,
        })?;
        let host = identity(&config.data, &*clock, &*random)?;
        let lease = store.register_host(host, LEASE).await?;
        let refused = |source| AppError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let (keep_runs, shortest_interval) = (config.keep_runs, config.shortest_interval);
        let public_url = config.public_url.as_deref().map_or_else(|| format!("http://{address}"), without_slash);
        let engine = Engine::new(Parts {
            store,
            plugins,
            signers,
            keyring,
            clock,
            random,
            lease,
            keep_runs,
            shortest_interval,
            public_url,
        });
        let made_token = engine.ensure_admin(config.admin_token.as_ref()).await?;
        engine.beat().await;
        engine.begin();
        let (router, stopping) = (wardroom_http::router(engine.clone()), engine.stopping().clone());
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            // Small answers must not wait for a delayed acknowledgement.
            _ = stream.set_nodelay(true);
        });
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned());
        let server = tokio::spawn(serving.into_future());
        tracing::info!(%address, "listening");
        Ok(Self { address, made_token, engine: EngineHandle(engine), server, _lock: lock })
    }

    /// Stops gracefully: open requests and calls in flight finish, leases are released.
    pub async fn stop(self) {
        self.engine.0.stop().await;
        match self.server.await {
            Ok(Ok(())) => tracing::info!("stopped"),
            Ok(Err(error)) => tracing::warn!(%error, "the listener ended with an error"),
            Err(error) => tracing::warn!(%error, "the listener's task ended with an error"),
        }
    }

    /// Waits until the server stops by itself, which it does when it lost its identity to another process.
    pub async fn ended(&self) {
        self.engine.0.stopping().cancelled().await;
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> AppError {
    let path = path.display().to_string();
    move |source| AppError::Data { path, source }
}

/// Makes the data folder and locks it.
fn claim(data: &Path) -> Result<DataLock, AppError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed(data))?;
    let path = data.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(DataLock(file)),
        Err(TryLockError::WouldBlock) => Err(AppError::Locked(data.display().to_string())),
        Err(TryLockError::Error(error)) => Err(failed(&path)(error)),
    }
}

/// The key from the configuration, or from the data folder, where it is made on the first start.
fn key(config: &Config) -> Result<SecretBox<[u8; 32]>, AppError> {
    let path = config.data.join(KEY_FILE);
    let text = match &config.key {
        Some(key) => key.clone(),
        None => match fs::read_to_string(&path) {
            Ok(text) => text.into(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let bytes: [u8; 32] = random(&SystemRandom);
                let text: String = hex(&bytes);
                write_new(&path, &text).map_err(failed(&path))?;
                text.into()
            }
            Err(error) => return Err(failed(&path)(error)),
        },
    };
    let wrong = |why: &str| AppError::Key(why.to_owned());
    let text = text.expose_secret().trim().to_owned();
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong("it has another length"));
    }
    let mut key = Box::new([0; 32]);
    for (index, byte) in key.iter_mut().enumerate() {
        *byte =
            u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| wrong("it holds other characters"))?;
    }
    Ok(SecretBox::new(key))
}

/// This host's identity: kept over restarts, so that it takes its own work up again at once.
fn identity(data: &Path, clock: &dyn Clock, random: &dyn Random) -> Result<HostId, AppError> {
    let path = data.join("host");
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|error| failed(&path)(io::Error::other(error))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let host = HostId(new_id(clock, random));
            write_new(&path, &host.to_string()).map_err(failed(&path))?;
            Ok(host)
        }
        Err(error) => Err(failed(&path)(error)),
    }
}

/// Writes a file that only this account may read, whole and on disk.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn without_slash(url: &str) -> String {
    url.strip_suffix('/').unwrap_or(url).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_given_up_although_a_process_that_is_being_started_has_a_copy_of_the_file() {
        let data = std::env::temp_dir().join(format!("wardroom-lock-{}", std::process::id()));
        let lock = claim(&data).expect("nobody has it");
        assert!(matches!(claim(&data), Err(AppError::Locked(_))), "one server a data folder");
        // What a process has between its birth and the program it becomes.
        let copy = lock.0.try_clone().expect("a copy");
        drop(lock);
        drop(claim(&data).expect("nobody has it any more"));
        drop(copy);
        fs::remove_dir_all(&data).expect("it goes");
    }
}
