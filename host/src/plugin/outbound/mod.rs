//! The way to the network. Every request is judged by `policy`, its host is resolved once by our resolver, and only
//! addresses that passed (`address`) are connected to. A third party that keeps failing is left alone for a while
//! (`breakers`). Redirects are returned, not followed.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use ipnet::IpNet;
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve as ReqwestResolve, Resolving},
    redirect,
};

use super::{guest::Session, limits, ports::Resolve};
use crate::domain::{connection::Connection, grant::Missing};

mod address;
mod breakers;
mod http;
mod mail;
mod policy;
mod send;

pub use breakers::BreakerState;
use breakers::Breakers;
pub(super) use http::Prepared;
pub(super) use send::{Failed, Sent};

/// The network as plugins reach it.
pub(super) struct Outbound {
    resolver: Arc<dyn Resolve>,
    operator_hosts: Option<Vec<String>>,
    /// One client for each connection, so that sockets are kept for the next call.
    clients: Mutex<HashMap<ClientKey, Client>>,
    breakers: Breakers,
}

/// A client is good for one connection as it was: another revision may grant other networks.
type ClientKey = (String, i64);

impl Outbound {
    pub(super) fn new(resolver: Arc<dyn Resolve>, operator_hosts: Option<Vec<String>>) -> Self {
        // Another part of the program may have installed it before: either is the same provider.
        _ = rustls::crypto::ring::default_provider().install_default();
        Self { resolver, operator_hosts, clients: Mutex::default(), breakers: Breakers::default() }
    }

    /// Third parties that failed lately through a connection.
    pub(super) fn breakers(&self, connection: &Connection) -> Vec<BreakerState> {
        self.breakers.of(connection)
    }

    fn client(&self, connection: &Connection) -> Result<Client, reqwest::Error> {
        let key = (connection.name.clone(), connection.revision);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let resolver = Guarded { resolver: Arc::clone(&self.resolver), networks: connection.grant.networks.clone() };
        let client = Client::builder()
            .dns_resolver(Arc::new(resolver))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(limits::CONNECT_TIME)
            .user_agent(concat!("wardroom/", env!("CARGO_PKG_VERSION")))
            .build()?;
        if clients.len() >= limits::CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// A resolver that gives only addresses that may be connected to: what is connected to is what was checked.
struct Guarded {
    resolver: Arc<dyn Resolve>,
    networks: Vec<IpNet>,
}

/// A host that resolves to addresses nobody granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is at {found}, which is not granted")]
struct Forbidden {
    host: String,
    found: IpAddr,
}

impl ReqwestResolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, networks) = (Arc::clone(&self.resolver), self.networks.clone());
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str()).await.map_err(Unresolved)?;
            let (allowed, refused): (Vec<_>, Vec<_>) =
                addresses.into_iter().partition(|found| address::is_allowed(*found, &networks));
            if let (true, Some(found)) = (allowed.is_empty(), refused.first()) {
                return Err(Forbidden { host: name.as_str().to_owned(), found: *found }.into());
            }
            let sockets: Addrs = Box::new(allowed.into_iter().map(|address| (address, 0).into()));
            Ok(sockets)
        })
    }
}

/// A host that could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unresolved(io::Error);

fn refusal(session: &Session, host: &str, found: IpAddr) -> String {
    let denied = session.deny(Missing::Network(found));
    format!("{host} is at {found}, a {} address. {denied}", address::reach(found).as_str())
}
