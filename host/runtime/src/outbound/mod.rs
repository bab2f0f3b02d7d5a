//! The way to the network. Every request is judged by `policy`, its host is resolved once by our resolver, and only
//! addresses that passed (`address`) are connected to. A third party that keeps failing is left alone for a while
//! (`breakers`). Redirects are returned, not followed.

use std::net::IpAddr;

use super::guest::Session;
use wardroom_domain::grant::Missing;

mod address;
mod breakers;
pub(crate) mod client;
mod connect;
mod http;
mod mail;
mod policy;
mod proxy;
mod send;
mod tls;

use crate::outbound::client::Client;
pub(super) use crate::outbound::client::Outbound;
pub use breakers::BreakerState;
pub(super) use http::Prepared;
pub use proxy::{Proxy, UnfitProxy};
pub(super) use send::{Failed, Sent};
pub use tls::UnfitTls;
pub(super) use tls::check as check_tls;

fn refusal(session: &Session, host: &str, found: IpAddr) -> String {
    let denied = session.deny(Missing::Network(found));
    format!("{host} is at {found}, a {} address. {denied}", address::reach(found).as_str())
}
