//! The way out that all calls share: its clients, its resolver and its breakers.

use super::tls;
use http_body_util::Full;
use hyper::body::Bytes;
use secrecy::ExposeSecret as _;
use sha2::Digest as _;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::RootCertStore;
use secrecy::SecretString;
use sha2::Sha256;
use wardroom_domain::connection::Connection;

use crate::{
    limits,
    outbound::{
        breakers::{BreakerState, Breakers},
        connect::{Connector, Guarded},
        proxy::Proxy,
        tls::UnfitTls,
    },
    ports::Resolve,
};

/// The network as plugins reach it.
pub(crate) struct Outbound {
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) operator_hosts: Option<Vec<String>>,
    pub(crate) proxy: Option<Proxy>,
    /// Clients for each connection, so that sockets are kept for the next call.
    pub(crate) clients: Mutex<HashMap<ClientKey, Client>>,
    /// The machine's certificate authorities, read when they are needed first.
    pub(crate) system_roots: OnceLock<RootCertStore>,
    pub(crate) breakers: Breakers,
}

impl Outbound {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, operator_hosts: Option<Vec<String>>, proxy: Option<Proxy>) -> Self {
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
    pub(crate) fn breakers(&self, connection: &Connection) -> Vec<BreakerState> {
        self.breakers.of(connection)
    }

    /// A client for requests toward a connection's `base_url` (`own`) or hosts it grants.
    pub(crate) fn client(
        &self,
        connection: &Connection,
        own: bool,
        key: Option<&SecretString>,
    ) -> Result<Client, UnfitTls> {
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

pub(crate) type Client = legacy::Client<Connector, Full<Bytes>>;

/// A client is good for one connection as it was: another revision may grant other networks, another key of its certificate is
/// another identity. Toward `base_url` and toward granted hosts other parties are believed, and told who asks.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ClientKey {
    pub(crate) connection: String,
    pub(crate) revision: i64,
    pub(crate) own: bool,
    pub(crate) key: Option<[u8; 32]>,
}
