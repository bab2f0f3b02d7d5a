//! Doing a thing once although it is asked for twice: `Idempotency-Key` on requests, and the same mechanism for built-in
//! steps. The key's row is written in the transaction of the thing itself.

use std::fmt::Display;

use sha2::{Digest, Sha256};

use super::{Caller, Engine, EngineError};
use wardroom_domain::{
    hex,
    id::{RunId, TokenId},
    time::Timestamp,
};
use wardroom_store::{Dependant, Guard, KeyRecord, Write};

/// How long a key is kept, in milliseconds.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// A key within its scope, and what it was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    scope: String,
    key: String,
    request: String,
}

impl Once {
    /// A caller's `Idempotency-Key` with the request it came with: method, path and body.
    pub fn for_request(caller: &Caller, key: &str, method: &str, path: &str, body: &[u8]) -> Self {
        let TokenId(token) = caller.token;
        let mut hash = Sha256::new();
        for part in [method.as_bytes(), path.as_bytes(), body] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        let request = hex(&hash.finalize());
        Self { scope: format!("token:{token}"), key: key.to_owned(), request }
    }

    /// A step that changes something by itself.
    pub fn for_step(run: RunId, key: String) -> Self {
        Self { scope: format!("run:{run}"), request: key.clone(), key }
    }

    /// The key of a second thing that the same request makes.
    pub(super) fn part(&self, of: &str) -> Self {
        Self { key: format!("{} {of}", self.key), ..self.clone() }
    }

    /// The key with its scope, for what keeps its own keys.
    pub(super) fn full_key(&self) -> String {
        format!("{} {}", self.scope, self.key)
    }

    /// The row to write with the thing that was made.
    pub(super) fn record(&self, made: impl Display, at: Timestamp) -> KeyRecord {
        KeyRecord {
            scope: self.scope.clone(),
            key: self.key.clone(),
            request: self.request.clone(),
            made: made.to_string(),
            at,
        }
    }
}

impl Engine {
    /// What an earlier request under this key made, if there was one in the last 24 hours.
    pub(super) async fn made_before(&self, once: Option<&Once>) -> Result<Option<String>, EngineError> {
        let Some(once) = once else { return Ok(None) };
        let since = self.keys_since();
        match self.store().key(&once.scope, &once.key).await? {
            Some(known) if known.at <= since => {
                self.forget_old_keys().await?;
                Ok(None)
            }
            Some(known) if known.request != once.request => Err(EngineError::KeyReused),
            Some(known) => Ok(Some(known.made)),
            None => Ok(None),
        }
    }
}

impl Engine {
    /// Forgets the keys that count no more.
    pub(super) async fn forget_old_keys(&self) -> Result<(), EngineError> {
        Ok(self.store().forget_keys(self.keys_since()).await?)
    }

    fn keys_since(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.now().unix_ms().saturating_sub(KEPT_MS))
    }
}

/// A write that makes a thing: guarded by the key when there is one, by the thing itself otherwise.
pub(super) fn making(
    once: Option<&Once>,
    made: impl Display,
    at: Timestamp,
    guard: Guard,
    thing: Dependant,
    mut then: Vec<Dependant>,
) -> Write {
    match once {
        Some(once) => {
            then.insert(0, thing);
            Write { guard: Guard::Key(once.record(made, at)), then }
        }
        None => Write { guard, then },
    }
}
