//! The real servers that `scripts/counterparts.sh` installs, each started for one test on a free port of 127.0.0.1.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Client, Method};
use serde_json::Value;

mod alerting;
mod authority;
mod buildbot;
mod etcd;
mod maildev;
mod openssl;
mod registry;
mod roundup;
mod synapse;
mod tinyproxy;
mod unleash;

pub use alerting::Alerting;
pub use authority::Authority;
pub use buildbot::Buildbot;
pub use etcd::Etcd;
pub use maildev::MailDev;
pub use openssl::TlsServer;
pub use registry::OciRegistry;
pub use roundup::{ROUNDUP_ACCOUNT, Roundup};
pub use synapse::Synapse;
pub use tinyproxy::TinyProxy;
pub use unleash::{TOKEN as UNLEASH_TOKEN, Unleash};

/// Where they are installed.
fn cache() -> PathBuf {
    let home = crate::environment::variable("XDG_CACHE_HOME").map(PathBuf::from);
    let home = home.or_else(|| crate::environment::variable("HOME").map(|home| Path::new(&home).join(".cache")));
    let cache = home.unwrap_or_default().join("wardroom-tools/counterparts-1");
    assert!(cache.exists(), "{}: scripts/counterparts.sh installs the counterparts", cache.display());
    cache
}

/// The Node that the npm packages were installed with.
///
/// # Panics
/// When the counterparts are not installed.
pub fn node() -> String {
    std::fs::read_to_string(cache().join("node/path")).expect("scripts/counterparts.sh writes it").trim().to_owned()
}

fn client() -> Client {
    _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().expect("a client")
}

/// Asks a counterpart, as its own client would.
async fn ask(method: Method, url: &str, authorization: Option<&str>, body: Option<&Value>) -> (u16, Value) {
    let mut request = client().request(method, url);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap_or_default()).unwrap_or_default())
}

/// Whether somebody answers there with success.
fn answers(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        // It is asked again: one that is just starting may take a connection and never answer in it.
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(String::from_utf8_lossy(&status).into_owned())
    };
    // `HTTP/1.1 200`
    ask().is_ok_and(|status| status.get(9..10) == Some("2"))
}
