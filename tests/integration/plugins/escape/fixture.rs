//! What the cases are played on: a sandbox, a name server, third parties that may be reached and one that may not, and how it
//! is read from a call that it was contained and told.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpListener};
use wardroom_domain::connection::{Connection, Grant};
use wardroom_runtime::{Called, Invocation, Outcome, limits::Limits};
use wardroom_tests::third_party::ThirdParty;

use crate::plugins::{
    Sandbox, connection,
    escape::{
        Verdict,
        names::{Asking, NameServer},
    },
};

pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    /// At 127.0.0.1: no case is granted it, so it may not even be connected to.
    pub(crate) inside: ThirdParty,
    /// At 127.0.0.2, which is granted, on the same port: whoever is led astray finds the other one.
    pub(crate) outside: ThirdParty,
    /// At 127.0.0.3, granted too: another origin.
    pub(crate) elsewhere: ThirdParty,
    pub(crate) names: NameServer,
    /// The ports at 127.0.0.2 of a server that answers a greeting of TLS in the clear, and of one that takes no mail.
    pub(crate) clear: u16,
    pub(crate) unkind: u16,
    plays: AtomicU64,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let outside = ThirdParty::at((Ipv4Addr::new(127, 0, 0, 2), 0).into(), Duration::ZERO).await;
        let port = outside.address.port();
        let at = |last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port));
        let inside = ThirdParty::at(at(1), Duration::ZERO).await;
        let elsewhere = ThirdParty::at(at(3), Duration::ZERO).await;
        let names = NameServer::start().await;
        let limits = Limits { calls: 16, cpu: Duration::from_millis(300), ..Limits::default() };
        let resolver = Arc::new(Asking { server: names.address });
        let sandbox = Sandbox::resolving(limits, resolver).await;
        let (clear, unkind) = (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, saying(b"554 Not here.\r\n").await);
        Self { sandbox, inside, outside, elsewhere, names, clear, unkind, plays: AtomicU64::new(0) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.outside.address.port()
    }

    /// A connection of its own: a third party that keeps failing through the same one is left alone, which is not what is tried.
    pub(crate) fn unknown(&self, connection: Connection) -> Connection {
        Connection { name: format!("play-{}", self.plays.fetch_add(1, Ordering::Relaxed)), ..connection }
    }

    /// A host name that was never asked for.
    pub(crate) fn fresh_name(&self) -> String {
        format!("play-{}.example", self.plays.fetch_add(1, Ordering::Relaxed))
    }

    /// Forgets what was asked.
    pub(crate) fn forget(&self) {
        self.names.forget();
        for third in [&self.outside, &self.elsewhere] {
            third.forget();
        }
    }

    /// A call of `action` through a connection to the third party outside.
    pub(crate) fn outward(&self, action: &str, input: Value) -> Invocation {
        self.sandbox.through(reaching(&self.outside.url()), action, input)
    }
}

/// A connection to `base_url` that may reach the two third parties that are granted.
pub(crate) fn reaching(base_url: &str) -> Connection {
    let networks = ["127.0.0.2/32", "127.0.0.3/32"].map(|network| network.parse().expect("a network"));
    let plain = connection(base_url);
    let grant = Grant { networks: networks.to_vec(), ..plain.grant.clone() };
    with_revision(Connection { grant, ..plain })
}

/// The port of a server at 127.0.0.2 that says this to whoever connects, and hangs up.
async fn saying(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Who hangs up first does not matter.
            _ = stream.write_all(words).await;
        }
    });
    port
}

/// The HTTP client is kept for a connection's name and revision: each grant needs one of its own, and every round the same.
pub(crate) fn with_revision(connection: Connection) -> Connection {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(&connection).expect("JSON").hash(&mut hasher);
    Connection { revision: i64::try_from(hasher.finish() >> 1).unwrap_or_default(), ..connection }
}

/// Whether a call ended in this word, and in no failure of the host's.
pub(crate) fn ends(called: &Called, word: &str) -> Verdict {
    match &called.result {
        Err(error) if error.kind.code() == word && !error.message.is_empty() => Ok(word.to_owned()),
        other => Err(format!("not {word}: {}", brief(other))),
    }
}

/// Whether a request was refused with this word, nothing was sent, and the trace tells it.
pub(crate) fn refused(called: &Called, word: &str) -> Verdict {
    ends(called, &format!("http_{word}"))?;
    let told = called.trace.http.last().and_then(|call| call.error.as_deref());
    if told != Some(word) {
        return Err(format!("the trace tells {told:?}"));
    }
    match &called.result {
        Err(error) if error.sent_unsafe => Err("something was sent".to_owned()),
        _ => Ok(word.to_owned()),
    }
}

/// Whether an address was refused because its network is not granted, which is told with what would grant it.
pub(crate) fn refused_network(called: &Called) -> Verdict {
    refused(called, "denied")?;
    match called.trace.denied.first() {
        Some(denial) if denial.text.contains("grant.networks") => Ok("denied".to_owned()),
        other => Err(format!("for another reason: {other:?}, {}", brief(&called.result))),
    }
}

/// Whether a call ended well with this output at a JSON pointer.
pub(crate) fn gives(called: &Called, pointer: &str, wanted: &Value) -> Verdict {
    match &called.result {
        Ok(Outcome::Done(done)) if done.output.pointer(pointer) == Some(wanted) => Ok(format!("{pointer} is {wanted}")),
        other => Err(format!("{pointer} is not {wanted}: {}", brief(other))),
    }
}

/// A request that goes through, as seen by the third party.
pub(crate) fn sent(called: &Called) -> Verdict {
    gives(called, "/status", &json!(200))
}

fn brief(told: &impl std::fmt::Debug) -> String {
    format!("{told:?}").chars().take(600).collect()
}
