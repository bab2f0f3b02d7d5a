//! What stands beside the network while a plugin is tried out: the cassette's answers, canaries for secrets.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::Value;
use sha2::{Digest, Sha256};

use wardroom_domain::{cassette::Exchange, hex};
use wardroom_runtime::ports::{PortError, SecretPort, Tape, TapedAnswer};

/// What secrets of a replayed cassette begin with.
pub(super) const CANARY: &str = "wardroom-canary-";

/// The value of a secret while a cassette is replayed: the same every time, so that what is computed from it is too.
fn canary(name: &str) -> String {
    format!("{CANARY}{}", &hex(&Sha256::digest(name.as_bytes()))[..24])
}

/// Given secrets, or canaries.
pub(super) struct Secrets(pub(super) Option<BTreeMap<String, SecretString>>);

impl SecretPort for Secrets {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<SecretString>, PortError>> {
        let found = match &self.0 {
            Some(given) => given.get(name).cloned(),
            None => Some(SecretString::from(canary(name))),
        };
        Box::pin(async { Ok(found) })
    }
}

/// The tape: what is on it, and what came by.
pub(super) struct Reel {
    stands_in: bool,
    turning: Mutex<Turning>,
}

#[derive(Default)]
struct Turning {
    wanted: VecDeque<Exchange>,
    heard: Vec<Exchange>,
    faults: Vec<String>,
}

impl Reel {
    pub(super) fn new(stands_in: bool) -> Self {
        Self { stands_in, turning: Mutex::default() }
    }

    fn turning(&self) -> MutexGuard<'_, Turning> {
        self.turning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn load(&self, exchanges: &[Exchange]) {
        *self.turning() = Turning { wanted: exchanges.iter().cloned().collect(), ..Turning::default() };
    }

    pub(super) fn unload(&self) -> (Vec<Exchange>, Vec<String>) {
        let Turning { wanted, heard, mut faults } = std::mem::take(&mut *self.turning());
        if self.stands_in {
            let left = wanted.iter().map(|one| format!("{} {} was not asked", one.request.method, one.request.url));
            faults.extend(left);
        }
        (heard, faults)
    }
}

impl Tape for Reel {
    fn stands_in(&self) -> bool {
        self.stands_in
    }

    fn answer(&self, request: &Value) -> Result<TapedAnswer, String> {
        let mut turning = self.turning();
        let Some(next) = turning.wanted.pop_front() else {
            turning.faults.push(format!("{} {} is asked, and not on the cassette", request["method"], request["url"]));
            return Err("The cassette is at its end.".to_owned());
        };
        let number = turning.heard.len() + 1;
        if let Some(difference) = next.request.differs(request) {
            turning.faults.push(format!("request {number}: {difference}"));
            return Err("The cassette has another request here.".to_owned());
        }
        let body = match &next.response.body {
            Value::Null => Vec::new(),
            Value::String(text) => with_canaries(text).into_bytes(),
            other => with_canaries(&other.to_string()).into_bytes(),
        };
        let headers = next.response.headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), with_canaries(value).into_bytes())).collect();
        let answer = TapedAnswer { status: next.response.status, headers, body };
        turning.heard.push(next);
        Ok(answer)
    }

    fn record(&self, request: &Value, answer: &TapedAnswer) {
        self.turning().heard.push(Exchange::of(request, answer.status, &answer.headers, &answer.body));
    }
}

/// A text in which `{{secret:NAME}}` has become what the secret is here.
fn with_canaries(text: &str) -> String {
    let mut pieces = text.split("{{secret:");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once("}}") {
            Some((name, rest)) => filled.extend([canary(name).as_str(), rest]),
            None => filled.extend(["{{secret:", piece]),
        }
    }
    filled
}
