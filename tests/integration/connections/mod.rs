//! Connections: which addresses and requests a plugin may reach through one, secrets, TLS, proxies, rate limits, quotas and
//! circuit breakers.

mod breakers;
mod limits;
mod network;
mod outbound_breakers;
mod proxy;
mod quotas;
mod secrets;
mod tls;
