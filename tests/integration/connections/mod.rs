//! Connections: where requests may go and how, limits, breakers, TLS, proxies and the secrets they name.

mod breakers;
mod limits;
mod network;
mod outbound_breakers;
mod proxy;
mod quotas;
mod secrets;
mod tls;
