//! The way to the network. Every request is judged by `policy`, its host is resolved once by our resolver, and only
//! addresses that passed (`address`) are connected to. A third party that keeps failing is left alone for a while
//! (`breakers`). Redirects are returned, not followed.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::RootCertStore;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::{guest::Session, limits, ports::Resolve};
use wardroom_domain::{connection::Connection, grant::Missing};

mod address;
mod breakers;
mod connect;
mod http;
mod mail;
mod policy;
mod proxy;
mod send;
mod tls;

pub use breakers::BreakerState;
use breakers::Breakers;
use connect::{Connector, Guarded};
pub(super) use http::Prepared;
pub use proxy::{Proxy, UnfitProxy};
pub(super) use send::{Failed, Sent};
pub use tls::UnfitTls;
pub(super) use tls::check as check_tls;

/// The network as plugins reach it.
pub(super) struct Outbound {
    resolver: Arc<dyn Resolve>,
    operator_hosts: Option<Vec<String>>,
    proxy: Option<Proxy>,
    /// Clients for each connection, so that sockets are kept for the next call.
    clients: Mutex<HashMap<ClientKey, Client>>,
    /// The machine's certificate authorities, read when they are needed first.
    system_roots: OnceLock<RootCertStore>,
    breakers: Breakers,
}

type Client = legacy::Client<Connector, Full<Bytes>>;

/// A client is good for one connection as it was: another revision may grant other networks, another key of its certificate is
/// another identity. Toward `base_url` and toward granted hosts other parties are believed, and told who asks.
#[derive(PartialEq, Eq, Hash)]
struct ClientKey {
    connection: String,
    revision: i64,
    own: bool,
    key: Option<[u8; 32]>,
}

impl Outbound {
    pub(super) fn new(resolver: Arc<dyn Resolve>, operator_hosts: Option<Vec<String>>, proxy: Option<Proxy>) -> Self {
        tls::install_provider();
        Self {
            resolver,
            operator_hosts,
            proxy,
            clients: Mutex::default(),
            system_roots: OnceLock::new(),
            breakers: Breakers::default(),
        }
    }

    /// Third parties that failed lately through a connection.
    pub(super) fn breakers(&self, connection: &Connection) -> Vec<BreakerState> {
        self.breakers.of(connection)
    }

    /// A client for requests toward a connection's `base_url` (`own`) or hosts it grants.
    fn client(&self, connection: &Connection, own: bool, key: Option<&SecretString>) -> Result<Client, UnfitTls> {
        let hash = |key: &SecretString| Sha256::digest(key.expose_secret()).into();
        let at = ClientKey {
            connection: connection.name.clone(),
            revision: connection.revision,
            own,
            key: key.filter(|_| own).map(hash),
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&at) {
            return Ok(client.clone());
        }
        let roots = self.system_roots.get_or_init(tls::system_roots);
        let tls = connection.tls.as_ref();
        let tls = if own { tls::toward_base_url(roots, tls, key)? } else { tls::toward_granted(roots, tls)? };
        let guarded = Guarded { resolver: Arc::clone(&self.resolver), networks: connection.grant.networks.clone() };
        let connector = Connector::new(guarded, Arc::new(tls), self.proxy.as_ref());
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits::IDLE)
            .build(connector);
        if clients.len() >= limits::CLIENTS {
            clients.clear();
        }
        clients.insert(at, client.clone());
        Ok(client)
    }
}

fn refusal(session: &Session, host: &str, found: IpAddr) -> String {
    let denied = session.deny(Missing::Network(found));
    format!("{host} is at {found}, a {} address. {denied}", address::reach(found).as_str())
}
