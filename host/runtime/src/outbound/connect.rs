//! Opening a connection: to addresses that were looked at, or through the proxy; and TLS on it. A service for hyper's client.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{HttpConnector, dns::Name, proxy::Tunnel},
    rt::TokioIo,
};
use ipnet::IpNet;
use rustls::ClientConfig;
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;

use super::{
    super::{limits, ports::Resolve},
    address,
    proxy::Proxy,
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a name gives no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    /// Nobody granted the network.
    #[error("{host} is at {found}, which is not granted")]
    Forbidden { host: String, found: IpAddr },
    /// It is not found.
    #[error("{0}")]
    Unknown(io::Error),
}

/// The proxy did not open a way.
#[derive(Debug, thiserror::Error)]
#[error("The proxy of this server did not open a way: {0}.")]
pub(super) struct Barred(String);

impl Barred {
    /// With the innermost cause, which says most.
    fn new(error: &(dyn std::error::Error + 'static)) -> Self {
        let last = std::iter::successors(error.source(), |error| error.source()).last();
        Self(last.map_or_else(|| error.to_string(), |last| format!("{error}: {last}")))
    }

    /// Whether the proxy itself is not there or wants another password: then it is not asked for further addresses. hyper-util
    /// tells it by its text alone.
    fn is_final(&self) -> bool {
        ["authorization required", "failed to create underlying connection"].iter().any(|text| self.0.contains(text))
    }
}

/// Nothing was there in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {} s", limits::CONNECT_TIME.as_secs())]
struct TooSlow;

/// A resolver that gives only addresses that may be connected to: what is connected to is what was looked at.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) networks: Vec<IpNet>,
}

impl Guarded {
    async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
        let found = self.resolver.resolve(host).await.map_err(Unresolved::Unknown)?;
        let (allowed, refused): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|found| address::is_allowed(*found, &self.networks));
        match (allowed.is_empty(), refused.first()) {
            (true, Some(found)) => Err(Unresolved::Forbidden { host: host.to_owned(), found: *found }),
            _ => Ok(allowed),
        }
    }
}

impl Service<Name> for Guarded {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Unresolved;
    type Future = BoxFuture<'static, Result<Self::Response, Unresolved>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let found = this.look_up(name.as_str()).await?;
            Ok(found.into_iter().map(|address| (address, 0).into()).collect::<Vec<_>>().into_iter())
        })
    }
}

/// The proxy's own name is the operator's to choose: no grant is asked.
#[derive(Clone)]
pub(super) struct Operators(Arc<dyn Resolve>);

impl Service<Name> for Operators {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move {
            let found = resolver.resolve(name.as_str()).await?;
            Ok(found.into_iter().map(|address| (address, 0).into()).collect::<Vec<_>>().into_iter())
        })
    }
}

/// The way to a host.
#[derive(Clone)]
enum Way {
    Direct(HttpConnector<Guarded>),
    Proxied(Box<Proxied>),
}

#[derive(Clone)]
struct Proxied {
    tunnel: Tunnel<HttpConnector<Operators>>,
    guarded: Guarded,
    by_name: bool,
}

impl Proxied {
    /// Asks the proxy for one address after the other, within the time to connect.
    async fn open(mut self, host: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
        let goals = goals(&self.guarded, &host, self.by_name).await?;
        let each = limits::CONNECT_TIME / u32::try_from(goals.len().max(1)).unwrap_or(u32::MAX);
        let mut barred = Barred("the host has no address".to_owned());
        for goal in goals {
            barred = match timeout(each, self.tunnel.call(goal)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => Barred::new(&error),
                Err(_) => Barred("it did not answer in time".to_owned()),
            };
            if barred.is_final() {
                break;
            }
        }
        Err(barred.into())
    }
}

impl Service<Uri> for Way {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Direct(connector) => connector.poll_ready(context).map_err(Into::into),
            Self::Proxied(proxied) => proxied.tunnel.poll_ready(context).map_err(Into::into),
        }
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        match self {
            Self::Direct(connector) => {
                let connecting = connector.call(host);
                Box::pin(async move { Ok(connecting.await?) })
            }
            Self::Proxied(proxied) => Box::pin(Proxied::clone(proxied).open(host)),
        }
    }
}

/// What the proxy is asked for, one after the other: the addresses of a host that were looked at. An address that stands in a
/// URL was looked at before.
async fn goals(guarded: &Guarded, host: &Uri, by_name: bool) -> Result<Vec<Uri>, BoxError> {
    let port = host.port_u16().unwrap_or(if host.scheme_str() == Some("https") { 443 } else { 80 });
    let name = host.host().unwrap_or_default();
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if by_name || is_address {
        return Ok(vec![format!("http://{name}:{port}/").parse()?]);
    }
    let found = guarded.look_up(name).await?;
    found.into_iter().map(|address| Ok(format!("http://{}/", SocketAddr::new(address, port)).parse()?)).collect()
}

/// Connects to hosts within the time for that.
#[derive(Clone)]
pub(crate) struct Connector(HttpsConnector<Way>);

impl Connector {
    pub(super) fn new(guarded: Guarded, tls: Arc<ClientConfig>, proxy: Option<&Proxy>) -> Self {
        let way = match proxy {
            None => Way::Direct(tcp(guarded)),
            Some(proxy) => {
                let connector = tcp(Operators(Arc::clone(&guarded.resolver)));
                let mut tunnel = Tunnel::new(proxy.address.clone(), connector);
                if let Some(authorization) = &proxy.authorization {
                    tunnel = tunnel.with_auth(authorization.clone());
                }
                Way::Proxied(Box::new(Proxied { tunnel, guarded, by_name: proxy.by_name }))
            }
        };
        Self(HttpsConnector::from((way, tls)))
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        let connecting = self.0.call(host);
        Box::pin(async move { timeout(limits::CONNECT_TIME, connecting).await.map_err(|_| TooSlow)? })
    }
}

fn tcp<R>(resolver: R) -> HttpConnector<R> {
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(limits::CONNECT_TIME));
    // A connection that a firewall forgot is found out before a request is lost in it.
    connector.set_keepalive(Some(limits::KEEPALIVE));
    connector.set_keepalive_interval(Some(limits::KEEPALIVE));
    connector.set_keepalive_retries(Some(limits::KEEPALIVE_TRIES));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(limits::KEEPALIVE * 2));
    connector
}
